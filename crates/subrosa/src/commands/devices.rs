//! `devices`: the account's devices, listed, named, ended and joined.

mod merge;

use super::{catch_up, orderly, with_client};
use crate::proving::{Choosing, Proving};
use crate::seat::{Setting, account, unexpected, whereabouts};
use crate::signals::Signals;
use crate::text::harmless;
use clap::Subcommand;
use std::path::PathBuf;
use subrosa_client::enrol::{Whose, revoke_device};
use subrosa_client::{Answer, Client, Command, DeviceView, Failure, SendState};
use subrosa_proto::DeviceId;

const EXAMPLES: &str = "\
Examples:
  subrosa devices                            each with the beginning of its id
  subrosa devices rename \"kitchen laptop\"    this device, for your own eyes
  subrosa devices revoke phone               ends a device for good, by your password
  subrosa devices revoke 3f9a2c41 --recovery
  subrosa devices merge                      joins two lists of devices that contradict each other";

/// List, name, end and join the devices of your account
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// List them: beginning of the id, name, and which one this is
    #[command(before_help = EXAMPLES)]
    List,
    /// Name this device; only your own devices see the name
    #[command(before_help = EXAMPLES)]
    Rename {
        /// The name
        label: String,
    },
    /// End a device for good, by your password or recovery code
    ///
    /// The server cuts its connection and deletes what waits for it; nothing that is written from
    /// then on can be read with its keys. What it has read already it keeps. For the device at hand
    /// use `subrosa logout`.
    #[command(before_help = EXAMPLES)]
    Revoke {
        /// Its name, or the beginning of its id
        device: String,
        #[command(flatten)]
        proving: Proving,
    },
    /// Join two lists of devices that contradict each other, by your password or recovery code
    ///
    /// A server that was put back to an old copy, or lies, can make an account sign two lists. This
    /// takes what this home knows into the list that the server has: what either has ended is ended.
    /// Where the password was changed meanwhile, password and recovery code become new ones. Your
    /// contacts are asked whether they accept it. Devices that only one list had log in anew, or run
    /// this command themselves.
    #[command(before_help = EXAMPLES)]
    Merge {
        /// Take in what a contact's `subrosa evidence` wrote into this file, too
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
        #[command(flatten)]
        proving: Proving,
        #[command(flatten)]
        choosing: Choosing,
    },
}

/// Lists, names, ends or joins.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    match args.task {
        None | Some(Task::List) => {
            let devices = with_client(setting, "devices", list).await?;
            setting.output.list(&devices, cells)
        }
        Some(Task::Rename { label }) => {
            let command = Command::RenameDevice { label };
            let renamed = with_client(setting, "devices", async |client: &Client| {
                match client.call(command.clone()).await? {
                    Answer::Sent { state, .. } => Ok(state),
                    other => Err(unexpected(&other).into()),
                }
            });
            if renamed.await? < SendState::Sent {
                setting
                    .output
                    .talk("the server is out of reach: your other devices see the name later");
            }
            Ok(())
        }
        Some(Task::Revoke { device, proving }) => {
            let mut signals = Signals::watch()?;
            let client = signals.during(setting.sit("devices")).await?;
            let done = signals
                .during(revoke(&client, setting, &device, &proving))
                .await;
            orderly(client.close(), &mut signals).await;
            done
        }
        Some(Task::Merge {
            evidence,
            proving,
            choosing,
        }) => {
            let mut signals = Signals::watch()?;
            let client = signals.during(setting.sit("devices")).await?;
            let merge = merge::merge(&client, setting, evidence.as_deref(), (&proving, &choosing));
            let done = signals.during(merge).await;
            orderly(client.close(), &mut signals).await;
            done
        }
    }
}

async fn list(client: &Client) -> anyhow::Result<Vec<DeviceView>> {
    // What devices call themselves is said among them, beside the chain that lists them.
    catch_up(client).await?;
    match client.call(Command::Devices {}).await? {
        Answer::Devices(devices) => Ok(devices),
        other => Err(unexpected(&other).into()),
    }
}

async fn revoke(
    client: &Client,
    setting: &Setting,
    named: &str,
    proving: &Proving,
) -> anyhow::Result<()> {
    let devices = list(client).await?;
    let device = find(&devices, named)?;
    if device.this {
        return Err(Failure::user(
            "that is this device: `subrosa logout` ends it, without a password",
        )
        .into());
    }
    let who = account(client).await?;
    let (address, name) = whereabouts(&who)?;
    let whose = Whose {
        address: &address,
        name: &name,
    };
    let id = DeviceId::from_hex(&device.device)
        .ok_or_else(|| Failure::defect("a device's id cannot be read"))?;
    let proof = proving.proof(setting, &who.name).await?;
    let mut progress = |step: &str| setting.output.talk(&format!("{step} …"));
    revoke_device(whose, &proof, id, &mut progress).await?;
    // This device learns of it, and carries it into the conversations.
    let after = list(client).await?;
    client.call(Command::Drain {}).await?;
    let ended = after
        .into_iter()
        .find(|after| after.device == device.device)
        .unwrap_or_else(|| device.clone());
    let told = format!(
        "the device {} was ended: it cannot send or receive any more",
        harmless(&ended.label)
    );
    setting.output.either(&ended, &told)
}

/// By its name, or the beginning of its id.
fn find<'a>(devices: &'a [DeviceView], named: &str) -> Result<&'a DeviceView, Failure> {
    let live = || devices.iter().filter(|device| !device.ended);
    let mut found: Vec<_> = live().filter(|device| device.label == named).collect();
    if found.is_empty() {
        let prefix = named.to_ascii_lowercase();
        found = live()
            .filter(|device| !prefix.is_empty() && device.device.starts_with(&prefix))
            .collect();
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::user(format!(
            "there is no live device called {named:?}: `subrosa devices` lists them"
        ))),
        several => {
            let ids: Vec<_> = several.iter().map(|device| short(device)).collect();
            Err(Failure::user(format!(
                "{} devices fit {named:?}: say which by the beginning of its id: {}",
                several.len(),
                ids.join(", ")
            )))
        }
    }
}

fn short(device: &DeviceView) -> String {
    device.device.chars().take(16).collect()
}

fn cells(device: &DeviceView) -> [String; 3] {
    let note = match (device.this, device.ended) {
        (true, false) => "this one",
        (true, true) => "this one, ended",
        (false, true) => "ended",
        (false, false) => "",
    };
    let label = harmless(&device.label).into_owned();
    [short(device), label, note.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(label: &str, id: &str) -> DeviceView {
        DeviceView {
            label: label.to_owned(),
            device: id.repeat(32),
            this: false,
            ended: false,
        }
    }

    #[test]
    fn a_device_is_told_by_its_label_and_the_present_one_is_marked() {
        let mut device = device("lap\u{1b}top", "ab");
        device.this = true;
        assert_eq!(
            cells(&device),
            ["ab".repeat(8).as_str(), "lap\\u{1b}top", "this one"]
        );
        device.this = false;
        device.ended = true;
        assert_eq!(cells(&device)[2], "ended");
    }

    #[test]
    fn a_device_is_found_by_its_name_or_the_beginning_of_its_id() {
        let mut gone = device("tablet", "ef");
        gone.ended = true;
        let devices = [
            device("phone", "ab"),
            device("phone", "cd"),
            device("ab", "12"),
            gone,
        ];
        let id = |named: &str| find(&devices, named).map(|device| device.device[..2].to_owned());
        assert_eq!(id("cdc").unwrap(), "cd");
        assert_eq!(id("ab").unwrap(), "12", "a name goes before an id");
        assert_eq!(id("ABAB").unwrap(), "ab");
        let told = find(&devices, "phone").unwrap_err().sentence;
        assert!(
            told.contains("2 devices") && told.contains("cdcd"),
            "{told}"
        );
        for nobody in ["", "tablet", "ef", "x"] {
            assert!(find(&devices, nobody).is_err(), "{nobody}");
        }
    }
}

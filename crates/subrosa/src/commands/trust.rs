//! `trust`: what is known of people's keys, and whom a name means.

use super::{catch_up, with_client};
use crate::row::day_and_time;
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use subrosa_client::{About, Answer, Client, Command, KeyDevice, Line, Standing, Trust, TrustView};

const EXAMPLES: &str = "\
Examples:
  subrosa trust                    everybody whose key is known here
  subrosa trust bob                bob's devices, and what to do where something is wrong
  subrosa trust bob --accept-new   bob has made a new account: the name means that one from now on
  subrosa trust bob --keep         it was not bob: the name goes on to mean the account known here
  subrosa trust bob --accept-merge bob has joined two lists of devices, and says so by another way";

/// Show what is known of people's keys
///
/// When the server shows another account under a name that you know, nothing is sent to that name
/// until you have decided. Likewise when somebody had two lists of devices and has joined them. Ask
/// the person by another way first.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Whose
    name: Option<String>,
    /// The name means the new account from now on; the old conversation stays, as `name~old`
    #[arg(long, requires = "name", conflicts_with = "keep")]
    accept_new: bool,
    /// The name goes on to mean the account that is known here
    #[arg(long, requires = "name")]
    keep: bool,
    /// They have joined two lists of devices: what is written goes to the joined one from now on
    #[arg(long, requires = "name", conflicts_with_all = ["keep", "accept_new"])]
    accept_merge: bool,
}

/// Shows or decides.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let decides = args.accept_new || args.keep || args.accept_merge;
    let views = with_client(setting, "trust", async |client: &Client| {
        catch_up(client).await?;
        let command = match (&args.name, decides) {
            (Some(name), true) if args.accept_merge => About::AcceptMerge {
                contact: name.clone(),
            },
            (Some(name), true) => About::DecideName {
                contact: name.clone(),
                accept_new: args.accept_new,
            },
            _ => About::Trust {
                contact: args.name.clone(),
            },
        };
        let views = match client.call(Command::About { ask: command }).await? {
            Answer::Trust(views) => views,
            other => return Err(unexpected(&other).into()),
        };
        if decides {
            // The other devices hear of it now rather than with the next command.
            client.call(Command::Drain {}).await?;
        }
        Ok(views)
    })
    .await?;
    if views.is_empty() {
        setting
            .output
            .talk("nobody is known here yet: `subrosa invite` makes a join line for somebody");
    }
    if setting.output.json || args.name.is_none() {
        return setting.output.list(&views, short);
    }
    let mut lines = views.iter().flat_map(whole);
    lines.try_for_each(|line| setting.output.line(&line))
}

/// Why a key is believed to be the person's, as far as it is.
fn reason(view: &TrustView) -> String {
    let when =
        |ms: Option<u64>| ms.map_or_else(String::new, |ms| format!(" on {}", day_and_time(ms)));
    match (view.trust, view.line) {
        (Trust::Verified, _) => format!(
            "verified: safety numbers compared{}",
            when(view.verified_ms)
        ),
        (Trust::Invited, Some(Line::Ours)) => "invited: came by your invite line".to_owned(),
        (Trust::Invited, _) => "invited: you came by their invite line".to_owned(),
        (Trust::Unverified, _) => {
            "unverified: only the server says that this is their key".to_owned()
        }
    }
}

fn short(view: &TrustView) -> [String; 2] {
    let mut line = reason(view);
    if view.blocked {
        line.push_str("; blocked");
    }
    if let Some(problem) = &view.problem {
        line.push_str(&format!("; {}", harmless(problem)));
    }
    [format!("@{}", harmless(&view.name)), line]
}

fn whole(view: &TrustView) -> Vec<String> {
    let mut lines = vec![
        format!("@{}", harmless(&view.name)),
        format!("  {}", reason(view)),
    ];
    let standing = match view.standing {
        Standing::Holder => None,
        Standing::Newcomer => Some("came under a name that means another account here"),
        Standing::Former => Some("the name meant this account before"),
        Standing::Refused => Some("you decided that the name does not mean this account"),
    };
    lines.extend(standing.map(|words| format!("  {words}")));
    let short: String = view.account.chars().take(16).collect();
    lines.push(format!("  account {short}"));
    for device in &view.devices {
        lines.push(format!("  device  {}", named(device)));
    }
    if view.devices.is_empty() {
        lines.push("  its devices are not known yet".to_owned());
    }
    if let Some(changed) = view.changed_ms {
        lines.push(format!("  devices last changed {}", day_and_time(changed)));
    }
    if view.blocked {
        lines.push("  blocked: `subrosa unblock` ends that".to_owned());
    }
    lines.extend(
        view.problem
            .iter()
            .map(|words| format!("  WRONG: {}", harmless(words))),
    );
    lines.extend(
        view.fix
            .iter()
            .map(|fix| format!("  to do: {}", harmless(fix))),
    );
    lines
}

fn named(device: &KeyDevice) -> String {
    let short: String = device.device.chars().take(16).collect();
    let since = if device.since_verified {
        "  added since you verified"
    } else {
        ""
    };
    format!("{short}  {}{since}", harmless(&device.label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> TrustView {
        TrustView {
            name: "bob".to_owned(),
            account: "ab".repeat(32),
            trust: Trust::Invited,
            standing: Standing::Holder,
            line: Some(Line::Ours),
            verified_ms: None,
            changed_ms: None,
            devices: vec![KeyDevice {
                label: "lap\u{1b}top".to_owned(),
                device: "cd".repeat(32),
                since_verified: true,
            }],
            blocked: false,
            problem: None,
            fix: Some("subrosa verify @bob".to_owned()),
        }
    }

    #[test]
    fn what_is_known_and_what_to_do_stand_there() {
        let told = whole(&view()).join("\n");
        for part in [
            "@bob\n",
            "invited: came by your invite line",
            "cdcdcdcdcdcdcdcd  lap\\u{1b}top  added since you verified",
            "to do: subrosa verify @bob",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let mut wrong = view();
        wrong.problem = Some("two accounts".to_owned());
        assert!(short(&wrong)[1].ends_with("; two accounts"));
        assert!(whole(&wrong).join("\n").contains("WRONG: two accounts"));
    }
}

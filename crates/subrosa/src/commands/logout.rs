//! `logout`: the end of this device, by its own signature.

use super::orderly;
use crate::seat::{Setting, unexpected};
use crate::signals::Signals;
use crate::terminal;
use serde::Serialize;
use subrosa_client::enrol::forget;
use subrosa_client::{Answer, Client, Command, Failure, Home};

const EXAMPLES: &str = "\
Examples:
  subrosa logout               ends this device; what is kept here stays readable
  subrosa logout --forget      and deletes what is kept here
  subrosa -p work logout --keep --no-input

`subrosa login ADDRESS --name NAME` adds this machine again, as a new device.";

/// End this device: nothing is sent to it or from it any more
///
/// Needs no password: the device signs its own end. The server has to be in reach.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Keep what is here, to be read
    #[arg(long)]
    keep: bool,
    /// Delete what is here: messages, keys, sheet
    #[arg(long, conflicts_with = "keep")]
    forget: bool,
    /// Log out also when messages wait that have not left; they are lost
    #[arg(long)]
    discard: bool,
}

#[derive(Serialize)]
struct LoggedOut {
    logged_out: bool,
    forgotten: bool,
}

/// Logs out.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let home = setting.home()?;
    let client = signals
        .during(setting.sit_in(home.clone(), "logout", None))
        .await?;
    let done = signals.during(log_out(&client, &args)).await;
    orderly(client.close(), &mut signals).await;
    done?;
    setting
        .output
        .talk("this device has logged out of the account");
    let forgotten = forgets(&args, setting, &home).await?;
    if forgotten {
        forget(&home)?;
        setting.output.talk("what was kept here is deleted");
    } else {
        setting.output.talk(
            "what is kept here stays readable with `subrosa read`; `subrosa logout --forget` deletes it",
        );
    }
    let logged_out = LoggedOut {
        logged_out: true,
        forgotten,
    };
    if setting.output.json {
        setting.output.object(&logged_out)?;
    }
    Ok(())
}

async fn log_out(client: &Client, args: &Args) -> anyhow::Result<()> {
    let discard = args.discard;
    match client.call(Command::Logout { discard }).await? {
        Answer::Done {} => Ok(()),
        other => Err(unexpected(&other).into()),
    }
}

async fn forgets(args: &Args, setting: &Setting, home: &Home) -> anyhow::Result<bool> {
    if args.forget || args.keep || !setting.can_ask() {
        return Ok(args.forget);
    }
    let question = format!(
        "Keep what is in {} to be read, or forget it? keep/forget",
        home.dir().display()
    );
    loop {
        match terminal::ask(&question, "keep").await?.as_str() {
            "keep" => return Ok(false),
            "forget" => return Ok(true),
            other => setting
                .output
                .talk(&Failure::user(format!("{other:?} is neither keep nor forget")).sentence),
        }
    }
}

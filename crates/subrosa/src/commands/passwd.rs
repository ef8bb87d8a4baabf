//! `passwd`: a new password.

use super::orderly;
use crate::papers::Papers;
use crate::proving::{Choosing, Proving};
use crate::seat::{Setting, account, whereabouts};
use crate::signals::Signals;
use serde::Serialize;
use subrosa_client::enrol::{Whose, change_password};
use subrosa_client::{Client, Command};

const EXAMPLES: &str = "\
Examples:
  subrosa passwd                        a new generated passphrase
  subrosa passwd --own-password         one that you choose
  subrosa passwd --recovery             when the old one is lost: proved by the recovery code
  subrosa passwd --password-file old.txt --no-input

Your devices stay logged in. The old password is worth nothing afterwards.";

/// Change the password of your account
///
/// The new passphrase is shown, or written into the home, before it counts. Whatever is cut short:
/// either the old password counts or the new one, and running the command again finds out which.
/// Proved by the recovery code, the code is renewed with it, and a new sheet is shown.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    proving: Proving,
    #[command(flatten)]
    choosing: Choosing,
}

#[derive(Serialize)]
struct Changed<'a> {
    name: &'a str,
    password: &'static str,
    recovery_code: &'static str,
    /// The file in the home that holds the new secrets.
    file: Option<String>,
}

/// Changes it.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let client = signals.during(setting.sit("passwd")).await?;
    let done = signals.during(change(&args, setting, &client)).await;
    orderly(client.close(), &mut signals).await;
    done
}

async fn change(args: &Args, setting: &Setting, client: &Client) -> anyhow::Result<()> {
    let who = account(client).await?;
    let (address, name) = whereabouts(&who)?;
    let whose = Whose {
        address: &address,
        name: &name,
    };
    let old = args.proving.proof(setting, &who.name).await?;
    let choice = args.choosing.choice(setting).await?;
    let home = setting.home()?;
    let mut papers = Papers::new(&home, setting.output, who.address.clone(), who.name.clone());
    let mut progress = |step: &str| setting.output.talk(&format!("{step} …"));
    change_password(whose, &old, choice, &mut papers, &mut progress).await?;
    let file = papers.count()?;
    let code = old.is_recovery();
    // The others learn that the password was changed from the account's chain; this says from where.
    if let Err(failure) = client.call(Command::TellPasswordChanged { code }).await {
        setting.output.talk(&format!(
            "the other devices are not told which device did it: {failure}"
        ));
    }
    let changed = Changed {
        name: &who.name,
        password: "changed",
        recovery_code: if code { "renewed" } else { "unchanged" },
        file: file.map(|file| home.file(file).display().to_string()),
    };
    let what = if code {
        "the password was changed and the recovery code renewed; the old ones are worth nothing now"
    } else {
        "the password was changed; the old one is worth nothing now"
    };
    if let Some(file) = &changed.file {
        setting.output.talk(&format!(
            "what is new is in {file}: put it in a safe place and remove the file"
        ));
    }
    setting.output.either(&changed, what)
}

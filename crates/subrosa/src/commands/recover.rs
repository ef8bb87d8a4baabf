//! `recover`: an account taken back by its recovery code.

use crate::output::is_seen;
use crate::proving::Choosing;
use crate::seat::Setting;
use crate::signals::Signals;
use crate::{enrolment, history, secret, terminal};
use std::path::PathBuf;
use subrosa_client::Failure;
use subrosa_client::enrol::Proof;
use subrosa_proto::{Address, Name};

const EXAMPLES: &str = "\
Examples:
  subrosa recover subrosa://192.168.1.5/KEY --name ada
  subrosa recover ADDRESS --name ada --code-file code.txt --no-input

If password and recovery code are both lost, nobody can open the account. Whoever runs the server can
free its name with `subrosa admin release NAME` and make a line for a new account with
`subrosa admin invite`; your contacts see a different person until they accept it.";

/// Take your account back by its recovery code, when the password is lost
///
/// Makes a new passphrase and a new recovery code, shows both on a new sheet, and adds this device.
/// The old password and the old code are worth nothing afterwards; your contacts see no change.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The server's address
    address: String,
    /// The account's name
    #[arg(long, value_name = "NAME", value_parser = Name::new)]
    name: Name,
    /// Take the recovery code from the first line of a file, - for standard input
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    #[command(flatten)]
    choosing: Choosing,
    /// Encrypt what is kept here under a passphrase (asked, or from --unlock-file)
    #[arg(long)]
    lock: bool,
}

/// Recovers.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let address = Address::parse(&args.address)
        .map_err(|error| Failure::user(format!("this is no address of a server: {error}")))?;
    let code = match &args.code_file {
        Some(file) => secret::read(file, "recovery code")?,
        None if setting.can_ask() => {
            let question = format!("Recovery code of {}", args.name);
            signals.during(terminal::ask_secret(&question)).await?
        }
        None => {
            let sentence =
                "nobody can be asked for the recovery code here: give it with --code-file";
            return Err(Failure::user(sentence).into());
        }
    };
    // A typing error is found here, before anything is sent.
    let code = Proof::recovery(code)?;
    let choice = signals.during(args.choosing.choice(setting)).await?;
    let recovery = enrolment::Recovery {
        address: &address,
        name: &args.name,
        code: &code,
        choice,
        lock: args.lock,
    };
    let enrolled = enrolment::recover(setting, recovery, &mut signals).await?;
    enrolled.tell(setting);
    setting.output.talk(&format!(
        "{} is yours again, and this device belongs to it: the old password and the old recovery code are worth nothing now. `subrosa devices` lists the devices, `subrosa devices revoke` ends those that you do not have any more",
        args.name
    ));
    if setting.output.json || !is_seen() {
        setting.output.talk(&format!(
            "the new sheet is in {}: put it in a safe place and remove the file",
            enrolled.home.file("sheet.txt").display()
        ));
    }
    history::bring(enrolled, setting.output, &mut signals).await
}

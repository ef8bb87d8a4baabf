//! `login`: a further device of an account that exists.

use crate::seat::Setting;
use crate::signals::Signals;
use crate::{enrolment, history, secret, terminal};
use std::path::PathBuf;
use subrosa_client::Failure;
use subrosa_proto::{Address, Name};

const EXAMPLES: &str = "\
Examples:
  subrosa login subrosa://192.168.1.5/KEY --name ada
  subrosa login ADDRESS --name ada --password-file passphrase.txt

`subrosa address` on a device that is there already prints the address.";

/// Add this device to an account that exists, by its password
///
/// The recovery code is taken in place of the password.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The server's address
    address: String,
    /// The account's name
    #[arg(long, value_name = "NAME", value_parser = Name::new)]
    name: Name,
    /// Take the password from the first line of a file, - for standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Encrypt what is kept here under a passphrase (asked, or from --unlock-file)
    #[arg(long)]
    lock: bool,
}

/// Logs in.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let address = Address::parse(&args.address)
        .map_err(|error| Failure::user(format!("this is no address of a server: {error}")))?;
    let password = match &args.password_file {
        Some(file) => secret::read(file, "password")?,
        None if setting.can_ask() => {
            signals
                .during(terminal::ask_secret(&format!("Password of {}", args.name)))
                .await?
        }
        None => {
            return Err(Failure::user(
                "nobody can be asked for the password here: give it with --password-file",
            )
            .into());
        }
    };
    let enrolled = enrolment::login(
        setting,
        &address,
        &args.name,
        password,
        args.lock,
        &mut signals,
    )
    .await?;
    enrolled.tell(setting);
    setting.output.talk(&format!(
        "this device belongs to {} now: `subrosa read` shows what was written",
        args.name
    ));
    history::bring(enrolled, setting.output, &mut signals).await
}

//! `lock` and `unlock`: a home closed for all that run in it.

use super::orderly;
use crate::seat::Setting;
use crate::signals::Signals;
use crate::{secret, terminal};
use serde::Serialize;
use subrosa_client::store::is_locked;
use subrosa_client::{Client, Command, Driver, Failure, Home, Passphrase};

const LOCK: &str = "\
Examples:
  subrosa lock                            close everything of this account on this machine
  subrosa lock --unlock-file first.txt    a first passphrase for a home that has none

`subrosa unlock` or `subrosa chat` opens it again.";
const UNLOCK: &str = "\
Examples:
  subrosa unlock
  subrosa unlock --unlock-file passphrase.txt --no-input";

/// Lock this home for all that run in it, until its passphrase is given
///
/// Chats go blank, verbs and programs are refused, and the process that holds the home forgets its key and all that it has
/// read. Nothing is lost: what is sent to you waits at the server. A home without a passphrase gets its first one here; it is
/// asked for from then on, and without it nobody can read what is kept here. A server in the same terminal goes on.
#[derive(Debug, clap::Args)]
#[command(before_help = LOCK)]
pub struct LockArgs {}

/// Open a locked home, for all that run in it
#[derive(Debug, clap::Args)]
#[command(before_help = UNLOCK)]
pub struct UnlockArgs {}

/// With `--json`.
#[derive(Serialize)]
struct Locked {
    locked: bool,
}

/// Locks.
pub async fn lock(_: LockArgs, setting: &Setting) -> anyhow::Result<()> {
    let home = setting.home()?;
    let passphrase = if is_locked(home.dir()) {
        None
    } else {
        Some(first_passphrase(setting).await?)
    };
    tell(home, Command::Lock { passphrase }).await?;
    let words = "locked: `subrosa unlock` or `subrosa chat` opens it with its passphrase";
    setting.output.either(&Locked { locked: true }, words)
}

/// Opens.
pub async fn unlock(_: UnlockArgs, setting: &Setting) -> anyhow::Result<()> {
    let home = setting.home()?;
    let passphrase = setting.passphrase(&home).await?.ok_or_else(|| {
        Failure::user(if is_locked(home.dir()) {
            "nobody can be asked for the passphrase here: give it with --unlock-file"
        } else {
            "this home is not locked: it has no passphrase"
        })
    })?;
    let passphrase = Passphrase::from(passphrase);
    tell(home, Command::Unlock { passphrase }).await?;
    let words = "open again, for all that run in it";
    setting.output.either(&Locked { locked: false }, words)
}

async fn first_passphrase(setting: &Setting) -> anyhow::Result<Passphrase> {
    if let Some(file) = &setting.global.unlock_file {
        return Ok(secret::read(file, "passphrase of the home")?.into());
    }
    if !setting.can_ask() {
        return Err(Failure::user(
            "this home has no passphrase yet, and nobody can be asked for one here: give it with --unlock-file",
        )
        .into());
    }
    setting.output.talk(
        "This home has no passphrase yet. Choose one: without it nobody can read what is kept here, you neither.",
    );
    let first = terminal::ask_new_secret("passphrase of this home").await?;
    Ok(first.into())
}

/// Tells the home's owner, or is it for a moment, without a passphrase of its own.
async fn tell(home: Home, command: Command) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let sitting = async { Ok(Client::open(home, "lock", Driver::new(None)).await?) };
    let client = signals.during(sitting).await?;
    let done = signals
        .during(async { Ok(client.call(command).await?) })
        .await;
    orderly(client.close(), &mut signals).await;
    done.map(drop)
}

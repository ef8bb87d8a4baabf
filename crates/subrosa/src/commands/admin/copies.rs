//! `admin backup` and `admin restore`: the database copied, and put back.

use super::Place;
use crate::seat::Setting;
use crate::signals::Signals;
use crate::{secret, terminal};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use subrosa_server::admin;
use zeroize::Zeroizing;

const BACKUP_EXAMPLES: &str = "\
Examples:
  subrosa admin backup /mnt/subrosa.copy                          the server may be running
  subrosa admin backup --data /srv/subrosa /mnt/subrosa-$(date +%F)   each night";

const RESTORE_EXAMPLES: &str = "\
Examples:
  subrosa admin restore /mnt/subrosa.copy                         the folder's own secrets file is used
  subrosa admin restore --data /srv/new /mnt/subrosa.copy --secrets -   on a new machine, seed from paper";

/// Copy the database into a file, while the server runs or not
///
/// The copy holds no secrets: those are on paper, see `subrosa admin secrets`.
#[derive(Debug, clap::Args)]
#[command(before_help = BACKUP_EXAMPLES)]
pub struct BackupArgs {
    #[command(flatten)]
    place: Place,
    /// The copy to be made; it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Put a copy of the database back, while no server runs
///
/// Messages of the last 30 days that are newer than the copy come back from the devices of those
/// who have them. Open invite lines become void. The database that was there is kept aside.
#[derive(Debug, clap::Args)]
#[command(before_help = RESTORE_EXAMPLES)]
pub struct RestoreArgs {
    #[command(flatten)]
    place: Place,
    /// A copy that `subrosa admin backup` has made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The seed's line from paper, in this file, or - to type it; without it the folder's secrets file counts
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
}

#[derive(Serialize)]
struct Copied<'a> {
    copy: &'a Path,
    bytes: u64,
    secrets_on_paper: bool,
}

#[derive(Serialize)]
struct Restored<'a> {
    accounts: u64,
    invites_void: u64,
    newest_event_ms: u64,
    database_before: Option<&'a Path>,
    secrets_before: Option<&'a Path>,
}

/// Copies.
pub async fn backup(args: BackupArgs, setting: &Setting) -> anyhow::Result<()> {
    let data = args.place.data(setting);
    let shown = !setting.output.json && !setting.output.quiet && std::io::stderr().is_terminal();
    let mut signals = Signals::watch()?;
    let copying = admin::backup(&data, &args.file, |done, all| {
        if shown {
            draw(done, all);
        }
    });
    let bytes = signals.during(async { Ok(copying.await?) }).await;
    if shown {
        drop(writeln!(std::io::stderr()));
    }
    let bytes = bytes?;
    let kept = admin::confirmed(&data)?;
    let copied = Copied {
        copy: &args.file,
        bytes,
        secrets_on_paper: kept,
    };
    setting.output.either(
        &copied,
        &format!("{}  {}", args.file.display(), size(bytes)),
    )?;
    if !kept {
        setting.output.talk(
            "this copy alone brings no server back: the seed is not known to be on paper; write it down with `subrosa admin secrets`",
        );
    }
    Ok(())
}

/// Puts back.
pub async fn restore(args: RestoreArgs, setting: &Setting) -> anyhow::Result<()> {
    let data = args.place.data(setting);
    let line: Option<Zeroizing<String>> = match &args.secrets {
        Some(file) if file.as_os_str() == "-" && setting.can_ask() => {
            Some(terminal::ask_secret("The line as it stands on paper").await?)
        }
        Some(file) => Some(secret::read(file, "seed's line")?),
        None => None,
    };
    let line = line.as_deref().map(String::as_str);
    let done = admin::restore(&data, &args.file, line).await?;
    let restored = Restored {
        accounts: done.accounts,
        invites_void: done.invites,
        newest_event_ms: done.copy_ms,
        database_before: done.aside.as_deref(),
        secrets_before: done.secrets_aside.as_deref(),
    };
    let people = if done.accounts == 1 {
        "account"
    } else {
        "accounts"
    };
    setting.output.either(
        &restored,
        &format!(
            "restored {} {people} into {}",
            done.accounts,
            data.display()
        ),
    )?;
    let output = setting.output;
    if done.invites > 0 {
        output.talk(&format!("invite lines that are void now: {}", done.invites));
    }
    for aside in done.aside.iter().chain(&done.secrets_aside) {
        output.talk(&format!("kept aside: {}", aside.display()));
    }
    output.talk(&format!(
        "start the server with `subrosa serve --data {}`; devices that have newer messages bring them back when they connect",
        data.display()
    ));
    Ok(())
}

fn draw(done: u64, all: u64) {
    let percent = done.saturating_mul(100) / all.max(1);
    let mut err = std::io::stderr();
    drop(
        write!(err, "\r{percent:>3} %  {} of {}   ", size(done), size(all))
            .and_then(|()| err.flush()),
    );
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        let told = [999, 1_000, 999_999, 1_250_000].map(size);
        assert_eq!(told, ["999 bytes", "1 kB", "999 kB", "1.2 MB"]);
    }
}

//! `admin secrets`: the seed for paper, and read back from it.

use super::Place;
use crate::seat::Setting;
use crate::{secret, terminal};
use serde::Serialize;
use std::path::PathBuf;
use subrosa_server::admin;

const EXAMPLES: &str = "\
Examples:
  subrosa admin secrets                         print the seed, and have it read back
  subrosa admin secrets --confirm -             read it back from standard input";

/// Print the server's one seed as a line for paper
///
/// Every secret of the server follows from it: without the seed a copy of the database lets nobody
/// log in by password, and the server's address is lost. Spaces and capitals make no difference
/// when it is typed back.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Compare a line read back from the paper, in this file or on standard input for -; nothing is printed
    #[arg(long, value_name = "FILE")]
    confirm: Option<PathBuf>,
}

#[derive(Serialize)]
struct Seed<'a> {
    seed: &'a str,
    confirmed: bool,
}

#[derive(Serialize)]
struct Confirmed {
    confirmed: bool,
}

/// Prints, or compares.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let data = args.place.data(setting);
    if let Some(file) = args.confirm {
        let line = if file.as_os_str() == "-" && setting.can_ask() {
            terminal::ask_secret("The line as it stands on paper").await?
        } else {
            secret::read(&file, "seed's line")?
        };
        admin::confirm(&data, &line)?;
        return told(setting);
    }
    let line = admin::secrets(&data)?;
    let confirmed = admin::confirmed(&data)?;
    let seed = Seed {
        seed: &line,
        confirmed,
    };
    setting.output.either(&seed, &line)?;
    setting.output.talk(
        "write this line on paper and keep it apart from the copies of the database: whoever has both can guess passwords",
    );
    if confirmed {
        setting.output.talk("it was read back before");
        return Ok(());
    }
    if !setting.can_ask() {
        setting.output.talk(
            "then read it back, so that it is known to be right: subrosa admin secrets --confirm -",
        );
        return Ok(());
    }
    let typed =
        terminal::ask_secret("Type it back from the paper (Enter to do that later)").await?;
    if typed.is_empty() {
        return Ok(());
    }
    admin::confirm(&data, &typed)?;
    told(setting)
}

fn told(setting: &Setting) -> anyhow::Result<()> {
    if setting.output.json {
        return setting.output.object(&Confirmed { confirmed: true });
    }
    setting
        .output
        .talk("the paper holds the seed of this server");
    Ok(())
}

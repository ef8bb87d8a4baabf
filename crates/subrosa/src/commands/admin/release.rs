//! `admin release`: the name of a lost account freed.

use super::Place;
use crate::seat::Setting;
use crate::terminal;
use serde::Serialize;
use subrosa_client::Failure;
use subrosa_proto::Name;

const EXAMPLES: &str = "\
Examples:
  subrosa admin release ada
  subrosa admin release ada --data /srv/subrosa --yes";

/// Free the name of an account whose password and recovery code are lost
///
/// Ends the account on this server: nobody can log in to it any more, its devices included. The
/// name can be taken by a new account, which contacts see as a different person until they accept
/// it. Do this on the word of its person only: it cannot be undone.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The account's name
    #[arg(value_parser = Name::new)]
    name: Name,
    #[command(flatten)]
    place: Place,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Released<'a> {
    released: &'a str,
}

/// Releases.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let Args { name, place, yes } = args;
    if !yes {
        confirm(setting, &name).await?;
    }
    subrosa_server::admin::release(&place.data(setting), &name).await?;
    let told =
        format!("the name {name} is free: `subrosa admin invite` makes a line for the new account");
    let released = Released {
        released: name.as_str(),
    };
    setting.output.either(&released, &told)
}

async fn confirm(setting: &Setting, name: &Name) -> anyhow::Result<()> {
    if !setting.can_ask() {
        let sentence =
            format!("releasing {name} ends that account for good: say --yes if that is meant");
        return Err(Failure::user(sentence).into());
    }
    let question = format!("This ends the account {name} for good. Its name once more, to go on");
    if terminal::ask(&question, "no").await? == name.as_str() {
        return Ok(());
    }
    Err(Failure::user("the name was not given: nothing was done").into())
}

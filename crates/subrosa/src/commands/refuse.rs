//! `refuse`: declines a request.

use super::with_client;
use crate::seat::Setting;
use subrosa_client::{Client, Command};

const EXAMPLES: &str = "\
Examples:
  subrosa refuse eve          eve's request is not shown on this machine any more
  subrosa refuse '#ops'       decline to join the room";

/// Decline somebody's request, or an invitation into a room
///
/// A room's members see that you are not in it; a person who asked is told nothing. Who was refused by
/// mistake can be accepted later.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Who asks, or which room
    name: String,
}

/// Declines.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let name = args.name.clone();
    with_client(setting, "refuse", async |client: &Client| {
        let conversation = args.name;
        client.call(Command::Refuse { conversation }).await?;
        Ok(())
    })
    .await?;
    setting
        .output
        .talk(&format!("refused: {name} is not shown any more"));
    Ok(())
}

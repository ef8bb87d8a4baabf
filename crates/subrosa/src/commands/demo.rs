//! `demo`: the whole thing in one command.

use crate::seat::Setting;

const EXAMPLES: &str = "\
Examples:
  subrosa demo                   at a terminal: two people, and what the server sees
  subrosa demo --no-input        plays a short conversation, checks it, and ends";

/// See it work: a server, two people, and what the server sees
///
/// Everything is real, on the loopback and in a temporary folder that is removed at the end.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {}

/// Shows.
pub async fn run(_: Args, setting: &Setting) -> anyhow::Result<()> {
    crate::demo::run(setting).await
}

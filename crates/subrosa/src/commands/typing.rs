//! `typing`: a sign that an answer is on its way.

use super::with_client;
use crate::seat::{Setting, unexpected};
use subrosa_client::{Answer, Client, Command};

const EXAMPLES: &str = "\
Examples:
  subrosa typing bob           bob is told that you type, for six seconds
  subrosa typing bob --stop    and that you have stopped";

/// Tell that you type, for programs that write answers
///
/// It is encrypted like a receipt, kept by nobody, ends by itself, and is not told when you have
/// switched receipts off or where there are more than 20 people.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// To whom
    name: String,
    /// That you have stopped
    #[arg(long)]
    stop: bool,
}

/// Tells.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    with_client(setting, "typing", async |client: &Client| {
        super::freshened(client, &args.name).await?;
        let typing = Command::Typing {
            conversation: args.name,
            typing: !args.stop,
        };
        match client.call(typing).await? {
            Answer::Done {} => Ok(()),
            other => Err(unexpected(&other).into()),
        }
    })
    .await
}

//! `receipts`: who has got and read a message.

use super::with_client;
use crate::row::words;
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use subrosa_client::{Answer, Client, Command};

const EXAMPLES: &str = "\
Examples:
  subrosa read bob --ids            shows the ids of messages
  subrosa receipts bob 3f2a91c0     how far that message of yours has come, with each who can read it";

/// Show who has got and read a message of yours
///
/// Delivered: a device of theirs has decrypted it. Whether it was read is told in conversations of up
/// to 20 people, and only to those who tell it themselves (see `subrosa settings`).
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// In which conversation
    name: String,
    /// The message's id, or how it begins
    id: String,
}

/// Shows.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    with_client(setting, "receipts", async |client: &Client| {
        super::freshened(client, &args.name).await?;
        let asked = Command::Receipts {
            conversation: args.name,
            id: args.id,
        };
        let receipts = match client.call(asked).await? {
            Answer::Receipts(receipts) => receipts,
            other => return Err(unexpected(&other).into()),
        };
        if receipts.is_empty() {
            setting.output.talk("nobody else can read it");
        }
        setting.output.list(&receipts, |receipt| {
            [
                harmless(&receipt.name).into_owned(),
                words(receipt.state).to_string(),
            ]
        })
    })
    .await
}

//! `chat`: a conversation line by line.

use crate::chat::{self, AtEnd, Opening};
use crate::seat::Setting;
use crate::signals::Signals;

const EXAMPLES: &str = "\
Examples:
  subrosa chat                   with whoever wrote last
  subrosa chat bob
  echo hello | subrosa chat bob  a pipe: ends when the server has all lines

In the chat /to NAME changes the recipient, /people lists them, /invite prints a join line for one
more person, /reply, /react, /edit and /delete are about earlier messages, /quit leaves. What a chat
at a terminal shows counts as read.";

/// Chat, line by line
///
/// Without a terminal, standard input is sent line by line and what arrives is printed as
/// `name: text`, or as objects with --json.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// With whom
    name: Option<String>,
}

/// Chats.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let client = signals.during(setting.sit("chat")).await?;
    let opening = Opening {
        to: args.name,
        at_end: AtEnd::Leave,
        address: None,
    };
    let chatted = chat::run(&client, setting.output, opening, &mut signals).await;
    super::orderly(client.close(), &mut signals).await;
    chatted
}

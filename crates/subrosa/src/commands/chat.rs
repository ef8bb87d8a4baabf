//! `chat`: the terminal UI; without a terminal, a conversation line by line.

use crate::chat::{self, AtEnd, Opening};
use crate::notify::Notify;
use crate::seat::Setting;
use crate::signals::Signals;
use crate::tui;

const EXAMPLES: &str = "\
Examples:
  subrosa chat                   with whoever wrote last
  subrosa chat bob
  subrosa chat bob --plain       line by line, for terminals that cannot be drawn on
  echo hello | subrosa chat bob  a pipe: ends when the server has all lines
  subrosa chat --notify 'notify-send \"$SUBROSA_FROM\" \"in $SUBROSA_CONVERSATION\"'

F1 shows all keys and commands. What is seen at a terminal counts as read.";

/// Chat
///
/// At a terminal it fills the screen. Without one, or with --plain, standard input is sent line by line and what arrives is printed as
/// `name: text`, or as objects with --json.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// With whom
    name: Option<String>,
    /// Line by line, also at a terminal
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    notify: Notify,
}

/// Chats.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    if setting.fills_screen(args.plain) && setting.is_new()? {
        return tui::begin(setting, &mut signals).await;
    }
    let client = signals.during(setting.sit("chat")).await?;
    if setting.fills_screen(args.plain) {
        let opening = tui::Opening {
            to: args.name,
            notify: Some(args.notify),
            ..tui::Opening::default()
        };
        return tui::live(client, opening, &mut signals).await;
    }
    let opening = Opening {
        to: args.name,
        at_end: AtEnd::Leave,
        address: None,
    };
    let chatted = tokio::select! {
        chatted = chat::run(&client, setting.output, opening, &mut signals) => chatted,
        () = args.notify.watch(&client, setting.output) => Ok(()),
    };
    super::orderly(client.close(), &mut signals).await;
    chatted
}

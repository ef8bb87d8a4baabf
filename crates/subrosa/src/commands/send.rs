//! `send`: one message.

use super::with_client;
use crate::row::words;
use crate::seat::{Setting, unexpected};
use std::io::{IsTerminal, Read};
use subrosa_client::{Act, Answer, Client, Command, Failure, SendState, Wait};
use subrosa_proto::limits::TEXT_BYTES_MAX;

const EXAMPLES: &str = "\
Examples:
  subrosa send bob \"lunch at one?\"        the rest of the line is the message
  make 2>&1 | tail -n 5 | subrosa send bob  without a text, standard input is
  subrosa send bob --no-queue \"now or never\"
  subrosa read bob --ids                    shows the ids that these take:
  subrosa send bob --reply 3f2a91c0 \"at two\"
  subrosa send bob --edit 77b0e9d2 \"lunch at two?\"
  subrosa send bob --react 3f2a91c0 👍
  subrosa send bob --unreact 3f2a91c0
  subrosa send bob --delete 77b0e9d2";

/// Send a message, or answer, edit, delete or react to one
///
/// Edits and deletions are for your own messages; an admin of a room may delete what others wrote
/// there. An ID is the beginning of a message's id, as long as no other's begins alike.
///
/// Exit 0: the server has it on its disk. Exit 3: the server is out of reach; the message waits in
/// the outbox and leaves with the next command.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// To whom
    name: String,
    /// The message; without it, standard input is read to its end
    text: Vec<String>,
    /// Do not keep the message when the server is out of reach
    #[arg(long)]
    no_queue: bool,
    #[command(flatten)]
    about: About,
}

/// What is done about a message that is there.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct About {
    /// The message answers this one
    #[arg(long, value_name = "ID")]
    reply: Option<String>,
    /// The text takes the place of this message's
    #[arg(long, value_name = "ID")]
    edit: Option<String>,
    /// Delete this message, for everybody
    #[arg(long, value_name = "ID", conflicts_with = "text")]
    delete: Option<String>,
    /// Put an emoji beside this message, in place of yours before
    #[arg(long, num_args = 2, value_names = ["ID", "EMOJI"], conflicts_with = "text")]
    react: Option<Vec<String>>,
    /// Take your emoji at this message back
    #[arg(long, value_name = "ID", conflicts_with = "text")]
    unreact: Option<String>,
}

impl About {
    /// Whether there is no text to be sent.
    const fn is_wordless(&self) -> bool {
        self.delete.is_some() || self.react.is_some() || self.unreact.is_some()
    }

    /// The message, and what is done about it.
    fn act(self, text: String) -> Result<(String, Act), String> {
        if let Some(id) = self.reply {
            return Ok((id, Act::Reply { text }));
        }
        if let Some(id) = self.edit {
            return Ok((id, Act::Edit { text }));
        }
        if let Some(id) = self.delete {
            return Ok((id, Act::Delete {}));
        }
        let emoji = String::new();
        if let Some(id) = self.unreact {
            return Ok((id, Act::React { emoji }));
        }
        let mut react = self.react.unwrap_or_default().into_iter();
        match (react.next(), react.next()) {
            (Some(id), Some(emoji)) => Ok((id, Act::React { emoji })),
            _ => Err(text),
        }
    }
}

/// What is said of an act that the server has.
const fn done(act: &Act) -> &'static str {
    match act {
        Act::Reply { .. } => "✓ sent",
        Act::Edit { .. } => "✓ edited",
        Act::Delete {} => "✓ deleted",
        Act::React { .. } => "✓ reaction sent",
    }
}

/// Sends.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let wordless = args.about.is_wordless();
    let asks = args.text.is_empty() && !wordless;
    if asks && setting.global.no_input && std::io::stdin().is_terminal() {
        let sentence = format!(
            "the message is missing: write it behind {}, or pipe it in",
            args.name
        );
        return Err(Failure::user(sentence).into());
    }
    let text = if asks {
        from_stdin()?
    } else {
        args.text.join(" ")
    };
    if !wordless {
        check(&text)?;
    }
    if args
        .about
        .react
        .as_ref()
        .is_some_and(|react| react.get(1).is_none_or(String::is_empty))
    {
        return Err(Failure::user("the emoji is empty: --unreact takes a reaction back").into());
    }
    let (conversation, wait, queue) = (args.name, Wait::Sent, !args.no_queue);
    let (send, said) = match args.about.act(text) {
        Ok((id, act)) => {
            let said = done(&act);
            let act = Command::ActOn {
                conversation,
                id,
                act,
                wait,
                queue,
            };
            (act, said)
        }
        Err(text) => {
            let send = Command::Send {
                conversation,
                text,
                wait,
                queue,
            };
            (send, words(SendState::Sent))
        }
    };
    with_client(setting, "send", async |client: &Client| {
        let answer = client.call(send).await?;
        tell(setting, &sent(answer)?, said)
    })
    .await
}

#[derive(serde::Serialize)]
struct Sent {
    id: String,
    conversation: String,
    state: SendState,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
}

fn sent(answer: Answer) -> Result<Sent, Failure> {
    match answer {
        Answer::Sent {
            id,
            conversation,
            state,
            waits_for,
        } => Ok(Sent {
            id,
            conversation,
            state,
            waits_for,
        }),
        other => Err(unexpected(&other)),
    }
}

fn tell(setting: &Setting, sent: &Sent, said: &str) -> anyhow::Result<()> {
    if setting.output.json {
        setting.output.object(sent)?;
    }
    let conversation = &sent.conversation;
    match sent.state {
        SendState::Queued => {
            let sentence = match &sent.waits_for {
                Some(name) => format!(
                    "the message to {conversation} waits in the outbox, since {name} has not accepted the conversation yet: it leaves with the first command after that"
                ),
                None => format!(
                    "the message to {conversation} waits in the outbox, since the server is out of reach: it leaves with the next command"
                ),
            };
            Err(Failure::network(sentence).into())
        }
        SendState::Sending => {
            let sentence = format!(
                "whether the server has the message to {conversation} is not known yet: it stays in the outbox until it is, and is sent once"
            );
            Err(Failure::network(sentence).into())
        }
        SendState::Sent | SendState::Delivered | SendState::Read => {
            setting.output.talk(&format!("{said} to {conversation}"));
            Ok(())
        }
    }
}

fn from_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let room = u64::try_from(TEXT_BYTES_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(3);
    let read = std::io::stdin().lock().take(room).read_to_end(&mut bytes);
    read.map_err(|error| {
        Failure::user(format!(
            "standard input cannot be read ({error}): give the message as an argument"
        ))
    })?;
    text_of(bytes)
}

/// The end of the last line is no part of a message.
fn text_of(mut bytes: Vec<u8>) -> Result<String, Failure> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(too_long());
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::user("standard input is not text in UTF-8: nothing was sent"))
}

fn check(text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::user("the message is empty: nothing was sent"));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(too_long());
    }
    Ok(())
}

fn too_long() -> Failure {
    Failure::user(format!(
        "the message is longer than {} KiB: nothing was sent; send it in parts",
        TEXT_BYTES_MAX / 1_024
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_end_is_no_part_of_the_message() {
        assert_eq!(text_of(b"one\ntwo\n".to_vec()).unwrap(), "one\ntwo");
        assert_eq!(text_of(b"one\r\n".to_vec()).unwrap(), "one");
        assert_eq!(text_of(b"one\n\n".to_vec()).unwrap(), "one\n");
    }

    #[test]
    fn what_cannot_be_a_message_is_refused_with_the_reason() {
        assert!(
            text_of(b"\xff".to_vec())
                .unwrap_err()
                .sentence
                .contains("UTF-8")
        );
        assert!(
            text_of(vec![b'x'; TEXT_BYTES_MAX + 1])
                .unwrap_err()
                .sentence
                .contains("48 KiB")
        );
        assert!(text_of([vec![b'x'; TEXT_BYTES_MAX], b"\r\n".to_vec()].concat()).is_ok());
        assert!(check(" \n").unwrap_err().sentence.contains("empty"));
        assert!(check(&"é".repeat(TEXT_BYTES_MAX / 2 + 1)).is_err());
    }
}

//! `send`: one message.

use super::with_client;
use crate::row::words;
use crate::seat::{Setting, unexpected};
use std::io::{IsTerminal, Read};
use subrosa_client::{Answer, Client, Command, Failure, SendState, Wait};
use subrosa_proto::limits::TEXT_BYTES_MAX;

const EXAMPLES: &str = "\
Examples:
  subrosa send bob \"lunch at one?\"        the rest of the line is the message
  make 2>&1 | tail -n 5 | subrosa send bob  without a text, standard input is
  subrosa send bob --no-queue \"now or never\"";

/// Send a message
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
}

/// Sends.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    if args.text.is_empty() && setting.global.no_input && std::io::stdin().is_terminal() {
        let sentence = format!(
            "the message is missing: write it behind {}, or pipe it in",
            args.name
        );
        return Err(Failure::user(sentence).into());
    }
    let text = if args.text.is_empty() {
        from_stdin()?
    } else {
        args.text.join(" ")
    };
    check(&text)?;
    let queue = !args.no_queue;
    with_client(setting, "send", async |client: &Client| {
        let send = Command::Send {
            conversation: args.name,
            text,
            wait: Wait::Sent,
            queue,
        };
        let answer = client.call(send).await?;
        match answer {
            Answer::Sent {
                id,
                conversation,
                state,
            } => tell(setting, &id, &conversation, state),
            other => Err(unexpected(&other).into()),
        }
    })
    .await
}

#[derive(serde::Serialize)]
struct Sent<'a> {
    id: &'a str,
    conversation: &'a str,
    state: SendState,
}

fn tell(setting: &Setting, id: &str, conversation: &str, state: SendState) -> anyhow::Result<()> {
    if setting.output.json {
        setting.output.object(&Sent {
            id,
            conversation,
            state,
        })?;
    }
    match state {
        SendState::Queued => {
            let sentence = format!(
                "the message to {conversation} waits in the outbox, since the server is out of reach: it leaves with the next command"
            );
            Err(Failure::network(sentence).into())
        }
        SendState::Sending => {
            let sentence = format!(
                "whether the server has the message to {conversation} is not known yet: it stays in the outbox until it is, and is sent once"
            );
            Err(Failure::network(sentence).into())
        }
        state => {
            setting
                .output
                .talk(&format!("{} to {conversation}", words(state)));
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

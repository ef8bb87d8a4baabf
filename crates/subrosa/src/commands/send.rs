//! `send`: a message, to one or several.

use super::{timer, with_client};
use crate::row::words;
use crate::seat::{Setting, unexpected};
use std::io::{IsTerminal, Read};
use subrosa_client::{Act, Answer, Client, Command, Failure, SendState, Wait};
use subrosa_proto::limits::TEXT_BYTES_MAX;

const EXAMPLES: &str = "\
Examples:
  subrosa send bob \"lunch at one?\"        the rest of the line is the message
  make 2>&1 | tail -n 5 | subrosa send bob  without a text, standard input is
  subrosa send bob --to '#ops' \"going home\"  to several, to each by itself
  subrosa send bob --wait read \"call me\"    ends when bob has read it
  subrosa send bob --expire 1h \"the door code is 4711\"
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
/// Exit 0: it has come as far as --wait says; without, the server has it on its disk. Exit 3: the
/// server is out of reach, and the message waits in the outbox and leaves with the next command; or
/// the time of --timeout is over.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// To whom: bob, or '#ops'
    name: String,
    /// The message; without it, standard input is read to its end
    text: Vec<String>,
    /// To them too; can be given again
    #[arg(long, value_name = "NAME", conflicts_with_all = ["reply", "edit", "delete", "react", "unreact"])]
    to: Vec<String>,
    /// Let the message disappear so long after it arrives: 30s, 5m, 1h, 8h, 1d, 7d or 28d
    ///
    /// Where the conversation's own timer is shorter, that one counts.
    #[arg(long, value_name = "TIME", value_parser = life, conflicts_with_all = ["edit", "delete", "react", "unreact"])]
    expire: Option<u8>,
    /// How far it has to come: to the server's disk, to a device of each recipient, before their eyes
    ///
    /// Who does not tell what they read is waited for in vain.
    #[arg(long, value_name = "STATE", default_value = "sent")]
    wait: Far,
    /// How long the recipients are waited for, such as 30s, 5m or 1h
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = within)]
    timeout: u64,
    /// Do not keep the message when the server is out of reach
    #[arg(long)]
    no_queue: bool,
    #[command(flatten)]
    about: About,
}

/// How far a message has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Far {
    Sent,
    Delivered,
    Read,
}

impl Far {
    const fn wait(self) -> Wait {
        match self {
            Self::Sent => Wait::Sent,
            Self::Delivered => Wait::Delivered,
            Self::Read => Wait::Read,
        }
    }

    const fn state(self) -> SendState {
        match self {
            Self::Sent => SendState::Sent,
            Self::Delivered => SendState::Delivered,
            Self::Read => SendState::Read,
        }
    }
}

fn life(time: &str) -> Result<u8, String> {
    match timer::step(time) {
        Ok(0) => {
            Err("a message without --expire stays as long as its conversation says".to_owned())
        }
        Ok(step) => Ok(step),
        Err(failure) => Err(failure.sentence),
    }
}

/// Milliseconds.
fn within(time: &str) -> Result<u64, String> {
    let parsed: Option<jiff::SignedDuration> = time.parse().ok();
    let ms = parsed.and_then(|parsed| u64::try_from(parsed.as_millis()).ok());
    ms.filter(|ms| *ms > 0)
        .ok_or_else(|| "it is no time; write 30s, 5m or 1h".to_owned())
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
    let names: Vec<String> = std::iter::once(args.name).chain(args.to).collect();
    let (errand, said, far) = match args.about.act(text) {
        Ok((id, act)) => {
            let (said, reply) = (done(&act), matches!(act, Act::Reply { .. }));
            // What is about another message is not told of by receipts.
            let far = if reply { args.wait } else { Far::Sent };
            (Errand::Act(id, act), said, far)
        }
        Err(text) => (Errand::Text(text), words(args.wait.state()), args.wait),
    };
    let how = How {
        far,
        queue: !args.no_queue,
        within_ms: Some(args.timeout),
        timer: args.expire,
    };
    with_client(setting, "send", async |client: &Client| {
        let mut failed = Vec::new();
        for name in &names {
            let answer = client.call(errand.command(name.clone(), &how)).await;
            let outcome = match answer.and_then(sent) {
                Ok(sent) => tell(setting, &sent, said, far)?,
                Err(failure) => Some(failure),
            };
            if let Some(failure) = outcome {
                if names.len() > 1 {
                    setting
                        .output
                        .talk(&format!("{name}: {}", failure.sentence));
                }
                failed.push(failure);
            }
        }
        whole(failed, names.len())
    })
    .await
}

/// What is sent.
enum Errand {
    Text(String),
    Act(String, Act),
}

/// How it is sent.
struct How {
    far: Far,
    queue: bool,
    within_ms: Option<u64>,
    timer: Option<u8>,
}

impl Errand {
    fn command(&self, conversation: String, how: &How) -> Command {
        let How {
            far,
            queue,
            within_ms,
            timer,
        } = *how;
        let wait = far.wait();
        match self {
            Self::Act(id, act) => Command::ActOn {
                conversation,
                id: id.clone(),
                act: act.clone(),
                wait,
                queue,
                within_ms,
                timer,
            },
            Self::Text(text) => Command::Send {
                conversation,
                text: text.clone(),
                wait,
                queue,
                within_ms,
                timer,
            },
        }
    }
}

/// One failure is told as it is; of several recipients each has been told of, and the first kind counts.
fn whole(failed: Vec<Failure>, of: usize) -> anyhow::Result<()> {
    let count = failed.len();
    match failed.into_iter().next() {
        None => Ok(()),
        Some(failure) if of == 1 => Err(failure.into()),
        Some(Failure { kind, .. }) => {
            let sentence =
                format!("for {count} of {of} recipients it did not come so far, as told above");
            Err(Failure { kind, sentence }.into())
        }
    }
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

/// Says how far it has come, and what is wrong with that, if something is.
fn tell(setting: &Setting, sent: &Sent, said: &str, far: Far) -> anyhow::Result<Option<Failure>> {
    if setting.output.json {
        setting.output.object(sent)?;
    }
    let conversation = &sent.conversation;
    let sentence = match sent.state {
        SendState::Queued => match &sent.waits_for {
            Some(name) => format!(
                "the message to {conversation} waits in the outbox, since {name} has not accepted the conversation yet: it leaves with the first command after that"
            ),
            None => format!(
                "the message to {conversation} waits in the outbox, since the server is out of reach: it leaves with the next command"
            ),
        },
        SendState::Sending => format!(
            "whether the server has the message to {conversation} is not known yet: it stays in the outbox until it is, and is sent once"
        ),
        state if state < far.state() => format!(
            "the server has the message to {conversation}, but not everybody there has {} it within the time of --timeout: `subrosa receipts {conversation} {:.8}` shows how far it has come",
            if far == Far::Read { "read" } else { "got" },
            sent.id,
        ),
        _ => {
            setting.output.talk(&format!("{said} to {conversation}"));
            return Ok(None);
        }
    };
    Ok(Some(Failure::network(sentence)))
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
        "the message is longer than {} KiB: nothing was sent; files cannot be sent yet, so send it in parts, or say where it can be fetched",
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

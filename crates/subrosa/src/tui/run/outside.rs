//! Verbs of the command line that run beside the conversations, each as the program that the person would have started.

use crate::signals::Signals;
use crate::terminal::Keys;
use crate::tui::beside::{How, Outside};
use crate::tui::event::Printed;
use crossterm::event::Event;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use std::io::Write;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use subrosa_client::Failure;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// More of what a verb prints is not shown.
const SHOWN_BYTES_MAX: u64 = 256 * 1024;

/// The program, about this home unless it makes one of its own.
fn command(home: &Path, outside: &Outside) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    if outside.how != How::Elsewhere {
        command.arg("--home").arg(home);
    }
    command
        .arg(outside.verb)
        .args(outside.words.split_whitespace());
    command.kill_on_drop(true);
    Ok(command)
}

fn not_started(error: &std::io::Error) -> Failure {
    Failure::user(format!(
        "the command cannot be started ({error}): run it in another terminal"
    ))
}

/// Runs a verb that asks nothing, and gives what it prints.
pub async fn printed(home: &Path, outside: Outside) -> Printed {
    let ran = run_quietly(home, &outside).await;
    let (text, failed) = ran.unwrap_or_else(|error| (not_started(&error).sentence, true));
    Printed {
        title: format!("{} {}", outside.verb, outside.words)
            .trim_end()
            .to_owned(),
        text,
        failed,
    }
}

async fn run_quietly(home: &Path, outside: &Outside) -> std::io::Result<(String, bool)> {
    let mut command = command(home, outside)?;
    command.arg("--no-input");
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err) = tokio::try_join!(all(out), all(err))?;
    let status = child.wait().await?;
    let text = [out, err].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok((text, !status.success()))
}

/// All that is written, of which the beginning is kept.
async fn all(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if let Some(mut from) = from {
        (&mut from)
            .take(SHOWN_BYTES_MAX)
            .read_to_end(&mut text)
            .await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(text)
}

/// How a verb at the terminal ended.
pub enum Ran {
    Ended(ExitStatus),
    /// A signal asks for the end of everything.
    Signalled,
}

/// Runs a verb at the terminal, which is its own until it ends.
pub async fn at_terminal(
    home: &Path,
    outside: &Outside,
    signals: &mut Signals,
) -> Result<Ran, Failure> {
    let mut child = command(home, outside)
        .and_then(|mut command| command.spawn())
        .map_err(|error| not_started(&error))?;
    ended(&mut child, signals)
        .await
        .map_err(|error| not_started(&error))
}

async fn ended(child: &mut Child, signals: &mut Signals) -> std::io::Result<Ran> {
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map(Ran::Ended),
            signal = signals.next() => {
                // An interrupt at the terminal is for the verb, which has got it too.
                if signal != crate::exit::Silent::Signal(crate::signals::SIGINT) {
                    child.kill().await?;
                    return Ok(Ran::Signalled);
                }
            }
        }
    }
}

/// Leaves what a verb has said on the screen until a key is pressed. Gives the reader of keys.
pub async fn until_a_key(signals: &mut Signals) -> Keys {
    let mut err = std::io::stderr();
    drop(writeln!(err, "\nAny key goes back to the conversations.").and_then(|()| err.flush()));
    let raw = enable_raw_mode().is_ok();
    let mut keys = Keys::read();
    loop {
        tokio::select! {
            _ = signals.next() => break,
            event = keys.next() => if matches!(event, None | Some(Event::Key(_))) { break },
        }
    }
    if raw {
        drop(disable_raw_mode());
    }
    keys
}

//! Questions to the person at the terminal, and the terminal left as it was.

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use subrosa_client::Failure;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// How the terminal was before a prompt or a screen changed it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// A screen of our own covers the terminal's.
static COVERED: AtomicBool = AtomicBool::new(false);

mod keys;

pub use keys::Keys;

/// Whether somebody can be asked.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && File::open("/dev/tty").is_ok()
}

/// Remembers how the terminal is.
pub fn remember() {
    let terminal = File::open("/dev/tty").ok();
    let state = terminal.and_then(|terminal| tcgetattr(terminal).ok());
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = state;
}

/// Covers the terminal with a screen of our own, keys coming one by one; with the mouse and what
/// has the person's attention, if wanted.
pub fn cover(mouse: bool) -> Result<(), Failure> {
    if COVERED.swap(true, Ordering::Relaxed) {
        // The shell may have had the terminal meanwhile, and crossterm makes raw only what it does not take for raw.
        // What is put back in the end is still what was there before the first time.
        drop(disable_raw_mode());
    } else {
        remember();
    }
    let covered = enable_raw_mode().and_then(|()| {
        execute!(
            std::io::stdout(),
            EnterAlternateScreen,
            EnableBracketedPaste
        )?;
        if mouse {
            execute!(std::io::stdout(), EnableMouseCapture, EnableFocusChange)?;
        }
        Ok(())
    });
    covered.map_err(|error| {
        restore();
        Failure::user(format!(
            "the terminal cannot be drawn on ({error}): use --no-input"
        ))
    })
}

/// Whether a screen of our own covers the terminal.
pub fn is_covered() -> bool {
    COVERED.load(Ordering::Relaxed)
}

/// Puts the terminal back, if something changed it. Called on every way out.
pub fn restore() {
    if COVERED.swap(false, Ordering::Relaxed) {
        // Told, so that it makes the terminal raw again the next time.
        drop(disable_raw_mode());
        drop(execute!(
            std::io::stdout(),
            DisableFocusChange,
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        ));
    }
    let state = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(state) = state
        && let Ok(terminal) = File::open("/dev/tty")
    {
        let _ = tcsetattr(terminal, OptionalActions::Now, &state);
    }
}

/// Reads a terminal on a thread of its own, which the end of the process does not wait for.
fn apart<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || tell.send(read()));
    told
}

/// Asks for a line; an empty answer means the proposal.
pub async fn ask(question: &str, proposal: &str) -> anyhow::Result<String> {
    let mut err = std::io::stderr();
    drop(write!(err, "{question} [{proposal}]: ").and_then(|()| err.flush()));
    // Through the same buffer that the chat reads from later: what is typed ahead is not lost.
    let read = apart(|| {
        let mut line = String::new();
        std::io::stdin()
            .read_line(&mut line)
            .map(|count| (count, line))
    });
    let (count, line) = read.await?.map_err(|error| {
        Failure::user(format!(
            "the terminal cannot be read ({error}): use --no-input"
        ))
    })?;
    if count == 0 {
        return Err(Failure::user("no answer was given; nothing was done").into());
    }
    let answer = line.trim();
    Ok(if answer.is_empty() { proposal } else { answer }.to_owned())
}

/// Asks for a secret without showing it.
pub async fn ask_secret(question: &str) -> anyhow::Result<Zeroizing<String>> {
    remember();
    let question = format!("{question}: ");
    let asked = apart(move || rpassword::prompt_password(question).map(Zeroizing::new));
    let answer = asked.await?;
    restore();
    answer.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => crate::exit::Silent::Signal(2).into(),
        ErrorKind::UnexpectedEof => Failure::user("no answer was given; nothing was done").into(),
        _ => Failure::user(format!(
            "the terminal cannot be read ({error}): give the secret by a file instead"
        ))
        .into(),
    })
}

/// Asks for a new secret twice.
pub async fn ask_new_secret(what: &str) -> anyhow::Result<Zeroizing<String>> {
    let first = ask_secret(&format!("New {what}")).await?;
    let second = ask_secret(&format!("The same {what} again")).await?;
    if *first == *second {
        Ok(first)
    } else {
        Err(Failure::user(format!(
            "the two were not the same: run the command again to choose a {what}"
        ))
        .into())
    }
}

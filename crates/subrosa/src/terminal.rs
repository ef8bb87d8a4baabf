//! Questions to the person at the terminal, and the terminal left as it was.

use crossterm::cursor::{MoveTo, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
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

/// Lets another program ask and answer on the screen that covers the terminal's, where nothing of it stays behind.
pub fn lend() {
    drop(disable_raw_mode());
    drop(execute!(
        std::io::stdout(),
        DisableFocusChange,
        DisableMouseCapture,
        DisableBracketedPaste,
        Clear(ClearType::All),
        MoveTo(0, 0),
        Show
    ));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// At a terminal of its own, started by the test below.
    #[test]
    #[ignore = "is run by a_panic_leaves_the_terminal_as_it_was"]
    fn a_defect_while_covered() {
        crate::exit::on_panic();
        cover(true).unwrap();
        println!("here it breaks");
        panic!("what somebody wrote");
    }

    #[test]
    fn a_panic_leaves_the_terminal_as_it_was() {
        let this = std::env::current_exe().unwrap();
        let script = format!(
            "stty sane; {} --exact terminal::tests::a_defect_while_covered --ignored --nocapture --test-threads=1; echo code $?; stty -a",
            this.display()
        );
        let done = Command::new("script")
            .args(["-q", "-e", "-c", &script, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&done.stdout);
        let (covered, after) = shown.split_once("here it breaks").unwrap();
        assert!(covered.contains("\u{1b}[?1049h"), "{shown}");
        for sane in [
            "\u{1b}[?1049l",
            "\u{1b}[?2004l",
            "code 2",
            " icanon",
            " echo ",
        ] {
            assert!(after.contains(sane), "{sane} in {shown}");
        }
        assert!(after.contains("a defect in"), "{shown}");
        assert!(!shown.contains("what somebody wrote"), "{shown}");
    }
}

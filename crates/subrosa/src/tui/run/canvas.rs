//! The terminal.

use super::undrawable;
use crate::terminal;
use crate::tui::app::App;
use crate::tui::event::Event;
use crate::tui::widgets;
use crossterm::event as term;
use crossterm::execute;
use crossterm::terminal::{Clear, ClearType};
use data_encoding::BASE64;
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use rustix::process::{Signal, getpid, kill_process};
use std::io::{Stdout, Write};
use std::time::Duration;
use subrosa_client::Failure;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

/// A process that nobody can continue does not stop; it goes on after this.
const STOP: Duration = Duration::from_millis(300);
/// Terminals drop longer texts.
const COPY_BYTES_MAX: usize = 74_994;

/// The terminal, covered.
pub struct Canvas {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Canvas {
    pub fn open() -> anyhow::Result<Self> {
        terminal::cover(true)?;
        let terminal = fresh().inspect_err(|_| terminal::restore())?;
        Ok(Self { terminal })
    }

    pub fn size(&self) -> (u16, u16) {
        self.terminal
            .size()
            .map_or((80, 24), |size| (size.width, size.height))
    }

    pub fn draw(&mut self, app: &App) -> Result<(), Failure> {
        self.show(|frame| widgets::draw(frame, app))
    }

    /// Shows a picture.
    pub fn show(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        let drawn = self.terminal.draw(draw);
        drawn.map(drop).map_err(|error| undrawable(&error))
    }

    /// Puts a text into the clipboard of the terminal, if it lets programs do that (OSC 52).
    pub fn copy(&mut self, text: &str) -> Result<(), Failure> {
        if text.len() > COPY_BYTES_MAX {
            return Ok(());
        }
        self.write(&format!(
            "\u{1b}]52;c;{}\u{7}",
            BASE64.encode(text.as_bytes())
        ))
    }

    pub fn bell(&mut self) -> Result<(), Failure> {
        self.write("\u{7}")
    }

    fn write(&mut self, sequence: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        let written = out
            .write_all(sequence.as_bytes())
            .and_then(|()| out.flush());
        written.map_err(|error| undrawable(&error))
    }

    /// Gives the terminal back to the shell until it continues this process.
    pub async fn suspend(&mut self) -> anyhow::Result<()> {
        let mut continued = continued()?;
        terminal::restore();
        if kill_process(getpid(), Signal::TSTP).is_ok() {
            tokio::select! {
                _ = continued.recv() => {}
                () = tokio::time::sleep(STOP) => {}
            }
        }
        self.cover_again()
    }

    /// The shell has had the terminal meanwhile.
    pub fn cover_again(&mut self) -> anyhow::Result<()> {
        terminal::cover(true)?;
        // `Terminal::clear` asks where the cursor is, and the thread that reads keys would take the answer.
        self.terminal = fresh()?;
        Ok(())
    }
}

/// A terminal of which nothing is drawn yet.
fn fresh() -> Result<Terminal<CrosstermBackend<Stdout>>, Failure> {
    let cleared = execute!(std::io::stdout(), Clear(ClearType::All));
    let terminal = cleared.and_then(|()| Terminal::new(CrosstermBackend::new(std::io::stdout())));
    terminal.map_err(|error| undrawable(&error))
}

/// Watches for being continued.
pub fn continued() -> anyhow::Result<Signals> {
    let watched = signal(SignalKind::from_raw(Signal::CONT.as_raw()));
    Ok(watched.map_err(|error| {
        Failure::defect(format!(
            "signals cannot be watched ({error}); run the command again"
        ))
    })?)
}

/// What the terminal tells, if it means anything here.
pub fn event(event: term::Event) -> Option<Event> {
    Some(match event {
        term::Event::Key(key) if key.kind != term::KeyEventKind::Release => Event::Key(key),
        term::Event::Key(_) => return None,
        term::Event::Mouse(mouse) => Event::Mouse(mouse),
        term::Event::Paste(text) => Event::Paste(text),
        term::Event::Resize(columns, rows) => Event::Size(columns, rows),
        term::Event::FocusGained => Event::Focus(true),
        term::Event::FocusLost => Event::Focus(false),
    })
}

//! A locked home: nothing is shown until its passphrase is given.

use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::composer::Composer;
use crate::tui::event::{Ask, Effect};
use crate::tui::screens::Screen;
use crate::tui::talks::Talks;
use crate::tui::theme::Ink;
use crate::tui::widgets::popup::{self, Popup};
use ratatui::Frame;
use ratatui::widgets::Clear;
use subrosa_client::{Command, LinkState, Passphrase};
use zeroize::Zeroizing;

const COLUMNS: u16 = 60;
/// Longest passphrase that is typed, in bytes; with its space from the start it leaves no copies behind.
const PASSPHRASE_BYTES_MAX: usize = 1_024;

/// What is typed.
pub struct Locked {
    typed: Zeroizing<String>,
    wrong: Option<String>,
    /// The passphrase is being tried.
    trying: bool,
}

impl std::fmt::Debug for Locked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Locked(redacted)")
    }
}

impl Default for Locked {
    fn default() -> Self {
        Self {
            typed: field(),
            wrong: None,
            trying: false,
        }
    }
}

fn field() -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(PASSPHRASE_BYTES_MAX))
}

impl Locked {
    pub fn push(&mut self, text: &str) {
        if self.typed.len() + text.len() <= PASSPHRASE_BYTES_MAX {
            self.typed.push_str(text);
        }
    }

    pub fn erase(&mut self) {
        self.typed.pop();
    }
}

impl App {
    /// Forgets all that was read, drafts too, and asks for the passphrase.
    pub(in crate::tui) fn lock(&mut self) {
        if self.shut {
            return;
        }
        self.shut = true;
        self.wanted = self.open.take().map(|open| open.name);
        self.talks = Talks::of(&self.own);
        self.listed = false;
        self.composer = Composer::default();
        self.drafts.clear();
        self.proposals = crate::tui::complete::Proposals::default();
        self.alarms.clear();
        self.said = None;
        self.reading = false;
        self.join_line = None;
        self.link = LinkState::Connecting;
        self.screen = Screen::Locked(Locked::default());
    }

    /// Tries the passphrase that was typed.
    pub(in crate::tui) fn unlock(&mut self) {
        let Screen::Locked(locked) = &mut self.screen else {
            return;
        };
        if locked.trying || locked.typed.is_empty() {
            return;
        }
        locked.trying = true;
        locked.wrong = None;
        let passphrase = Passphrase::from(std::mem::replace(&mut locked.typed, field()));
        self.ask(Ask::Unlock, Command::Unlock { passphrase });
    }

    pub(in crate::tui) fn not_unlocked(&mut self, why: &str) {
        if let Screen::Locked(locked) = &mut self.screen {
            locked.trying = false;
            locked.wrong = Some(why.to_owned());
        }
    }

    /// Nothing leads past the question for the passphrase, but to leave.
    pub(in crate::tui) fn stay_locked(&mut self) {
        if self.shut && !matches!(self.screen, Screen::Locked(_) | Screen::Leaving) {
            self.screen = Screen::Locked(Locked::default());
        }
    }

    /// Somebody else may have opened it.
    pub(in crate::tui) fn look_whether_open(&mut self) {
        if self.shut {
            self.ask(Ask::Open, Command::Status {});
        }
    }

    /// The home is open again.
    pub(in crate::tui) fn unlocked(&mut self) {
        if !self.shut {
            return;
        }
        self.shut = false;
        self.screen = Screen::Chat;
        self.effects.push(Effect::Subscribe);
        self.ask(Ask::Account, Command::Status {});
        self.ask(Ask::Talks, Command::Conversations {});
        self.ask_keys();
    }
}

pub fn draw(frame: &mut Frame<'_>, app: &App, locked: &Locked) {
    let whole = frame.area();
    frame.render_widget(Clear, whole);
    let popup = Popup {
        title: "locked",
        foot: "Enter open · Ctrl+C leave",
        ink: Ink::Line,
    };
    let dots = "•".repeat(locked.typed.chars().count().min(usize::from(COLUMNS) - 8));
    let mut lines = vec![
        (
            Ink::Text,
            "The passphrase of this home opens it again, for all that run in it:".to_owned(),
        ),
        (Ink::Text, String::new()),
        (Ink::Title, format!("› {dots}")),
    ];
    if locked.trying {
        lines.push((Ink::Good, "trying it …".to_owned()));
    } else if let Some(wrong) = &locked.wrong {
        lines.push((Ink::Warn, harmless(wrong).into_owned()));
    }
    popup::text(frame, app, &popup, COLUMNS, &lines);
}

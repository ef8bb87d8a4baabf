//! What covers the conversation, one file each: its state, its keys, and how it is drawn.

mod confirm;
mod locked;
mod members;
mod number;
mod page;
pub mod pages;
mod search;
mod sheet;
mod switcher;

pub use locked::Locked;
pub use members::Members;
pub use page::Page;
pub use search::Search;
pub use switcher::Switcher;

use super::app::App;
use super::event::{Ask, Effect};
use super::keys::{Action, Place, action, typed};
use crossterm::event::KeyEvent;
use ratatui::Frame;
use subrosa_client::{Command, VerificationView};
use zeroize::Zeroizing;

/// What is shown.
#[derive(Debug)]
pub enum Screen {
    /// The conversation.
    Chat,
    Switcher(Switcher),
    Search(Box<Search>),
    Members(Members),
    /// A safety number.
    Number(Box<VerificationView>),
    Page(Page),
    /// The sheet of a new account, shown once.
    Sheet(Sheet),
    /// A question before something that cannot be undone.
    Confirm {
        question: String,
        then: Box<(Ask, Command)>,
    },
    /// The question before the server is stopped.
    Leaving,
    /// The home is locked.
    Locked(Locked),
}

/// A text with secrets.
pub struct Sheet(pub Zeroizing<String>);

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sheet(redacted)")
    }
}

impl Screen {
    /// Whether the conversation is seen beside it.
    pub const fn shows_chat(&self) -> bool {
        matches!(self, Self::Chat)
    }
}

impl App {
    /// Asks before something that cannot be undone.
    pub(super) fn confirm(&mut self, question: String, then: (Ask, Command)) {
        self.screen = Screen::Confirm {
            question,
            then: Box::new(then),
        };
    }

    pub(super) fn pressed_alarm(&mut self, key: KeyEvent) {
        match action(&[Place::Everywhere, Place::List], key) {
            Some(Action::Quit) => self.quit(),
            Some(Action::Suspend) => self.effects.push(Effect::Suspend),
            Some(Action::Send) => self.hush(),
            _ => {}
        }
    }

    /// A key on any screen but the conversation's.
    pub(super) fn pressed_screen(&mut self, key: KeyEvent) {
        match action(&[Place::Everywhere, Place::List], key) {
            Some(Action::Quit) => self.quit(),
            Some(Action::Suspend) => self.effects.push(Effect::Suspend),
            Some(Action::Redraw) => self.effects.push(Effect::Redraw),
            Some(Action::Help | Action::Leave) if matches!(self.screen, Screen::Locked(_)) => {}
            Some(Action::Help) => self.help(),
            Some(Action::Leave) => self.screen = Screen::Chat,
            Some(action) => self.act_on_screen(action),
            None => {
                if let Some(c) = typed(key) {
                    self.typed_on_screen(&c.to_string());
                } else if action(&[Place::Writing], key)
                    == Some(Action::Edit(super::composer::Edit::Backspace))
                {
                    self.erase_on_screen();
                }
            }
        }
    }

    fn act_on_screen(&mut self, action: Action) {
        match (&mut self.screen, action) {
            (Screen::Sheet(_), Action::Send) => self.screen = Screen::Chat,
            (Screen::Locked(_), Action::Send) => self.unlock(),
            (Screen::Leaving, Action::Send) => self.effects.push(Effect::Quit),
            (Screen::Confirm { then, .. }, Action::Send) => {
                let (ask, command) = (then.0.clone(), then.1.clone());
                self.screen = Screen::Chat;
                self.ask(ask, command);
            }
            (Screen::Switcher(_), Action::Send) => self.switch(),
            (Screen::Search(_), Action::Send) => self.jump(),
            (Screen::Members(_), Action::Send) => self.about_member(),
            (Screen::Page(_) | Screen::Number(_), Action::Send) => self.screen = Screen::Chat,
            (Screen::Switcher(switcher), Action::Up) => switcher.step(false),
            (Screen::Switcher(switcher), Action::Down) => switcher.step(true),
            (Screen::Search(search), Action::Up) => search.step(false),
            (Screen::Search(search), Action::Down) => search.step(true),
            (Screen::Members(members), Action::Up) => members.step(false),
            (Screen::Members(members), Action::Down) => members.step(true),
            (_, Action::Up) => self.scroll_screen(false),
            (_, Action::Down) => self.scroll_screen(true),
            (Screen::Page(page), Action::PageUp) => {
                page.scroll(false, usize::from(self.size.1) / 2)
            }
            (Screen::Page(page), Action::PageDown) => {
                page.scroll(true, usize::from(self.size.1) / 2)
            }
            _ => {}
        }
    }

    pub(super) fn scroll_screen(&mut self, forward: bool) {
        match &mut self.screen {
            Screen::Page(page) => page.scroll(forward, 1),
            Screen::Switcher(switcher) => switcher.step(forward),
            Screen::Search(search) => search.step(forward),
            Screen::Members(members) => members.step(forward),
            _ => {}
        }
    }

    /// A click on a line of a screen; only lists have something there.
    pub(super) fn clicked_screen(&mut self, row: u16) {
        let rows = self.size.1;
        let chosen = match &mut self.screen {
            Screen::Switcher(switcher) => switcher.choose_line(row, rows),
            Screen::Search(search) => search.choose_line(row, rows),
            _ => false,
        };
        if chosen {
            self.act_on_screen(Action::Send);
        }
    }

    /// Letters on a screen: into its field, or what they stand for there.
    pub(super) fn typed_on_screen(&mut self, text: &str) {
        let line: String = text.chars().filter(|c| !c.is_control()).collect();
        match &mut self.screen {
            Screen::Switcher(switcher) => {
                switcher.typed.push_str(&line);
                switcher.find(&self.talks);
            }
            Screen::Search(search) => {
                search.typed.push_str(&line);
                self.search_anew();
            }
            Screen::Locked(locked) => locked.push(&line),
            Screen::Number(_) => self.compare(&line),
            Screen::Page(page) if line == "j" || line == "k" => page.scroll(line == "j", 1),
            Screen::Page(_) | Screen::Members(_) if line == "q" => self.screen = Screen::Chat,
            _ => {}
        }
    }

    fn erase_on_screen(&mut self) {
        match &mut self.screen {
            Screen::Locked(locked) => locked.erase(),
            Screen::Switcher(switcher) => {
                switcher.typed.pop();
                switcher.find(&self.talks);
            }
            Screen::Search(search) => {
                search.typed.pop();
                self.search_anew();
            }
            _ => {}
        }
    }
}

/// Draws what covers the conversation.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    match &app.screen {
        Screen::Chat => {}
        Screen::Switcher(switcher) => switcher::draw(frame, app, switcher),
        Screen::Search(search) => search::draw(frame, app, search),
        Screen::Members(members) => members::draw(frame, app, members),
        Screen::Number(view) => number::draw(frame, app, view),
        Screen::Page(page) => page::draw(frame, app, page),
        Screen::Sheet(text) => sheet::draw(frame, app, text),
        Screen::Confirm { question, .. } => confirm::draw(frame, app, question),
        Screen::Leaving => confirm::draw_leaving(frame, app),
        Screen::Locked(locked) => locked::draw(frame, app, locked),
    }
    if let Some(alarm) = app.ringing() {
        confirm::draw_alarm(frame, app, alarm);
    }
}

//! Keys and pastes.

use crate::tui::app::App;
use crate::tui::complete::{Proposals, proposals};
use crate::tui::composer::{About, Edit};
use crate::tui::event::{Ask, Effect};
use crate::tui::keys::{Action, Place, action, typed};
use crate::tui::screens::Screen;
use crossterm::event::KeyEvent;
use subrosa_client::Command;
use subrosa_proto::limits::TEXT_BYTES_MAX;

/// The others are told so often that this person still types.
const TYPING_MS: u64 = 4_000;

impl App {
    pub(in crate::tui) fn pressed(&mut self, key: KeyEvent) {
        if self.ringing().is_some() {
            return self.pressed_alarm(key);
        }
        if !matches!(self.screen, Screen::Chat) {
            return self.pressed_screen(key);
        }
        let mode = if self.reading {
            Place::Reading
        } else {
            Place::Writing
        };
        match action(&[Place::Everywhere, Place::Chat, mode], key) {
            Some(action) => self.act(action),
            None => {
                if let Some(c) = typed(key).filter(|_| !self.reading) {
                    self.typed(&c.to_string());
                }
            }
        }
    }

    pub(in crate::tui) fn pasted(&mut self, text: &str) {
        match &mut self.screen {
            Screen::Chat => {
                self.reading = false;
                self.typed(text);
            }
            _ => self.typed_on_screen(text),
        }
    }

    fn typed(&mut self, text: &str) {
        if self.composer.text().len() + text.len() > TEXT_BYTES_MAX {
            return self
                .complain("that is longer than a message may be (48 KiB): send it in parts");
        }
        self.composer.insert(text);
        self.propose();
        self.start_typing();
    }

    fn propose(&mut self) {
        self.proposed = None;
        self.proposals = proposals(&self.composer, &self.talks);
    }

    fn start_typing(&mut self) {
        let text = self.composer.text();
        let is_command = text.starts_with('/') && !text.starts_with("//");
        let speaks = !text.is_empty() && !is_command;
        let due = self.clock.now_ms >= self.typing_told_ms.saturating_add(TYPING_MS);
        if let Some(open) = &self.open
            && speaks
            && due
            && !open.conv.is_empty()
        {
            let conversation = open.name.clone();
            self.typing_told_ms = self.clock.now_ms;
            self.ask(
                Ask::Quietly,
                Command::Typing {
                    conversation,
                    typing: true,
                },
            );
        }
    }

    pub(in crate::tui) fn stop_typing(&mut self, conversation: &str) {
        if self.typing_told_ms > 0 {
            self.typing_told_ms = 0;
            let conversation = conversation.to_owned();
            self.ask(
                Ask::Quietly,
                Command::Typing {
                    conversation,
                    typing: false,
                },
            );
        }
    }

    /// What an action does in the conversation.
    pub(in crate::tui) fn act(&mut self, action: Action) {
        match action {
            Action::Quit => self.quit(),
            Action::Suspend => self.effects.push(Effect::Suspend),
            Action::Help => self.help(),
            Action::Switcher => self.switcher(),
            Action::Search => self.search(""),
            Action::Members => self.members(),
            Action::NextUnread => self.next_unread(),
            Action::Nth(nth) => self.go_to_nth(nth),
            Action::NextTalk => self.step_talk(true),
            Action::PreviousTalk => self.step_talk(false),
            Action::PageUp => self.page(false),
            Action::PageDown => self.page(true),
            Action::ToTop | Action::ToEnd | Action::ChooseUp | Action::ChooseDown => {
                self.go(action)
            }
            Action::Redraw => self.effects.push(Effect::Redraw),
            Action::Send => self.enter(),
            Action::Edit(edit) => self.edit(edit),
            Action::Up => {
                let width = self.areas().typed_width();
                self.composer.up(width);
                self.proposals = Proposals::default();
            }
            Action::Down => {
                let width = self.areas().typed_width();
                self.composer.down(width);
            }
            Action::Complete => self.complete(),
            Action::Leave | Action::Read => self.escape(),
            Action::Write => self.write(),
            Action::Command => {
                self.write();
                self.typed("/");
            }
            Action::Reply
            | Action::React
            | Action::EditChosen
            | Action::Delete
            | Action::Copy
            | Action::Info => {
                self.act_on_chosen(action);
            }
        }
    }

    fn edit(&mut self, edit: Edit) {
        self.composer.apply(edit);
        self.propose();
        if self.composer.is_empty() {
            let open = self.open.as_ref().map(|open| open.name.clone());
            open.into_iter().for_each(|name| self.stop_typing(&name));
        }
    }

    /// Puts the first proposal in, and with every further press the next one.
    fn complete(&mut self) {
        let count = self.proposals.list.len();
        if count == 0 {
            return;
        }
        let at = self.proposed.map_or(0, |at| (at + 1) % count);
        if let Some(proposal) = self.proposals.list.get(at) {
            let with = proposal.with.clone();
            self.composer.replace(self.proposals.replaces, &with);
            self.proposals.replaces = with.len();
            self.proposed = Some(at);
        }
        if count == 1 {
            self.propose();
        }
    }

    /// One step back: proposals, then what the text is about, then reading.
    fn escape(&mut self) {
        if !self.proposals.list.is_empty() {
            self.proposals = Proposals::default();
        } else if self.composer.about.is_some() {
            self.composer.leave();
        } else {
            self.reading = true;
            let (fit, clock) = (self.fit(), self.clock.clone());
            if let Some(open) = &mut self.open
                && open.chosen.is_none()
            {
                open.choose(false, fit, &clock);
            }
        }
    }

    pub(in crate::tui) fn write(&mut self) {
        self.reading = false;
        if let Some(open) = &mut self.open {
            open.chosen = None;
        }
    }

    fn page(&mut self, forward: bool) {
        let (fit, clock) = (self.fit(), self.clock.clone());
        let lines = fit.height.saturating_sub(2).max(1);
        self.scroll(forward, lines, &clock);
    }

    pub(in crate::tui) fn scroll(
        &mut self,
        forward: bool,
        lines: usize,
        clock: &crate::tui::clock::Clock,
    ) {
        let fit = self.fit();
        if let Some(open) = &mut self.open {
            if forward {
                open.down(lines, fit, clock);
            } else {
                open.up(lines, fit, clock);
            }
        }
    }

    fn go(&mut self, action: Action) {
        let (fit, clock) = (self.fit(), self.clock.clone());
        if action == Action::ToEnd {
            return self.go_to_end();
        }
        let Some(open) = &mut self.open else { return };
        match action {
            Action::ToTop => open.go_to_top(fit, &clock),
            Action::ChooseDown => open.choose(true, fit, &clock),
            _ => open.choose(false, fit, &clock),
        }
    }

    fn next_unread(&mut self) {
        let open = self.open.as_ref().map(|open| open.name.clone());
        match self
            .talks
            .next_unread(open.as_deref())
            .map(|talk| talk.name.clone())
        {
            Some(name) => self.open(&name),
            None => self.say("nothing else is unread"),
        }
    }

    fn go_to_nth(&mut self, nth: usize) {
        if let Some(name) = self.talks.list().get(nth).map(|talk| talk.name.clone()) {
            self.open(&name);
        }
    }

    fn step_talk(&mut self, forward: bool) {
        let list = self.talks.list();
        let open = self.open.as_ref().map(|open| open.name.as_str());
        let at = list
            .iter()
            .position(|talk| Some(talk.name.as_str()) == open);
        let to = match (at, forward) {
            (None, _) => 0,
            (Some(at), true) => at + 1,
            (Some(at), false) => at.saturating_sub(1),
        };
        if let Some(name) = list.get(to).map(|talk| talk.name.clone()) {
            self.open(&name);
        }
    }

    /// What is done about the chosen message; without one, about the last.
    fn act_on_chosen(&mut self, action: Action) {
        let own = matches!(action, Action::EditChosen | Action::Delete | Action::Info);
        let Some(open) = &self.open else { return };
        let Some(entry) = open
            .chosen()
            .or_else(|| open.last_of(own))
            .filter(|entry| entry.is_message())
        else {
            return self.complain("there is no message for that here");
        };
        match action {
            Action::Reply => {
                self.composer.reply_to(entry);
                self.reading = false;
            }
            Action::EditChosen if entry.row.own => {
                self.composer.edit(entry);
                self.reading = false;
            }
            Action::EditChosen => self.complain("only your own messages can be edited"),
            Action::React => {
                self.reading = false;
                self.composer.set("/react :");
                self.propose();
            }
            Action::Copy => {
                if let subrosa_client::RowKind::Text { text } = &entry.row.what {
                    let text = text.clone();
                    self.effects.push(Effect::Copy(text));
                    self.say("copied");
                }
            }
            Action::Info => self.receipts(),
            _ => self.delete(),
        }
    }

    /// Whether what is typed answers or changes a message.
    pub(in crate::tui) fn about(&self) -> Option<&About> {
        self.composer.about.as_ref()
    }
}

//! What the client tells.

use crate::tui::app::App;
use crate::tui::event::{Ask, Effect};
use subrosa_client::{Command, LinkState, Notice};

impl App {
    pub(in crate::tui) fn noticed(&mut self, notice: Notice) {
        let seen = match &notice {
            Notice::Row(row) => self.sees(&row.conv),
            _ => false,
        };
        let stale = self.talks.notice(&notice, seen);
        if stale || matches!(notice, Notice::Joined(_)) {
            self.ask(Ask::Talks, Command::Conversations {});
        }
        match notice {
            Notice::Row(row) => {
                if !row.own && row.beside.names_you && !seen {
                    self.effects.push(Effect::Bell);
                }
                if let Some(open) = &mut self.open {
                    if open.conv.is_empty() && open.name == row.conversation {
                        open.conv.clone_from(&row.conv);
                    }
                    if open.conv == row.conv {
                        open.arrived(row);
                    }
                }
            }
            Notice::Changed(row) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.conv == row.conv) {
                    open.changed(row);
                }
            }
            Notice::State {
                cursor,
                state,
                position,
                ..
            } => {
                if let Some(open) = &mut self.open {
                    open.state(cursor, state, position);
                }
            }
            Notice::Checked { conversation } => {
                if let Some(open) = self.open.as_mut().filter(|open| open.name == conversation) {
                    open.checked();
                }
            }
            Notice::Link(state) => self.linked(state),
            Notice::Warning { sentence } => {
                self.complain(sentence);
                self.effects.push(Effect::Bell);
                self.ask_keys();
            }
            Notice::Joined(talk) => {
                if self.open.is_none() && !self.talks.is_own(&talk) {
                    self.join_line = None;
                    self.open(&talk.name);
                }
            }
            Notice::Unread { .. } | Notice::Typing { .. } => {}
        }
    }

    fn linked(&mut self, state: LinkState) {
        let before = std::mem::replace(&mut self.link, state);
        match &self.link {
            LinkState::Online if matches!(before, LinkState::Offline { .. }) => {
                self.say("the server is in reach again");
            }
            LinkState::Online => self.ask(Ask::Talks, Command::Conversations {}),
            LinkState::Refused { cause } => {
                let cause = cause.clone();
                self.complain(cause);
            }
            LinkState::Connecting | LinkState::Offline { .. } => {}
        }
    }
}

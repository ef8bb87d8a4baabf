//! The list of conversations.

use std::collections::BTreeMap;
use subrosa_client::{ConversationView, Notice, Row, Trust};

/// All conversations, those first in which something was said last.
#[derive(Debug, Default)]
pub struct Talks {
    list: Vec<ConversationView>,
    /// This account's name: the conversation with oneself stands last.
    own: String,
    /// Who types where, by the conversation's id.
    typers: BTreeMap<String, Vec<String>>,
}

impl Talks {
    pub fn of(own: &str) -> Self {
        Self {
            own: own.to_owned(),
            ..Self::default()
        }
    }

    /// Whose list it is.
    pub fn named(&mut self, own: &str) {
        own.clone_into(&mut self.own);
        self.sort();
    }

    pub fn list(&self) -> &[ConversationView] {
        &self.list
    }

    pub fn get(&self, name: &str) -> Option<&ConversationView> {
        self.list.iter().find(|talk| talk.name == name)
    }

    /// What a person means who leaves the sign away.
    pub fn meant(&self, typed: &str) -> Option<&ConversationView> {
        let exact = self.get(typed);
        exact.or_else(|| {
            let signed = |sign: char| format!("{sign}{typed}");
            self.get(&signed('@')).or_else(|| self.get(&signed('#')))
        })
    }

    /// Whether it is the conversation with oneself.
    pub fn is_own(&self, talk: &ConversationView) -> bool {
        talk.name.strip_prefix('@') == Some(&self.own)
    }

    /// The whole list, as the client has it.
    pub fn replace(&mut self, list: Vec<ConversationView>) {
        self.list = list;
        self.list.retain(|talk| !talk.blocked);
        self.sort();
    }

    fn sort(&mut self) {
        let own = format!("@{}", self.own);
        self.list.sort_by_key(|talk| {
            let last = talk.last.as_ref().map_or(0, |row| row.time_ms);
            let asks = waits_for_you(talk);
            (talk.name == own, !asks, std::cmp::Reverse(last))
        });
    }

    /// Takes in what concerns the list. Whether the client has to be asked for it anew.
    pub fn notice(&mut self, notice: &Notice, seen: bool) -> bool {
        match notice {
            Notice::Row(row) => return self.row(row, seen),
            Notice::Joined(talk) => {
                self.list.retain(|known| known.conv != talk.conv);
                self.list.push(talk.clone());
                self.sort();
            }
            Notice::Unread {
                conv,
                unread,
                unread_more,
                mentions,
                ..
            } => {
                if let Some(talk) = self.list.iter_mut().find(|talk| talk.conv == *conv) {
                    (talk.unread, talk.unread_more, talk.mentions) =
                        (*unread, *unread_more, *mentions);
                }
            }
            Notice::Typing {
                conv, from, typing, ..
            } => {
                let typers = self.typers.entry(conv.clone()).or_default();
                typers.retain(|known| known != from);
                if *typing {
                    typers.push(from.clone());
                }
            }
            Notice::Changed(row) => {
                if let Some(talk) = self.list.iter_mut().find(|talk| talk.conv == row.conv)
                    && talk
                        .last
                        .as_ref()
                        .is_some_and(|last| last.cursor == row.cursor)
                {
                    talk.last = Some(row.clone());
                }
            }
            Notice::State { .. }
            | Notice::Checked { .. }
            | Notice::Link(_)
            | Notice::Warning { .. } => {}
        }
        false
    }

    fn row(&mut self, row: &Row, seen: bool) -> bool {
        if let Some(typers) = self.typers.get_mut(&row.conv) {
            typers.retain(|from| *from != row.from);
        }
        let Some(talk) = self.list.iter_mut().find(|talk| talk.conv == row.conv) else {
            return true;
        };
        let newer = talk
            .last
            .as_ref()
            .is_none_or(|last| last.cursor < row.cursor);
        if !newer {
            return false;
        }
        // Somebody joined, accepted, was renamed: more of the list may be different now.
        let about = row.id.is_empty();
        if !row.own && !row.id.is_empty() && !seen {
            talk.unread_more |= talk.unread >= 99;
            talk.unread = (talk.unread + 1).min(99);
            talk.mentions += u64::from(row.beside.names_you);
        }
        talk.last = Some(row.clone());
        self.sort();
        about
    }

    /// The person looks at it: nothing of it is unread.
    pub fn read(&mut self, name: &str) {
        if let Some(talk) = self.list.iter_mut().find(|talk| talk.name == name) {
            (talk.unread, talk.unread_more, talk.mentions) = (0, false, 0);
        }
    }

    /// Who types in a conversation.
    pub fn typers(&self, conv: &str) -> &[String] {
        self.typers.get(conv).map_or(&[], Vec::as_slice)
    }

    /// The next one with something unread behind `after`, mentions and requests first.
    pub fn next_unread(&self, after: Option<&str>) -> Option<&ConversationView> {
        let at = after.and_then(|name| self.list.iter().position(|talk| talk.name == name));
        let (before, behind) = self.list.split_at(at.map_or(0, |at| at + 1));
        let round = || behind.iter().chain(before);
        let open = |talk: &&ConversationView| Some(talk.name.as_str()) != after && !talk.muted;
        let named = round().filter(open).find(|talk| talk.mentions > 0);
        named.or_else(|| {
            round()
                .filter(open)
                .find(|talk| talk.unread > 0 || waits_for_you(talk))
        })
    }
}

/// Somebody asks for a conversation, and this person has not decided.
pub fn waits_for_you(talk: &ConversationView) -> bool {
    talk.pending && talk.trust == Trust::Unverified && talk.last.as_ref().is_none_or(|row| !row.own)
}

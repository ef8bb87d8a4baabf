//! From lines of the store to rows that faces draw.

use super::talk::Talk;
use super::{Engine, EngineError};
use crate::store::{Desk, Line, StoreError};
use crate::view::{Beside, ContactView, ConversationView, Row, RowKind, SendState, Trust};
use subrosa_e2e::{Content, safety_number};
use subrosa_ledger::Conversation;
use subrosa_proto::{Form, limits};

/// A line holds a content's encoding.
pub(super) const LINE_CONTENT: u64 = 0;
/// A line holds words about the conversation.
pub(super) const LINE_INFO: u64 = 1;
/// A line stands for a message whose key is missing, and says why.
pub(super) const LINE_WAITING: u64 = 2;
/// A line stands for an event of a newer version and holds the number of its kind.
pub(super) const LINE_NEWER: u64 = 3;
/// A line stands for what cannot be shown any more, and says why.
pub(super) const LINE_GONE: u64 = 4;
/// A line holds the encoding of a content whose kind this build does not know.
pub(super) const LINE_UNKNOWN: u64 = 5;

pub(super) const fn send_state(number: u8) -> SendState {
    match number {
        0 => SendState::Queued,
        1 => SendState::Sending,
        2 => SendState::Sent,
        3 => SendState::Delivered,
        _ => SendState::Read,
    }
}

impl Engine {
    pub(super) fn row(&self, desk: &Desk<'_>, line: &Line) -> Result<Option<Row>, StoreError> {
        self.talks
            .get(&line.conversation)
            .filter(|talk| !self.silenced(talk))
            .map(|talk| self.row_in(desk, line, talk))
            .transpose()
    }

    /// The rows of lines.
    pub(super) fn rows(&self, desk: &Desk<'_>, lines: &[Line]) -> Result<Vec<Row>, StoreError> {
        let rows = lines
            .iter()
            .filter_map(|line| self.row(desk, line).transpose());
        rows.collect()
    }

    pub(super) fn row_in(
        &self,
        desk: &Desk<'_>,
        line: &Line,
        talk: &Talk,
    ) -> Result<Row, StoreError> {
        let (what, beside) = if self.settings.blocked(&line.account) {
            (RowKind::Hidden {}, Beside::default())
        } else {
            self.shown(desk, line)?
        };
        let arrived = time_of_arrival(line);
        Ok(Row {
            cursor: line.cursor,
            id: line
                .content
                .map(|content| content.to_string())
                .unwrap_or_default(),
            conversation: talk.name.clone(),
            conv: talk.id().to_string(),
            position: line.position,
            from: self.people.name_of(&line.account),
            own: line.account == self.account,
            time_ms: time_of(line),
            time_of_arrival: arrived.is_some(),
            state: line.state.map(send_state),
            checking: line
                .position
                .is_some_and(|position| talk.preview.contains_key(&position)),
            what,
            beside: Box::new(beside),
        })
    }

    /// What people call a conversation: `@name` for one person, oneself included.
    pub(super) fn conversation_name(&self, state: &Conversation) -> String {
        match state.form() {
            Form::Own => format!("@{}", self.people.name_of(&self.account)),
            Form::Direct => match state.peer(&self.account) {
                Some(peer) => format!("@{}", self.people.name_of(&peer)),
                None => "@?".to_owned(),
            },
            Form::Room => match self.rooms.told_name(&state.id()) {
                Some(told) => told.clone(),
                None => format!("#{:.8}", state.id().to_string()),
            },
        }
    }

    pub(super) fn conversation_view(
        &self,
        desk: &Desk<'_>,
        talk: &Talk,
    ) -> Result<ConversationView, EngineError> {
        let last = desk
            .lines_before(Some(talk.no), None, 1)?
            .first()
            .map(|line| self.row_in(desk, line, talk))
            .transpose()?;
        let peer = talk.state.peer(&self.account);
        // A room is open to whoever has joined it; somebody else's invitation into it is no trust.
        let asked = talk.waits_for_own(&self.account);
        let (pending, trust) = match (talk.state.form(), peer) {
            (Form::Room, _) if asked => (true, Trust::Unverified),
            (Form::Room, _) => (false, Trust::Verified),
            (_, peer) => (
                talk.state.members().any(|member| member.pending),
                self.people.trust_of(&peer.unwrap_or(self.account)),
            ),
        };
        let unread = self.unread(desk, talk)?;
        Ok(ConversationView {
            name: talk.name.clone(),
            conv: talk.id().to_string(),
            unread: unread.count,
            unread_more: unread.more,
            mentions: unread.mentions,
            muted: self.settings.muted(&talk.id()),
            blocked: self.silenced(talk),
            pending,
            trust,
            checking: !talk.preview.is_empty(),
            last,
        })
    }

    pub(super) fn contact_views(&self) -> Vec<ContactView> {
        let mut contacts: Vec<_> = self
            .people
            .iter()
            .filter(|person| person.account.id() != self.account)
            .map(|person| ContactView {
                name: self.people.name_of(&person.account.id()),
                account: person.account.id().to_string(),
                trust: self.people.trust_of(&person.account.id()),
                safety_number: safety_number(self.account, person.account.id()),
            })
            .collect();
        contacts.sort_by(|a, b| a.name.cmp(&b.name));
        contacts
    }
}

/// When a line arrived, if its author's clock says something far off.
fn time_of_arrival(line: &Line) -> Option<u64> {
    line.arrived_ms
        .filter(|arrived| arrived.abs_diff(line.author_ms) > limits::CLOCK_SKEW_MS)
}

/// The time that is shown of a line.
pub(super) fn time_of(line: &Line) -> u64 {
    time_of_arrival(line).unwrap_or(line.author_ms)
}

/// What a line shows by itself.
pub(super) fn what(line: &Line) -> RowKind {
    let words = || String::from_utf8_lossy(&line.body).into_owned();
    match line.kind {
        LINE_CONTENT | LINE_UNKNOWN => match Content::decode(&line.body) {
            Ok(content) => match content.text() {
                Some(text) => RowKind::Text {
                    text: text.to_owned(),
                },
                None => RowKind::Newer {
                    number: content.body.number(),
                },
            },
            Err(error) => RowKind::Gone {
                cause: error.to_string(),
            },
        },
        LINE_INFO => RowKind::Info { text: words() },
        LINE_WAITING => RowKind::WaitingForKey { cause: words() },
        LINE_NEWER => {
            let number = line
                .body
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte));
            RowKind::Newer { number }
        }
        _ => RowKind::Gone { cause: words() },
    }
}

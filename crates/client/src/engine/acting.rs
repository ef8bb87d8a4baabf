//! What is said about earlier contents, on its way out.
//!
//! It goes through the outbox like a text. Until the log has it, it is shown as if it had; when it
//! cannot be sent, the row reads again as before.

use super::expiring::step_of;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::store::{Amendment, AmendmentKind, Desk, Draft, Line, StoreError, Waiting};
use subrosa_e2e::{Body, Content, ContentRef, MessageMeta};
use subrosa_proto::ContentId;

impl Engine {
    /// Puts what is about a line into the outbox, and shows it. `deletes` is the position that an
    /// admin takes away.
    pub(super) fn enqueue_about(
        &mut self,
        turn: &mut Turn<'_>,
        caller: &str,
        line: &Line,
        content: &Content,
        deletes: Option<u64>,
    ) -> Result<i64, EngineError> {
        let no = line.conversation;
        let body = content
            .encode()
            .map_err(|error| EngineError::Secrets(error.to_string()))?;
        let seq = turn.desk.add_draft(&Draft {
            caller,
            conversation: no,
            content: content.id,
            body: &body,
            cursor: None,
            timer: None,
        })?;
        turn.desk.set_draft_about(seq, line.cursor, deletes)?;
        if let Some(waiting) = self.waiting_amendment(line, content, deletes) {
            turn.desk.put_amendment(no, &waiting)?;
            self.tell_changed_in(turn, line)?;
        }
        self.pump(turn, no)?;
        Ok(seq)
    }

    /// What is shown of it meanwhile.
    fn waiting_amendment(
        &self,
        line: &Line,
        content: &Content,
        deletes: Option<u64>,
    ) -> Option<Amendment> {
        let (kind, body) = match &content.body {
            Body::Edit(edit) => (AmendmentKind::Edit, edit.text.clone()),
            Body::Reaction(reaction) => (AmendmentKind::Reaction, reaction.emoji.clone()),
            // What an admin takes away goes when everybody sees it go.
            Body::Delete(delete) if deletes.is_none() && line.content == Some(delete.of) => {
                (AmendmentKind::Deletion, String::new())
            }
            _ => return None,
        };
        Some(Amendment {
            of: ContentRef {
                account: line.account,
                id: line.content?,
            },
            kind,
            content: self.own_name(content.id),
            position: None,
            author_ms: content.author_ms,
            body,
        })
    }

    pub(super) fn own_name(&self, id: ContentId) -> ContentRef {
        ContentRef {
            account: self.account,
            id,
        }
    }

    /// Takes a content out of the outbox, and what is shown of it.
    pub(super) fn drop_waiting(
        &mut self,
        turn: &mut Turn<'_>,
        seq: i64,
    ) -> Result<(), EngineError> {
        let waiting = turn.desk.waiting(seq)?;
        turn.desk.drop_draft(seq)?;
        let Some(Waiting {
            conversation,
            content,
            amends: Some(cursor),
            ..
        }) = waiting
        else {
            return Ok(());
        };
        turn.desk
            .drop_waiting_amendment(conversation, &self.own_name(content))?;
        match turn.desk.line(cursor)? {
            Some(line) => self.tell_changed_in(turn, &line),
            None => Ok(()),
        }
    }

    fn tell_changed_in(&self, turn: &mut Turn<'_>, line: &Line) -> Result<(), EngineError> {
        match self.talks.get(&line.conversation) {
            Some(talk) => self.tell_changed(turn, talk, line.cursor),
            None => Ok(()),
        }
    }

    /// What the clear header of a content says, as of now: for the server, and for those who
    /// cannot read it (docs/spec/ledger.md §7.7).
    pub(super) fn meta(
        &self,
        desk: &Desk<'_>,
        no: i64,
        waiting: &Waiting,
        content: &Content,
    ) -> Result<MessageMeta, StoreError> {
        let deletes = match &content.body {
            Body::Delete(delete) => match waiting.deletes {
                Some(position) => Some(position),
                None => self.own_position(desk, no, delete.of)?,
            },
            // The server need not keep the text that this one replaces, if it was an edit itself.
            Body::Edit(edit) => self
                .own_edit(desk, no, edit.of)?
                .and_then(|edit| edit.position),
            _ => None,
        };
        Ok(MessageMeta {
            deletes,
            timer: self.timer_for(desk, no, waiting)?,
            ..MessageMeta::default()
        })
    }

    /// After what time a content disappears: as the conversation says at this moment, and what is
    /// about another content with that one.
    fn timer_for(&self, desk: &Desk<'_>, no: i64, waiting: &Waiting) -> Result<u8, StoreError> {
        let about = match waiting.amends {
            Some(cursor) => desk.line(cursor)?,
            None => None,
        };
        let now = self.talks.get(&no).map_or(0, |talk| talk.state.timer());
        // One that was asked for this content alone counts where it is the sooner one.
        let now = match waiting.timer.filter(|step| *step > 0) {
            Some(step) if now == 0 || step < now => step,
            _ => now,
        };
        Ok(about.as_ref().and_then(step_of).unwrap_or(now))
    }

    /// Where a content of one's own stands.
    fn own_position(
        &self,
        desk: &Desk<'_>,
        no: i64,
        id: ContentId,
    ) -> Result<Option<u64>, StoreError> {
        let name = self.own_name(id);
        if let Some(line) = desk.line_of(no, &name)? {
            return Ok(line.position);
        }
        Ok(desk.amendment(no, &name)?.and_then(|there| there.position))
    }

    /// The newest edit in the log of a content of one's own.
    pub(super) fn own_edit(
        &self,
        desk: &Desk<'_>,
        no: i64,
        id: ContentId,
    ) -> Result<Option<Amendment>, StoreError> {
        let about = desk.amendments(no, &self.own_name(id))?;
        Ok(about.into_iter().find(|amendment| {
            amendment.kind == AmendmentKind::Edit
                && amendment.position.is_some()
                && !amendment.body.is_empty()
        }))
    }
}

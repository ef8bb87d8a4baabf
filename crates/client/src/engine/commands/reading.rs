//! Pages of the timeline, subscriptions, read marks.

use super::{Waiting, unknown};
use crate::command::{Answer, Command, Failure};
use crate::engine::turn::{CallId, Effect, Turn};
use crate::engine::{Engine, EngineError};
use crate::view::{LinkState, Notice, Row};
use subrosa_e2e::ReadMark;
use subrosa_proto::Form;

/// Rows that one answer carries at most.
const ROWS_MAX: u32 = 1_000;
/// Rows that a subscription begins with. With as many it ends after them: the face has to keep up,
/// and subscribes again from its last cursor.
const SUBSCRIBE_ROWS: u32 = 500;

impl Engine {
    /// Some rows of the timeline.
    pub(super) fn read_page(
        &self,
        turn: &mut Turn<'_>,
        call: CallId,
        command: &Command,
    ) -> Result<(), EngineError> {
        let rows = match command {
            Command::Read {
                conversation,
                before,
                since,
                limit,
                ..
            } => self.read(turn, conversation.as_deref(), (*before, *since), *limit)?,
            Command::Around {
                conversation,
                cursor,
                before,
                behind,
            } => self.around(turn, conversation, *cursor, (*before, *behind))?,
            _ => return Ok(()),
        };
        turn.answer(call, rows.map(Answer::Rows));
        Ok(())
    }

    fn read(
        &self,
        turn: &Turn<'_>,
        conversation: Option<&str>,
        (before, since): (Option<u64>, Option<u64>),
        limit: u32,
    ) -> Result<Result<Vec<Row>, Failure>, EngineError> {
        let no = match self.named_no(conversation) {
            Ok(no) => no,
            Err(failure) => return Ok(Err(failure)),
        };
        let limit = limit.min(ROWS_MAX);
        let mut lines = match since {
            Some(since) => turn.desk.lines_since(no, since, limit)?,
            None => turn.desk.lines_before(no, before, limit)?,
        };
        if let (Some(_), Some(before)) = (since, before) {
            lines.retain(|line| line.cursor < before);
        }
        Ok(Ok(self.rows(turn.desk, &lines)?))
    }

    fn around(
        &self,
        turn: &Turn<'_>,
        conversation: &str,
        cursor: u64,
        (before, behind): (u32, u32),
    ) -> Result<Result<Vec<Row>, Failure>, EngineError> {
        let Some(no) = self.conversation_no(conversation) else {
            return Ok(Err(unknown(conversation)));
        };
        let (before, behind) = (before.min(ROWS_MAX), behind.min(ROWS_MAX));
        let mut lines = turn.desk.lines_before(Some(no), Some(cursor), before)?;
        let itself = turn.desk.line(cursor)?;
        lines.extend(itself.filter(|line| line.conversation == no));
        lines.extend(turn.desk.lines_after(no, cursor, behind)?);
        Ok(Ok(self.rows(turn.desk, &lines)?))
    }

    pub(super) fn subscribe(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: Option<&str>,
        since: Option<u64>,
        subscribes: bool,
    ) -> Result<(), EngineError> {
        if !subscribes {
            let failure = Failure::defect("notices cannot reach this caller");
            turn.answer(call, Err(failure));
            return Ok(());
        }
        let no = match self.named_no(conversation) {
            Ok(no) => no,
            Err(failure) => {
                turn.answer(call, Err(failure));
                return Ok(());
            }
        };
        let last = turn.desk.last_cursor()?;
        let cursor = since.unwrap_or(last);
        turn.answer(call, Ok(Answer::Subscribed { cursor }));
        let lines = turn.desk.lines_since(no, cursor, SUBSCRIBE_ROWS)?;
        for row in self.rows(turn.desk, &lines)? {
            turn.notify(call, Notice::Row(row));
        }
        if lines.len() as u64 == u64::from(SUBSCRIBE_ROWS) {
            turn.effects.push(Effect::End(call));
            return Ok(());
        }
        turn.notify(call, Notice::Link(self.link.state.clone()));
        for sentence in std::mem::take(&mut self.unheard) {
            turn.notify(call, Notice::Warning { sentence });
        }
        self.subscribers.insert(call, no);
        Ok(())
    }

    /// Where a time lies.
    pub(super) fn cursors_at(
        &self,
        turn: &Turn<'_>,
        conversation: Option<&str>,
        time_ms: u64,
    ) -> Result<Result<Answer, Failure>, EngineError> {
        let no = match self.named_no(conversation) {
            Ok(no) => no,
            Err(failure) => return Ok(Err(failure)),
        };
        let (since, before) = turn.desk.cursors_at(no, time_ms)?;
        Ok(Ok(Answer::Cursor { since, before }))
    }

    /// The number of a conversation, if one is named.
    fn named_no(&self, conversation: Option<&str>) -> Result<Option<i64>, Failure> {
        conversation
            .map(|named| self.conversation_no(named).ok_or_else(|| unknown(named)))
            .transpose()
    }

    pub(super) fn mark_read(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: &str,
        cursor: u64,
    ) -> Result<(), EngineError> {
        let Some(no) = self.conversation_no(conversation) else {
            turn.answer(call, Err(unknown(conversation)));
            return Ok(());
        };
        // A row that is not here yet cannot have been read.
        let cursor = cursor.min(turn.desk.last_cursor()?);
        let position = turn.desk.position_seen(no, cursor)?.unwrap_or(0);
        if let Some(talk) = self.talks.get_mut(&no)
            && talk.read_to < position
            && talk.state.form() != Form::Own
        {
            talk.receipt_due = true;
            let conv = talk.id();
            self.wish(turn, ReadMark { conv, position })?;
        }
        turn.answer(call, Ok(Answer::Done {}));
        if self.link.online() {
            self.send_receipts(turn)
        } else {
            Ok(())
        }
    }

    /// Runs a command once the store has what the server has, or the server is out of reach.
    pub(super) fn when_fresh(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        command: Command,
    ) -> Result<(), EngineError> {
        let command = match command {
            Command::Read {
                conversation,
                before,
                since,
                limit,
                ..
            } => Command::Read {
                conversation,
                before,
                since,
                limit,
                fresh: false,
            },
            other => other,
        };
        self.waiting.push(Waiting::Fresh { call, command });
        match self.link.state {
            LinkState::Online => {
                if self.all_synced() {
                    self.answer_synced(turn)
                } else {
                    Ok(())
                }
            }
            LinkState::Connecting => Ok(()),
            LinkState::Offline { .. } | LinkState::Refused { .. } => self.answer_fresh(turn),
        }
    }
}

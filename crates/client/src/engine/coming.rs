//! Sends that wait until their recipients have what was sent, or have read it.

use super::commands::Waiting;
use super::outbox::Wanted;
use super::rows::send_state;
use super::turn::{CallId, Turn};
use super::{Engine, EngineError};
use crate::command::Wait;
use crate::store;
use crate::view::SendState;

/// How long the recipients are waited for where nothing else is asked.
const WITHIN_MS: u64 = 60_000;
/// How long at most.
const WITHIN_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coming {
    /// Place in the outbox.
    seq: i64,
    /// How far it has to come.
    to: SendState,
    /// When the wait is over.
    until_ms: u64,
}

impl Engine {
    /// Answers a call about what is on the server's disk, at once or when its recipients have it.
    pub(super) fn answer_when_come(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        sent: &store::Waiting,
        wanted: Wanted,
    ) -> Result<(), EngineError> {
        let to = match wanted.wait {
            Wait::Queued | Wait::Sent => SendState::Sent,
            Wait::Delivered => SendState::Delivered,
            Wait::Read => SendState::Read,
        };
        let within_ms = wanted.within_ms.unwrap_or(WITHIN_MS).min(WITHIN_MS_MAX);
        let coming = Coming {
            seq: sent.seq,
            to,
            until_ms: turn.now_ms.saturating_add(within_ms),
        };
        if !self.try_answer(turn, call, sent, coming)? {
            turn.wake(coming.until_ms);
            self.waiting.push(Waiting::Coming { call, coming });
        }
        Ok(())
    }

    /// Something has come further, or time has passed.
    pub(super) fn answer_come(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for waiting in std::mem::take(&mut self.waiting) {
            let Waiting::Coming { call, coming } = waiting else {
                self.waiting.push(waiting);
                continue;
            };
            let answered = match turn.desk.waiting(coming.seq)? {
                Some(sent) => self.try_answer(turn, call, &sent, coming)?,
                // Long ago; whoever asked has been told, or has gone.
                None => true,
            };
            if !answered {
                turn.wake(coming.until_ms);
                self.waiting.push(Waiting::Coming { call, coming });
            }
        }
        Ok(())
    }

    fn try_answer(
        &self,
        turn: &mut Turn<'_>,
        call: CallId,
        sent: &store::Waiting,
        coming: Coming,
    ) -> Result<bool, EngineError> {
        let line = match sent.cursor {
            Some(cursor) => turn.desk.line(cursor)?,
            None => None,
        };
        // An edit or a reaction has no state of its own. Where nobody else is, everybody has it.
        let talk = self.talks.get(&sent.conversation);
        let alone = talk.is_none_or(|talk| talk.state.recipients().all(|to| to == self.account));
        let state = line.as_ref().and_then(|line| line.state).map(send_state);
        let state = if alone { Some(coming.to) } else { state };
        let state = state.unwrap_or(SendState::Sent).max(SendState::Sent);
        let over = line.is_none() || coming.until_ms <= turn.now_ms;
        if state < coming.to && !over {
            return Ok(false);
        }
        // A call that is repeated gets the answer that the first would have got.
        self.answer_send(turn, call, sent, state.min(coming.to))?;
        Ok(true)
    }
}

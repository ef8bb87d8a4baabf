//! What the server says to an append (docs/spec/ledger.md §9.5), and what follows for the content.

use super::turn::Turn;
use super::{Engine, EngineError};
use crate::command::{Failure, FailureKind};
use crate::view::SendState;
use subrosa_proto::{ErrorCode, EventHash, Refusal, Response};

/// A content that the server does not take so often in a row is left alone for a while.
const STALE_MAX: u32 = 5;
/// The first pause before the server is asked again after a failure of its own.
const RETRY_MS: u64 = 2_000;

impl Engine {
    pub(super) fn append_answered(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
        response: Response,
    ) -> Result<(), EngineError> {
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.sending = None;
        }
        match response {
            Response::Appended { first, time_ms } => {
                self.appended(turn, no, seq, (first, time_ms))?
            }
            Response::Stale { ctl } => self.stale(turn, no, seq, ctl)?,
            Response::Refused { refusal } => self.append_refused(turn, no, seq, &refusal)?,
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        }
        self.pump(turn, no)
    }

    fn appended(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
        (first, time_ms): (u64, u64),
    ) -> Result<(), EngineError> {
        let Some(waiting) = turn.desk.waiting(seq)? else {
            return Ok(());
        };
        let events = waiting
            .sealed
            .as_ref()
            .map_or(1, |sealed| sealed.events.len() as u64);
        let position = first.saturating_add(events.saturating_sub(1));
        let author = (&self.account, &waiting.content);
        let place = (position, time_ms);
        let placed = turn
            .desk
            .place_line(no, author, place, SendState::Sent as u8)?;
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.refusals = 0;
            if placed.is_some() {
                talk.provisional.insert(waiting.content, position);
            }
            // The server's log reaches at least here; the next content leaves once these are taken in,
            // so that its base is never below its predecessor's place.
            talk.server_head = talk.server_head.max(Some(position));
        }
        self.draft_done(turn, no, seq)?;
        if let Some(cursor) = placed {
            self.tell_state(
                turn,
                no,
                cursor,
                &waiting.content,
                SendState::Sent,
                Some(position),
            );
        }
        Ok(())
    }

    /// The server stored nothing: the conversation moved on, or the boxes did not fit its members.
    fn stale(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
        ctl: EventHash,
    ) -> Result<(), EngineError> {
        self.unseal(turn, no, seq)?;
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        talk.refusals = talk.refusals.saturating_add(1);
        let (conv, next, many) = (talk.id(), talk.next(), talk.refusals > STALE_MAX);
        let again = talk.refusals > 1;
        if ctl != talk.state.ctl() {
            // The control event that made it stale comes first.
            talk.awaits_control = true;
            self.pause(turn, no, RETRY_MS);
            if again {
                self.ask_standing(turn, no, Some(ctl));
            }
        }
        if many {
            self.try_later(turn, no)?;
        }
        self.follow(turn, conv, next);
        Ok(())
    }

    fn append_refused(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
        refusal: &Refusal,
    ) -> Result<(), EngineError> {
        let refusals = match self.talks.get_mut(&no) {
            Some(talk) if refusal.code != ErrorCode::RateLimited => {
                talk.refusals = talk.refusals.saturating_add(1);
                talk.refusals
            }
            _ => 0,
        };
        let failure = |kind, sentence: &str| Failure {
            kind,
            sentence: sentence.to_owned(),
        };
        match refusal.code {
            ErrorCode::RateLimited => {
                self.pause(turn, no, refusal.retry_ms.max(50));
                Ok(())
            }
            ErrorCode::StorageFull | ErrorCode::Closing => {
                if self.not_to_be_kept(seq) {
                    self.unseal(turn, no, seq)?;
                }
                self.try_later(turn, no)
            }
            // Its outcome may be open: the same bytes go out again.
            ErrorCode::Internal => self.try_later(turn, no),
            ErrorCode::NotPermitted | ErrorCode::NotFound => {
                let sentence = "you may not write in this conversation any more";
                self.give_up(turn, seq, &failure(FailureKind::NotPermitted, sentence))
            }
            ErrorCode::TooLarge => {
                let sentence = "the message is longer than the server takes";
                self.give_up(turn, seq, &failure(FailureKind::User, sentence))
            }
            ErrorCode::Malformed if refusals > 1 => {
                let sentence = "the server refuses this message as malformed";
                self.give_up(turn, seq, &Failure::defect(sentence))
            }
            ErrorCode::Revoked => self.device_ended(turn),
            ErrorCode::OutOfTurn | ErrorCode::NotAuthenticated => {
                self.server_broke_protocol(turn, "a refusal that does not fit the request")
            }
            _ => self.refused_as_such(turn, no, seq),
        }
    }

    /// The bytes were refused: they are made anew, on what the server has by then.
    fn refused_as_such(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
    ) -> Result<(), EngineError> {
        self.unseal(turn, no, seq)?;
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let (conv, next, again) = (talk.id(), talk.next(), talk.refusals > 1);
        if again {
            self.ask_standing(turn, no, None);
            self.try_later(turn, no)?;
        }
        self.follow(turn, conv, next);
        Ok(())
    }

    /// The server cannot take it now: it is tried again after a pause that grows, and nobody waits
    /// for that.
    fn try_later(&mut self, turn: &mut Turn<'_>, no: i64) -> Result<(), EngineError> {
        let refusals = self.talks.get(&no).map_or(0, |talk| talk.refusals);
        self.pause(turn, no, RETRY_MS << refusals.min(5));
        let failure = Failure::network(
            "the server cannot take the message now; it was not kept, so send it again later",
        );
        self.release_sends(turn, Some(no), None, &failure)
    }
}

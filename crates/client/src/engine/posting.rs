//! Contents sealed when they leave, and sent until the outcome is known.
//!
//! When its conversation is up to date a content is sealed for the members of that moment; from
//! then on the same bytes go out under the same counter until the server says that it stored
//! them, or that it did not. One append of a conversation is under way at a time, so contents
//! arrive in the order in which they were written.

use super::link::Asked;
use super::lookup::Lookup;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::command::{Failure, FailureKind};
use crate::store::{Sealed, Waiting};
use crate::view::SendState;
use bytes::Bytes;
use subrosa_e2e::{Content, SealError};
use subrosa_proto::{
    Event, EventKind, Header, KeyBox, KeyFields, Request, SessionId, decode, encode, limits,
};

/// Boxes in one `Stage` request: about 40 KiB.
const STAGE_BOXES: usize = 150;
/// Pause before a member's unusable key is looked at again.
const UNUSABLE_MS: u64 = 60_000;
/// So long the server remembers for certain that it has stored something.
const REMEMBERED_MS: u64 = limits::IDEM_KEPT_MS - limits::DAY_MS;

impl Engine {
    /// Sends what waits first in a conversation, if it can leave now.
    pub(super) fn pump(&mut self, turn: &mut Turn<'_>, no: i64) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let ready =
            self.link.online() && !self.is_returning() && talk.synced() && talk.halt.is_none();
        if !ready || talk.sending.is_some() || self.link.revoking(no) {
            return Ok(());
        }
        if talk.not_before_ms > turn.now_ms {
            turn.wake(talk.not_before_ms);
            return Ok(());
        }
        let waits = talk.waits_for_peer(&self.account);
        // A change of who is in it goes before what is written to those who are.
        if self.pump_deeds(turn, no)? {
            return Ok(());
        }
        if waits {
            return self.release_held_back(turn, no);
        }
        let Some(waiting) = turn.desk.first_waiting(no)? else {
            return Ok(());
        };
        match &waiting.sealed {
            Some(sealed) if turn.now_ms.abs_diff(sealed.attempt_ms) < REMEMBERED_MS => {
                let sealed = sealed.clone();
                self.post(turn, no, waiting.seq, &sealed)
            }
            Some(_) => {
                // The server may have forgotten this counter. All that it has is here, and this
                // content was not among it, so nothing is sent twice.
                self.unseal(turn, no, waiting.seq)?;
                self.seal_and_post(turn, no, &waiting)
            }
            None => self.seal_and_post(turn, no, &waiting),
        }
    }

    /// The bytes that were made are worth nothing any more; the content is sealed anew.
    pub(super) fn unseal(&mut self, turn: &Turn<'_>, no: i64, seq: i64) -> Result<(), EngineError> {
        turn.desk.unseal(seq)?;
        if let Some(talk) = self.talks.get_mut(&no) {
            turn.desk.save(&self.machine.abandon_session(&talk.state))?;
            talk.members.changed();
        }
        Ok(())
    }

    fn seal_and_post(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        waiting: &Waiting,
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        // Who is out is not given the members, and would ask for them for good.
        if talk.state.member(&self.account).is_none()
            && let Some(failure) = self.may_not_write(talk)
        {
            return self.give_up(turn, waiting.seq, &failure);
        }
        if !talk.members.fresh(turn.now_ms) {
            return self.ask_before_sealing(turn, no);
        }
        if self.distrust(talk).is_some() {
            return self.release_held_back(turn, no);
        }
        let Ok(content) = Content::decode(&waiting.body) else {
            let failure = Failure::defect("a message in the outbox cannot be read");
            return self.give_up(turn, waiting.seq, &failure);
        };
        let meta = self.meta(turn.desk, no, waiting, &content)?;
        let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
        let sealed = self.machine.seal(
            &talk.state,
            &lookup,
            &self.people.prekeys,
            &content,
            &meta,
            turn.now_ms,
            &mut turn.rng,
        );
        lookup.finish()?;
        match sealed {
            Ok(sealed) => self.post_sealed(turn, no, waiting, sealed),
            Err(error) => self.not_sealed(turn, no, waiting.seq, &error),
        }
    }

    /// The members as they are now are wanted first.
    fn ask_before_sealing(&mut self, turn: &mut Turn<'_>, no: i64) -> Result<(), EngineError> {
        self.refresh_people(turn, no);
        let stuck = self
            .talks
            .get(&no)
            .is_some_and(|talk| talk.members.unanswered() || talk.members.refused.is_some());
        if stuck {
            return self.release_held_back(turn, no);
        }
        Ok(())
    }

    fn not_sealed(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
        error: &SealError,
    ) -> Result<(), EngineError> {
        let failed = |kind| Failure {
            kind,
            sentence: format!("the message was not sent: {error}"),
        };
        match error {
            // The server gave chains without the prekeys that they need.
            SealError::NeedsAccount(_) | SealError::NeedsPrekey(..) => {
                if let Some(talk) = self.talks.get_mut(&no) {
                    talk.members.changed();
                }
                self.ask_before_sealing(turn, no)
            }
            SealError::ForkedAccount(_) | SealError::BadKey(_) => {
                let failure = failed(FailureKind::Trust);
                if let Some(talk) = self.talks.get(&no) {
                    let what = format!("unusable/{}", talk.id());
                    self.alarm(what, failure.sentence.clone());
                }
                self.pause(turn, no, UNUSABLE_MS);
                self.release_sends(turn, Some(no), Some(&failure), &failure)
            }
            SealError::NotMember => self.give_up(turn, seq, &failed(FailureKind::NotPermitted)),
            SealError::Content(_) | SealError::TooLong => {
                self.give_up(turn, seq, &failed(FailureKind::User))
            }
        }
    }

    fn post_sealed(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        waiting: &Waiting,
        sealed: subrosa_e2e::Sealed,
    ) -> Result<(), EngineError> {
        turn.desk.save(&sealed.changes)?;
        if sealed.key.is_some() {
            self.tell_left_out(turn, no, &sealed.left_out)?;
        }
        turn.desk
            .set_place(&sealed.session, sealed.index, &sealed.salt)?;
        let mut events = Vec::with_capacity(2);
        let mut boxes = Vec::new();
        if let Some(key) = sealed.key {
            events.push(encode(&key.event));
            boxes = key.boxes.iter().map(encode::<KeyBox>).collect();
            if boxes.len() <= limits::SESSION_SMALL_BOXES {
                turn.desk
                    .keep_boxes(no, &sealed.session, turn.now_ms, &boxes)?;
            }
        }
        events.push(encode(&sealed.message));
        let append = Sealed {
            counter: turn.counter()?,
            events,
            boxes,
            attempt_ms: turn.now_ms,
        };
        turn.desk.set_sealed(waiting.seq, &append)?;
        if let Some(cursor) = waiting.cursor {
            turn.desk.set_line_state(cursor, SendState::Sending as u8)?;
            self.tell_state(turn, no, cursor, &waiting.content, SendState::Sending, None);
        }
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.members.asks = 0;
        }
        self.post(turn, no, waiting.seq, &append)
    }

    fn post(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
        append: &Sealed,
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        talk.sending = Some(seq);
        let conv = talk.id();
        self.typed(no);
        if let Some(session) = append.events.first().and_then(session_of) {
            for part in append.boxes.chunks(STAGE_BOXES) {
                let boxes = part.to_vec();
                self.ask(turn, Request::Stage { session, boxes }, Asked::Nothing);
            }
        }
        let request = Request::Append {
            counter: append.counter,
            conv,
            events: append.events.clone(),
        };
        self.ask(turn, request, Asked::Append { no, seq });
        Ok(())
    }

    pub(super) fn pause(&mut self, turn: &mut Turn<'_>, no: i64, pause_ms: u64) {
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.not_before_ms = turn.after(pause_ms);
            turn.wake(talk.not_before_ms);
        }
    }
}

/// The session that a key event opens.
fn session_of(event: &Bytes) -> Option<SessionId> {
    let event: Event = decode(event).ok()?;
    let header: Header = decode(&event.header).ok()?;
    if u64::from(header.kind) != EventKind::Key.number() {
        return None;
    }
    let fields: KeyFields = decode(&header.fields).ok()?;
    Some(fields.session)
}

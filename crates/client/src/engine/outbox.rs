//! Contents on their way out: sealed when they leave, sent until the outcome is known.
//!
//! A content waits as its author wrote it. When its conversation is up to date it is sealed for
//! the members of that moment; from then on the same bytes go out under the same counter until
//! the server says that it stored them, or that it did not. One append of a conversation is under
//! way at a time, so contents arrive in the order in which they were written.

use super::link::Asked;
use super::rows::LINE_CONTENT;
use super::talk::Lookup;
use super::turn::{CallId, Effect, Turn};
use super::{Engine, EngineError};
use crate::command::{Answer, Caller, Failure, FailureKind, Wait};
use crate::store::{Draft, Entry, Sealed, Waiting};
use crate::view::{Notice, SendState};
use subrosa_e2e::{Content, MessageMeta, SealError};
use subrosa_proto::{
    ErrorCode, KeyBox, Refusal, Request, Response, SessionId, decode, encode, limits,
};

/// Boxes in one `Stage` request: about 40 KiB.
const STAGE_BOXES: usize = 32;
/// A content that the server calls stale so often in a row is left alone for a while.
const STALE_MAX: u32 = 5;
/// Pause before the server is asked again after a failure of its own.
const RETRY_MS: u64 = 2_000;

impl Engine {
    /// Puts a content into the outbox for a command, once.
    pub(super) fn enqueue(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        caller: &str,
        content: &Content,
        shown: bool,
    ) -> Result<i64, EngineError> {
        if let Some(waiting) = turn.desk.draft_of(caller)? {
            return Ok(waiting.seq);
        }
        let body = content
            .encode()
            .map_err(|error| EngineError::Secrets(error.to_string()))?;
        let mut cursor = None;
        if shown {
            cursor = turn.desk.add_line(&Entry {
                conversation: no,
                position: None,
                account: self.account,
                content: Some(content.id),
                author_ms: content.author_ms,
                arrived_ms: None,
                kind: LINE_CONTENT,
                body: &body,
                state: Some(SendState::Queued as u8),
            })?;
        }
        let draft = Draft {
            caller,
            conversation: no,
            content: content.id,
            body: &body,
            cursor,
        };
        let seq = turn.desk.add_draft(&draft)?;
        if let Some(line) = cursor
            .map(|cursor| turn.desk.line(cursor))
            .transpose()?
            .flatten()
            && let Some(row) = self.row(&line)
        {
            self.tell(turn, no, &Notice::Row(row));
        }
        self.pump(turn, no)?;
        Ok(seq)
    }

    /// A send of a face: the content is in the outbox on return; the answer may come later.
    pub(super) fn send_text(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        no: i64,
        text: String,
        (wait, queue): (Wait, bool),
    ) -> Result<(), EngineError> {
        let content = Content::new(subrosa_e2e::Text { text }, turn.now_ms, &mut turn.rng);
        let seq = self.enqueue(turn, no, &caller.0, &content, true)?;
        let Some(waiting) = turn.desk.waiting(seq)? else {
            return Ok(());
        };
        if waiting.done || wait == Wait::Queued {
            let state = if waiting.done {
                SendState::Sent
            } else {
                SendState::Queued
            };
            return self.answer_send(turn, call, &waiting, state);
        }
        self.sends.entry(seq).or_default().push((call, queue));
        if !self.link.online() && !self.link.trying() {
            turn.effects.push(Effect::DialNow);
        }
        let held_back = self
            .talks
            .get(&no)
            .is_some_and(|talk| talk.stopped || talk.waits_for_peer(&self.account));
        if held_back {
            // Nothing that this process can wait for: the other person has to accept first.
            self.answer_queued(turn, seq)?;
        }
        Ok(())
    }

    fn answer_send(
        &self,
        turn: &mut Turn<'_>,
        call: CallId,
        waiting: &Waiting,
        state: SendState,
    ) -> Result<(), EngineError> {
        let conversation = self
            .talks
            .get(&waiting.conversation)
            .map(|talk| talk.name.clone())
            .unwrap_or_default();
        turn.answer(
            call,
            Ok(Answer::Sent {
                id: waiting.content.to_string(),
                conversation,
                state,
            }),
        );
        Ok(())
    }

    /// Sends what waits first in a conversation, if it can leave now.
    pub(super) fn pump(&mut self, turn: &mut Turn<'_>, no: i64) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let ready = self.link.online() && talk.synced() && !talk.stopped && talk.sending.is_none();
        if !ready || talk.waits_for_peer(&self.account) {
            return Ok(());
        }
        if talk.not_before_ms > turn.now_ms {
            turn.wake(talk.not_before_ms);
            return Ok(());
        }
        let Some(waiting) = turn.desk.first_waiting(no)? else {
            return Ok(());
        };
        match waiting.sealed {
            Some(sealed) => self.post(turn, no, waiting.seq, &sealed),
            None => self.seal_and_post(turn, no, &waiting),
        }
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
        if !talk.people_fresh {
            self.refresh_people(turn, no);
            return Ok(());
        }
        let Ok(content) = Content::decode(&waiting.body) else {
            return self.give_up(
                turn,
                waiting.seq,
                &Failure::defect("a message in the outbox cannot be read"),
            );
        };
        let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
        let meta = MessageMeta::default();
        let prekeys = &self.people.prekeys;
        let sealed = self.machine.seal(
            &talk.state,
            &lookup,
            prekeys,
            &content,
            &meta,
            turn.now_ms,
            &mut turn.rng,
        );
        lookup.finish()?;
        match sealed {
            Ok(sealed) => self.post_sealed(turn, no, waiting, sealed),
            Err(SealError::NeedsAccount(_) | SealError::NeedsPrekey(..)) => {
                // The server gave chains without the prekeys that they need: ask again, not at once.
                self.pause(turn, no, RETRY_MS);
                if let Some(talk) = self.talks.get_mut(&no) {
                    talk.people_fresh = false;
                }
                Ok(())
            }
            Err(error) => {
                let failure = Failure {
                    kind: FailureKind::NotPermitted,
                    sentence: format!("the message was not sent: {error}"),
                };
                self.give_up(turn, waiting.seq, &failure)
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
        turn.desk
            .set_place(&sealed.session, sealed.index, &sealed.salt)?;
        let mut events = Vec::with_capacity(2);
        let mut boxes = Vec::new();
        if let Some(key) = sealed.key {
            events.push(encode(&key.event));
            boxes = key.boxes.iter().map(encode::<KeyBox>).collect();
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
            self.tell_state(turn, no, cursor, &waiting.content, SendState::Sending);
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
        if let Some(session) = append.events.first().and_then(session_of) {
            for part in append.boxes.chunks(STAGE_BOXES) {
                self.ask(
                    turn,
                    Request::Stage {
                        session,
                        boxes: part.to_vec(),
                    },
                    Asked::Nothing,
                );
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
            Response::Stale { .. } => self.stale(turn, no, seq)?,
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
        let place = (first + events.saturating_sub(1), time_ms);
        let state = SendState::Sent as u8;
        let placed = turn
            .desk
            .place_line(no, (&self.account, &waiting.content), place, state)?;
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.stale = 0;
            // The server's log reaches at least here; the next content leaves once these are taken in,
            // so that its base is never below its predecessor's place.
            talk.server_head = talk.server_head.max(Some(place.0));
        }
        self.draft_done(turn, no, seq)?;
        if let Some(cursor) = placed {
            self.tell_state(turn, no, cursor, &waiting.content, SendState::Sent);
        }
        Ok(())
    }

    /// A content is on the server's disk.
    pub(super) fn draft_done(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
    ) -> Result<(), EngineError> {
        if let Some(talk) = self.talks.get_mut(&no)
            && talk.sending == Some(seq)
        {
            talk.sending = None;
        }
        let Some(waiting) = turn.desk.waiting(seq)? else {
            return Ok(());
        };
        turn.desk.set_done(seq, turn.now_ms)?;
        for (call, _) in self.sends.remove(&seq).unwrap_or_default() {
            self.answer_send(turn, call, &waiting, SendState::Sent)?;
        }
        self.answer_drained(turn)
    }

    /// The server stored nothing: the conversation moved on, or the boxes did not fit its members.
    fn stale(&mut self, turn: &mut Turn<'_>, no: i64, seq: i64) -> Result<(), EngineError> {
        turn.desk.unseal(seq)?;
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        turn.desk.save(&self.machine.abandon_session(&talk.state))?;
        talk.people_fresh = false;
        talk.stale += 1;
        let (conv, next) = (talk.id(), talk.next());
        if talk.stale > STALE_MAX {
            talk.stale = 0;
            self.pause(turn, no, RETRY_MS);
        }
        // Whatever made it stale comes first.
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
        let failure = |kind, sentence: &str| Failure {
            kind,
            sentence: sentence.to_owned(),
        };
        match refusal.code {
            ErrorCode::RateLimited => self.pause(turn, no, refusal.retry_ms.max(50)),
            ErrorCode::StorageFull | ErrorCode::Internal | ErrorCode::Closing => {
                self.pause(turn, no, RETRY_MS)
            }
            ErrorCode::NotPermitted | ErrorCode::NotFound => {
                let refused = failure(
                    FailureKind::NotPermitted,
                    "you may not write in this conversation any more",
                );
                return self.give_up(turn, seq, &refused);
            }
            ErrorCode::TooLarge => {
                return self.give_up(
                    turn,
                    seq,
                    &failure(
                        FailureKind::User,
                        "the message is longer than the server takes",
                    ),
                );
            }
            _ => {
                // The bytes were refused as such. They are made anew once; if that does not help it is a defect.
                turn.desk.unseal(seq)?;
                let Some(talk) = self.talks.get_mut(&no) else {
                    return Ok(());
                };
                turn.desk.save(&self.machine.abandon_session(&talk.state))?;
                talk.people_fresh = false;
                talk.stale += 1;
                if talk.stale > 1 {
                    talk.stale = 0;
                    return self.give_up(
                        turn,
                        seq,
                        &Failure::defect("the server refuses this message as malformed"),
                    );
                }
            }
        }
        Ok(())
    }

    fn pause(&mut self, turn: &mut Turn<'_>, no: i64, pause_ms: u64) {
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.not_before_ms = turn.now_ms + pause_ms;
            turn.wake(talk.not_before_ms);
        }
    }

    /// A content cannot be sent: it leaves the outbox, and whoever waits for it is told why.
    fn give_up(
        &mut self,
        turn: &mut Turn<'_>,
        seq: i64,
        failure: &Failure,
    ) -> Result<(), EngineError> {
        turn.desk.drop_draft(seq)?;
        let calls = self.sends.remove(&seq).unwrap_or_default();
        if calls.is_empty() {
            self.warn(turn, failure.sentence.clone());
        }
        for (call, _) in calls {
            turn.answer(call, Err(failure.clone()));
        }
        self.answer_drained(turn)
    }

    /// The server is out of reach: sends that wait are answered as queued, or taken back where they
    /// were not to be kept and have never left.
    pub(super) fn sends_unreachable(
        &mut self,
        turn: &mut Turn<'_>,
        cause: &Failure,
    ) -> Result<(), EngineError> {
        let seqs: Vec<i64> = self.sends.keys().copied().collect();
        for seq in seqs {
            let keep = self
                .sends
                .get(&seq)
                .is_some_and(|calls| calls.iter().any(|(_, queue)| *queue));
            let left = turn
                .desk
                .waiting(seq)?
                .is_some_and(|waiting| waiting.sealed.is_some());
            if keep || left {
                self.answer_queued(turn, seq)?;
            } else {
                self.give_up(
                    turn,
                    seq,
                    &Failure::network(format!("{}; the message was not kept", cause.sentence)),
                )?;
            }
        }
        Ok(())
    }

    fn answer_queued(&mut self, turn: &mut Turn<'_>, seq: i64) -> Result<(), EngineError> {
        let Some(waiting) = turn.desk.waiting(seq)? else {
            return Ok(());
        };
        for (call, _) in self.sends.remove(&seq).unwrap_or_default() {
            self.answer_send(turn, call, &waiting, SendState::Queued)?;
        }
        Ok(())
    }

    /// Callers that were answered long ago are forgotten.
    pub(super) fn forget_callers(&self, turn: &Turn<'_>) -> Result<(), EngineError> {
        Ok(turn
            .desk
            .forget_done(turn.now_ms.saturating_sub(limits::IDEM_KEPT_MS))?)
    }
}

/// The session that a key event opens.
fn session_of(event: &bytes::Bytes) -> Option<SessionId> {
    let event: subrosa_proto::Event = decode(event).ok()?;
    let header: subrosa_proto::Header = decode(&event.header).ok()?;
    let is_key = u64::from(header.kind) == subrosa_proto::EventKind::Key.number();
    is_key.then(|| {
        decode::<subrosa_proto::KeyFields>(&header.fields)
            .ok()
            .map(|fields| fields.session)
    })?
}

//! Contents in the outbox, and whoever waits for them to leave.
//!
//! A content waits as its author wrote it. It leaves by `posting`; what the server says to it is
//! read in `posted`.

use super::login::behind_failure;
use super::preview::misled_failure;
use super::rows::LINE_CONTENT;
use super::split::split_failure;
use super::sync::{diverged_failure, fork_failure};
use super::talk::{Halt, Talk};
use super::turn::{CallId, Effect, Turn};
use super::{Engine, EngineError};
use crate::command::{Answer, Caller, Failure, FailureKind, Wait};
use crate::store::{Draft, Entry, Waiting};
use crate::view::{Notice, SendState};
use subrosa_e2e::Content;
use subrosa_proto::TIMER_STEPS_MS;

/// What whoever sends something wants beside its being sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// How far it has to come before there is an answer.
    pub wait: Wait,
    /// Whether it is kept when the server is out of reach.
    pub queue: bool,
    /// How long the recipients are waited for.
    pub within_ms: Option<u64>,
    /// The timer step for it alone.
    pub timer: Option<u8>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            wait: Wait::Sent,
            queue: true,
            within_ms: None,
            timer: None,
        }
    }
}

impl Wanted {
    /// Why it cannot be had, if so.
    pub fn refused(&self) -> Option<Failure> {
        let unknown = self
            .timer
            .is_some_and(|timer| usize::from(timer) > TIMER_STEPS_MS.len());
        unknown.then(|| Failure::user("this version knows no such timer"))
    }
}

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
        self.enqueue_with(turn, no, caller, content, (shown, None))
    }

    /// The same, with a timer step of its own.
    pub(super) fn enqueue_with(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        caller: &str,
        content: &Content,
        (shown, timer): (bool, Option<u8>),
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
            timer,
        };
        let seq = turn.desk.add_draft(&draft)?;
        if let Some(line) = cursor
            .map(|cursor| turn.desk.line(cursor))
            .transpose()?
            .flatten()
            && let Some(row) = self.row(turn.desk, &line)?
        {
            self.tell(turn, no, &Notice::Row(row));
        }
        self.pump(turn, no)?;
        Ok(seq)
    }

    /// A send of a face: the content is in the outbox on return; the answer may come later. The
    /// same caller sends once: its repetition waits for, or gets, the same answer.
    pub(super) fn send_text(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        no: i64,
        text: String,
        wanted: Wanted,
    ) -> Result<(), EngineError> {
        let known = turn.desk.draft_of(&caller.0)?.map(|waiting| waiting.seq);
        if known.is_none()
            && let Some(failure) = self.may_not_send(no)
        {
            turn.answer(call, Err(failure));
            return Ok(());
        }
        let seq = match known {
            Some(seq) => seq,
            None => {
                let content = Content::new(subrosa_e2e::Text { text }, turn.now_ms, &mut turn.rng);
                self.enqueue_with(turn, no, &caller.0, &content, (true, wanted.timer))?
            }
        };
        self.answer_when_sent(turn, call, no, seq, wanted)
    }

    /// Answers a call when what it put into the outbox has come as far as it wants to know.
    pub(super) fn answer_when_sent(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        no: i64,
        seq: i64,
        wanted: Wanted,
    ) -> Result<(), EngineError> {
        let Some(waiting) = turn.desk.waiting(seq)? else {
            // It was given up at once, which the person has been warned of.
            let failure = Failure::user("the message cannot be sent in this conversation");
            turn.answer(call, Err(failure));
            return Ok(());
        };
        if waiting.done {
            return self.answer_when_come(turn, call, &waiting, wanted);
        }
        if wanted.wait == Wait::Queued {
            return self.answer_send(turn, call, &waiting, SendState::Queued);
        }
        self.sends.entry(seq).or_default().push((call, wanted));
        // Without a link the next try may be a while off.
        if !self.link.online() {
            turn.effects.push(Effect::DialNow);
        }
        self.release_held_back(turn, no)
    }

    /// Why nothing new is taken for a conversation, if so.
    pub(super) fn may_not_send(&self, no: i64) -> Option<Failure> {
        if let Some(over) = self.over() {
            return Some(over);
        }
        let talk = self.talks.get(&no)?;
        if talk.halt.is_some_and(Halt::ends) {
            return self.halted(talk);
        }
        if self.silenced(talk) {
            return Some(self.blocked_failure(talk));
        }
        if let Some(failure) = self.name_in_doubt(talk) {
            return Some(failure);
        }
        self.may_not_write(talk)
    }

    /// Whoever waits for something that this process cannot bring about is told so.
    pub(super) fn release_held_back(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        if talk.halt == Some(Halt::Behind) && self.is_returning() {
            return Ok(());
        }
        let name = &talk.name;
        let kept = self.halted(talk).or_else(|| self.distrust(talk));
        let waits = talk.waits_for_peer(&self.account);
        // The other may have accepted since this device last heard: known when all is here.
        let free = !talk.held_back(&self.account) || (waits && !talk.settled());
        if kept.is_none() && free {
            return Ok(());
        }
        let dropped = kept.clone().unwrap_or_else(|| {
            Failure::network(if waits {
                format!("{name} has not accepted the conversation yet; the message was not kept")
            } else {
                "the server does not take messages for this conversation now; the message was not kept".to_owned()
            })
        });
        self.release_sends(turn, Some(no), kept.as_ref(), &dropped)
    }

    /// Why nothing is sent in a conversation, whoever its members are.
    pub(super) fn halted(&self, talk: &Talk) -> Option<Failure> {
        let name = &talk.name;
        match talk.halt? {
            Halt::Forked => Some(fork_failure(name)),
            Halt::Split => Some(split_failure(name)),
            Halt::Misled => Some(misled_failure(name)),
            Halt::Behind if self.is_returning() => None,
            Halt::Behind => Some(behind_failure(name)),
            Halt::Diverged(_) => Some(diverged_failure(name)),
        }
    }

    /// Why nothing is sealed for the members of a conversation, if one of them is not trusted.
    pub(super) fn distrust(&self, talk: &Talk) -> Option<Failure> {
        let doubt = self.name_in_doubt(talk).map(|failure| failure.sentence);
        let refused = doubt.or_else(|| talk.members.refused.clone());
        let sentence = refused.or_else(|| {
            let mut recipients = talk.state.recipients();
            recipients.find_map(|account| self.people.distrusted(&account))
        })?;
        Some(Failure {
            kind: FailureKind::Trust,
            sentence: format!("{sentence}. What was written waits here"),
        })
    }

    pub(super) fn answer_send(
        &self,
        turn: &mut Turn<'_>,
        call: CallId,
        waiting: &Waiting,
        state: SendState,
    ) -> Result<(), EngineError> {
        let talk = self.talks.get(&waiting.conversation);
        let conversation = talk.map(|talk| talk.name.clone()).unwrap_or_default();
        let asked =
            talk.filter(|talk| state == SendState::Queued && talk.waits_for_peer(&self.account));
        let waits_for = asked
            .and_then(|talk| talk.state.peer(&self.account))
            .map(|peer| self.people.name_of(&peer));
        // What is about a message is known by that message's name.
        let about = match waiting.amends {
            Some(cursor) => turn.desk.line(cursor)?.and_then(|line| line.content),
            None => None,
        };
        turn.answer(
            call,
            Ok(Answer::Sent {
                id: about.unwrap_or(waiting.content).to_string(),
                conversation,
                state,
                waits_for,
            }),
        );
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
        self.draft_over(seq, None);
        self.settle_calls(turn)?;
        for (call, wanted) in self.sends.remove(&seq).unwrap_or_default() {
            self.answer_when_come(turn, call, &waiting, wanted)?;
        }
        self.answer_drained(turn)
    }

    /// A content cannot be sent: it leaves the outbox, and whoever waits for it is told why.
    pub(super) fn give_up(
        &mut self,
        turn: &mut Turn<'_>,
        seq: i64,
        failure: &Failure,
    ) -> Result<(), EngineError> {
        if !self.sends.contains_key(&seq) {
            self.warn(turn, failure.sentence.clone());
        }
        self.withdraw(turn, seq, failure)
    }

    /// The same without a warning when nobody waits.
    pub(super) fn withdraw(
        &mut self,
        turn: &mut Turn<'_>,
        seq: i64,
        failure: &Failure,
    ) -> Result<(), EngineError> {
        self.drop_waiting(turn, seq)?;
        self.draft_over(seq, Some(failure));
        let calls = self.sends.remove(&seq).unwrap_or_default();
        for (call, _) in calls {
            turn.answer(call, Err(failure.clone()));
        }
        // What waited behind it is next.
        turn.wake(turn.now_ms);
        self.answer_drained(turn)
    }

    /// Whether a content is to be taken back rather than kept, once it is known not to be stored.
    pub(super) fn not_to_be_kept(&self, seq: i64) -> bool {
        self.sends
            .get(&seq)
            .is_some_and(|calls| calls.iter().all(|(_, wanted)| !wanted.queue))
    }

    /// Answers the sends that wait, of one conversation or of all. What is to be kept, or may have
    /// left, stays in the outbox: its callers get `kept`, or hear that it is queued. The rest is
    /// taken back, and its callers get `dropped`.
    pub(super) fn release_sends(
        &mut self,
        turn: &mut Turn<'_>,
        only: Option<i64>,
        kept: Option<&Failure>,
        dropped: &Failure,
    ) -> Result<(), EngineError> {
        let mut seqs: Vec<i64> = self.sends.keys().copied().collect();
        seqs.sort_unstable();
        for seq in seqs {
            let Some(waiting) = turn.desk.waiting(seq)? else {
                continue;
            };
            if only.is_some_and(|no| no != waiting.conversation) {
                continue;
            }
            let calls = self.sends.get(&seq).map_or(&[][..], Vec::as_slice);
            // From a device that is over nothing leaves any more: what waits would wait for ever.
            let wanted = calls.iter().any(|(_, wanted)| wanted.queue) && self.ended.is_none();
            let keep = wanted || waiting.sealed.is_some();
            if !keep {
                self.give_up(turn, seq, dropped)?;
                continue;
            }
            for (call, _) in self.sends.remove(&seq).unwrap_or_default() {
                match kept {
                    Some(failure) => turn.answer(call, Err(failure.clone())),
                    None => self.answer_send(turn, call, &waiting, SendState::Queued)?,
                }
            }
        }
        Ok(())
    }
}

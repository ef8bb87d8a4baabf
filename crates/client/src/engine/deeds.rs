//! Control events of this account: wished, made, sent until the outcome is known.
//!
//! A wish is on disk before anything leaves. When its conversation is up to date it is judged
//! (`outlook`), and the event that is to be made goes out under one counter until the server says
//! that it stored it or that it did not. One event of a conversation is under way at a time,
//! messages included, so nothing of this device makes something else of it stale.

use super::link::Asked;
use super::outlook::{Outlook, Scene, Wish};
use super::turn::{CallId, Turn};
use super::{Engine, EngineError};
use crate::command::{Answer, Failure, FailureKind};
use crate::store::{Deed, MadeDeed};
use std::collections::BTreeSet;
use subrosa_proto::{
    AccountId, ErrorCode, EventHash, Refusal, Request, Response, decode, encode, limits,
};

/// So long the server remembers for certain that it has stored something.
const REMEMBERED_MS: u64 = limits::IDEM_KEPT_MS - limits::DAY_MS;
/// Pause before the server is asked again after a failure of its own.
const RETRY_MS: u64 = 2_000;
/// A wish that the server calls stale so often in a row is left alone for a while.
const STALE_MAX: u32 = 20;

/// A call that waits for wishes, and perhaps for a content that goes with them.
#[derive(Debug)]
pub(super) struct DeedCall {
    pub call: CallId,
    /// Number of the conversation.
    pub no: i64,
    /// Places of the wishes that are not over.
    pub deeds: BTreeSet<i64>,
    /// Places in the outbox of contents that have not left.
    pub drafts: BTreeSet<i64>,
    /// The first thing that went wrong.
    pub failed: Option<Failure>,
    /// What it is answered with.
    pub shows: Shows,
}

/// What a call is answered with whose wishes are fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// That it is done.
    Nothing,
    /// The room.
    Room,
    /// The timer of the conversation.
    Timer,
    /// The line of this bot.
    Line(AccountId),
}

impl Engine {
    /// Puts wishes of a command on disk; the call is answered when they are over.
    pub(super) fn pursue(
        &mut self,
        turn: &mut Turn<'_>,
        who: (CallId, &str),
        no: i64,
        wishes: &[Wish],
    ) -> Result<(), EngineError> {
        self.pursue_to_show(turn, who, no, wishes, Shows::Nothing)
    }

    /// The same, with another answer.
    pub(super) fn pursue_to_show(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &str),
        no: i64,
        wishes: &[Wish],
        shows: Shows,
    ) -> Result<(), EngineError> {
        let mut deeds = BTreeSet::new();
        for (number, wish) in wishes.iter().enumerate() {
            let caller = format!("{caller}/{number}");
            let seq = turn.desk.add_deed(&caller, no, &encode(wish))?;
            if turn.desk.deed(seq)?.is_some_and(|deed| !deed.done) {
                deeds.insert(seq);
            }
        }
        self.deed_calls.push(DeedCall {
            call,
            no,
            deeds,
            drafts: BTreeSet::new(),
            failed: None,
            shows,
        });
        self.try_now(turn);
        self.pump(turn, no)?;
        self.settle_calls(turn)
    }

    /// A wish of the engine's own: nobody waits for it.
    pub(super) fn pursue_by_itself(
        &mut self,
        turn: &mut Turn<'_>,
        caller: String,
        no: i64,
        wish: &Wish,
    ) -> Result<(), EngineError> {
        if self.rooms.tried.contains(&caller) {
            return Ok(());
        }
        turn.desk.add_deed(&caller, no, &encode(wish))?;
        self.rooms.tried.insert(caller);
        self.pump(turn, no)
    }

    /// What there is to do for a wish.
    pub(super) fn outlook(
        &self,
        turn: &Turn<'_>,
        no: i64,
        wish: &Wish,
    ) -> Result<Outlook, EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(Outlook::Impossible(Failure::defect(
                "a conversation has gone while something was to be done in it",
            )));
        };
        let added = match wish {
            Wish::Guest { account } => turn.desk.added(no, account)?.is_some(),
            _ => false,
        };
        let scene = Scene {
            state: &talk.state,
            own: self.account,
            name: &talk.name,
            name_of: &|account| self.people.name_of(account),
            was_added: &|_| added,
            // A bot's warrant is its acceptance of its rooms.
            is_contact: &|account| self.is_contact(account) || self.bot_of(account).is_some(),
        };
        Ok(scene.outlook(wish))
    }

    /// Carries out what is wished first in a conversation that is up to date. Whether something
    /// is under way, so that nothing else may leave there.
    pub(super) fn pump_deeds(&mut self, turn: &mut Turn<'_>, no: i64) -> Result<bool, EngineError> {
        loop {
            let Some(talk) = self.talks.get(&no) else {
                return Ok(false);
            };
            if talk.deed.is_some() {
                return Ok(true);
            }
            let Some(deed) = turn.desk.first_deed(no)? else {
                return Ok(false);
            };
            if let Some(placed) = deed.placed {
                if talk.state.head().0 < placed {
                    return Ok(true);
                }
                self.deed_over(turn, deed.seq, None)?;
                continue;
            }
            match self.next_event(turn, &deed)? {
                Some(made) => {
                    self.post_deed(turn, no, deed.seq, made);
                    return Ok(true);
                }
                None => continue,
            }
        }
    }

    /// The event that is to leave for a wish; none when the wish is over.
    fn next_event(
        &mut self,
        turn: &mut Turn<'_>,
        deed: &Deed,
    ) -> Result<Option<MadeDeed>, EngineError> {
        if let Some(made) = &deed.made
            && turn.now_ms.abs_diff(made.attempt_ms) < REMEMBERED_MS
        {
            return Ok(Some(made.clone()));
        }
        let wish: Wish = decode(&deed.wish).map_err(|_| crate::store::StoreError::Shape("wish"))?;
        match self.outlook(turn, deed.conversation, &wish)? {
            Outlook::Fulfilled => self.deed_over(turn, deed.seq, None)?,
            Outlook::Impossible(failure) => self.deed_over(turn, deed.seq, Some(failure))?,
            Outlook::Make(control) => {
                let Some(talk) = self.talks.get(&deed.conversation) else {
                    return Ok(None);
                };
                let made = MadeDeed {
                    counter: turn.counter()?,
                    event: encode(&self.machine.control(&talk.state, &control)),
                    attempt_ms: turn.now_ms,
                };
                turn.desk.set_deed_made(deed.seq, &made)?;
                return Ok(Some(made));
            }
        }
        Ok(None)
    }

    fn post_deed(&mut self, turn: &mut Turn<'_>, no: i64, seq: i64, made: MadeDeed) {
        let Some(talk) = self.talks.get_mut(&no) else {
            return;
        };
        talk.deed = Some(seq);
        let request = Request::Append {
            counter: made.counter,
            conv: talk.id(),
            events: vec![made.event],
        };
        self.ask(turn, request, Asked::Deed { no, seq });
    }

    pub(super) fn deed_answered(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
        response: Response,
    ) -> Result<(), EngineError> {
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.deed = None;
        }
        match response {
            Response::Appended { first, .. } => {
                turn.desk.set_deed_placed(seq, first)?;
                if let Some(talk) = self.talks.get_mut(&no) {
                    talk.refusals = 0;
                    talk.server_head = talk.server_head.max(Some(first));
                }
            }
            Response::Stale { ctl } => self.deed_stale(turn, no, seq, ctl)?,
            Response::Refused { refusal } => self.deed_refused(turn, no, seq, &refusal)?,
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        }
        self.pump(turn, no)?;
        // The event itself may have come before this answer, and then nothing else would come.
        self.caught_up(turn)
    }

    /// Something came before it: it is judged again when that is here.
    fn deed_stale(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
        ctl: EventHash,
    ) -> Result<(), EngineError> {
        turn.desk.unmake_deed(seq)?;
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        talk.refusals = talk.refusals.saturating_add(1);
        let (conv, next, many) = (talk.id(), talk.next(), talk.refusals > STALE_MAX);
        let again = talk.refusals > 1;
        if ctl != talk.state.ctl() {
            talk.awaits_control = true;
            self.pause(turn, no, RETRY_MS);
            if again {
                self.ask_standing(turn, no, Some(ctl));
            }
        } else if many {
            self.pause(turn, no, RETRY_MS);
        }
        self.follow(turn, conv, next);
        Ok(())
    }

    fn deed_refused(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        seq: i64,
        refusal: &Refusal,
    ) -> Result<(), EngineError> {
        let name = self
            .talks
            .get(&no)
            .map(|talk| talk.name.clone())
            .unwrap_or_default();
        let not_now = Failure::network(
            "the server cannot store the change now: nothing was changed; try again later",
        );
        let failure = |kind, sentence: String| Failure { kind, sentence };
        match refusal.code {
            ErrorCode::RateLimited => self.pause(turn, no, refusal.retry_ms.max(50)),
            // Its outcome may be open: the same bytes go out again.
            ErrorCode::Internal => self.pause(turn, no, RETRY_MS),
            ErrorCode::StorageFull | ErrorCode::Closing => {
                return self.deed_over(turn, seq, Some(not_now));
            }
            // It did not fit the log: it is judged anew on what the server has by then.
            ErrorCode::Conflict => {
                turn.desk.unmake_deed(seq)?;
                self.pause(turn, no, RETRY_MS);
                if let Some(talk) = self.talks.get(&no) {
                    let (conv, next) = (talk.id(), talk.next());
                    self.follow(turn, conv, next);
                }
            }
            ErrorCode::TooLarge => {
                let sentence = format!("{name} has as many members as a room can have");
                let full = failure(FailureKind::User, sentence);
                return self.deed_over(turn, seq, Some(full));
            }
            ErrorCode::NotFound => {
                let sentence =
                    format!("you are not a member of {name} any more, or there is no such account");
                let gone = failure(FailureKind::NotPermitted, sentence);
                return self.deed_over(turn, seq, Some(gone));
            }
            _ => {
                let sentence = format!(
                    "the server refuses this change of {name}: you lack the right, or whom you add has too many requests waiting"
                );
                let refused = failure(FailureKind::NotPermitted, sentence);
                return self.deed_over(turn, seq, Some(refused));
            }
        }
        Ok(())
    }

    /// A wish is fulfilled, or cannot be.
    fn deed_over(
        &mut self,
        turn: &mut Turn<'_>,
        seq: i64,
        failure: Option<Failure>,
    ) -> Result<(), EngineError> {
        match &failure {
            None => turn.desk.set_deed_done(seq, turn.now_ms)?,
            Some(failure) => {
                tracing::info!(%failure, "a change was not made");
                turn.desk.drop_deed(seq)?;
            }
        }
        for waiting in &mut self.deed_calls {
            if waiting.deeds.remove(&seq) && waiting.failed.is_none() {
                waiting.failed.clone_from(&failure);
            }
        }
        Ok(())
    }

    /// A content has left the outbox, or cannot.
    pub(super) fn draft_over(&mut self, seq: i64, failure: Option<&Failure>) {
        for waiting in &mut self.deed_calls {
            if waiting.drafts.remove(&seq) && waiting.failed.is_none() {
                waiting.failed = failure.cloned();
            }
        }
    }

    /// Answers the calls whose wishes are over, or cannot be carried out in this conversation.
    pub(super) fn settle_calls(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for waiting in std::mem::take(&mut self.deed_calls) {
            let talk = self.talks.get(&waiting.no);
            let halted = talk.and_then(|talk| self.halted(talk));
            let over = waiting.deeds.is_empty() && waiting.drafts.is_empty();
            match halted.filter(|_| !over) {
                Some(failure) => turn.answer(waiting.call, Err(failure)),
                None if !over => self.deed_calls.push(waiting),
                None => {
                    let answer = match (waiting.failed, waiting.shows) {
                        (Some(failure), _) => Err(failure),
                        (None, Shows::Room) => self.room_answer(turn.desk, waiting.no)?,
                        (None, Shows::Timer) => Ok(Answer::Timer {
                            timer: talk.map_or(0, |talk| talk.state.timer()),
                        }),
                        (None, Shows::Line(bot)) => self.line_of(&bot),
                        (None, Shows::Nothing) => Ok(Answer::Done {}),
                    };
                    turn.answer(waiting.call, answer);
                }
            }
        }
        Ok(())
    }

    /// The server is out of reach: what has not left is taken back, and whoever waits is told what
    /// became of the rest.
    pub(super) fn release_deeds(
        &mut self,
        turn: &mut Turn<'_>,
        cause: &Failure,
    ) -> Result<(), EngineError> {
        for waiting in std::mem::take(&mut self.deed_calls) {
            let mut open = !waiting.drafts.is_empty();
            for seq in &waiting.deeds {
                match turn.desk.deed(*seq)? {
                    Some(deed) if deed.made.is_some() || deed.placed.is_some() => open = true,
                    _ => turn.desk.drop_deed(*seq)?,
                }
            }
            let what = if open {
                "what was begun is finished with the next command that reaches it"
            } else {
                "nothing was changed"
            };
            let failure = Failure {
                kind: cause.kind,
                sentence: format!("{}; {what}", cause.sentence),
            };
            turn.answer(waiting.call, Err(failure));
        }
        Ok(())
    }
}

//! Conversations of which a restored server has another end than this home: what is lost by going
//! on there is shown, and undone only when the person says so (docs/spec/ledger.md §14.4).

use super::inbox::Spot;
use super::lookup::Lookup;
use super::talk::Halt;
use super::turn::{CallId, Turn};
use super::{Engine, EngineError, fact};
use crate::command::{Answer, Command, Failure};
use crate::loss::LossView;
use crate::store::StoreError;
use subrosa_ledger::{Conversation, Verdict, event_hash};
use subrosa_proto::{Control, Event, EventKind, Header, Incarnation, decode, encode};

/// A state is kept every so many positions.
const STATE_STEP: u64 = 64;
/// More than is ever kept: all of it.
const ALL: (usize, usize) = (usize::MAX, usize::MAX);

impl Engine {
    /// Commands about what was lost, or told in two ways.
    pub(super) fn losses(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        command: &Command,
    ) -> Result<(), EngineError> {
        match command {
            Command::Restored {
                conversation,
                go_on,
            } => self.restored(turn, call, conversation.as_deref(), *go_on),
            Command::Evidence { about } => self.evidence(turn, call, about.as_deref()),
            Command::OwnChain {} => {
                turn.answer(call, self.own_chain_view().map(Answer::OwnChain));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What is lost; with `go_on` that is accepted.
    fn restored(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: Option<&str>,
        go_on: bool,
    ) -> Result<(), EngineError> {
        let only = conversation.map(|named| (named, self.conversation_no(named)));
        if let Some((named, None)) = only {
            let failure = Failure::user(format!("there is no conversation {named} here"));
            turn.answer(call, Err(failure));
            return Ok(());
        }
        let wanted = only.and_then(|(_, no)| no);
        let parted: Vec<(i64, u64)> = self
            .talks
            .values()
            .filter(|talk| wanted.is_none_or(|no| no == talk.no))
            .filter_map(|talk| match talk.halt {
                Some(Halt::Diverged(common)) => Some((talk.no, common)),
                _ => None,
            })
            .collect();
        let mut losses = Vec::new();
        for (no, common) in parted {
            let mut loss = self.loss(turn, no, common)?;
            if go_on {
                loss.done = self.roll_back(turn, no, common, &loss)?;
            }
            losses.push(loss);
        }
        turn.answer(call, Ok(Answer::Losses(losses)));
        if go_on { self.caught_up(turn) } else { Ok(()) }
    }

    fn loss(&self, turn: &Turn<'_>, no: i64, common: u64) -> Result<LossView, EngineError> {
        let lines = turn.desk.lines_behind(no, &self.account, common)?;
        let mut undone = Vec::new();
        for raw in turn.desk.raw_from(no, common.saturating_add(1), ALL)? {
            if let Some((spot, control)) = control_at(raw.position, raw.time_ms, &raw.event)
                && let Some(words) = self.control_words(&spot, &control)
            {
                undone.push(words);
            }
        }
        let talk = self.talks.get(&no);
        Ok(LossView {
            conversation: talk.map(|talk| talk.name.clone()).unwrap_or_default(),
            common,
            events: talk.map_or(0, |talk| talk.state.head().0.saturating_sub(common)),
            own: lines.own,
            others: lines.others,
            undone,
            done: false,
        })
    }

    /// Takes the conversation back to where this home's log and the server's are the same. False
    /// if too little is kept for that.
    fn roll_back(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        common: u64,
        loss: &LossView,
    ) -> Result<bool, EngineError> {
        let Some((from, state)) = turn.desk.state_before(no, common)? else {
            return Ok(false);
        };
        let mut rows = turn.desk.raw_from(no, from.saturating_add(1), ALL)?;
        rows.retain(|raw| raw.position <= common);
        if rows.len() as u64 != common.saturating_sub(from) {
            return Ok(false);
        }
        let damaged = || EngineError::from(StoreError::Shape("log"));
        let mut state: Conversation = decode(&state).map_err(|_| damaged())?;
        turn.desk.cut_log(no, from)?;
        for raw in rows {
            let event: Event = decode(&raw.event).map_err(|_| damaged())?;
            let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
            let verdict = state.apply(raw.position, &event, &lookup);
            lookup.finish()?;
            if !matches!(verdict, Ok(Verdict::Valid(_) | Verdict::Void(_))) {
                return Err(damaged());
            }
            let (at, log) = state.head();
            turn.desk.add_log(no, at, &log, &event_hash(&event))?;
        }
        turn.desk.cut_timeline(no, &self.account, common)?;
        turn.desk.set_state(no, &encode(&state))?;
        turn.desk.set_divergence(no, None)?;
        turn.desk.save(&self.machine.abandon_session(&state))?;
        // Should this process end before what is lost was sent again, the next one looks for it.
        if let Some(incarnation) = turn.desk.fact::<Incarnation>(fact::INCARNATION)? {
            turn.desk.set_fact(fact::RETURN_DUE, &incarnation)?;
        }
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(false);
        };
        talk.state = state;
        talk.halt = None;
        talk.reopens = true;
        talk.sending = None;
        talk.provisional.clear();
        talk.members.changed();
        let (conv, next) = (talk.id(), talk.next());
        self.remark(turn, no, common, &words(loss))?;
        if self.link.online() {
            self.follow(turn, conv, next);
        }
        Ok(true)
    }

    /// Keeps the state of a conversation now and then, so that there is a way back.
    pub(super) fn keep_state(
        &self,
        turn: &Turn<'_>,
        no: i64,
        state: &Conversation,
    ) -> Result<(), EngineError> {
        let position = state.head().0;
        let last = turn.desk.last_state(no)?;
        if last.is_none_or(|last| position >= last.saturating_add(STATE_STEP)) {
            turn.desk
                .keep_state(no, position, turn.now_ms, &encode(state))?;
        }
        Ok(())
    }
}

fn words(loss: &LossView) -> String {
    let mut words = format!(
        "the server was restored from a copy: {} events from here on were lost there",
        loss.events
    );
    if !loss.undone.is_empty() {
        words.push_str("; undone: ");
        words.push_str(&loss.undone.join("; "));
    }
    words
}

/// A control event, and where it stood.
fn control_at(position: u64, arrived_ms: u64, event: &bytes::Bytes) -> Option<(Spot, Control)> {
    let event: Event = decode(event).ok()?;
    let header: Header = decode(&event.header).ok()?;
    if u64::from(header.kind) != EventKind::Control.number() {
        return None;
    }
    let control = decode(&event.body).ok()?;
    let spot = Spot {
        position,
        arrived_ms,
        author: header.account,
        device: header.device,
        expires_ms: None,
    };
    Some((spot, control))
}

//! Events of conversations, in order and once (docs/spec/ledger.md §6-§8).

use super::link::Asked;
use super::lookup::Lookup;
use super::split::splits;
use super::talk::{Halt, Talk};
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::command::{Failure, FailureKind};
use crate::view::Notice;
use subrosa_ledger::{Conversation, Step as LogStep, Verdict, carried_hash, event_hash};
use subrosa_proto::{
    AccountId, Carried, ConvId, Cursor, Delivered, Event, Form, Page, Request, decode, encode,
};

/// A server that leaves something out so often in a row is not asked once more on this link.
const GAPS_MAX: u32 = 8;

/// What became of one event.
enum Step {
    /// It has its place; go on.
    Placed,
    /// An account must be known better before it can be judged.
    Needs(AccountId),
    /// What was shown ahead of the log is not what it holds.
    Misled,
    /// The log contradicts itself.
    Forked(String),
    /// A member takes another control event of this log for the last one.
    Split,
    /// It is no event.
    Broken,
}

impl Engine {
    pub(super) fn follow(&mut self, turn: &mut Turn<'_>, conv: ConvId, next: u64) {
        self.ask(
            turn,
            Request::Follow {
                cursors: vec![Cursor { conv, next }],
            },
            Asked::Nothing,
        );
    }

    pub(super) fn page(&mut self, turn: &mut Turn<'_>, page: Page) -> Result<(), EngineError> {
        if self.starts_here(&page) {
            self.ask_start(turn, page);
            return Ok(());
        }
        let no = match self.numbers.get(&page.conv) {
            Some(no) => *no,
            None => match self.begin(turn, &page)? {
                Some(no) => no,
                None => return Ok(()),
            },
        };
        let Some(mut talk) = self.talks.remove(&no) else {
            return Ok(());
        };
        if talk.halt.is_some_and(Halt::ends) {
            self.talks.insert(no, talk);
            return Ok(());
        }
        talk.server_head = talk.server_head.max(Some(page.head));
        let late = self.late_boxes(turn, &mut talk, &page);
        let outcome = late.and_then(|()| self.take_events(turn, &mut talk, &page));
        let missing = page.first > talk.next();
        talk.gaps += u32::from(missing);
        let (id, next, gaps) = (talk.id(), talk.next(), talk.gaps);
        let placed = std::mem::take(&mut talk.placed);
        self.talks.insert(no, talk);
        let outcome = outcome?;
        for seq in placed {
            self.draft_done(turn, no, seq)?;
        }
        match outcome {
            Step::Placed => {}
            Step::Needs(account) => self.refresh_author(turn, no, account),
            Step::Forked(what) => self.forked(turn, no, &what)?,
            Step::Split => self.split(turn, no)?,
            Step::Misled => self.misled(turn, no)?,
            Step::Broken => {
                return self.server_broke_protocol(turn, "an event that cannot be read");
            }
        }
        if missing {
            if gaps > GAPS_MAX {
                return self.server_broke_protocol(turn, "pages that leave events out");
            }
            self.follow(turn, id, next);
        }
        self.refresh_wanted(turn);
        self.caught_up(turn)
    }

    fn take_events(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        page: &Page,
    ) -> Result<Step, EngineError> {
        let before = talk.next();
        let mut step = Step::Placed;
        for (offset, delivered) in page.events.iter().enumerate() {
            let position = page.first.saturating_add(offset as u64);
            if position == talk.next() {
                step = self.take_event(turn, talk, position, delivered)?;
                if !matches!(step, Step::Placed) {
                    break;
                }
            }
        }
        if talk.next() > before {
            if std::mem::take(&mut talk.checked) {
                let conversation = talk.name.clone();
                self.tell(turn, talk.no, &Notice::Checked { conversation });
            }
            talk.advanced();
            turn.desk.set_state(talk.no, &encode(&talk.state))?;
            self.keep_state(turn, talk.no, &talk.state)?;
            self.acknowledge_boxes(turn, talk);
        }
        Ok(step)
    }

    fn take_event(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        position: u64,
        delivered: &Delivered,
    ) -> Result<Step, EngineError> {
        let Ok(event) = delivered.carried() else {
            return Ok(Step::Broken);
        };
        let newest = position <= talk.members.chains_to;
        let lookup =
            Lookup::new(turn.desk, &self.people, Some(talk.no), newest).with_proofs(&self.proofs);
        if let Some(other) = splits(&talk.state, position, &event, &lookup) {
            lookup.finish()?;
            self.keep_split(turn, talk, other, Some(&delivered.event))?;
            return Ok(Step::Split);
        }
        let verdict = talk.state.apply_carried(position, &event, &lookup);
        lookup.finish()?;
        let meaning = match verdict {
            Ok(Verdict::Valid(meaning)) => Some(meaning),
            Ok(Verdict::Void(reason)) => {
                tracing::info!(?reason, position, "a void event");
                None
            }
            Ok(Verdict::NeedsAccount(account)) => {
                talk.members.wanting = position;
                // What is under way may have been asked before this event was there.
                talk.members.changed();
                return Ok(Step::Needs(account));
            }
            Ok(Verdict::Fork(found)) => {
                let named = (talk.no, talk.id(), talk.name.as_str());
                self.keep_fork(turn, named, &delivered.event, &found)?;
                return Ok(Step::Forked(format!("{found:?}")));
            }
            Err(_) => return Ok(Step::Broken),
        };
        let (at, log) = talk.state.head();
        let hash = carried_hash(&event);
        turn.desk.add_log(talk.no, at, &log, &hash)?;
        if let Some(shown) = talk.preview.remove(&position) {
            // A body that is gone by now leaves the same hash behind.
            if shown != hash || meaning.is_none() {
                return Ok(Step::Misled);
            }
            turn.desk.end_preview(talk.no, position)?;
            talk.checked |= talk.preview.is_empty();
        }
        self.judge_confirmation(talk, position, &event);
        self.keep_event(turn, talk.no, position, delivered)?;
        match (event, meaning) {
            (Carried::Whole(event), Some(meaning)) => {
                self.understand(turn, talk, position, delivered, &event, meaning)?;
            }
            (Carried::Trimmed(event), Some(meaning)) => {
                self.note_absent(turn, talk, (position, delivered.time_ms), &event, &meaning)?;
            }
            (_, None) => {}
        }
        Ok(Step::Placed)
    }

    /// The first page of a conversation that is not in the store.
    fn begin(&mut self, turn: &mut Turn<'_>, page: &Page) -> Result<Option<i64>, EngineError> {
        let Some(first) = page.events.first().filter(|_| page.first == 1) else {
            return Ok(None);
        };
        let Ok(event) = decode::<Event>(&first.event) else {
            self.server_broke_protocol(turn, "an event that cannot be read")?;
            return Ok(None);
        };
        let lookup = Lookup::new(turn.desk, &self.people, None, true).with_proofs(&self.proofs);
        let created = Conversation::create(&event, &lookup);
        lookup.finish()?;
        let state = match created {
            Ok(state) if state.id() == page.conv => state,
            other => {
                tracing::warn!(error = ?other.err(), "a conversation that does not hold is left out");
                self.link.joining.remove(&page.conv);
                self.caught_up(turn)?;
                return Ok(None);
            }
        };
        let step = LogStep {
            position: state.head().0,
            event: event_hash(&event),
            log: state.head().1,
        };
        let no = self.new_talk(turn, state, &[step], page.head)?;
        self.keep_event(turn, no, 1, first)?;
        self.greeted(turn, no, &event, first.time_ms)?;
        self.tell_joined(turn, no)?;
        Ok(Some(no))
    }

    /// Puts a conversation into the store, with the steps of its log that are known.
    pub(super) fn new_talk(
        &mut self,
        turn: &Turn<'_>,
        state: Conversation,
        steps: &[LogStep],
        server_head: u64,
    ) -> Result<i64, EngineError> {
        let (conv, wish) = (state.id(), self.conversation_name(&state));
        let (no, name) = turn.desk.add_conversation(&conv, &wish, &encode(&state))?;
        for step in steps {
            turn.desk
                .add_log(no, step.position, &step.log, &step.event)?;
        }
        self.keep_state(turn, no, &state)?;
        self.numbers.insert(conv, no);
        self.link.joining.remove(&conv);
        let mut talk = Talk::new(no, name, state);
        talk.server_head = Some(server_head);
        talk.read_to = self.settings.read_to(&conv);
        talk.members.given(turn.now_ms);
        self.talks.insert(no, talk);
        Ok(no)
    }

    pub(super) fn tell_joined(&self, turn: &mut Turn<'_>, no: i64) -> Result<(), EngineError> {
        if let Some(talk) = self.talks.get(&no)
            && talk.state.form() != Form::Own
            && !self.silenced(talk)
        {
            let view = self.conversation_view(turn.desk, talk)?;
            self.tell_all(turn, &Notice::Joined(view));
        }
        Ok(())
    }

    /// A member has signed that it saw another log. The state stays where it is, so that the next
    /// link meets the same event and stops here again.
    pub(super) fn forked(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        what: &str,
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        talk.halt = Some(Halt::Forked);
        let (conv, name) = (talk.id(), talk.name.clone());
        tracing::error!(evidence = what, "a log contradicts itself");
        let failure = fork_failure(&name);
        self.alarm(format!("fork/{conv}"), failure.sentence.clone());
        self.release_sends(turn, Some(no), Some(&failure), &failure)
    }

    /// After anything that may have brought the store up to the server's state.
    pub(super) fn caught_up(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if !self.link.online() {
            return Ok(());
        }
        self.doubt_deletions(turn)?;
        self.heed_requests(turn)?;
        self.send_receipts(turn)?;
        self.post_settings(turn)?;
        self.reopen_lost(turn)?;
        self.post_ends(turn)?;
        for no in turn.desk.conversations_with_deeds()? {
            self.pump(turn, no)?;
        }
        self.tell_titles(turn)?;
        self.settle_calls(turn)?;
        for no in turn.desk.conversations_waiting()? {
            self.pump(turn, no)?;
        }
        if self.all_readable() {
            self.answer_readable(turn)?;
        }
        if self.all_synced() {
            self.answer_synced(turn)?;
            self.answer_drained(turn)?;
        }
        Ok(())
    }

    /// Whether the newest of everything that the server had can be read. A restored server gets back
    /// first what this home has: whoever reads and goes would take it along.
    pub(super) fn all_readable(&self) -> bool {
        self.link.settled() && !self.is_returning() && self.talks.values().all(Talk::readable)
    }

    /// Whether everything that the server had is here.
    pub(super) fn all_synced(&self) -> bool {
        self.link.settled()
            && !self.is_returning()
            && self
                .talks
                .values()
                .all(|talk| talk.settled() && talk.deed.is_none())
    }

    /// Boxes whose keys are in the store are not needed at the server any more. The request leaves
    /// after the transaction that stores them.
    fn acknowledge_boxes(&mut self, turn: &mut Turn<'_>, talk: &mut Talk) {
        if std::mem::take(&mut talk.boxes_opened) {
            let request = Request::AckBoxes {
                conv: talk.id(),
                to: talk.state.head().0,
            };
            self.ask(turn, request, Asked::Nothing);
        }
    }
}

/// Why nothing goes out in a conversation of which a restored server has another end.
pub(super) fn diverged_failure(name: &str) -> Failure {
    Failure {
        kind: FailureKind::Trust,
        sentence: format!(
            "the server was restored from a copy, and the conversation {name} went on there without what this home has seen: `subrosa restored` shows what is lost and goes on; what is written waits here"
        ),
    }
}

/// Why nothing goes out in a conversation whose log has forked.
pub(super) fn fork_failure(name: &str) -> Failure {
    Failure {
        kind: FailureKind::Trust,
        sentence: format!(
            "the server shows the conversation {name} differently to its members; nothing is sent there any more. `subrosa evidence` shows and exports what proves it; tell the others by another way, and go on in a new room"
        ),
    }
}

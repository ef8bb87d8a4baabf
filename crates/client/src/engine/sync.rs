//! Events of conversations, in order and once (docs/spec/ledger.md §6-§8).

use super::link::Asked;
use super::talk::{Lookup, Talk};
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::view::Notice;
use subrosa_ledger::{Conversation, Verdict, event_hash};
use subrosa_proto::{
    ConvId, Cursor, Delivered, Event, Form, Page, Request, Response, decode, encode,
};

/// What became of one event.
enum Step {
    /// It has its place; go on.
    Placed,
    /// An account must be known better before it can be judged.
    Needs,
    /// The log contradicts itself.
    Forked(String),
    /// It is no event.
    Broken,
}

impl Engine {
    /// A conversation that is not in the store: its members first, then its events.
    pub(super) fn want(&mut self, turn: &mut Turn<'_>, conv: ConvId) {
        if !self.numbers.contains_key(&conv) && self.link.joining.insert(conv) {
            self.ask(turn, Request::People { conv }, Asked::People(conv));
        }
    }

    pub(super) fn follow(&mut self, turn: &mut Turn<'_>, conv: ConvId, next: u64) {
        self.ask(
            turn,
            Request::Follow {
                cursors: vec![Cursor { conv, next }],
            },
            Asked::Nothing,
        );
    }

    /// Chains and prekeys of a conversation's members.
    pub(super) fn people_came(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        response: Response,
    ) -> Result<(), EngineError> {
        let no = self.numbers.get(&conv).copied();
        if let Some(talk) = no.and_then(|no| self.talks.get_mut(&no)) {
            talk.people_asked = false;
        }
        let Response::People { chains, prekeys } = response else {
            self.link.joining.remove(&conv);
            return self.caught_up(turn);
        };
        let mut sound = true;
        for chain in chains {
            if let Err(refused) = self.people.take_chain(turn.desk, &chain)? {
                self.warn(turn, refused.0);
                sound = false;
            }
        }
        for prekey in prekeys {
            if let Err(refused) = self.people.take_prekey(turn.desk, &prekey)? {
                tracing::warn!(cause = refused.0, "a prekey was left out");
            }
        }
        let Some(no) = no else {
            self.follow(turn, conv, 1);
            return Ok(());
        };
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        talk.people_fresh = sound;
        talk.chains_to = talk.wanting;
        // Events that could not be judged come again.
        let (waits, next) = (!talk.synced(), talk.next());
        if waits {
            self.follow(turn, conv, next);
        }
        self.pump(turn, no)
    }

    pub(super) fn page(&mut self, turn: &mut Turn<'_>, page: Page) -> Result<(), EngineError> {
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
        talk.server_head = talk.server_head.max(Some(page.head));
        let outcome = self.take_events(turn, &mut talk, &page);
        let (id, next) = (talk.id(), talk.next());
        self.talks.insert(no, talk);
        match outcome? {
            Step::Placed => {}
            Step::Needs => self.refresh_people(turn, no),
            Step::Forked(what) => self.stop_talk(turn, no, &what),
            Step::Broken => {
                return self.server_broke_protocol(turn, "an event that cannot be read");
            }
        }
        if page.first > next {
            // Something in between is missing here.
            self.follow(turn, id, next);
        }
        self.caught_up(turn)
    }

    fn take_events(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        page: &Page,
    ) -> Result<Step, EngineError> {
        let before = talk.next();
        let mut position = page.first;
        let mut step = Step::Placed;
        for delivered in &page.events {
            if position == talk.next() && !talk.stopped {
                step = self.take_event(turn, talk, position, delivered)?;
                if !matches!(step, Step::Placed) {
                    break;
                }
            }
            position += 1;
        }
        if talk.next() > before {
            turn.desk.set_state(talk.no, &encode(&talk.state))?;
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
        let Ok(event) = decode::<Event>(&delivered.event) else {
            return Ok(Step::Broken);
        };
        let lookup = Lookup::new(
            turn.desk,
            &self.people,
            Some(talk.no),
            position <= talk.chains_to,
        );
        let verdict = talk.state.apply(position, &event, &lookup);
        lookup.finish()?;
        let meaning = match verdict {
            Ok(Verdict::Valid(meaning)) => Some(meaning),
            Ok(Verdict::Void(reason)) => {
                tracing::info!(?reason, position, "a void event");
                None
            }
            Ok(Verdict::NeedsAccount(_)) => {
                talk.wanting = position;
                return Ok(Step::Needs);
            }
            Ok(Verdict::Fork(evidence)) => return Ok(Step::Forked(format!("{evidence:?}"))),
            Err(_) => return Ok(Step::Broken),
        };
        let (at, log) = talk.state.head();
        turn.desk.add_log(talk.no, at, &log, &event_hash(&event))?;
        if let Some(meaning) = meaning {
            self.understand(turn, talk, position, delivered, &event, meaning)?;
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
        let lookup = Lookup::new(turn.desk, &self.people, None, true);
        let created = Conversation::create(&event, &lookup);
        lookup.finish()?;
        let state = match created {
            Ok(state) if state.id() == page.conv => state,
            other => {
                tracing::warn!(error = ?other.err(), "a conversation that does not hold is left out");
                self.link.joining.remove(&page.conv);
                return Ok(None);
            }
        };
        let wish = self.conversation_name(&state);
        let (no, name) = turn
            .desk
            .add_conversation(&page.conv, &wish, &encode(&state))?;
        let (at, log) = state.head();
        turn.desk.add_log(no, at, &log, &event_hash(&event))?;
        self.numbers.insert(page.conv, no);
        self.link.joining.remove(&page.conv);
        let mut talk = Talk::new(no, name, state);
        talk.server_head = Some(page.head);
        talk.people_fresh = true;
        self.talks.insert(no, talk);
        self.greeted(turn, no, &event, first.time_ms)?;
        if let Some(talk) = self.talks.get(&no)
            && talk.state.form() != Form::Own
        {
            let view = self.conversation_view(turn.desk, talk)?;
            self.tell_all(turn, &Notice::Joined(view));
        }
        Ok(Some(no))
    }

    pub(super) fn refresh_people(&mut self, turn: &mut Turn<'_>, no: i64) {
        let Some(talk) = self.talks.get_mut(&no) else {
            return;
        };
        talk.people_fresh = false;
        if !talk.people_asked && self.link.online() {
            talk.people_asked = true;
            let conv = talk.id();
            self.ask(turn, Request::People { conv }, Asked::People(conv));
        }
    }

    fn stop_talk(&mut self, turn: &mut Turn<'_>, no: i64, what: &str) {
        let Some(talk) = self.talks.get_mut(&no) else {
            return;
        };
        talk.stopped = true;
        let name = talk.name.clone();
        tracing::error!(evidence = what, "a log contradicts itself");
        self.warn(turn, format!(
            "the server shows the conversation {name} differently to its members; nothing is sent there any more. Tell the others by another way, and go on in a new conversation"
        ));
    }

    /// After anything that may have brought the store up to the server's state.
    pub(super) fn caught_up(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if !self.link.online() {
            return Ok(());
        }
        self.send_receipts(turn)?;
        for no in turn.desk.conversations_waiting()? {
            self.pump(turn, no)?;
        }
        if self.all_synced() {
            self.answer_synced(turn)?;
        }
        Ok(())
    }

    /// Boxes whose keys are in the store are not needed at the server any more.
    fn acknowledge_boxes(&mut self, turn: &mut Turn<'_>, talk: &mut Talk) {
        if std::mem::take(&mut talk.boxes_opened) {
            let request = Request::AckBoxes {
                conv: talk.id(),
                to: talk.next() - 1,
            };
            self.ask(turn, request, Asked::Nothing);
        }
    }
}

//! The start in a log that others began: the control events before the account was added, the
//! chains of those who signed them, and from there on like everybody (docs/spec/ledger.md §7.8).

use super::inbox::Spot;
use super::link::Asked;
use super::lookup::Lookup;
use super::people::Refused;
use super::turn::Turn;
use super::{Engine, EngineError};
use std::collections::BTreeSet;
use subrosa_ledger::{Conversation, JoinError, Joined, Joining, event_hash};
use subrosa_proto::{
    AccountId, Control, ConvId, Delivered, DeviceId, Event, EventHash, EventKind, Header, Page,
    Placed, Request, Response, decode, encode,
};

/// More control events than this before one start are not taken.
const CONTROLS_MAX: usize = 100_000;
/// Accounts whose chains are asked for at a time.
const CHAINS_ASKED: usize = 500;

/// A start that is being fetched.
#[derive(Debug)]
pub(super) struct Start {
    /// Where the account was added.
    position: u64,
    add: Event,
    time_ms: u64,
    /// The log's end, as the server named it.
    head: u64,
    controls: Vec<(u64, Event)>,
    hashes: Vec<EventHash>,
    /// Accounts whose chains are still to come.
    missing: BTreeSet<AccountId>,
}

impl Engine {
    /// Whether a page begins with the event that adds this account, further on than the log that
    /// is here.
    pub(super) fn starts_here(&self, page: &Page) -> bool {
        let next = self.numbers.get(&page.conv).and_then(|no| {
            let talk = self.talks.get(no)?;
            Some(talk.next())
        });
        page.first > next.unwrap_or(1)
            && page
                .events
                .first()
                .and_then(|first| decode::<Event>(&first.event).ok())
                .is_some_and(|event| added(&event) == Some(self.account))
    }

    /// Asks for what came before. The page itself comes again when the start is there.
    pub(super) fn ask_start(&mut self, turn: &mut Turn<'_>, page: Page) {
        let Some(first) = page.events.first() else {
            return;
        };
        let Ok(add) = decode::<Event>(&first.event) else {
            return;
        };
        if self.link.starts.contains_key(&page.conv) {
            return;
        }
        let start = Start {
            position: page.first,
            add,
            time_ms: first.time_ms,
            head: page.head,
            controls: Vec::new(),
            hashes: Vec::new(),
            missing: BTreeSet::new(),
        };
        self.link.starts.insert(page.conv, start);
        self.link.joining.insert(page.conv);
        self.ask_history(turn, page.conv, 0);
    }

    fn ask_history(&mut self, turn: &mut Turn<'_>, conv: ConvId, after: u64) {
        let request = Request::ControlHistory { conv, after };
        self.ask(turn, request, Asked::ControlHistory(conv));
    }

    /// A part of the control events.
    pub(super) fn control_history_came(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        response: Response,
    ) -> Result<(), EngineError> {
        let Some(start) = self.link.starts.get_mut(&conv) else {
            return Ok(());
        };
        let (since, events, hashes, more) = match response {
            Response::ControlHistory {
                since,
                events,
                hashes,
                more,
            } => (since, events, hashes, more),
            // Removed meanwhile.
            Response::Refused { .. } => return self.leave_start(turn, conv),
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        };
        if since != start.position {
            // Removed and added once more meanwhile: the new place is pushed in its turn.
            self.leave_start(turn, conv)?;
            self.follow(turn, conv, 1);
            return Ok(());
        }
        for Placed { position, event } in events {
            let Ok(event) = decode::<Event>(&event) else {
                return self.server_broke_protocol(turn, "an event that cannot be read");
            };
            let after = start.controls.last().map_or(0, |(last, _)| *last);
            if position <= after || start.controls.len() >= CONTROLS_MAX {
                return self.server_broke_protocol(turn, "control events out of order");
            }
            start.controls.push((position, event));
        }
        let last = start.controls.last().map_or(0, |(last, _)| *last);
        if more {
            self.ask_history(turn, conv, last);
            return Ok(());
        }
        start.hashes = hashes;
        let named = devices_named(&start.controls, &start.add);
        let unknown = named.into_iter().filter(|(account, device)| {
            let known = self.people.account(account);
            !known.is_some_and(|known| known.certified(device))
        });
        start.missing = unknown.map(|(account, _)| account).collect();
        self.ask_chains(turn, conv)
    }

    /// Asks for the chains that are missing, or begins.
    fn ask_chains(&mut self, turn: &mut Turn<'_>, conv: ConvId) -> Result<(), EngineError> {
        let missing = self.link.starts.get(&conv).map(|start| &start.missing);
        let accounts: Vec<_> = missing
            .into_iter()
            .flatten()
            .take(CHAINS_ASKED)
            .copied()
            .collect();
        if accounts.is_empty() {
            return self.begin_at_start(turn, conv);
        }
        self.ask(
            turn,
            Request::Chains { conv, accounts },
            Asked::Chains(conv),
        );
        Ok(())
    }

    /// Chains of those who signed control events and may be no members any more.
    pub(super) fn chains_came(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        response: Response,
    ) -> Result<(), EngineError> {
        if !self.link.starts.contains_key(&conv) {
            return Ok(());
        }
        let chains = match response {
            Response::Chains { chains } if !chains.is_empty() => chains,
            Response::Refused { .. } => return self.leave_start(turn, conv),
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        };
        for chain in chains {
            match self.people.take_chain(turn.desk, &chain)? {
                Ok(account) => {
                    if let Some(start) = self.link.starts.get_mut(&conv)
                        && !start.missing.remove(&account)
                    {
                        return self.server_broke_protocol(turn, "a chain that nobody asked for");
                    }
                }
                Err(Refused(sentence)) => {
                    self.alarm(format!("chain/{sentence}"), sentence);
                    return self.leave_start(turn, conv);
                }
            }
        }
        self.ask_chains(turn, conv)
    }

    /// Everything is here: the state before the start is made, and the log goes on from there.
    fn begin_at_start(&mut self, turn: &mut Turn<'_>, conv: ConvId) -> Result<(), EngineError> {
        let Some(start) = self.link.starts.remove(&conv) else {
            return Ok(());
        };
        let joining = Joining {
            conv,
            account: self.account,
            controls: &start.controls,
            hashes: &start.hashes,
            position: start.position,
            add: &start.add,
        };
        let lookup = Lookup::new(turn.desk, &self.people, None, true);
        let joined = joining.begin(&lookup);
        lookup.finish()?;
        let joined = match joined {
            Ok(joined) => joined,
            Err(error) => return self.refuse_start(turn, conv, error),
        };
        let no = match self.numbers.get(&conv).copied() {
            None => self.new_talk(turn, joined.conversation, &joined.steps, start.head)?,
            Some(no) => {
                let before = self.talks.get(&no).map(|talk| talk.state.ctl());
                let continues = start
                    .controls
                    .iter()
                    .any(|(_, event)| before == Some(event_hash(event)));
                if !continues {
                    let what = "the control events before a new start are not those known here";
                    self.link.joining.remove(&conv);
                    return self.forked(turn, no, what);
                }
                self.resume_talk(turn, no, joined, start.head)?;
                no
            }
        };
        let add = Delivered {
            time_ms: start.time_ms,
            event: encode(&start.add),
            boxes: Vec::new(),
        };
        self.keep_event(turn, no, start.position, &add)?;
        self.note_start(turn, no, &start)?;
        self.tell_joined(turn, no)?;
        self.ask_newest(turn, &conv);
        self.follow(turn, conv, start.position.saturating_add(1));
        self.caught_up(turn)
    }

    /// This account was removed from the conversation and is there again: what lies between is
    /// not for it.
    fn resume_talk(
        &mut self,
        turn: &Turn<'_>,
        no: i64,
        joined: Joined,
        server_head: u64,
    ) -> Result<(), EngineError> {
        let Joined {
            conversation,
            steps,
        } = joined;
        turn.desk.set_state(no, &encode(&conversation))?;
        let known = self.talks.get(&no).map_or(0, |talk| talk.state.head().0);
        for step in steps.iter().filter(|step| step.position > known) {
            turn.desk
                .add_log(no, step.position, &step.log, &step.event)?;
        }
        self.link.joining.remove(&conversation.id());
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.state = conversation;
            talk.server_head = Some(server_head);
            talk.halt = None;
            talk.members.changed();
            talk.advanced();
        }
        Ok(())
    }

    /// The first line of the conversation here: who added this account.
    fn note_start(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        start: &Start,
    ) -> Result<(), EngineError> {
        let (Some(talk), Ok(header)) =
            (self.talks.remove(&no), decode::<Header>(&start.add.header))
        else {
            return Ok(());
        };
        let spot = Spot {
            position: start.position,
            arrived_ms: start.time_ms,
            author: header.account,
            device: header.device,
            expires_ms: None,
        };
        let noted = match decode::<Control>(&start.add.body) {
            Ok(control) => self.note_control(turn, &talk, &spot, &control),
            Err(_) => Ok(()),
        };
        self.talks.insert(no, talk);
        noted
    }

    fn refuse_start(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        error: JoinError,
    ) -> Result<(), EngineError> {
        tracing::warn!(%error, "a start does not hold");
        self.alarm(
            format!("start/{conv}"),
            format!(
                "the server shows a conversation, {:.8}, whose members cannot be verified; it is left out",
                conv.to_string()
            ),
        );
        self.leave_start(turn, conv)
    }

    fn leave_start(&mut self, turn: &mut Turn<'_>, conv: ConvId) -> Result<(), EngineError> {
        self.link.starts.remove(&conv);
        self.link.joining.remove(&conv);
        self.caught_up(turn)
    }
}

/// The account that an event adds, if it is such an event.
fn added(event: &Event) -> Option<AccountId> {
    let header: Header = decode(&event.header).ok()?;
    match decode(&event.body).ok()? {
        Control::Add { account, .. } if header.kind == EventKind::Control as u8 => Some(account),
        _ => None,
    }
}

/// The devices that sign control events, and those that these end.
fn devices_named(controls: &[(u64, Event)], add: &Event) -> Vec<(AccountId, DeviceId)> {
    let events = controls.iter().map(|(_, event)| event);
    let events = events.chain(std::iter::once(add));
    let named = events.flat_map(|event| {
        let author = decode::<Header>(&event.header)
            .ok()
            .map(|header| (header.account, header.device));
        author.into_iter().chain(Conversation::ended_device(event))
    });
    named.collect()
}

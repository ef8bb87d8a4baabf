//! The newest page of a conversation with a long history, shown before the rest is here.
//!
//! Its events are signed by devices that their accounts certify, and open with the keys of their
//! sessions. That they stand in the log where the server says is known only when the history has
//! been followed up to them: until then their rows say so, and a difference is no small thing.

use super::link::Asked;
use super::lookup::Lookup;
use super::rows::LINE_CONTENT;
use super::talk::{Halt, Newest, Talk};
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::command::{Failure, FailureKind};
use crate::store::{Desk, Entry, StoreError};
use crate::view::{HistoryView, SendState};
use std::collections::{BTreeMap, HashSet};
use subrosa_e2e::{Body, Opened, RecordName, StoredSession};
use subrosa_ledger::{Authentic, event_hash};
use subrosa_proto::{
    ContentId, ConvId, Delivered, Event, EventKind, Header, KeyFields, MessageFields, Page,
    Request, Response, decode,
};

/// A history that is not longer than this is here as soon as its newest page would be.
const LONG: u64 = 400;
/// Events that are asked for: those that are shown, and before them those in which the sessions of
/// these may have been opened.
const ASKED: u64 = 200;
/// Events that are shown.
const SHOWN: u64 = 100;

/// An event of the newest page that opened.
struct Ahead {
    position: u64,
    arrived_ms: u64,
    header: Header,
    event: Event,
    opened: Opened,
}

/// What is shown ahead of the history, as it was left.
pub(super) fn load(desk: &Desk<'_>, talks: &mut BTreeMap<i64, Talk>) -> Result<(), StoreError> {
    for (no, position, event) in desk.previews()? {
        match talks.get_mut(&no) {
            // The log has gone past it and holds another event there.
            Some(talk) if position < talk.next() => talk.halt = Some(Halt::Misled),
            Some(talk) => drop(talk.preview.insert(position, event)),
            None => {}
        }
    }
    Ok(())
}

impl Engine {
    /// The first event of a conversation that is not in the store, for its newest page to come next,
    /// where that is worth a way of its own.
    pub(super) fn ask_first(&mut self, turn: &mut Turn<'_>, conv: ConvId) {
        let expected = self.link.expected.get(&conv);
        if expected.is_none_or(|head| *head <= LONG) {
            self.follow(turn, conv, 1);
            return;
        }
        let request = Request::Read {
            conv,
            from: 1,
            count: 1,
        };
        self.ask(turn, request, Asked::First(conv));
    }

    pub(super) fn first_came(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        response: Response,
    ) -> Result<(), EngineError> {
        if let Response::Page { page } = response
            && page.conv == conv
        {
            self.page(turn, page)?;
        }
        self.ask_newest(turn, &conv);
        // Where somebody else began the log, its start is being fetched, and the rest follows from there.
        let no = self.numbers.get(&conv);
        if let Some(talk) = no.and_then(|no| self.talks.get(no)) {
            let next = talk.next();
            self.follow(turn, conv, next);
        } else if !self.link.starts.contains_key(&conv) {
            self.follow(turn, conv, 1);
        }
        Ok(())
    }

    /// Asks for the newest page, where the way to it is long.
    pub(super) fn ask_newest(&mut self, turn: &mut Turn<'_>, conv: &ConvId) {
        let no = self.numbers.get(conv).copied();
        let Some(talk) = no.and_then(|no| self.talks.get_mut(&no)) else {
            return;
        };
        let head = talk.server_head.unwrap_or(0);
        let long = head.saturating_sub(talk.state.head().0) > LONG;
        if !long || talk.newest != Newest::Unasked || talk.halt.is_some() {
            return;
        }
        talk.newest = Newest::Asked;
        let request = Request::Read {
            conv: *conv,
            from: head - ASKED + 1,
            count: ASKED,
        };
        self.ask(turn, request, Asked::Newest(*conv));
    }

    pub(super) fn newest_came(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        response: Response,
    ) -> Result<(), EngineError> {
        let no = self.numbers.get(&conv).copied();
        let Some(talk) = no.and_then(|no| self.talks.get_mut(&no)) else {
            return Ok(());
        };
        // Whatever came of it, nothing more is waited for.
        talk.newest = Newest::Here;
        if let (Response::Page { page }, Some(no)) = (response, no)
            && page.conv == conv
        {
            self.show_ahead(turn, no, &page)?;
        }
        self.caught_up(turn)
    }

    fn show_ahead(&mut self, turn: &mut Turn<'_>, no: i64, page: &Page) -> Result<(), EngineError> {
        let Some(mut talk) = self.talks.remove(&no) else {
            return Ok(());
        };
        let shown = self.open_ahead(turn, no, &talk.state.id(), page);
        let next = talk.next();
        let outcome = shown.and_then(|shown| {
            let first = page.head.saturating_sub(SHOWN);
            let changed = changed_in(&shown);
            for ahead in shown {
                let known = talk.preview.contains_key(&ahead.position);
                if ahead.position < next || ahead.position <= first || known {
                    continue;
                }
                if self.show_one_ahead(turn, no, &ahead, &changed)? {
                    let hash = event_hash(&ahead.event);
                    turn.desk.set_preview(no, ahead.position, &hash)?;
                    talk.preview.insert(ahead.position, hash);
                }
            }
            Ok(())
        });
        self.talks.insert(no, talk);
        outcome
    }

    /// The messages of a page that are authentic and open.
    fn open_ahead(
        &mut self,
        turn: &Turn<'_>,
        no: i64,
        conv: &ConvId,
        page: &Page,
    ) -> Result<Vec<Ahead>, EngineError> {
        let mut shown = Vec::new();
        for (position, delivered) in (page.first..).zip(&page.events) {
            let Some((event, header)) = self.authentic_ahead(conv, delivered) else {
                continue;
            };
            if u64::from(header.kind) == EventKind::Key.number() {
                self.take_key_ahead(turn, &event, &header, delivered)?;
                continue;
            }
            let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
            let opened = self.machine.open_along(&event, &mut self.readings, &lookup);
            lookup.finish()?;
            // What is to disappear is shown when its time is counted, and not before.
            let lasting =
                decode::<MessageFields>(&header.fields).is_ok_and(|fields| fields.timer == 0);
            if let (Ok(opened), true) = (opened, lasting) {
                shown.push(Ahead {
                    position,
                    arrived_ms: delivered.time_ms,
                    header,
                    event,
                    opened,
                });
            }
        }
        Ok(shown)
    }

    /// An event that a live device of its account signed for this conversation.
    fn authentic_ahead(&self, conv: &ConvId, delivered: &Delivered) -> Option<(Event, Header)> {
        let event: Event = decode(&delivered.event).ok()?;
        let header: Header = decode(&event.header).ok()?;
        let live = self
            .people
            .account(&header.account)?
            .devices()
            .any(|device| device.id == header.device);
        let known = self.proofs.of(&event_hash(&event)).is_some();
        let signed = header.conv == *conv && live && (known || Authentic::check(&event).is_some());
        signed.then_some((event, header))
    }

    /// The key of a session that was opened in the newest page, or not long before it.
    fn take_key_ahead(
        &self,
        turn: &Turn<'_>,
        event: &Event,
        header: &Header,
        delivered: &Delivered,
    ) -> Result<(), EngineError> {
        let Ok(KeyFields { session, .. }) = decode::<KeyFields>(&header.fields) else {
            return Ok(());
        };
        if turn.desk.record(&RecordName::Session(session))?.is_some() {
            return Ok(());
        }
        // What a pack holds stays there until the event is judged, and so do the boxes at the server.
        let packed = turn.desk.record(&RecordName::Packed(session))?;
        let found = match packed {
            Some(key) => StoredSession::from_pack(event, &key, delivered.time_ms).ok(),
            None => {
                let boxes = delivered.boxes.iter();
                let boxes: Vec<_> = boxes.filter_map(|bytes| decode(bytes).ok()).collect();
                self.machine.open_key(event, &boxes, delivered.time_ms).ok()
            }
        };
        if let Some(session) = found {
            turn.desk.save(&session.to_changes())?;
        }
        Ok(())
    }

    /// Shows a text that nothing in the page changes; whatever else there is comes in its turn.
    fn show_one_ahead(
        &self,
        turn: &Turn<'_>,
        no: i64,
        ahead: &Ahead,
        changed: &HashSet<ContentId>,
    ) -> Result<bool, EngineError> {
        let content = &ahead.opened.content;
        if !matches!(content.body, Body::Text(_) | Body::Reply(_)) || changed.contains(&content.id)
        {
            return Ok(false);
        }
        let Ok(body) = content.encode() else {
            return Ok(false);
        };
        let own = ahead.header.account == self.account;
        turn.desk.add_line_ahead(&Entry {
            conversation: no,
            position: Some(ahead.position),
            account: ahead.header.account,
            content: Some(content.id),
            author_ms: content.author_ms,
            arrived_ms: Some(ahead.arrived_ms),
            kind: LINE_CONTENT,
            body: &body,
            state: own.then_some(SendState::Sent as u8),
        })?;
        Ok(true)
    }

    /// The history holds something else than what was shown ahead of it. Nothing goes out there.
    pub(super) fn misled(&mut self, turn: &mut Turn<'_>, no: i64) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        talk.halt = Some(Halt::Misled);
        talk.preview.clear();
        // What had to stand there is kept: the next start stops here again.
        turn.desk.drop_lines_ahead(Some(no))?;
        let (conv, failure) = (talk.id(), misled_failure(&talk.name));
        self.alarm(format!("misled/{conv}"), failure.sentence.clone());
        self.release_sends(turn, Some(no), Some(&failure), &failure)
    }

    /// How much of what the server has is here.
    pub(super) fn history_view(&self) -> HistoryView {
        let (mut events, mut here) = (0, 0);
        for talk in self.talks.values() {
            let head = talk.server_head.unwrap_or(0).max(talk.state.head().0);
            events += head;
            here += talk.state.head().0;
        }
        let joining = self.link.joining.iter();
        let joining = joining.filter_map(|conv| self.link.expected.get(conv));
        events += joining.sum::<u64>();
        let conversations = self.talks.len() + self.link.joining.len();
        let settled = self.talks.values().filter(|talk| talk.settled());
        HistoryView {
            conversations: conversations as u64,
            conversations_here: settled.count() as u64,
            events,
            events_here: here,
            readable: self.all_readable(),
            complete: self.all_synced(),
            link: self.link.state.clone(),
        }
    }
}

/// What another content of the same page changes or takes away.
fn changed_in(shown: &[Ahead]) -> HashSet<ContentId> {
    let bodies = shown.iter().map(|ahead| &ahead.opened.content.body);
    bodies
        .filter_map(|body| match body {
            Body::Edit(edit) => Some(edit.of),
            Body::Delete(delete) => Some(delete.of),
            _ => None,
        })
        .collect()
}

/// Why nothing goes out in a conversation whose newest page was another than its log.
pub(super) fn misled_failure(name: &str) -> Failure {
    Failure {
        kind: FailureKind::Trust,
        sentence: format!(
            "the server showed messages of the conversation {name} that are not in its history as it is signed; nothing is sent there any more. Tell the others by another way"
        ),
    }
}

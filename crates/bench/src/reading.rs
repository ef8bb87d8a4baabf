//! Opening what was delivered, after the clock has stopped: what cannot be read was not delivered.

use crate::outcome::{Outcome, defect, unverified};
use crate::pen::text;
use std::collections::HashMap;
use subrosa_e2e::{Keyring, Machine, Readings, StoredSession};
use subrosa_proto::{
    ConvId, Delivered, DeviceId, Event, EventKind, Header, KeyBox, SessionId, decode,
};
use zeroize::Zeroizing;

#[derive(Default)]
struct Keys {
    records: HashMap<SessionId, Zeroizing<Vec<u8>>>,
}

impl Keyring for Keys {
    fn session(&self, session: &SessionId) -> Option<StoredSession> {
        let record = self.records.get(session)?.clone();
        StoredSession::from_record(record).ok()
    }

    fn newest_session(&self, _: &ConvId) -> Option<StoredSession> {
        None
    }

    fn salt_used(&self, _: &SessionId, _: u32) -> Option<[u8; 16]> {
        None
    }
}

/// What a device has opened of one conversation.
pub(crate) struct Reading {
    keys: Keys,
    along: Readings,
    size: usize,
    /// Messages of each writer.
    counts: HashMap<DeviceId, u64>,
}

impl Reading {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            keys: Keys::default(),
            along: Readings::default(),
            size,
            counts: HashMap::new(),
        }
    }

    /// Opens events in their order; all the messages among them must say what was written.
    pub(crate) fn open(&mut self, machine: &Machine, events: &[Delivered]) -> Outcome<u64> {
        let mut messages = 0;
        for delivered in events {
            messages += u64::from(self.open_one(machine, delivered)?);
        }
        Ok(messages)
    }

    /// Whether it is a message.
    fn open_one(&mut self, machine: &Machine, delivered: &Delivered) -> Outcome<bool> {
        let event: Event = decode(&delivered.event).map_err(defect)?;
        let header: Header = decode(&event.header).map_err(defect)?;
        let kind = u64::from(header.kind);
        if kind == EventKind::Key.number() {
            let boxes: Result<Vec<KeyBox>, _> = delivered.boxes.iter().map(decode).collect();
            let session = machine
                .open_key(&event, &boxes.map_err(defect)?, delivered.time_ms)
                .map_err(|error| unverified(format!("a key does not open ({error})")))?;
            let record = session.to_changes().puts.pop().map(|(_, record)| record);
            self.keys
                .records
                .extend(record.map(|record| (session.session, record)));
        } else if kind == EventKind::Message.number() {
            let opened = machine
                .open_along(&event, &mut self.along, &self.keys)
                .map_err(|error| unverified(format!("a message does not open ({error})")))?;
            let count = self.counts.entry(header.device).or_default();
            if opened.content.text() != Some(text(*count, self.size).as_str()) {
                return Err(unverified("a message says something else than was written"));
            }
            *count += 1;
            return Ok(true);
        }
        Ok(false)
    }
}

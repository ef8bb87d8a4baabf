//! Opening what was delivered, after the clock has stopped: what cannot be read was not delivered.

use crate::outcome::{Outcome, defect, unverified};
use crate::pen::text;
use std::collections::HashMap;
use subrosa_e2e::{Keyring, Machine, Readings, StoredSession};
use subrosa_proto::{ConvId, Delivered, Event, EventKind, Header, KeyBox, SessionId, decode};
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

/// The reading side of a device in one conversation.
pub(crate) struct Reading {
    machine: Machine,
    keys: Keys,
    along: Readings,
    size: usize,
    count: u64,
}

impl Reading {
    pub(crate) fn new(machine: Machine, size: usize) -> Self {
        Self {
            machine,
            keys: Keys::default(),
            along: Readings::default(),
            size,
            count: 0,
        }
    }

    pub(crate) const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Opens events in their order; all the messages among them must say what was written.
    pub(crate) fn open(&mut self, events: &[Delivered]) -> Outcome<u64> {
        let before = self.count;
        for delivered in events {
            self.open_one(delivered)?;
        }
        Ok(self.count - before)
    }

    fn open_one(&mut self, delivered: &Delivered) -> Outcome<()> {
        let event: Event = decode(&delivered.event).map_err(defect)?;
        let header: Header = decode(&event.header).map_err(defect)?;
        let kind = u64::from(header.kind);
        if kind == EventKind::Key.number() {
            let boxes: Result<Vec<KeyBox>, _> = delivered.boxes.iter().map(decode).collect();
            let session = self
                .machine
                .open_key(&event, &boxes.map_err(defect)?, delivered.time_ms)
                .map_err(|error| unverified(format!("a key does not open ({error})")))?;
            let record = session.to_changes().puts.pop().map(|(_, record)| record);
            self.keys
                .records
                .extend(record.map(|record| (session.session, record)));
        } else if kind == EventKind::Message.number() {
            let opened = self
                .machine
                .open_along(&event, &mut self.along, &self.keys)
                .map_err(|error| unverified(format!("a message does not open ({error})")))?;
            if opened.content.text() != Some(text(self.count, self.size).as_str()) {
                return Err(unverified("a message says something else than was written"));
            }
            self.count += 1;
        }
        Ok(())
    }
}

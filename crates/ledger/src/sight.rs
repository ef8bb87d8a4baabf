//! An event as it is judged: with its body, or with what is left of it (docs/spec/ledger.md §6.7).

use crate::hash::{body_hash, trimmed_event_hash};
use bytes::Bytes;
use subrosa_proto::{Carried, Event, EventHash, TrimmedEvent, encode};

/// What the checks look at.
pub struct Sight<'a> {
    pub header: &'a Bytes,
    /// Absent in a trimmed event.
    pub body: Option<&'a Bytes>,
    pub body_hash: [u8; 32],
    pub signature: &'a [u8; 64],
    /// Of header, body hash and signature: computed once, since every step of a judgement asks for it.
    pub hash: EventHash,
    /// Of the encoded event; of a trimmed one as many as are known.
    pub bytes: usize,
}

impl<'a> Sight<'a> {
    pub fn whole(event: &'a Event) -> Self {
        let body_hash = body_hash(&event.body);
        Self {
            header: &event.header,
            body: Some(&event.body),
            body_hash,
            signature: &event.signature,
            hash: trimmed_event_hash(&event.header, &body_hash, &event.signature),
            bytes: encode(event).len(),
        }
    }

    pub fn trimmed(event: &'a TrimmedEvent) -> Self {
        Self {
            header: &event.header,
            body: None,
            body_hash: event.body_hash,
            signature: &event.signature,
            hash: trimmed_event_hash(&event.header, &event.body_hash, &event.signature),
            bytes: encode(event).len(),
        }
    }

    pub fn carried(carried: &'a Carried) -> Self {
        match carried {
            Carried::Whole(event) => Self::whole(event),
            Carried::Trimmed(event) => Self::trimmed(event),
        }
    }
}

/// The hash of an event in either form (§6.3).
#[must_use]
pub fn carried_hash(carried: &Carried) -> EventHash {
    Sight::carried(carried).hash
}

//! Proof that an event's signature was verified (docs/spec/ledger.md §3.1), so that the costly part
//! of a judgement can be done ahead of it, in whatever order and on whichever core.

use crate::{event_hash, text, verify};
use subrosa_proto::{Event, EventHash, Header, decode};

/// The device that an event's header names has signed exactly this event. Only the check makes one.
///
/// It says nothing about the account: whether the device is certified, alive and permitted is
/// judged at the event's position, from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authentic {
    event: EventHash,
}

impl Authentic {
    /// Verifies the signature of an event under the device key in its header. `None` when it does
    /// not verify or the header is none.
    #[must_use]
    pub fn check(event: &Event) -> Option<Self> {
        let header: Header = decode(&event.header).ok()?;
        let text = text::event(&event.header, &event.body);
        verify(header.device.as_bytes(), &text, &event.signature).ok()?;
        Some(Self {
            event: event_hash(event),
        })
    }

    /// The hash of the event, which covers its header, body and signature.
    #[must_use]
    pub const fn event(&self) -> EventHash {
        self.event
    }

    /// Whether this is the proof for the event of a hash.
    #[must_use]
    pub fn is_of(&self, event: &EventHash) -> bool {
        self.event == *event
    }
}

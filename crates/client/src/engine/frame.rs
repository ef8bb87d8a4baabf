//! A message of the server, taken apart ahead of the engine.
//!
//! Most of what a page costs is in its signatures. They say nothing that depends on the engine's
//! state, so whoever drives the engine may verify them elsewhere, several pages at a time. What
//! the engine then gets is a value that only this check can make; whether the signing device was
//! permitted is still judged event by event, in order.

use bytes::Bytes;
use std::collections::HashMap;
use subrosa_ledger::Authentic;
use subrosa_proto::{Event, EventHash, FromServer, Page, Push, Response, decode};

/// Shorter messages hold nothing that is worth being checked elsewhere.
pub const WORTH_BYTES: usize = 4 * 1024;

/// Events whose signatures verify.
#[derive(Debug, Default)]
pub struct Proofs(HashMap<EventHash, Authentic>);

impl Proofs {
    /// The proof for the event of a hash.
    pub(super) fn of(&self, event: &EventHash) -> Option<&Authentic> {
        self.0.get(event)
    }
}

/// A message as it was read.
#[derive(Debug)]
pub struct Frame {
    /// Nothing when it is no message of this protocol.
    pub(super) message: Option<FromServer>,
    pub(super) proofs: Proofs,
}

impl Frame {
    /// Decodes a message and verifies the signatures of the events in it.
    #[must_use]
    pub fn checked(bytes: &Bytes) -> Self {
        let mut frame = Self::plain(bytes);
        if let Some(page) = frame.message.as_ref().and_then(page_of) {
            let events = page.events.iter();
            let events = events.filter_map(|delivered| decode::<Event>(&delivered.event).ok());
            // One that does not verify is left out here and judged, and voided, by the reducer.
            let proofs = events.filter_map(|event| Authentic::check(&event));
            frame.proofs = Proofs(proofs.map(|proof| (proof.event(), proof)).collect());
        }
        frame
    }

    /// Decodes a message; signatures are verified by the reducer.
    #[must_use]
    pub fn plain(bytes: &Bytes) -> Self {
        Self {
            message: decode(bytes).ok(),
            proofs: Proofs::default(),
        }
    }
}

const fn page_of(message: &FromServer) -> Option<&Page> {
    match message {
        FromServer::Push {
            push: Push::Events { page },
        }
        | FromServer::Answer {
            response: Response::Page { page },
            ..
        } => Some(page),
        _ => None,
    }
}

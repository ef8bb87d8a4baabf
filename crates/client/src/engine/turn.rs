//! One turn of the engine: what it is given, and what shall happen when its writes are on disk.

use crate::command::{Answer, Failure};
use crate::store::{Desk, StoreError};
use crate::upkeep_view::StorageView;
use crate::view::Notice;
use rand_core::CryptoRng;
use subrosa_proto::{FromClient, Request, encode};

/// Names a call of a face within this owner's life.
pub type CallId = u64;

/// What the driver carries out after the commit.
#[derive(Debug)]
pub enum Effect {
    /// Sends a message to the server.
    Send(bytes::Bytes),
    /// Answers a call.
    Answer(CallId, Result<Answer, Failure>),
    /// Tells a subscriber.
    Notify(CallId, Notice),
    /// Wants a tick at this time at the latest, Unix milliseconds.
    Wake(u64),
    /// Writes the store anew without what nothing uses, and answers a call with what that gave.
    Compact(CallId, StorageView),
    /// Tries to reach the server now rather than after the pause.
    DialNow,
    /// The server let this device in.
    Settled,
    /// Closes the link, and makes it anew after so many milliseconds; without a time only when
    /// somebody asks for it, since trying again by itself would change nothing.
    Leave(Option<u64>),
    /// Ends a subscription: the face has its rows and subscribes again from its last cursor.
    End(CallId),
}

/// The time, the desk and the randomness of one turn, and its effects.
pub struct Turn<'a> {
    /// Unix milliseconds.
    pub now_ms: u64,
    /// The transaction.
    pub desk: &'a Desk<'a>,
    /// The system's random numbers.
    pub rng: &'a mut dyn CryptoRng,
    /// In the order in which they are to be carried out.
    pub effects: Vec<Effect>,
}

/// Longest pause that a server can ask for.
const PAUSE_MS_MAX: u64 = 10 * 60 * 1_000;

/// Of a counter, which is below 2^63.
const TIME_BITS: u32 = 43;
const CHANCE_BITS: u32 = 20;

impl Turn<'_> {
    /// The time after a pause; what a server asks for is cut to a sensible length.
    pub(super) fn after(&self, pause_ms: u64) -> u64 {
        self.now_ms.saturating_add(pause_ms.min(PAUSE_MS_MAX))
    }

    pub(super) fn send(&mut self, id: u64, request: Request) {
        self.effects
            .push(Effect::Send(encode(&FromClient { id, request })));
    }

    pub(super) fn answer(&mut self, call: CallId, answer: Result<Answer, Failure>) {
        self.effects.push(Effect::Answer(call, answer));
    }

    pub(super) fn notify(&mut self, call: CallId, notice: Notice) {
        self.effects.push(Effect::Notify(call, notice));
    }

    pub(super) fn wake(&mut self, at_ms: u64) {
        self.effects.push(Effect::Wake(at_ms));
    }

    /// The next counter for an idem. It begins with the time, and ends with chance: a home that was put back to an old
    /// copy, or is there twice, does not ask under a number that was used since, and take an answer of then for its own.
    pub(super) fn counter(&mut self) -> Result<u64, StoreError> {
        let chance = self.rng.next_u32() >> (u32::BITS - CHANCE_BITS);
        let now_ms = self.now_ms.min((1 << TIME_BITS) - 1);
        let least = now_ms << CHANCE_BITS | u64::from(chance);
        self.desk.next_counter(super::fact::COUNTER, least)
    }
}

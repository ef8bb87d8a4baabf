//! The envelope of an event (docs/spec/ledger.md §6).
//!
//! ```text
//! event  = [ header: bytes, body: bytes, signature: 64 bytes ]
//! header = [ suite, conv, kind, account, device, ctl, base n, base L, fields: bytes ]
//! ```
//! Header and fields are byte strings that hold an encoding of their own, so that the exact
//! bytes are signed and an event of an unknown kind can still be placed in the log.

use crate::{AccountId, ConvId, DeviceId, EventHash, HashHead, LogHash, Nonce, SessionId};
use bytes::Bytes;

/// The one suite of this version.
pub const SUITE: u8 = 1;

record! {
    /// A signed event as it is stored and sent.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Event {
        /// Encoding of a [`Header`].
        pub header: Bytes,
        /// A control's encoding, a sealed content, or nothing, by kind.
        pub body: Bytes,
        /// By the author's device, label `event`.
        pub signature: [u8; 64],
    }
}

record! {
    /// The clear part of an event.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Header {
        /// [`SUITE`].
        pub suite: u8,
        /// The conversation; zeros in its create event.
        pub conv: ConvId,
        /// Number of an [`EventKind`], or of a newer one.
        pub kind: u8,
        /// The author's account.
        pub account: AccountId,
        /// The author's device, which signs.
        pub device: DeviceId,
        /// Event hash of the last valid control event the author knows; zeros in a create event.
        pub ctl: EventHash,
        /// Up to which position the author had seen all.
        pub base_n: u64,
        /// L at that position.
        pub base_log: LogHash,
        /// Encoding of the kind's fields; empty for a control event.
        pub fields: Bytes,
    }
}

numbered! {
    /// Kinds of events of this version.
    pub enum EventKind {
        /// Body: the encoding of a [`crate::Control`].
        Control = 1,
        /// Fields: [`KeyFields`]; body empty; boxes beside it.
        Key = 2,
        /// Fields: [`MessageFields`]; body sealed.
        Message = 3,
    }
}

record! {
    /// Opens a sender's session.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyFields {
        /// SHA-256(`session` ‖ S0 ‖ conv ‖ account ‖ device ‖ nonce).
        pub session: SessionId,
        /// Fresh and random.
        pub nonce: Nonce,
        /// The author's newest prekey id.
        pub prekey_id: u64,
        /// Chain heads of members, the author's own always, that are newer than what the log quoted.
        pub quotes: Vec<Quote>,
    }
}

record! {
    /// The chain head of an account as the author knows it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Quote {
        /// The account.
        pub account: AccountId,
        /// Its chain's head.
        pub head: HashHead,
    }
}

record! {
    /// The clear fields of a message: what the server acts on, and what the receiver derives its key from.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MessageFields {
        /// The sender's session.
        pub session: SessionId,
        /// Place in the sender chain, from 0.
        pub index: u32,
        /// Fresh and random, so that a cloned disk never repeats a key.
        pub salt: [u8; 16],
        /// Disappears this step after arrival; 0 never.
        pub timer: u8,
        /// Blobs that the server counts as referenced.
        pub blobs: Vec<[u8; 32]>,
        /// Position whose body this deletes.
        pub deletes: Option<u64>,
    }
}

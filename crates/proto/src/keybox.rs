//! Boxes: a session's first key, sealed to one recipient (docs/spec/e2e.md §4).

use bytes::Bytes;

numbered! {
    /// To what kind of key a box is sealed.
    pub enum BoxKind {
        /// A device's prekey.
        Device = 1,
        /// An account's history key.
        History = 2,
        /// Many session keys in one box, made by an account's device for its own history key.
        Pack = 3,
    }
}

record! {
    /// A box beside a key event.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyBox {
        /// The kind of key.
        pub kind: BoxKind,
        /// The device id, or the account id for history keys and packs.
        pub recipient: [u8; 32],
        /// Prekey id, or generation of the history key.
        pub key_id: u64,
        /// HPKE encapsulation (1,120 bytes) ‖ sealed S0.
        pub sealed: Bytes,
    }
}

numbered! {
    /// Which boxes to its history key an account wants.
    pub enum KeysWanted {
        /// Packs.
        Packs = 0,
        /// The boxes that no pack holds.
        Boxes = 1,
        /// The boxes that a pack holds as well, for the case that it does not open.
        Packed = 2,
        /// Where boxes lie that no pack holds; without the boxes.
        Positions = 3,
    }
}

record! {
    /// A box to an account's history key, with its place in the log.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyAt {
        /// Position of the key event; of a pack, of the last one in it.
        pub position: u64,
        /// When that event arrived; 0 with a pack or a bare position.
        pub time_ms: u64,
        /// The encoded key event, with a box of one session.
        pub event: Option<Bytes>,
        /// The encoded [`KeyBox`]; absent with a bare position.
        pub key_box: Option<Bytes>,
    }
}

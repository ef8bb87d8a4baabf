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

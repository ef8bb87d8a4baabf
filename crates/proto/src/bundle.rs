//! The bundle that a password or recovery code opens (docs/spec/ledger.md §5).

use crate::HashHead;
use bytes::Bytes;

record! {
    /// What the server keeps for an account's next device: certified as a whole by a `vault`
    /// statement, so that parts of two versions cannot be mixed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Bundle {
        /// Rises with every change.
        pub version: u64,
        /// Sealed [`VaultContents`].
        pub vault: Bytes,
        /// The slot that the password opens: anchor ‖ box.
        pub password_slot: Bytes,
        /// The slot that the recovery code opens.
        pub recovery_slot: Bytes,
        /// OPAQUE record of the password.
        pub password_record: Bytes,
        /// OPAQUE record of the recovery code.
        pub recovery_record: Bytes,
    }
}

record! {
    /// The plaintext of a vault. Never printed: it holds the account's secrets.
    pub struct VaultContents {
        /// Seed of the Ed25519 identity key.
        pub identity_seed: [u8; 32],
        /// Seeds of all generations of the history key.
        pub history: Vec<HistorySeed>,
        /// The chain head when the vault was written.
        pub head: HashHead,
        /// Public key of the password's slot, so that a change by one secret re-seals for the other.
        pub password_slot_key: Bytes,
        /// Public key of the recovery code's slot.
        pub recovery_slot_key: Bytes,
    }
}

record! {
    /// One generation of the history key.
    pub struct HistorySeed {
        /// Number of the generation.
        pub generation: u64,
        /// Seed of its X-Wing key pair.
        pub seed: [u8; 32],
    }
}

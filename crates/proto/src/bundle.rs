//! The bundle that a password or recovery code opens (docs/spec/ledger.md §5).

use bytes::Bytes;

record! {
    /// What the server keeps for an account's next device: certified as a whole by a `vault`
    /// statement, so that parts of two versions cannot be mixed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Bundle {
        /// Rises with every change.
        pub version: u64,
        /// The sealed secrets of the account (docs/spec/e2e.md §3).
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

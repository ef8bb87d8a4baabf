//! What an account's own devices agree on (`docs/spec/e2e.md` §12): how far its person has read, whom it has compared safety
//! numbers with, and settings. These contents count in the account's own conversation only.

use bytes::Bytes;
use core::fmt;
use subrosa_proto::{AccountId, ConvId, HashHead, record};

/// Longest key of a [`Setting`], in bytes.
pub const SETTING_KEY_BYTES_MAX: usize = 128;
/// Longest value of a [`Setting`], in bytes.
pub const SETTING_VALUE_BYTES_MAX: usize = 1_024;

record! {
    /// The person has seen a conversation up to a position. A mark that lies before another says nothing.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ReadMark {
        /// Which conversation.
        pub conv: ConvId,
        /// The last position seen.
        pub position: u64,
    }
}

record! {
    /// The person has compared safety numbers with somebody, or takes that back.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ContactTrust {
        /// Whose: the account id, hence the identity key.
        pub account: AccountId,
        /// Whether they were the same.
        pub verified: bool,
        /// When, Unix milliseconds.
        pub at_ms: u64,
        /// Their chain as it was known then.
        pub head: HashHead,
    }
}

record! {
    /// A setting of the account. Keys that a version does not know are kept.
    #[derive(Clone, PartialEq, Eq)]
    pub struct Setting {
        /// At most [`SETTING_KEY_BYTES_MAX`] bytes.
        pub key: String,
        /// At most [`SETTING_VALUE_BYTES_MAX`] bytes; empty is the default.
        pub value: Bytes,
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").finish_non_exhaustive()
    }
}

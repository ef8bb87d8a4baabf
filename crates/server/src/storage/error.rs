//! What a store can answer instead of a result (docs/spec/storage.md §6).

use super::RecordKey;

/// Why a request was not carried out, or that nobody knows whether it was. Every variant but
/// [`StoreError::Unknown`] means that nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A record to be written was not at the revision expected.
    #[error("a record was changed in the meantime")]
    Conflict {
        /// The first such record.
        key: RecordKey,
    },
    /// A record that the request depends on was not at the revision expected.
    #[error("a condition of the request no longer holds")]
    GuardFailed {
        /// The first such record.
        key: RecordKey,
    },
    /// The log's next position is not the one that the append asks for.
    #[error("the log ends elsewhere")]
    Moved,
    /// The staged side rows do not cover the recipients named.
    #[error("staged rows are missing for {missing} recipients")]
    NotStaged {
        /// How many recipients have no row.
        missing: usize,
    },
    /// More staged rows than the owner may have waiting.
    #[error("too much is staged and not yet used")]
    StageFull,
    /// The idem already names a request of another kind or on another log.
    #[error("the request number was used for another request")]
    IdemReused,
    /// The request breaks a rule of the contract, whatever the store holds.
    #[error("invalid request to the store: {0}")]
    Invalid(&'static str),
    /// The outcome is not known: repeat the request with the same idem.
    #[error("the outcome of the request is not known")]
    Unknown,
    /// No room on the disk. The store stays usable and recovers with the room.
    #[error("the disk is full")]
    Full,
    /// Another process holds the database, for longer than the engine waits.
    #[error("another program is using the database")]
    Busy,
    /// What was read is not what was written.
    #[error("the database is damaged: {0}")]
    Corrupt(&'static str),
    /// The store refuses all further work, after an error of the disk or because it was closed.
    #[error("the store has stopped: {0}")]
    Stopped(&'static str),
}

impl StoreError {
    /// Whether the server has to end because of it.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Stopped(_))
    }
}

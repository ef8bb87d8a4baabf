//! Side rows on their way: put down in parts before the event they belong to, and taken away
//! again when they have served (docs/spec/storage.md §4).

use super::{LogId, Recipient, SideRow};
use bytes::Bytes;

/// Where side rows wait for their event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageKey {
    /// The device that stages; limits count per owner.
    pub owner: [u8; 32],
    /// The owner's name for this set of rows: the session whose key they carry.
    pub session: [u8; 32],
}

/// A part of the side rows of an event to come.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Under which they wait.
    pub key: StageKey,
    /// Unix milliseconds; rows are swept away from [`Stage::KEPT_DAYS`] days later on.
    pub now_ms: u64,
    /// A row for a recipient who has one under this key takes its place.
    pub rows: Vec<SideRow>,
    /// Most rows that the owner may have waiting, over all keys.
    pub rows_max: usize,
    /// Most bytes of these rows.
    pub bytes_max: usize,
}

impl Stage {
    /// For how many days, at least, a staged row waits for its event.
    pub const KEPT_DAYS: u32 = 1;
}

/// What waits under a key after a part was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageTotal {
    /// Rows under the key.
    pub rows: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// What has served. Releasing what is not there is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// One row.
    Row {
        /// The log.
        log: LogId,
        /// The event.
        position: u64,
        /// Whose.
        recipient: Recipient,
    },
    /// All rows of a recipient in a log up to the position it has acknowledged.
    UpTo {
        /// The log.
        log: LogId,
        /// The last position included.
        position: u64,
        /// Whose.
        recipient: Recipient,
    },
    /// All rows of a recipient in all logs: a revoked device.
    Recipient(Recipient),
    /// Staged rows that will not be used.
    Stage(StageKey),
    /// Part of an event: its place and time stay, and of its bytes what is left.
    Event {
        /// The log.
        log: LogId,
        /// The event.
        position: u64,
        /// Its bytes from now on.
        left: Bytes,
    },
}

//! What the server keeps: records changed by compare-and-swap, logs of events without gaps, and
//! side rows for single recipients (docs/spec/storage.md).
//!
//! [`Store`] is the contract. It speaks of neither SQL nor files, so that an engine can be an
//! embedded database or a cluster. [`memory`] is the model: the contract in its simplest true
//! form, for tests. [`faulty`] wraps any store and fails at chosen calls. [`sqlite`] is the
//! engine of a server on one machine. One conformance suite runs against all of them.
//!
//! Time is an argument, in Unix milliseconds. One request changes one aggregate: at most one log
//! with its side rows, and the records that have to change with it.

#[cfg(test)]
mod conformance;
mod error;
pub mod faulty;
pub mod limits;
mod log;
pub mod memory;
mod record;
pub mod sqlite;
mod stage;

pub use error::StoreError;
pub use log::{
    Append, Appended, Attach, Day, Idem, LogId, NewEvent, Page, Read, Recipient, SideRead, SideRow,
    Staged, StoredEvent,
};
pub use record::{Commit, Committed, Guard, Record, RecordKey, Revision, Write};
pub use stage::{Release, Stage, StageKey, StageTotal};

use std::future::Future;

/// Result of a request to a store.
pub type Answer<T> = Result<T, StoreError>;

/// Whether an acknowledged write survives the loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It does: it is on the disk before the answer.
    Durable,
    /// It does not, for the reason given: a server does not start on such a store.
    Volatile(&'static str),
}

/// The storage contract (docs/spec/storage.md §1 to §6).
///
/// A request that was acknowledged is seen by every request that starts afterwards. A dropped
/// future leaves the outcome unknown, as [`StoreError::Unknown`] does.
pub trait Store: Send + Sync + 'static {
    /// The records under these keys, in their order, all from one snapshot.
    fn get(&self, keys: Vec<RecordKey>)
    -> impl Future<Output = Answer<Vec<Option<Record>>>> + Send;

    /// Writes records, all or nothing.
    fn commit(&self, commit: Commit) -> impl Future<Output = Answer<Committed>> + Send;

    /// Records whose key begins with `prefix`, in key order, after `after`. Pages are separate
    /// snapshots. A page may be shorter than `count`; an empty one is the end.
    fn scan(
        &self,
        prefix: RecordKey,
        after: Option<RecordKey>,
        count: usize,
    ) -> impl Future<Output = Answer<Vec<(RecordKey, Record)>>> + Send;

    /// Puts side rows down for an event to come. If the owner's rows pass the limit, its other
    /// sessions are dropped; if that does not help either, the request is refused.
    fn stage(&self, stage: Stage) -> impl Future<Output = Answer<StageTotal>> + Send;

    /// Appends events at the next positions, together with side rows and record writes.
    fn append(&self, append: Append) -> impl Future<Output = Answer<Appended>> + Send;

    /// A range of a log with the side rows of the recipients named.
    fn read(&self, read: Read) -> impl Future<Output = Answer<Page>> + Send;

    /// Side rows of one recipient in one log with their positions, ascending.
    fn side(&self, read: SideRead) -> impl Future<Output = Answer<Vec<(u64, SideRow)>>> + Send;

    /// Positions of the last events, 0 for a log without; never below an acknowledged append.
    fn heads(&self, logs: Vec<LogId>) -> impl Future<Output = Answer<Vec<u64>>> + Send;

    /// Forgets the events up to and including a position (at most the head), with their side
    /// rows. Repeatable, never undone; positions are not given out again.
    fn trim(&self, log: LogId, up_to: u64) -> impl Future<Output = Answer<()>> + Send;

    /// Deletes side rows that have served.
    fn release(&self, release: Release) -> impl Future<Output = Answer<()>> + Send;

    /// Forgets what is due at this time: answers older than [`Idem::KEPT_DAYS`], side rows past
    /// their last day, staged rows older than [`Stage::KEPT_DAYS`]. To be called about hourly.
    fn sweep(&self, now_ms: u64) -> impl Future<Output = Answer<()>> + Send;

    /// Whether the store works and how durable it is.
    fn health(&self) -> impl Future<Output = Answer<Durability>> + Send;
}

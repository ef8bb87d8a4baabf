//! Logs: events at positions 1, 2, 3…, and the side rows that some of them carry
//! (docs/spec/storage.md §3, §4).

use super::{Guard, Revision, StageKey, Write};
use bytes::Bytes;
use std::fmt;

/// Name of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub [u8; 32]);

/// Name of a request, chosen by the device that makes it. A repetition under the same name
/// changes nothing and gets the first answer, for at least [`Idem::KEPT_DAYS`] days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Idem {
    /// The device.
    pub device: [u8; 32],
    /// Its own count; rising numbers are found fastest. Below 2^63.
    pub counter: u64,
}

impl Idem {
    /// For how many days, at least, an answer is remembered.
    pub const KEPT_DAYS: u32 = 7;
}

/// A day since 1970-01-01 UTC: the grain in which the store forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    /// The day of a point in Unix milliseconds.
    #[must_use]
    pub fn of_ms(ms: u64) -> Self {
        Self(u32::try_from(ms / 86_400_000).unwrap_or(u32::MAX))
    }

    /// So many days later.
    #[must_use]
    pub const fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

/// Whom a side row is for: a device or an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipient(pub [u8; 32]);

/// Bytes beside an event for one recipient, shown to that recipient only. There is at most one
/// for each event and recipient; a later one takes the place of an earlier one.
#[derive(Clone, PartialEq, Eq)]
pub struct SideRow {
    /// For whom.
    pub recipient: Recipient,
    /// The last day on which it is kept; `None` keeps it until it is released or trimmed.
    pub last_day: Option<Day>,
    /// What is handed over.
    pub bytes: Bytes,
}

impl fmt::Debug for SideRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SideRow({:?}, {:?}, {} bytes)",
            self.recipient,
            self.last_day,
            self.bytes.len()
        )
    }
}

/// Side rows that were staged and go with an event.
#[derive(Debug, Clone)]
pub struct Staged {
    /// Where they were put.
    pub key: StageKey,
    /// Exactly these are taken, each has to be there; what else lies under the key is dropped.
    pub recipients: Vec<Recipient>,
}

/// An event to be appended.
#[derive(Clone)]
pub struct NewEvent {
    /// Kept as they are.
    pub bytes: Bytes,
    /// Side rows that come with the request.
    pub side: Vec<SideRow>,
    /// Side rows that were staged before.
    pub staged: Option<Staged>,
}

impl NewEvent {
    /// An event without side rows.
    #[must_use]
    pub fn plain(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            side: Vec::new(),
            staged: None,
        }
    }
}

impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, side) = (self.bytes.len(), self.side.len());
        write!(
            f,
            "NewEvent({len} bytes, {side} side rows, {:?})",
            self.staged
        )
    }
}

/// A side row for an event that is already in the log.
#[derive(Debug, Clone)]
pub struct Attach {
    /// Above the trim point and not above the head.
    pub position: u64,
    /// The row.
    pub row: SideRow,
}

/// One request on one log, all or nothing: events, side rows, and the records that change with
/// them.
#[derive(Debug, Clone)]
pub struct Append {
    /// The log; it comes into being with its first event.
    pub log: LogId,
    /// Under what name the result is remembered.
    pub idem: Idem,
    /// Unix milliseconds, by the server's clock: the time of arrival of all its events.
    pub now_ms: u64,
    /// Conditions on records that are not written, such as the head of the control chain.
    pub guards: Vec<Guard>,
    /// The position that its first event has to get, if only this one will do: who appends on top
    /// of appends that are not answered yet says so.
    pub first: Option<u64>,
    /// May be empty if `attach` is not.
    pub events: Vec<NewEvent>,
    /// Side rows for earlier events of this log.
    pub attach: Vec<Attach>,
    /// Records written in the same transaction; each key at most once.
    pub writes: Vec<Write>,
}

impl Append {
    /// Events without conditions, late side rows or record writes.
    #[must_use]
    pub fn new(log: LogId, idem: Idem, now_ms: u64, events: Vec<NewEvent>) -> Self {
        let (guards, attach, writes) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            log,
            idem,
            now_ms,
            guards,
            first: None,
            events,
            attach,
            writes,
        }
    }
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first event. Without events, the position the next one will get.
    pub first: u64,
    /// How many positions from there on.
    pub count: u64,
    /// The time of arrival stored with them.
    pub time_ms: u64,
    /// The revision of the records it wrote, [`Revision::ABSENT`] if none.
    pub revision: Revision,
    /// Whether this is the answer to an earlier request with the same idem.
    pub repeated: bool,
}

impl Appended {
    /// Position of the last event; `first - 1` without events.
    #[must_use]
    pub const fn last(&self) -> u64 {
        (self.first + self.count).saturating_sub(1)
    }
}

/// A range of a log, as one or several recipients may see it.
#[derive(Debug, Clone)]
pub struct Read {
    /// The log.
    pub log: LogId,
    /// First position wanted; below the trim point reading starts right above it.
    pub from: u64,
    /// At most so many events ([`super::limits::PAGE_EVENTS_MAX`] bounds it).
    pub count: usize,
    /// At most so many bytes of events and side rows ([`super::limits::PAGE_BYTES_MAX`] bounds
    /// it); a first event is returned in any case.
    pub bytes: usize,
    /// Whose side rows are wanted: typically a device and its account.
    pub recipients: Vec<Recipient>,
}

/// An event as it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// From 1.
    pub position: u64,
    /// Time of arrival, Unix milliseconds.
    pub time_ms: u64,
    /// As they were appended.
    pub bytes: Bytes,
    /// The side rows of those who asked, in the order of their recipients.
    pub side: Vec<SideRow>,
}

impl fmt::Debug for StoredEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (position, len) = (self.position, self.bytes.len());
        write!(
            f,
            "StoredEvent({position}, {} ms, {len} bytes, {:?})",
            self.time_ms, self.side
        )
    }
}

/// Part of a log: one snapshot, ascending, without holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// From the position asked for, or from right above the trim point.
    pub events: Vec<StoredEvent>,
    /// Position of the last event of the log, 0 if it never had one.
    pub head: u64,
    /// Up to here the log was trimmed, 0 if never.
    pub trimmed_to: u64,
}

/// A range of the side rows of one recipient in one log.
#[derive(Debug, Clone, Copy)]
pub struct SideRead {
    /// The log.
    pub log: LogId,
    /// Whose.
    pub recipient: Recipient,
    /// Rows of events above this position.
    pub after: u64,
    /// At most so many rows ([`super::limits::PAGE_EVENTS_MAX`] bounds it).
    pub count: usize,
    /// At most so many bytes ([`super::limits::PAGE_BYTES_MAX`] bounds it); a first row is
    /// returned in any case.
    pub bytes: usize,
}

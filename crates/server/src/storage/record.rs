//! Records: small values under a key, changed by compare-and-swap (docs/spec/storage.md §2).

use super::{Idem, StoreError};
use bytes::Bytes;
use std::fmt;

/// Name of a record: one byte of kind, then what the caller puts together. Ordered as bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(Bytes);

impl RecordKey {
    /// Longest key in bytes, kind included.
    pub const LEN_MAX: usize = 256;

    /// The kind, followed by the parts without separators: every part but the last should have a
    /// fixed length.
    #[must_use]
    pub fn new(kind: u8, parts: &[&[u8]]) -> Self {
        let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
        key.push(kind);
        for part in parts {
            key.extend_from_slice(part);
        }
        Self(key.into())
    }

    /// The kind, followed by what comes after it.
    #[must_use]
    pub fn split(&self) -> Option<(u8, &[u8])> {
        self.0.split_first().map(|(kind, rest)| (*kind, rest))
    }

    /// All bytes, kind first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A key that an engine has read back.
    pub(super) const fn stored(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.0.len() {
            0 => Err(StoreError::Invalid("a record key is empty")),
            len if len > Self::LEN_MAX => Err(StoreError::Invalid("a record key is too long")),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for RecordKey {
    // Keys hold names and hashes of invite codes: neither belongs in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0.first().copied().unwrap_or_default();
        write!(f, "RecordKey(kind {kind}, {} bytes)", self.0.len())
    }
}

/// Which writing of a record this is. Every request that writes records gets a revision higher
/// than any before it in this store, and gives it to all that it wrote; a deleted record that
/// is written anew therefore never shows a revision it had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of a record that does not exist.
    pub const ABSENT: Self = Self(0);
}

/// A record as it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Never [`Revision::ABSENT`].
    pub revision: Revision,
    /// What was last written.
    pub value: Bytes,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({:?}, {} bytes)", self.revision, self.value.len())
    }
}

/// A condition: the record is at this revision (or absent).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The record that is looked at and left alone.
    pub key: RecordKey,
    /// Where it has to be.
    pub expected: Revision,
}

/// A change of one record, made only from the revision it names.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// The record.
    pub key: RecordKey,
    /// Where it has to be before; [`Revision::ABSENT`] to create it.
    pub expected: Revision,
    /// The new value; `None` deletes.
    pub value: Option<Bytes>,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.value.as_ref().map(Bytes::len);
        write!(
            f,
            "Write({:?}, from {:?}, to {len:?} bytes)",
            self.key, self.expected
        )
    }
}

/// A change of records, all or nothing.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Under what name the result is remembered; without one a repetition ends in a conflict.
    pub idem: Option<Idem>,
    /// Unix milliseconds, by the server's clock.
    pub now_ms: u64,
    /// Conditions on records that are not written.
    pub guards: Vec<Guard>,
    /// At least one; each key at most once.
    pub writes: Vec<Write>,
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The revision of all records it wrote.
    pub revision: Revision,
    /// Whether this is the answer to an earlier request with the same idem.
    pub repeated: bool,
}

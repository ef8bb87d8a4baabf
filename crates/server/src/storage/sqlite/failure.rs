//! From the database's errors to the contract's (docs/spec/storage.md §6, §8).

use crate::storage::StoreError;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

/// Why a piece of work on the database did not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// The contract says no; the transaction is fine.
    Refused(StoreError),
    /// The database says no; the transaction is lost.
    Engine(rusqlite::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl Failure {
    /// What the caller of a read gets to hear.
    pub(super) fn into_answer(self) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Engine(error) => Trouble::of(&error).answer(),
        }
    }
}

/// What an error of the database means for the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No room. Nothing was changed; goes on when there is room.
    Full,
    /// Another process holds the database. Nothing was changed.
    Busy,
    /// The file is not what was written.
    Damaged,
    /// The disk failed.
    Disk,
    /// Anything else: memory, a broken promise of the library.
    Other,
}

impl Trouble {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(inner, _) = error else {
            // A column of the wrong type, a row that is missing: not what this code has written.
            return Self::Damaged;
        };
        match inner.code {
            ErrorCode::DiskFull => Self::Full,
            // The index of the write-ahead log could not grow: the same disk, or a full /dev/shm.
            ErrorCode::SystemIoFailure if inner.extended_code == SQLITE_IOERR_SHMSIZE => Self::Full,
            ErrorCode::SystemIoFailure => Self::Disk,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation => Self::Damaged,
            _ => Self::Other,
        }
    }

    /// What the caller of a request that changed nothing gets to hear.
    pub(super) const fn answer(self) -> StoreError {
        match self {
            Self::Full => StoreError::Full,
            Self::Busy => StoreError::Busy,
            Self::Damaged => StoreError::Corrupt("the database cannot be read"),
            Self::Disk => StoreError::Stopped(Self::DISK),
            Self::Other => StoreError::Stopped(Self::OTHER),
        }
    }

    /// Why the engine stops because of it; `None` if it goes on.
    pub(super) const fn stops(self) -> Option<&'static str> {
        match self {
            Self::Full | Self::Busy => None,
            Self::Damaged => Some(Self::DAMAGED),
            Self::Disk => Some(Self::DISK),
            Self::Other => Some(Self::OTHER),
        }
    }

    const DISK: &str = "the disk reported an error; check it, then start the server again";
    const DAMAGED: &str = "the database is damaged; restore it from a backup";
    const OTHER: &str = "the database engine failed; start the server again";
}

//! A look at the rows of a database as they lie there, beside a running server or without one. It
//! stands apart from the contract of the store on purpose: the contract shows what a server needs,
//! this shows what there is (docs/spec/storage.md §7.6).

use super::checksum;
use super::open::DATABASE;
use crate::storage::{Recipient, RecordKey};
use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::path::Path;

/// What SQLite says when it cannot show something.
pub type GlassError = rusqlite::Error;

/// One snapshot of a database.
pub struct Glass {
    db: Connection,
}

/// A row of `records`.
#[derive(Debug, Clone)]
pub struct RecordSeen {
    /// Its number: the order in which rows were first written.
    pub no: i64,
    /// The key, of which the first byte is the kind.
    pub key: Vec<u8>,
    /// The revision.
    pub revision: u64,
    /// The value.
    pub value: Bytes,
    /// Whether the checksum fits.
    pub sound: bool,
}

/// A row of `events`.
#[derive(Debug, Clone)]
pub struct EventSeen {
    /// Its number: the order over all conversations.
    pub no: i64,
    /// Its position.
    pub position: u64,
    /// When it arrived.
    pub time_ms: u64,
    /// What arrived.
    pub bytes: Bytes,
    /// Whether the checksum fits.
    pub sound: bool,
}

/// A row of `side`, or of `staged` without a place yet.
#[derive(Debug, Clone)]
pub struct BoxSeen {
    /// Its number.
    pub no: i64,
    /// The log that it belongs to.
    pub log: Option<i64>,
    /// Its event; for a staged one the day on which it was put down.
    pub at: u64,
    /// The session of a staged one.
    pub session: Option<[u8; 32]>,
    /// For whom.
    pub recipient: [u8; 32],
    /// Until when it is kept.
    pub last_day: Option<u32>,
    /// How long it is.
    pub bytes: usize,
    /// Whether the checksum fits.
    pub sound: bool,
}

/// A row of `answers`.
#[derive(Debug, Clone)]
pub struct AnswerSeen {
    /// The day.
    pub day: u32,
    /// The device's own number of the request.
    pub counter: u64,
    /// The log, if it was one on a log.
    pub log: Option<i64>,
    /// First position, and how many.
    pub first: u64,
    /// How many positions.
    pub count: u64,
    /// When.
    pub time_ms: u64,
    /// The revision that it wrote.
    pub revision: u64,
}

impl Glass {
    /// Opens the database in a folder for one look.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(folder: &Path) -> rusqlite::Result<Self> {
        // Not read-only: with a write-ahead log readers write to its index.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(folder.join(DATABASE), flags)?;
        db.execute_batch(
            "PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF; PRAGMA query_only=ON; BEGIN;",
        )?;
        Ok(Self { db })
    }

    /// The last revision given out.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn revision(&self) -> rusqlite::Result<u64> {
        self.db
            .query_row("SELECT revision FROM counters", [], |row| row.get(0))
    }

    /// The records whose keys begin with these bytes.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn records(&self, prefix: &[u8]) -> rusqlite::Result<Vec<RecordSeen>> {
        let mut query = self.db.prepare_cached(
            "SELECT no, key, revision, value, crc FROM records WHERE key >= ?1 AND substr(key, 1, ?2) = ?1 ORDER BY key",
        )?;
        let rows = query.query_map(params![prefix, prefix.len()], |row| {
            let (key, revision): (Vec<u8>, u64) = (row.get(1)?, row.get(2)?);
            let value: Vec<u8> = row.get(3)?;
            let crc: u32 = row.get::<_, i64>(4)?.try_into().unwrap_or_default();
            let (kind, rest) = key.split_first().map_or((0, &[][..]), |(k, r)| (*k, r));
            let name = RecordKey::new(kind, &[rest]);
            let sound = checksum::record(&name, revision, &value) == crc;
            Ok(RecordSeen {
                no: row.get(0)?,
                key,
                revision,
                value: value.into(),
                sound,
            })
        })?;
        rows.collect()
    }

    /// Number and trim point of a log.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn log(&self, id: &[u8; 32]) -> rusqlite::Result<Option<(i64, u64)>> {
        self.db
            .prepare_cached("SELECT no, trimmed_to FROM logs WHERE id = ?1")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    }

    /// The events of a log, in order, one after another.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn events(&self, log: i64, mut each: impl FnMut(EventSeen)) -> rusqlite::Result<()> {
        let mut query = self.db.prepare_cached(
            "SELECT no, position, time_ms, bytes, crc FROM events WHERE log = ?1 ORDER BY position",
        )?;
        let mut rows = query.query([log])?;
        while let Some(row) = rows.next()? {
            let (position, time_ms): (u64, u64) = (row.get(1)?, row.get(2)?);
            let bytes: Vec<u8> = row.get(3)?;
            let crc: i64 = row.get(4)?;
            let sound = i64::from(checksum::event(log, position, time_ms, &bytes)) == crc;
            each(EventSeen {
                no: row.get(0)?,
                position,
                time_ms,
                bytes: bytes.into(),
                sound,
            });
        }
        Ok(())
    }

    /// The boxes that lie beside events for a recipient.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn boxes(&self, recipient: &[u8; 32]) -> rusqlite::Result<Vec<BoxSeen>> {
        let mut query = self.db.prepare_cached(
            "SELECT no, log, position, last_day, bytes, crc FROM side WHERE recipient = ?1 ORDER BY log, position",
        )?;
        let rows = query.query_map([recipient], |row| {
            let (bytes, crc): (Vec<u8>, i64) = (row.get(4)?, row.get(5)?);
            Ok(BoxSeen {
                no: row.get(0)?,
                log: row.get(1)?,
                at: row.get(2)?,
                session: None,
                recipient: *recipient,
                last_day: row.get(3)?,
                sound: i64::from(checksum::side(Recipient(*recipient), &bytes)) == crc,
                bytes: bytes.len(),
            })
        })?;
        rows.collect()
    }

    /// The boxes that a device has put down and not used.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn staged(&self, owner: &[u8; 32]) -> rusqlite::Result<Vec<BoxSeen>> {
        let mut query = self.db.prepare_cached(
            "SELECT no, session, recipient, staged_day, last_day, bytes, crc FROM staged WHERE owner = ?1 ORDER BY no",
        )?;
        let rows = query.query_map([owner], |row| {
            let recipient: [u8; 32] = row.get(2)?;
            let (bytes, crc): (Vec<u8>, i64) = (row.get(5)?, row.get(6)?);
            Ok(BoxSeen {
                no: row.get(0)?,
                log: None,
                at: row.get(3)?,
                session: Some(row.get(1)?),
                recipient,
                last_day: row.get(4)?,
                sound: i64::from(checksum::side(Recipient(recipient), &bytes)) == crc,
                bytes: bytes.len(),
            })
        })?;
        rows.collect()
    }

    /// The number of a device among those that have made requests.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn device(&self, id: &[u8; 32]) -> rusqlite::Result<Option<i64>> {
        self.db
            .prepare_cached("SELECT no FROM devices WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()
    }

    /// The answers that are remembered for a device.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn answers(&self, device: i64) -> rusqlite::Result<Vec<AnswerSeen>> {
        let mut query = self.db.prepare_cached(
            "SELECT day, counter, log, first, count, time_ms, revision FROM answers WHERE device = ?1 ORDER BY day, counter",
        )?;
        let rows = query.query_map([device], |row| {
            Ok(AnswerSeen {
                day: row.get(0)?,
                counter: row.get(1)?,
                log: row.get(2)?,
                first: row.get(3)?,
                count: row.get(4)?,
                time_ms: row.get(5)?,
                revision: row.get(6)?,
            })
        })?;
        rows.collect()
    }
}

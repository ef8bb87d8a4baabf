//! Reading: a few connections used on blocking threads, a snapshot for each request, nothing
//! held across an await (docs/spec/storage.md §7.2).

use super::book::load_log;
use super::checksum;
use super::failure::Failure;
use super::open;
use super::schema::Tuning;
use crate::storage::limits::{Budget, PAGE_BYTES_MAX};
use crate::storage::{
    Answer, Day, LogId, Page, Read, Recipient, Record, RecordKey, Revision, SideRead, SideRow,
    StoreError, StoredEvent,
};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

pub(super) struct Readers {
    path: PathBuf,
    tuning: Tuning,
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
}

impl Readers {
    /// Connections are opened when they are first needed.
    pub(super) fn new(path: PathBuf, tuning: Tuning) -> Self {
        let free = Arc::new(Semaphore::new(tuning.readers.max(1) as usize));
        Self {
            path,
            tuning,
            idle: Mutex::default(),
            free,
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a query on one snapshot.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<T> {
        let turn = Arc::clone(&self.free).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Stopped("it was closed"))?;
        let readers = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let answer = readers.query(query).map_err(Failure::into_answer);
            drop(turn);
            answer
        });
        task.await
            .unwrap_or(Err(StoreError::Stopped("a reading thread ended")))
    }

    fn query<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let kept = self.idle().pop();
        let db = match kept {
            Some(db) => db,
            None => open::open_reader(&self.path, &self.tuning)?,
        };
        let snapshot = db.unchecked_transaction()?;
        let found = query(&snapshot)?;
        snapshot.finish()?;
        // After an error the connection is dropped instead.
        self.idle().push(db);
        Ok(found)
    }

    /// Takes no more queries, waits for those under way, and closes the connections.
    pub(super) async fn close(&self) {
        let all = self.tuning.readers.max(1);
        let turns = self.free.acquire_many(all).await;
        self.free.close();
        self.idle().clear();
        drop(turns);
    }
}

fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Bytes> {
    Ok(Bytes::copy_from_slice(row.get_ref(column)?.as_blob()?))
}

fn record(key: &RecordKey, row: &Row<'_>) -> Result<Record, Failure> {
    let (revision, value, crc) = (row.get(0)?, bytes(row, 1)?, row.get(2)?);
    checksum::compare(crc, checksum::record(key, revision, &value))?;
    Ok(Record {
        revision: Revision(revision),
        value,
    })
}

pub(super) fn get(db: &Connection, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, Failure> {
    let mut query = db.prepare_cached("SELECT revision, value, crc FROM records WHERE key=?")?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let mut rows = query.query([key.as_bytes()])?;
        found.push(rows.next()?.map(|row| record(key, row)).transpose()?);
    }
    Ok(found)
}

pub(super) fn scan(
    db: &Connection,
    prefix: &RecordKey,
    after: Option<&RecordKey>,
    count: usize,
) -> Result<Vec<(RecordKey, Record)>, Failure> {
    let mut query = db.prepare_cached(
        "SELECT revision, value, crc, key FROM records WHERE key>=? AND key>? ORDER BY key LIMIT ?",
    )?;
    let mut budget = Budget::new(count, PAGE_BYTES_MAX);
    // No key is empty, so all are above the empty one.
    let after = after.map_or(&[][..], RecordKey::as_bytes);
    let mut rows = query.query(params![prefix.as_bytes(), after, budget.count()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key = RecordKey::stored(bytes(row, 3)?);
        if !key.as_bytes().starts_with(prefix.as_bytes()) {
            break;
        }
        let record = record(&key, row)?;
        if !budget.admit(key.as_bytes().len() + record.value.len()) {
            break;
        }
        found.push((key, record));
    }
    Ok(found)
}

pub(super) fn heads(db: &Connection, logs: &[LogId]) -> Result<Vec<u64>, Failure> {
    let head = |log: &LogId| Ok(load_log(db, *log)?.map_or(0, |log| log.head));
    logs.iter().map(head).collect()
}

pub(super) fn read(db: &Connection, read: &Read) -> Result<Page, Failure> {
    let Some(log) = load_log(db, read.log)? else {
        return Ok(Page {
            events: Vec::new(),
            head: 0,
            trimmed_to: 0,
        });
    };
    let mut page = Page {
        events: Vec::new(),
        head: log.head,
        trimmed_to: log.trimmed_to,
    };
    let mut budget = Budget::new(read.count, read.bytes);
    let mut position = read.from.max(log.trimmed_to + 1);
    let last = position
        .saturating_add(budget.count() as u64)
        .saturating_sub(1)
        .min(log.head);
    let with_side = side_positions(db, log.no, position, last, &read.recipients)?;
    let mut query = db.prepare_cached(
        "SELECT position, time_ms, bytes, crc FROM events WHERE log=? AND position BETWEEN ? AND ? ORDER BY position",
    )?;
    let mut rows = query.query(params![log.no, position, last])?;
    while position <= last {
        let row = rows.next()?.ok_or(GAP)?;
        if row.get::<_, u64>(0)? != position {
            return Err(GAP.into());
        }
        let (time_ms, bytes) = (row.get(1)?, bytes(row, 2)?);
        checksum::compare(
            row.get(3)?,
            checksum::event(log.no, position, time_ms, &bytes),
        )?;
        let mut side = Vec::new();
        for (recipient, positions) in read.recipients.iter().zip(&with_side) {
            if positions.binary_search(&position).is_ok() {
                side.extend(side_row(db, log.no, position, *recipient)?);
            }
        }
        if !budget.admit(bytes.len() + side.iter().map(|row| row.bytes.len()).sum::<usize>()) {
            break;
        }
        page.events.push(StoredEvent {
            position,
            time_ms,
            bytes,
            side,
        });
        position += 1;
    }
    Ok(page)
}

const GAP: StoreError = StoreError::Corrupt("an event is missing from a log");

/// For each recipient the positions in the range that have a row for it, ascending.
fn side_positions(
    db: &Connection,
    log: i64,
    first: u64,
    last: u64,
    recipients: &[Recipient],
) -> rusqlite::Result<Vec<Vec<u64>>> {
    let mut query = db.prepare_cached(
        "SELECT position FROM side WHERE recipient=? AND log=? AND position BETWEEN ? AND ? ORDER BY position",
    )?;
    let mut of = |recipient: &Recipient| {
        query
            .query_map(params![recipient.0, log, first, last], |row| row.get(0))?
            .collect()
    };
    recipients.iter().map(&mut of).collect()
}

fn side_row(
    db: &Connection,
    log: i64,
    position: u64,
    recipient: Recipient,
) -> Result<Option<SideRow>, Failure> {
    let mut query = db.prepare_cached(
        "SELECT last_day, bytes, crc FROM side WHERE recipient=? AND log=? AND position=?",
    )?;
    let found = query
        .query_row(params![recipient.0, log, position], |row| {
            Ok((
                row.get::<_, Option<u32>>(0)?,
                bytes(row, 1)?,
                row.get::<_, u32>(2)?,
            ))
        })
        .optional()?;
    let Some((last_day, bytes, crc)) = found else {
        return Ok(None);
    };
    checksum::compare(crc, checksum::side(recipient, &bytes))?;
    Ok(Some(SideRow {
        recipient,
        last_day: last_day.map(Day),
        bytes,
    }))
}

pub(super) fn side(db: &Connection, read: &SideRead) -> Result<Vec<(u64, SideRow)>, Failure> {
    let Some(log) = load_log(db, read.log)? else {
        return Ok(Vec::new());
    };
    let mut budget = Budget::new(read.count, read.bytes);
    let mut query = db.prepare_cached(
        "SELECT position FROM side WHERE recipient=? AND log=? AND position>? ORDER BY position LIMIT ?",
    )?;
    let after = read.after.max(log.trimmed_to);
    let mut rows = query.query(params![read.recipient.0, log.no, after, budget.count()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let position = row.get(0)?;
        let row = side_row(db, log.no, position, read.recipient)?;
        let row = row.ok_or(StoreError::Corrupt("a side row is missing"))?;
        if !budget.admit(row.bytes.len()) {
            break;
        }
        found.push((position, row));
    }
    Ok(found)
}

//! What the writer looks at while a transaction is open: the database, and in front of it a
//! small cache of what every append asks for. The cache is forgotten after a failed transaction
//! and filled anew from what is stored (docs/spec/storage.md §7.2).

use super::checksum;
use super::failure::Failure;
use crate::storage::{Day, Guard, Idem, LogId, RecordKey, Revision, SideRow, StoreError, Write};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

/// Entries after which a part of the cache starts anew: about 1.5 MB each.
const ENTRIES_MAX: usize = 16_384;

#[derive(Default)]
pub(super) struct Cache {
    revision: Option<u64>,
    revision_changed: bool,
    logs: HashMap<LogId, LogState>,
    devices: HashMap<[u8; 32], Device>,
    /// Of records that a request was guarded by: every message is, by the record of its conversation.
    guarded: HashMap<RecordKey, u64>,
    days: Option<Vec<u32>>,
}

/// Number and bounds of a log that exists.
#[derive(Clone, Copy)]
pub(super) struct LogState {
    pub(super) no: i64,
    pub(super) head: u64,
    pub(super) trimmed_to: u64,
}

#[derive(Clone, Copy)]
struct Device {
    no: i64,
    /// At least the highest counter among its remembered answers: a request above it is new.
    highest: Option<u64>,
}

/// A remembered answer.
pub(super) struct Remembered {
    pub(super) log: Option<i64>,
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) time_ms: u64,
    pub(super) revision: Revision,
}

pub(super) struct Book<'a> {
    pub(super) db: &'a Connection,
    cache: &'a mut Cache,
}

impl<'a> Book<'a> {
    pub(super) const fn new(db: &'a Connection, cache: &'a mut Cache) -> Self {
        Self { db, cache }
    }

    /// To be called before the transaction is committed.
    pub(super) fn close(self) -> rusqlite::Result<()> {
        if let (true, Some(revision)) = (self.cache.revision_changed, self.cache.revision) {
            self.db
                .prepare_cached("UPDATE counters SET revision=?")?
                .execute([revision])?;
            self.cache.revision_changed = false;
        }
        Ok(())
    }

    fn next_revision(&mut self) -> rusqlite::Result<u64> {
        let last = match self.cache.revision {
            Some(revision) => revision,
            None => self
                .db
                .query_row("SELECT revision FROM counters", [], |row| row.get(0))?,
        };
        let next = last.saturating_add(1);
        self.cache.revision = Some(next);
        self.cache.revision_changed = true;
        Ok(next)
    }

    fn revision_of(&self, key: &RecordKey) -> rusqlite::Result<Revision> {
        let mut query = self
            .db
            .prepare_cached("SELECT revision FROM records WHERE key=?")?;
        let found = query
            .query_row([key.as_bytes()], |row| row.get(0))
            .optional()?;
        Ok(Revision(found.unwrap_or(0)))
    }

    /// The same, kept for the next request that is guarded by it.
    fn guarded(&mut self, key: &RecordKey) -> rusqlite::Result<Revision> {
        if let Some(revision) = self.cache.guarded.get(key) {
            return Ok(Revision(*revision));
        }
        let revision = self.revision_of(key)?;
        remember_bounded(&mut self.cache.guarded, key.clone(), revision.0);
        Ok(revision)
    }

    pub(super) fn check_records(
        &mut self,
        guards: &[Guard],
        writes: &[Write],
    ) -> Result<(), Failure> {
        for Guard { key, expected } in guards {
            if self.guarded(key)? != *expected {
                return Err(StoreError::GuardFailed { key: key.clone() }.into());
            }
        }
        for Write { key, expected, .. } in writes {
            if self.revision_of(key)? != *expected {
                return Err(StoreError::Conflict { key: key.clone() }.into());
            }
        }
        Ok(())
    }

    /// Writes records whose revisions were checked.
    pub(super) fn write(&mut self, writes: &[Write]) -> rusqlite::Result<Revision> {
        if writes.is_empty() {
            return Ok(Revision::ABSENT);
        }
        let revision = self.next_revision()?;
        for Write {
            key,
            expected,
            value,
        } in writes
        {
            let name = key.as_bytes();
            self.cache.guarded.remove(key);
            let Some(value) = value else {
                self.db
                    .prepare_cached("DELETE FROM records WHERE key=?")?
                    .execute([name])?;
                continue;
            };
            let sql = if *expected == Revision::ABSENT {
                "INSERT INTO records(revision, value, crc, key) VALUES(?,?,?,?)"
            } else {
                "UPDATE records SET revision=?, value=?, crc=? WHERE key=?"
            };
            let crc = checksum::record(key, revision, value);
            self.db
                .prepare_cached(sql)?
                .execute(params![revision, &value[..], crc, name])?;
        }
        Ok(Revision(revision))
    }

    /// The log, if it ever had an event.
    pub(super) fn log(&mut self, id: LogId) -> rusqlite::Result<Option<LogState>> {
        if let Some(state) = self.cache.logs.get(&id) {
            return Ok(Some(*state));
        }
        let found = load_log(self.db, id)?;
        if let Some(state) = found {
            self.know_log(id, state);
        }
        Ok(found)
    }

    pub(super) fn know_log(&mut self, id: LogId, state: LogState) {
        remember_bounded(&mut self.cache.logs, id, state);
    }

    /// The log, made now if need be.
    pub(super) fn log_or_new(&mut self, id: LogId) -> rusqlite::Result<LogState> {
        if let Some(state) = self.log(id)? {
            return Ok(state);
        }
        let mut insert = self
            .db
            .prepare_cached("INSERT INTO logs(id, trimmed_to) VALUES(?, 0)")?;
        let no = insert.insert([id.0])?;
        Ok(LogState {
            no,
            head: 0,
            trimmed_to: 0,
        })
    }

    pub(super) fn put_side(&self, log: i64, position: u64, row: &SideRow) -> rusqlite::Result<()> {
        let mut insert = self.db.prepare_cached(
            "INSERT INTO side(log, position, recipient, last_day, bytes, crc) VALUES(?,?,?,?,?,?)
             ON CONFLICT(recipient, log, position) DO UPDATE
             SET last_day=excluded.last_day, bytes=excluded.bytes, crc=excluded.crc",
        )?;
        let SideRow {
            recipient,
            last_day,
            bytes,
        } = row;
        let crc = checksum::side(*recipient, bytes);
        let day = last_day.map(|day| day.0);
        insert.execute(params![log, position, recipient.0, day, &bytes[..], crc])?;
        Ok(())
    }

    fn device(&mut self, id: &[u8; 32]) -> rusqlite::Result<Option<Device>> {
        if let Some(device) = self.cache.devices.get(id) {
            return Ok(Some(*device));
        }
        let mut query = self
            .db
            .prepare_cached("SELECT no FROM devices WHERE id=?")?;
        let Some(no) = query.query_row([id], |row| row.get(0)).optional()? else {
            return Ok(None);
        };
        let mut highest = None;
        for day in self.days()? {
            let mut query = self
                .db
                .prepare_cached("SELECT max(counter) FROM answers WHERE day=? AND device=?")?;
            highest = highest.max(query.query_row(params![day, no], |row| row.get(0))?);
        }
        let device = Device { no, highest };
        remember_bounded(&mut self.cache.devices, *id, device);
        Ok(Some(device))
    }

    /// The days that have remembered answers: about nine.
    fn days(&mut self) -> rusqlite::Result<Vec<u32>> {
        if let Some(days) = &self.cache.days {
            return Ok(days.clone());
        }
        let mut days = Vec::new();
        let mut query = self
            .db
            .prepare("SELECT min(day) FROM answers WHERE day > ?")?;
        let mut after = -1_i64;
        while let Some(day) = query.query_row([after], |row| row.get::<_, Option<u32>>(0))? {
            days.push(day);
            after = i64::from(day);
        }
        self.cache.days = Some(days.clone());
        Ok(days)
    }

    /// The answer that was given under this idem.
    pub(super) fn remembered(&mut self, idem: &Idem) -> rusqlite::Result<Option<Remembered>> {
        let Some(device) = self.device(&idem.device)? else {
            return Ok(None);
        };
        if device.highest.is_none_or(|highest| idem.counter > highest) {
            return Ok(None);
        }
        for day in self.days()? {
            let mut query = self.db.prepare_cached(
                "SELECT log, first, count, time_ms, revision FROM answers WHERE day=? AND device=? AND counter=?",
            )?;
            let found = query.query_row(params![day, device.no, idem.counter], |row| {
                let revision = Revision(row.get(4)?);
                let (log, first, count, time_ms) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(Remembered {
                    log,
                    first,
                    count,
                    time_ms,
                    revision,
                })
            });
            if let Some(found) = found.optional()? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Keeps the answer given under an idem that had none.
    pub(super) fn remember(&mut self, idem: &Idem, answer: &Remembered) -> rusqlite::Result<()> {
        let device = match self.device(&idem.device)? {
            Some(device) => device,
            None => {
                let mut insert = self
                    .db
                    .prepare_cached("INSERT INTO devices(id) VALUES(?)")?;
                Device {
                    no: insert.insert([idem.device])?,
                    highest: None,
                }
            }
        };
        let day = Day::of_ms(answer.time_ms).0;
        let mut days = self.days()?;
        if !days.contains(&day) {
            days.push(day);
            self.cache.days = Some(days);
        }
        let Remembered {
            log,
            first,
            count,
            time_ms,
            revision,
        } = answer;
        self.db
            .prepare_cached(
                "INSERT INTO answers(day, device, counter, log, first, count, time_ms, revision) VALUES(?,?,?,?,?,?,?,?)",
            )?
            .execute(params![day, device.no, idem.counter, log, first, count, time_ms, revision.0])?;
        let highest = device.highest.max(Some(idem.counter));
        remember_bounded(
            &mut self.cache.devices,
            idem.device,
            Device { highest, ..device },
        );
        Ok(())
    }

    /// To be called when answers were deleted.
    pub(super) fn forget_days(&mut self) {
        self.cache.days = None;
    }
}

fn remember_bounded<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= ENTRIES_MAX {
        map.clear();
    }
    map.insert(key, value);
}

/// Number and bounds of a log, as they are stored. The head is not stored by itself: it is the
/// last event's position, or the trim point if all events were trimmed.
pub(super) fn load_log(db: &Connection, id: LogId) -> rusqlite::Result<Option<LogState>> {
    let mut query = db.prepare_cached(
        "SELECT no, trimmed_to, (SELECT max(position) FROM events WHERE log=logs.no) FROM logs WHERE id=?",
    )?;
    let found = query.query_row([id.0], |row| {
        let trimmed_to: u64 = row.get(1)?;
        let last: Option<u64> = row.get(2)?;
        Ok(LogState {
            no: row.get(0)?,
            head: last.unwrap_or(0).max(trimmed_to),
            trimmed_to,
        })
    });
    found.optional()
}

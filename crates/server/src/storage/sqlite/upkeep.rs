//! Staging, trimming, releasing and sweeping inside a transaction (docs/spec/storage.md §3.4,
//! §4, §5.3). What can be large is deleted in steps, each a request of its own, so that nobody
//! waits long behind it.

use super::book::{Book, LogState};
use super::checksum;
use super::failure::Failure;
use super::writer::Act;
use crate::storage::{Day, Idem, LogId, Release, Stage, StageTotal, StoreError};
use rusqlite::{OptionalExtension, Params, params};
use std::collections::HashMap;

/// Rows that one step deletes from one table.
pub(super) const STEP_ROWS: usize = 1_000;

/// Whether a step left something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    More,
    Done,
}

impl Step {
    const fn after(rows: usize) -> Self {
        if rows < STEP_ROWS {
            Self::Done
        } else {
            Self::More
        }
    }

    const fn and(self, other: Self) -> Self {
        if matches!(self, Self::Done) {
            other
        } else {
            self
        }
    }
}

/// Forget the events of a log up to a position.
pub(super) struct Trim {
    pub(super) log: LogId,
    pub(super) up_to: u64,
}

/// Forget what is due.
pub(super) struct Sweep {
    pub(super) today: Day,
}

/// Deletes at most [`STEP_ROWS`] rows of a rowid table.
fn delete(
    book: &Book<'_>,
    table: &str,
    which: &str,
    params: impl Params,
) -> rusqlite::Result<Step> {
    let sql = format!(
        "DELETE FROM {table} WHERE no IN (SELECT no FROM {table} WHERE {which} LIMIT {STEP_ROWS})"
    );
    book.db
        .prepare_cached(&sql)?
        .execute(params)
        .map(Step::after)
}

impl Act for Stage {
    type Output = StageTotal;

    fn apply(&self, book: &mut Book<'_>) -> Result<StageTotal, Failure> {
        let (owner, session) = (self.key.owner, self.key.session);
        let mut lens: HashMap<[u8; 32], usize> = HashMap::new();
        let mut query = book.db.prepare_cached(
            "SELECT recipient, length(bytes) FROM staged WHERE owner=? AND session=?",
        )?;
        for row in query.query_map([owner, session], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (recipient, len) = row?;
            lens.insert(recipient, len);
        }
        lens.extend(
            self.rows
                .iter()
                .map(|row| (row.recipient.0, row.bytes.len())),
        );
        let total = StageTotal {
            rows: lens.len(),
            bytes: lens.values().sum(),
        };
        if total.rows > self.rows_max || total.bytes > self.bytes_max {
            return Err(StoreError::StageFull.into());
        }
        let mut query = book.db.prepare_cached(
            "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM staged WHERE owner=? AND session<>?",
        )?;
        let (rows, bytes): (usize, usize) =
            query.query_row([owner, session], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if total.rows + rows > self.rows_max || total.bytes + bytes > self.bytes_max {
            book.db
                .prepare_cached("DELETE FROM staged WHERE owner=? AND session<>?")?
                .execute([owner, session])?;
        }
        let mut insert = book.db.prepare_cached(
            "INSERT INTO staged(owner, session, recipient, staged_day, last_day, bytes, crc) VALUES(?,?,?,?,?,?,?)
             ON CONFLICT(owner, session, recipient) DO UPDATE
             SET staged_day=excluded.staged_day, last_day=excluded.last_day, bytes=excluded.bytes, crc=excluded.crc",
        )?;
        let today = Day::of_ms(self.now_ms).0;
        for row in &self.rows {
            let crc = checksum::side(row.recipient, &row.bytes);
            let last_day = row.last_day.map(|day| day.0);
            insert.execute(params![
                owner,
                session,
                row.recipient.0,
                today,
                last_day,
                &row.bytes[..],
                crc
            ])?;
        }
        Ok(total)
    }
}

impl Act for Trim {
    type Output = Step;

    fn apply(&self, book: &mut Book<'_>) -> Result<Step, Failure> {
        let known = book.log(self.log)?;
        if self.up_to > known.map_or(0, |log| log.head) {
            return Err(StoreError::Invalid("a trim goes beyond the head").into());
        }
        let Some(log) = known else {
            return Ok(Step::Done);
        };
        if self.up_to > log.trimmed_to {
            // From here on nobody sees the events, whatever is still to be deleted.
            book.db
                .prepare_cached("UPDATE logs SET trimmed_to=? WHERE no=?")?
                .execute(params![self.up_to, log.no])?;
            book.know_log(
                self.log,
                LogState {
                    trimmed_to: self.up_to,
                    ..log
                },
            );
        }
        let side = delete(
            book,
            "side",
            "log=? AND position<=?",
            params![log.no, self.up_to],
        )?;
        let events = delete(
            book,
            "events",
            "log=? AND position<=?",
            params![log.no, self.up_to],
        )?;
        Ok(side.and(events))
    }
}

impl Act for Release {
    type Output = Step;

    fn apply(&self, book: &mut Book<'_>) -> Result<Step, Failure> {
        match self.clone() {
            Self::Row {
                log,
                position,
                recipient,
            } => {
                let Some(log) = book.log(log)? else {
                    return Ok(Step::Done);
                };
                let which = "recipient=? AND log=? AND position=?";
                Ok(delete(
                    book,
                    "side",
                    which,
                    params![recipient.0, log.no, position],
                )?)
            }
            Self::UpTo {
                log,
                position,
                recipient,
            } => {
                let Some(log) = book.log(log)? else {
                    return Ok(Step::Done);
                };
                let which = "recipient=? AND log=? AND position<=?";
                Ok(delete(
                    book,
                    "side",
                    which,
                    params![recipient.0, log.no, position],
                )?)
            }
            Self::Recipient(recipient) => Ok(delete(book, "side", "recipient=?", [recipient.0])?),
            Self::Stage(key) => Ok(delete(
                book,
                "staged",
                "owner=? AND session=?",
                [key.owner, key.session],
            )?),
            Self::Event {
                log,
                position,
                left,
            } => {
                if let Some(log) = book.log(log)? {
                    replace_event(book, log.no, position, &left)?;
                }
                Ok(Step::Done)
            }
        }
    }
}

/// Puts other bytes in the place of an event's.
fn replace_event(book: &Book<'_>, log: i64, position: u64, left: &[u8]) -> rusqlite::Result<()> {
    let time_ms: Option<u64> = book
        .db
        .prepare_cached("SELECT time_ms FROM events WHERE log=? AND position=?")?
        .query_row(params![log, position], |row| row.get(0))
        .optional()?;
    if let Some(time_ms) = time_ms {
        let crc = checksum::event(log, position, time_ms, left);
        book.db
            .prepare_cached("UPDATE events SET bytes=?, crc=? WHERE log=? AND position=?")?
            .execute(params![left, crc, log, position])?;
    }
    Ok(())
}

impl Act for Sweep {
    type Output = Step;

    fn apply(&self, book: &mut Book<'_>) -> Result<Step, Failure> {
        let today = self.today.0;
        let answers_before = today.saturating_sub(Idem::KEPT_DAYS);
        let staged_before = today.saturating_sub(Stage::KEPT_DAYS);
        let sql = format!(
            "DELETE FROM answers WHERE (day, device, counter) IN
             (SELECT day, device, counter FROM answers WHERE day<? LIMIT {STEP_ROWS})"
        );
        let answers = Step::after(book.db.prepare_cached(&sql)?.execute([answers_before])?);
        book.forget_days();
        let staged = delete(book, "staged", "staged_day<?", [staged_before])?;
        let side = delete(book, "side", "last_day<?", [today])?;
        Ok(answers.and(staged).and(side))
    }
}

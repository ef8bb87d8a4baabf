//! Commit and append inside a transaction: first every check, then every write, so that a
//! refused request leaves nothing to be undone (docs/spec/storage.md §2, §3).

use super::book::{Book, LogState, Remembered};
use super::checksum;
use super::failure::Failure;
use super::writer::Act;
use crate::storage::{Append, Appended, Commit, Committed, Recipient, Staged, StoreError};
use rusqlite::params;
use std::collections::HashSet;

impl Act for Commit {
    type Output = Committed;

    fn apply(&self, book: &mut Book<'_>) -> Result<Committed, Failure> {
        if let Some(idem) = &self.idem
            && let Some(answer) = book.remembered(idem)?
        {
            return match answer.log {
                None => Ok(Committed {
                    revision: answer.revision,
                    repeated: true,
                }),
                Some(_) => Err(StoreError::IdemReused.into()),
            };
        }
        book.check_records(&self.guards, &self.writes)?;
        let revision = book.write(&self.writes)?;
        if let Some(idem) = &self.idem {
            let time_ms = self.now_ms;
            book.remember(
                idem,
                &Remembered {
                    log: None,
                    first: 0,
                    count: 0,
                    time_ms,
                    revision,
                },
            )?;
        }
        Ok(Committed {
            revision,
            repeated: false,
        })
    }
}

impl Act for Append {
    type Output = Appended;

    fn apply(&self, book: &mut Book<'_>) -> Result<Appended, Failure> {
        let known = book.log(self.log)?;
        if let Some(answer) = book.remembered(&self.idem)? {
            let Remembered {
                log,
                first,
                count,
                time_ms,
                revision,
            } = answer;
            if log.is_none() || log != known.map(|log| log.no) {
                return Err(StoreError::IdemReused.into());
            }
            return Ok(Appended {
                first,
                count,
                time_ms,
                revision,
                repeated: true,
            });
        }
        book.check_records(&self.guards, &self.writes)?;
        let next = known.map_or(0, |log| log.head) + 1;
        if self.first.is_some_and(|first| first != next) {
            return Err(StoreError::Moved.into());
        }
        self.check_staged(book)?;
        self.check_attached(known)?;
        let revision = book.write(&self.writes)?;
        let log = book.log_or_new(self.log)?;
        let first = log.head + 1;
        let head = self.write_events(book, log)?;
        for attach in &self.attach {
            book.put_side(log.no, attach.position, &attach.row)?;
        }
        book.know_log(self.log, LogState { head, ..log });
        let (count, time_ms) = (head - log.head, self.now_ms);
        book.remember(
            &self.idem,
            &Remembered {
                log: Some(log.no),
                first,
                count,
                time_ms,
                revision,
            },
        )?;
        Ok(Appended {
            first,
            count,
            time_ms,
            revision,
            repeated: false,
        })
    }
}

impl Append {
    fn check_staged(&self, book: &Book<'_>) -> Result<(), Failure> {
        for staged in self.events.iter().filter_map(|event| event.staged.as_ref()) {
            let there = staged_recipients(book, staged)?;
            let missing = staged
                .recipients
                .iter()
                .filter(|recipient| !there.contains(recipient))
                .count();
            if missing > 0 {
                return Err(StoreError::NotStaged { missing }.into());
            }
        }
        Ok(())
    }

    fn check_attached(&self, log: Option<LogState>) -> Result<(), Failure> {
        let (head, trimmed_to) = log.map_or((0, 0), |log| (log.head, log.trimmed_to));
        if self
            .attach
            .iter()
            .any(|a| a.position <= trimmed_to || a.position > head)
        {
            return Err(StoreError::Invalid("a side row names no event of the log").into());
        }
        Ok(())
    }

    /// Returns the new head.
    fn write_events(&self, book: &Book<'_>, log: LogState) -> rusqlite::Result<u64> {
        let mut insert = book.db.prepare_cached(
            "INSERT INTO events(log, position, time_ms, bytes, crc) VALUES(?,?,?,?,?)",
        )?;
        let mut position = log.head;
        for event in &self.events {
            position += 1;
            let crc = checksum::event(log.no, position, self.now_ms, &event.bytes);
            insert.execute(params![
                log.no,
                position,
                self.now_ms,
                &event.bytes[..],
                crc
            ])?;
            if let Some(staged) = &event.staged {
                move_staged(book, staged, log.no, position)?;
            }
            for row in &event.side {
                book.put_side(log.no, position, row)?;
            }
        }
        Ok(position)
    }
}

fn staged_recipients(book: &Book<'_>, staged: &Staged) -> rusqlite::Result<HashSet<Recipient>> {
    let mut query = book
        .db
        .prepare_cached("SELECT recipient FROM staged WHERE owner=? AND session=?")?;
    let rows = query.query_map([staged.key.owner, staged.key.session], |row| {
        row.get(0).map(Recipient)
    })?;
    rows.collect()
}

/// Gives the wanted rows to the event and drops the rest of what lies under the key.
fn move_staged(book: &Book<'_>, staged: &Staged, log: i64, position: u64) -> rusqlite::Result<()> {
    let wanted: HashSet<&Recipient> = staged.recipients.iter().collect();
    let key = staged.key;
    for recipient in staged_recipients(book, staged)? {
        if !wanted.contains(&recipient) {
            book.db
                .prepare_cached("DELETE FROM staged WHERE owner=? AND session=? AND recipient=?")?
                .execute([key.owner, key.session, recipient.0])?;
        }
    }
    book.db
        .prepare_cached(
            "INSERT INTO side(log, position, recipient, last_day, bytes, crc)
             SELECT ?, ?, recipient, last_day, bytes, crc FROM staged WHERE owner=? AND session=?",
        )?
        .execute(params![log, position, key.owner, key.session])?;
    book.db
        .prepare_cached("DELETE FROM staged WHERE owner=? AND session=?")?
        .execute([key.owner, key.session])?;
    Ok(())
}

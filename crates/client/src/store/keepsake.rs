//! What is kept so that a server restored from a copy gets back what it lost
//! (docs/spec/storage.md §11): events as they came, and the boxes of own sessions.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use rusqlite::{OptionalExtension, params};
use subrosa_proto::{AccountId, ContentId, SessionId, decode, encode};

/// An event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// Its place in the log.
    pub position: u64,
    /// When it arrived at the server.
    pub time_ms: u64,
    /// Its bytes.
    pub event: Bytes,
}

/// Boxes of an own session: the place of its key event, and for everybody one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBoxes {
    /// The place of the key event.
    pub position: u64,
    /// Encoded boxes.
    pub boxes: Vec<Bytes>,
}

impl Desk<'_> {
    /// Keeps an event.
    ///
    /// # Errors
    /// The store fails.
    pub fn keep_raw(&self, no: i64, raw: &Raw) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO raw (conversation, position, time_ms, event) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute(params![
            no,
            signed(raw.position),
            signed(raw.time_ms),
            &raw.event[..]
        ])?;
        Ok(())
    }

    /// The events from a position on without a gap, up to about so many bytes and so many events.
    ///
    /// # Errors
    /// The store fails.
    pub fn raw_from(
        &self,
        no: i64,
        position: u64,
        (bytes_max, count_max): (usize, usize),
    ) -> Result<Vec<Raw>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT position, time_ms, event FROM raw WHERE conversation = ?1 AND position >= ?2 ORDER BY position",
        )?;
        let mut rows = statement.query((no, signed(position)))?;
        let (mut found, mut bytes, mut next) = (Vec::new(), 0, position);
        while let Some(row) = rows.next()? {
            let raw = Raw {
                position: unsigned(row.get(0)?),
                time_ms: unsigned(row.get(1)?),
                event: row.get::<_, Vec<u8>>(2)?.into(),
            };
            bytes += raw.event.len();
            let full = bytes > bytes_max || found.len() >= count_max;
            if raw.position != next || (full && !found.is_empty()) {
                break;
            }
            next += 1;
            found.push(raw);
        }
        Ok(found)
    }

    /// The first position of a conversation whose event is kept.
    ///
    /// # Errors
    /// The store fails.
    pub fn oldest_raw(&self, no: i64) -> Result<Option<u64>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT min(position) FROM raw WHERE conversation = ?1")?;
        let oldest: Option<i64> = statement.query_row([no], |row| row.get(0))?;
        Ok(oldest.map(unsigned))
    }

    /// Forgets the events from a position on: they are not in the log any more.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_raw_from(&self, no: i64, position: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM raw WHERE conversation = ?1 AND position >= ?2")?
            .execute((no, signed(position)))?;
        Ok(())
    }

    /// Forgets events and boxes of before a time.
    ///
    /// # Errors
    /// The store fails.
    pub fn forget_raw(&self, before_ms: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM raw WHERE time_ms < ?1")?
            .execute([signed(before_ms)])?;
        self.sql
            .prepare_cached("DELETE FROM own_boxes WHERE made_ms < ?1")?
            .execute([signed(before_ms)])?;
        Ok(())
    }

    /// Keeps the boxes of a session that this device opens.
    ///
    /// # Errors
    /// The store fails.
    pub fn keep_boxes(
        &self,
        no: i64,
        session: &SessionId,
        made_ms: u64,
        boxes: &Vec<Bytes>,
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO own_boxes (session, conversation, made_ms, boxes) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute(params![
            session.as_bytes(),
            no,
            signed(made_ms),
            &encode(boxes)[..]
        ])?;
        Ok(())
    }

    /// The key event of an own session has its place.
    ///
    /// # Errors
    /// The store fails.
    pub fn place_boxes(&self, session: &SessionId, position: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE own_boxes SET position = ?2 WHERE session = ?1")?
            .execute((session.as_bytes(), signed(position)))?;
        Ok(())
    }

    /// The boxes of own sessions in a conversation, made from a time on, whose key event has its place.
    ///
    /// # Errors
    /// The store fails, or holds another shape.
    pub fn boxes_since(&self, no: i64, made_ms: u64) -> Result<Vec<OwnBoxes>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT position, boxes FROM own_boxes WHERE conversation = ?1 AND made_ms >= ?2 AND position IS NOT NULL ORDER BY position",
        )?;
        let rows = statement.query_map((no, signed(made_ms)), |row| {
            Ok((unsigned(row.get(0)?), row.get::<_, Vec<u8>>(1)?))
        })?;
        rows.map(|row| {
            let (position, boxes) = row?;
            let boxes = decode(&boxes.into()).map_err(|_| StoreError::Shape("own boxes"))?;
            Ok(OwnBoxes { position, boxes })
        })
        .collect()
    }

    /// The boxes of the own session whose key event has this place.
    ///
    /// # Errors
    /// The store fails or holds another shape.
    pub fn boxes_at(&self, no: i64, position: u64) -> Result<Vec<Bytes>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT boxes FROM own_boxes WHERE conversation = ?1 AND position = ?2",
        )?;
        let boxes = statement.query_row((no, signed(position)), |row| row.get::<_, Vec<u8>>(0));
        let boxes = boxes
            .optional()?
            .unwrap_or_else(|| encode(&Vec::<Bytes>::new()).to_vec());
        decode(&boxes.into()).map_err(|_| StoreError::Shape("own boxes"))
    }

    /// A key event came without its box.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_missing_box(
        &self,
        no: i64,
        position: u64,
        arrived_ms: u64,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("INSERT OR REPLACE INTO missing_box (conversation, position, arrived_ms) VALUES (?1, ?2, ?3)")?
            .execute((no, signed(position), signed(arrived_ms)))?;
        Ok(())
    }

    /// The box is here.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_missing_box(&self, no: i64, position: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM missing_box WHERE conversation = ?1 AND position = ?2")?
            .execute((no, signed(position)))?;
        Ok(())
    }

    /// Those that nobody gives any more.
    ///
    /// # Errors
    /// The store fails.
    pub fn forget_missing_boxes(&self, before_ms: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM missing_box WHERE arrived_ms < ?1")?
            .execute([signed(before_ms)])?;
        Ok(())
    }

    /// Whether a box is missing there.
    ///
    /// # Errors
    /// The store fails.
    pub fn misses_box(&self, no: i64, position: u64) -> Result<bool, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT 1 FROM missing_box WHERE conversation = ?1 AND position = ?2",
        )?;
        Ok(statement.exists((no, signed(position)))?)
    }

    /// All key events whose box is missing: conversation and position.
    ///
    /// # Errors
    /// The store fails.
    pub fn missing_boxes(&self) -> Result<Vec<(i64, u64)>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT conversation, position FROM missing_box")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes their place away from own lines behind the log's end: the server had said where they
    /// stand, and has forgotten it.
    ///
    /// # Errors
    /// The store fails.
    pub fn unplace_behind(
        &self,
        no: i64,
        account: &AccountId,
        head: u64,
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE timeline SET position = NULL WHERE conversation = ?1 AND account = ?2 AND content IS NOT NULL AND position > ?3",
        )?;
        statement.execute((no, account.as_bytes(), signed(head)))?;
        Ok(())
    }

    /// Puts back into the outbox what was sent and stands nowhere: the lines concerned, each with its content.
    ///
    /// # Errors
    /// The store fails.
    pub fn reopen_lost(
        &self,
        no: i64,
        account: &AccountId,
    ) -> Result<Vec<(u64, ContentId)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT cursor, content, body FROM timeline AS line WHERE conversation = ?1 AND account = ?2 AND content IS NOT NULL
             AND position IS NULL AND NOT EXISTS
               (SELECT 1 FROM outbox WHERE conversation = ?1 AND content = line.content AND done_ms IS NULL)
             ORDER BY cursor",
        )?;
        let rows = statement.query_map((no, account.as_bytes()), |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, [u8; 16]>(1)?,
                row.get::<_, Vec<u8>>(2)?,
            ))
        })?;
        let lost: Vec<_> = rows.collect::<Result<_, _>>()?;
        let mut reopened = Vec::new();
        for (cursor, content, body) in lost {
            let again = self
                .sql
                .prepare_cached(
                    "UPDATE outbox SET done_ms = NULL, counter = NULL, events = NULL, boxes = NULL, attempt_ms = NULL, body = ?3, cursor = ?4
                     WHERE conversation = ?1 AND content = ?2",
                )?
                .execute(params![no, content, &body[..], cursor])?;
            if again == 0 {
                let caller = format!("lost/{no}/{cursor}");
                self.sql
                    .prepare_cached(
                        "INSERT INTO outbox (caller, conversation, content, body, cursor) VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![caller, no, content, &body[..], cursor])?;
            }
            self.sql
                .prepare_cached(
                    "UPDATE timeline SET state = 0, arrived_ms = NULL WHERE cursor = ?1",
                )?
                .execute([cursor])?;
            reopened.push((unsigned(cursor), ContentId(content)));
        }
        Ok(reopened)
    }

    /// From which position on the server has another log than this home, if that was found.
    ///
    /// # Errors
    /// The store fails.
    pub fn divergence(&self, no: i64) -> Result<Option<u64>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT common FROM divergence WHERE conversation = ?1")?;
        Ok(statement
            .query_row([no], |row| row.get(0).map(unsigned))
            .optional()?)
    }

    /// Notes that the server's log is this home's up to a position only; or that this is settled.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_divergence(&self, no: i64, common: Option<u64>) -> Result<(), StoreError> {
        match common {
            Some(common) => self
                .sql
                .prepare_cached(
                    "INSERT OR REPLACE INTO divergence (conversation, common) VALUES (?1, ?2)",
                )?
                .execute((no, signed(common)))?,
            None => self
                .sql
                .prepare_cached("DELETE FROM divergence WHERE conversation = ?1")?
                .execute([no])?,
        };
        Ok(())
    }
}

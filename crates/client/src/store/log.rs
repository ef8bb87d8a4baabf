//! What is kept of each conversation's log beside its timeline: hashes, and events that wait for a key.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use rusqlite::OptionalExtension;
use subrosa_proto::{EventHash, LogHash};

/// An event that waits for its key.
pub struct Held<'a> {
    /// Its place in the log.
    pub position: u64,
    /// The session that it needs.
    pub session: &'a [u8; 32],
    /// When it arrived at the server.
    pub time_ms: u64,
    /// Whether it was written for this device, so that a receipt must not cover it.
    pub owed: bool,
    /// Its bytes.
    pub event: &'a [u8],
}

impl Desk<'_> {
    /// L_n of a conversation.
    ///
    /// # Errors
    /// The store fails.
    pub fn log_hash(&self, no: i64, position: u64) -> Result<Option<LogHash>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT hash FROM log WHERE conversation = ?1 AND position = ?2")?;
        Ok(statement
            .query_row((no, signed(position)), |row| row.get(0).map(LogHash))
            .optional()?)
    }

    /// Whether an event is in the log already.
    ///
    /// # Errors
    /// The store fails.
    pub fn seen(&self, no: i64, event: &EventHash) -> Result<bool, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT 1 FROM log WHERE conversation = ?1 AND event = ?2")?;
        Ok(statement.exists((no, event.as_bytes()))?)
    }

    /// Adds a step to the log. An event hash that is there already (a void repetition) is kept at
    /// its first position; the step counts all the same.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_log(
        &self,
        no: i64,
        position: u64,
        hash: &LogHash,
        event: &EventHash,
    ) -> Result<(), StoreError> {
        // A repeated event keeps its place in the unique index; its second step is named by position.
        let mut named = event.0.to_vec();
        if self.seen(no, event)? {
            named.extend_from_slice(&position.to_be_bytes());
        }
        let mut statement = self.sql.prepare_cached(
            "INSERT INTO log (conversation, position, hash, event) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute((no, signed(position), hash.as_bytes(), named))?;
        Ok(())
    }

    /// Keeps an event whose key is not here yet.
    ///
    /// # Errors
    /// The store fails.
    pub fn hold(&self, no: i64, held: &Held<'_>) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO held (conversation, position, session, time_ms, owed, event) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        statement.execute((
            no,
            signed(held.position),
            held.session,
            signed(held.time_ms),
            held.owed,
            held.event,
        ))?;
        Ok(())
    }

    /// The first position of a message that was written for this device and does not open yet.
    ///
    /// # Errors
    /// The store fails.
    pub fn first_owed(&self, no: i64) -> Result<Option<u64>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT min(position) FROM held WHERE conversation = ?1 AND owed")?;
        let first = statement.query_row([no], |row| row.get::<_, Option<i64>>(0))?;
        Ok(first.map(unsigned))
    }

    /// Takes the events that waited for this session: position, time of arrival, event.
    ///
    /// # Errors
    /// The store fails.
    pub fn take_held(
        &self,
        no: i64,
        session: &[u8; 32],
    ) -> Result<Vec<(u64, u64, Bytes)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM held WHERE conversation = ?1 AND session = ?2 RETURNING position, time_ms, event",
        )?;
        let rows = statement.query_map((no, session), |row| {
            Ok((
                unsigned(row.get(0)?),
                unsigned(row.get(1)?),
                Bytes::from(row.get::<_, Vec<u8>>(2)?),
            ))
        })?;
        let mut events: Vec<_> = rows.collect::<Result<_, _>>()?;
        events.sort_by_key(|(position, ..)| *position);
        Ok(events)
    }
}

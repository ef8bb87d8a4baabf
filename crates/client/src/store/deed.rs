//! Changes of who is in a conversation that are wished and not yet in its log, and what their
//! callers were answered.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use rusqlite::{OptionalExtension, Row};

/// A wished change.
pub struct Deed {
    /// Place among them.
    pub seq: i64,
    /// Number of the conversation.
    pub conversation: i64,
    /// What is wished, as the engine encodes it.
    pub wish: Bytes,
    /// The event that was made, if it was: the same goes out until the outcome is known.
    pub made: Option<MadeDeed>,
    /// Where the server has put it.
    pub placed: Option<u64>,
    /// Whether it is over.
    pub done: bool,
}

/// A control event as it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeDeed {
    /// Counter of the idem.
    pub counter: u64,
    /// The encoded event.
    pub event: Bytes,
    /// When it was first sent.
    pub attempt_ms: u64,
}

const COLUMNS: &str = "seq, conversation, wish, counter, event, attempt_ms, placed, done_ms";

fn deed(row: &Row<'_>) -> rusqlite::Result<Deed> {
    let counter = row.get::<_, Option<i64>>(3)?;
    let event = row.get::<_, Option<Vec<u8>>>(4)?;
    let attempt_ms = row.get::<_, Option<i64>>(5)?.map_or(0, unsigned);
    Ok(Deed {
        seq: row.get(0)?,
        conversation: row.get(1)?,
        wish: row.get::<_, Vec<u8>>(2)?.into(),
        made: counter.zip(event).map(|(counter, event)| MadeDeed {
            counter: unsigned(counter),
            event: event.into(),
            attempt_ms,
        }),
        placed: row.get::<_, Option<i64>>(6)?.map(unsigned),
        done: row.get::<_, Option<i64>>(7)?.is_some(),
    })
}

impl Desk<'_> {
    /// Adds a wish; once for each caller. Gives its place.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_deed(
        &self,
        caller: &str,
        conversation: i64,
        wish: &[u8],
    ) -> Result<i64, StoreError> {
        self.sql
            .prepare_cached(
                "INSERT OR IGNORE INTO deed (caller, conversation, wish) VALUES (?1, ?2, ?3)",
            )?
            .execute((caller, conversation, wish))?;
        let mut statement = self
            .sql
            .prepare_cached("SELECT seq FROM deed WHERE caller = ?1")?;
        Ok(statement.query_row([caller], |row| row.get(0))?)
    }

    /// A wish by its place.
    ///
    /// # Errors
    /// The store fails.
    pub fn deed(&self, seq: i64) -> Result<Option<Deed>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM deed WHERE seq = ?1"))?;
        Ok(statement.query_row([seq], deed).optional()?)
    }

    /// The oldest wish of a conversation that is not over.
    ///
    /// # Errors
    /// The store fails.
    pub fn first_deed(&self, conversation: i64) -> Result<Option<Deed>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM deed WHERE conversation = ?1 AND done_ms IS NULL ORDER BY seq LIMIT 1"
        ))?;
        Ok(statement.query_row([conversation], deed).optional()?)
    }

    /// Conversations with wishes that are not over.
    ///
    /// # Errors
    /// The store fails.
    pub fn conversations_with_deeds(&self) -> Result<Vec<i64>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT DISTINCT conversation FROM deed WHERE done_ms IS NULL")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps the event that was made, before it leaves.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_deed_made(&self, seq: i64, made: &MadeDeed) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE deed SET counter = ?2, event = ?3, attempt_ms = ?4 WHERE seq = ?1",
        )?;
        statement.execute((
            seq,
            signed(made.counter),
            &made.event[..],
            signed(made.attempt_ms),
        ))?;
        Ok(())
    }

    /// Forgets the event: the server said that it did not store it.
    ///
    /// # Errors
    /// The store fails.
    pub fn unmake_deed(&self, seq: i64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE deed SET counter = NULL, event = NULL, attempt_ms = NULL WHERE seq = ?1",
            )?
            .execute([seq])?;
        Ok(())
    }

    /// The server has put it there.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_deed_placed(&self, seq: i64, position: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE deed SET placed = ?2 WHERE seq = ?1")?
            .execute((seq, signed(position)))?;
        Ok(())
    }

    /// It is over: only the caller's answer is kept.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_deed_done(&self, seq: i64, now_ms: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE deed SET done_ms = ?2, event = NULL WHERE seq = ?1")?
            .execute((seq, signed(now_ms)))?;
        Ok(())
    }

    /// Takes a wish back.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_deed(&self, seq: i64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM deed WHERE seq = ?1")?
            .execute([seq])?;
        Ok(())
    }

    /// Forgets callers that were answered before a time.
    ///
    /// # Errors
    /// The store fails.
    pub fn forget_deeds(&self, before_ms: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM deed WHERE done_ms < ?1")?
            .execute([signed(before_ms)])?;
        Ok(())
    }
}

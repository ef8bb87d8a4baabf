//! The newest page of a conversation, shown ahead of the history before it.

use super::desk::{signed, unsigned};
use super::{Desk, Entry, StoreError};
use subrosa_proto::EventHash;

impl Desk<'_> {
    /// Adds a line ahead of its turn.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_line_ahead(&self, entry: &Entry<'_>) -> Result<(), StoreError> {
        if let Some(cursor) = self.insert_line(entry)? {
            self.sql
                .prepare_cached("UPDATE timeline SET checking = 1 WHERE cursor = ?1")?
                .execute([signed(cursor)])?;
        }
        Ok(())
    }

    /// Remembers which event has to stand at a position.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_preview(&self, no: i64, position: u64, event: &EventHash) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO preview (conversation, position, event) VALUES (?1, ?2, ?3)",
        )?;
        statement.execute((no, signed(position), event.as_bytes()))?;
        Ok(())
    }

    /// Which events have to stand at which positions, by conversation.
    ///
    /// # Errors
    /// The store fails.
    pub fn previews(&self) -> Result<Vec<(i64, u64, EventHash)>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT conversation, position, event FROM preview")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, unsigned(row.get(1)?), EventHash(row.get(2)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The history has reached a position: what was shown of it ahead gives way.
    ///
    /// # Errors
    /// The store fails.
    pub fn end_preview(&self, no: i64, position: u64) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM preview WHERE conversation = ?1 AND position = ?2",
            "DELETE FROM timeline WHERE conversation = ?1 AND position = ?2 AND checking",
        ] {
            self.sql
                .prepare_cached(sql)?
                .execute((no, signed(position)))?;
        }
        Ok(())
    }

    /// No line of a conversation, or of any, is shown ahead any more.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_lines_ahead(&self, conversation: Option<i64>) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "DELETE FROM timeline WHERE checking AND (?1 IS NULL OR conversation = ?1)",
            )?
            .execute([conversation])?;
        Ok(())
    }

    /// Nothing has to stand anywhere: the server has begun another life.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_previews(&self) -> Result<(), StoreError> {
        self.drop_lines_ahead(None)?;
        self.sql
            .prepare_cached("DELETE FROM preview")?
            .execute([])?;
        Ok(())
    }
}

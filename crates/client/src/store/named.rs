//! Lines by what they are called and where they stand, and their end.

use super::desk::signed;
use super::reading::{COLUMNS, LAST, Line, line};
use super::{Desk, StoreError};
use rusqlite::{OptionalExtension, params};
use subrosa_e2e::ContentRef;
use subrosa_proto::ContentId;

impl Desk<'_> {
    /// The line of a content.
    ///
    /// # Errors
    /// The store fails.
    pub fn line_of(&self, no: i64, content: &ContentRef) -> Result<Option<Line>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM timeline WHERE conversation = ?1 AND account = ?2 AND content = ?3"
        ))?;
        let key = (no, content.account.as_bytes(), content.id.as_bytes());
        Ok(statement.query_row(key, line).optional()?)
    }

    /// Lines of contents whose ids lie between two, both included.
    ///
    /// # Errors
    /// The store fails.
    pub fn lines_between(
        &self,
        no: i64,
        (low, high): (&ContentId, &ContentId),
        limit: u32,
    ) -> Result<Vec<Line>, StoreError> {
        // The index of contents holds all that is compared: the lines themselves are not walked.
        self.lines(
            &format!(
                "SELECT {COLUMNS} FROM timeline WHERE cursor IN (
                   SELECT cursor FROM timeline INDEXED BY timeline_content
                   WHERE conversation = ?1 AND content IS NOT NULL AND content BETWEEN ?2 AND ?3 LIMIT ?4)"
            ),
            params![no, low.as_bytes(), high.as_bytes(), limit],
        )
    }

    /// The lines of a message's place in the log.
    ///
    /// # Errors
    /// The store fails.
    pub fn lines_at(&self, no: i64, position: u64) -> Result<Vec<Line>, StoreError> {
        self.lines(
            &format!("SELECT {COLUMNS} FROM timeline WHERE conversation = ?1 AND coalesce(position, {LAST}) = ?2"),
            params![no, signed(position)],
        )
    }

    /// Wipes what a line shows and leaves words in its place.
    ///
    /// # Errors
    /// The store fails.
    pub fn erase_line(&self, cursor: u64, kind: u64, words: &str) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE timeline SET kind = ?2, body = ?3, state = NULL WHERE cursor = ?1",
        )?;
        statement.execute((signed(cursor), signed(kind), words.as_bytes()))?;
        Ok(())
    }

    /// Forgets an event that waited for its key.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_held(&self, no: i64, position: u64) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("DELETE FROM held WHERE conversation = ?1 AND position = ?2")?;
        statement.execute((no, signed(position)))?;
        Ok(())
    }
}

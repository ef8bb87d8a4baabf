//! When lines disappear, and contents that another build may read.

use super::desk::{signed, unsigned};
use super::reading::{COLUMNS, Line};
use super::{Desk, StoreError};
use rusqlite::params;

impl Desk<'_> {
    /// A line disappears at this time.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_expiry(&self, cursor: u64, at_ms: u64) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE timeline SET expires_ms = ?2 WHERE cursor = ?1")?;
        statement.execute((signed(cursor), signed(at_ms)))?;
        Ok(())
    }

    /// Lines whose time is over.
    ///
    /// # Errors
    /// The store fails.
    pub fn expired_lines(&self, now_ms: u64, limit: u32) -> Result<Vec<Line>, StoreError> {
        self.lines(
            &format!(
                "SELECT {COLUMNS} FROM timeline WHERE expires_ms <= ?1 AND kind != 4 ORDER BY expires_ms LIMIT ?2"
            ),
            params![signed(now_ms), limit],
        )
    }

    /// When the next line disappears.
    ///
    /// # Errors
    /// The store fails.
    pub fn next_expiry(&self) -> Result<Option<u64>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT min(expires_ms) FROM timeline WHERE expires_ms IS NOT NULL AND kind != 4",
        )?;
        let next = statement.query_row([], |row| row.get::<_, Option<i64>>(0))?;
        Ok(next.map(unsigned))
    }

    /// Contents of kinds that were not known when they were stored.
    ///
    /// # Errors
    /// The store fails.
    pub fn unknown_lines(&self) -> Result<Vec<Line>, StoreError> {
        self.lines(
            &format!("SELECT {COLUMNS} FROM timeline WHERE kind = 5 ORDER BY cursor"),
            params![],
        )
    }

    /// A line is of another kind than it was stored as.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_line_kind(&self, cursor: u64, kind: u64) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE timeline SET kind = ?2 WHERE cursor = ?1")?;
        statement.execute((signed(cursor), signed(kind)))?;
        Ok(())
    }

    /// A line is none after all.
    ///
    /// # Errors
    /// The store fails.
    pub fn remove_line(&self, cursor: u64) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("DELETE FROM timeline WHERE cursor = ?1")?;
        statement.execute([signed(cursor)])?;
        Ok(())
    }
}

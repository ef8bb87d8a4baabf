//! What the tables take, what is sound in them, and what can be given back.

use super::desk::unsigned;
use super::{Desk, Store, StoreError};
use std::collections::BTreeMap;

/// Complaints of a check that are told at most.
const COMPLAINTS: usize = 20;

/// Which table belongs to what, by how its name begins; the first that fits.
const PARTS: &[(&str, &str)] = &[
    ("found", "index of words"),
    ("timeline", "messages"),
    ("amendment", "messages"),
    (
        "raw",
        "events kept for 30 days, for a server restored from a copy",
    ),
    (
        "own_boxes",
        "events kept for 30 days, for a server restored from a copy",
    ),
    (
        "kept_state",
        "events kept for 30 days, for a server restored from a copy",
    ),
    ("log", "hashes of the log"),
    ("record", "keys"),
    ("place", "keys"),
    ("prekey", "keys"),
    ("account", "people and conversations"),
    ("conversation", "people and conversations"),
];

impl Desk<'_> {
    /// Bytes of each part, and bytes that nothing uses.
    ///
    /// # Errors
    /// The store fails.
    pub fn sizes(&self) -> Result<(BTreeMap<&'static str, u64>, u64), StoreError> {
        let mut tables = self
            .sql
            .prepare_cached("SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE")?;
        let rows = tables.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, unsigned(row.get(1)?)))
        })?;
        let mut parts = BTreeMap::new();
        for row in rows {
            let (name, bytes) = row?;
            let part = PARTS.iter().find(|(begins, _)| name.starts_with(begins));
            *parts
                .entry(part.map_or("the rest", |(_, part)| *part))
                .or_insert(0) += bytes;
        }
        let free: i64 = self
            .sql
            .pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        // SQLCipher answers this one itself, in words.
        let page: String = self
            .sql
            .pragma_query_value(None, "cipher_page_size", |row| row.get(0))?;
        let page = page.parse().map_err(|_| StoreError::Shape("page size"))?;
        let unused = free.saturating_mul(page);
        Ok((parts, unsigned(unused)))
    }

    /// What a whole reading of the store complains of; nothing when it is sound.
    ///
    /// # Errors
    /// The store fails.
    pub fn complaints(&self) -> Result<Vec<String>, StoreError> {
        let mut check = self
            .sql
            .prepare(&format!("PRAGMA quick_check({COMPLAINTS})"))?;
        let rows = check.query_map([], |row| row.get::<_, String>(0))?;
        let mut complaints: Vec<String> = rows.collect::<Result<_, _>>()?;
        complaints.retain(|complaint| complaint != "ok");
        Ok(complaints)
    }

    /// Lines of messages whose key is not here.
    ///
    /// # Errors
    /// The store fails.
    pub fn held_count(&self) -> Result<u64, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT count(*) FROM held")?;
        Ok(statement.query_row([], |row| row.get(0).map(unsigned))?)
    }

    /// The session that a held event needs.
    ///
    /// # Errors
    /// The store fails.
    pub fn held_session(&self, no: i64, position: u64) -> Result<Option<[u8; 32]>, StoreError> {
        use rusqlite::OptionalExtension;
        let mut statement = self
            .sql
            .prepare_cached("SELECT session FROM held WHERE conversation = ?1 AND position = ?2")?;
        Ok(statement
            .query_row((no, super::desk::signed(position)), |row| row.get(0))
            .optional()?)
    }
}

impl Store {
    /// Writes the store anew without what nothing uses; the disk needs room for a second one meanwhile.
    ///
    /// # Errors
    /// The store fails; then it is as it was.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        self.connection
            .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(())
    }
}

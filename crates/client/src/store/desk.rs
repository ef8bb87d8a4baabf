//! One transaction of the store, and the plain facts in it.

use super::StoreError;
use bytes::Bytes;
use rusqlite::{OptionalExtension, Transaction};
use subrosa_e2e::{Changes, RecordName};
use subrosa_proto::{Wire, decode, encode};
use zeroize::Zeroizing;

/// Records of e2e, each with its name. Wiped when dropped.
pub type Records = Vec<(RecordName, Zeroizing<Vec<u8>>)>;

/// One transaction. Its methods stand beside the tables they speak of: `account`,
/// `conversation`, `timeline`, `outbox`.
pub struct Desk<'a> {
    pub(super) sql: &'a Transaction<'a>,
}

impl<'a> Desk<'a> {
    pub(super) const fn new(sql: &'a Transaction<'a>) -> Self {
        Self { sql }
    }

    /// A single fact.
    ///
    /// # Errors
    /// The store fails, or holds another shape.
    pub fn fact<T: Wire>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT value FROM fact WHERE name = ?1")?;
        let bytes: Option<Vec<u8>> = statement.query_row([name], |row| row.get(0)).optional()?;
        bytes
            .map(|bytes| decode(&Bytes::from(bytes)).map_err(|_| StoreError::Shape(name)))
            .transpose()
    }

    /// Writes a single fact.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_fact<T: Wire>(&self, name: &'static str, value: &T) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("INSERT OR REPLACE INTO fact (name, value) VALUES (?1, ?2)")?;
        statement.execute((name, &*encode(value)))?;
        Ok(())
    }

    /// Deletes a single fact.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_fact(&self, name: &'static str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM fact WHERE name = ?1")?
            .execute([name])?;
        Ok(())
    }

    /// The next number of a counter that never goes back.
    ///
    /// # Errors
    /// The store fails.
    pub fn next_counter(&self, name: &'static str, least: u64) -> Result<u64, StoreError> {
        let next = self.fact::<u64>(name)?.unwrap_or(0).saturating_add(1);
        let next = next.max(least);
        self.set_fact(name, &next)?;
        Ok(next)
    }

    /// A record of e2e, by its name.
    ///
    /// # Errors
    /// The store fails.
    pub fn record(&self, name: &RecordName) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT value FROM record WHERE name = ?1")?;
        Ok(statement
            .query_row([name.to_string()], |row| {
                row.get::<_, Vec<u8>>(0).map(Zeroizing::new)
            })
            .optional()?)
    }

    /// The records that e2e wants at its start: all but the sessions, which are many.
    ///
    /// # Errors
    /// The store fails, or holds a name that this build does not know.
    pub fn records_at_start(&self) -> Result<Records, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT name, value FROM record WHERE NOT (name >= 'session/' AND name < 'session0')",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, Zeroizing::new(row.get(1)?)))
        })?;
        rows.map(|row| {
            let (name, value) = row?;
            Ok((
                name.parse().map_err(|_| StoreError::Shape("record name"))?,
                value,
            ))
        })
        .collect()
    }

    /// Deletes a record of e2e that has served.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_record(&self, name: &RecordName) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM record WHERE name = ?1")?
            .execute([name.to_string()])?;
        Ok(())
    }

    /// Saves what e2e asks to be remembered.
    ///
    /// # Errors
    /// The store fails.
    pub fn save(&self, changes: &Changes) -> Result<(), StoreError> {
        let mut put = self
            .sql
            .prepare_cached("INSERT OR REPLACE INTO record (name, value) VALUES (?1, ?2)")?;
        for (name, value) in &changes.puts {
            put.execute((name.to_string(), value.as_slice()))?;
        }
        let mut delete = self
            .sql
            .prepare_cached("DELETE FROM record WHERE name = ?1")?;
        for name in &changes.deletes {
            delete.execute([name.to_string()])?;
        }
        Ok(())
    }
}

/// A number for SQLite, whose integers are signed.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number from SQLite.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

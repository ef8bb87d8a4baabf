//! Messages that the server calls deleted, until a deletion that counts has come.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use rusqlite::OptionalExtension;
use subrosa_proto::AccountId;

/// A message that came without its body, as deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalledDeleted {
    /// Where it stands.
    pub position: u64,
    /// Who wrote it.
    pub account: AccountId,
    /// When it arrived, by the server's clock.
    pub arrived_ms: u64,
    /// A line says that nobody has signed a deletion.
    pub doubted: bool,
}

impl Desk<'_> {
    /// Remembers one.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_called_deleted(&self, no: i64, called: &CalledDeleted) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT INTO called_deleted (conversation, position, account, arrived_ms, doubted)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?;
        statement.execute((
            no,
            signed(called.position),
            called.account.as_bytes(),
            signed(called.arrived_ms),
            called.doubted,
        ))?;
        Ok(())
    }

    /// The one at a position.
    ///
    /// # Errors
    /// The store fails.
    pub fn called_deleted(
        &self,
        no: i64,
        position: u64,
    ) -> Result<Option<CalledDeleted>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT account, arrived_ms, doubted FROM called_deleted WHERE conversation = ?1 AND position = ?2",
        )?;
        let row = statement.query_row((no, signed(position)), |row| {
            Ok(CalledDeleted {
                position,
                account: AccountId(row.get(0)?),
                arrived_ms: unsigned(row.get(1)?),
                doubted: row.get(2)?,
            })
        });
        Ok(row.optional()?)
    }

    /// Its deletion is here.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_called_deleted(&self, no: i64, position: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM called_deleted WHERE conversation = ?1 AND position = ?2")?
            .execute((no, signed(position)))?;
        Ok(())
    }

    /// Those of a conversation of which nothing was said yet; from now on something was.
    ///
    /// # Errors
    /// The store fails.
    pub fn doubt_called_deleted(&self, no: i64) -> Result<Vec<CalledDeleted>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE called_deleted SET doubted = 1 WHERE conversation = ?1 AND NOT doubted
             RETURNING position, account, arrived_ms",
        )?;
        let rows = statement.query_map([no], |row| {
            Ok(CalledDeleted {
                position: unsigned(row.get(0)?),
                account: AccountId(row.get(1)?),
                arrived_ms: unsigned(row.get(2)?),
                doubted: true,
            })
        })?;
        let mut doubted: Vec<_> = rows.collect::<Result<_, _>>()?;
        doubted.sort_unstable_by_key(|called| called.position);
        Ok(doubted)
    }
}

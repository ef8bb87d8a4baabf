//! Receipt registers as last accepted, and one's own as the server last took it.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use rusqlite::OptionalExtension;
use std::collections::HashMap;
use subrosa_proto::{AccountId, DeviceId};

impl Desk<'_> {
    /// A device's register as last accepted: at, delivered to, read to.
    ///
    /// # Errors
    /// The store fails.
    pub fn register(
        &self,
        no: i64,
        device: &DeviceId,
    ) -> Result<Option<(u64, u64, u64)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT at, delivered, read FROM register WHERE conversation = ?1 AND device = ?2",
        )?;
        let row = statement.query_row((no, device.as_bytes()), |row| {
            Ok((
                unsigned(row.get(0)?),
                unsigned(row.get(1)?),
                unsigned(row.get(2)?),
            ))
        });
        Ok(row.optional()?)
    }

    /// How far each account's furthest device is: delivered to, read to.
    ///
    /// # Errors
    /// The store fails.
    pub fn registers(&self, no: i64) -> Result<HashMap<AccountId, (u64, u64)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT account, max(delivered), max(read) FROM register WHERE conversation = ?1 GROUP BY account",
        )?;
        let rows = statement.query_map([no], |row| {
            let said = (unsigned(row.get(1)?), unsigned(row.get(2)?));
            Ok((AccountId(row.get(0)?), said))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether something of one's own in the log has not come as far as a state.
    ///
    /// # Errors
    /// The store fails.
    pub fn any_below(&self, no: i64, state: u8) -> Result<bool, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT 1 FROM timeline WHERE conversation = ?1 AND position IS NOT NULL
             AND state IS NOT NULL AND state < 4 AND state < ?2 LIMIT 1",
        )?;
        Ok(statement.exists((no, state))?)
    }

    /// Writes a device's register.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_register(
        &self,
        no: i64,
        (account, device): (&AccountId, &DeviceId),
        (at, delivered, read): (u64, u64, u64),
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO register (conversation, device, account, at, delivered, read) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        statement.execute((
            no,
            device.as_bytes(),
            account.as_bytes(),
            signed(at),
            signed(delivered),
            signed(read),
        ))?;
        Ok(())
    }
}

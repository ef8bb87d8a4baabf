//! Receipt registers as last accepted, and one's own as the server last took it.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use rusqlite::OptionalExtension;
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

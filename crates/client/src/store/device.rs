//! What the devices of this account call themselves.

use super::{Desk, StoreError};
use std::collections::BTreeMap;
use subrosa_proto::DeviceId;

/// Labels that devices have given themselves.
pub type Labels = BTreeMap<DeviceId, String>;

impl Desk<'_> {
    /// All of them.
    ///
    /// # Errors
    /// The store fails.
    pub fn device_labels(&self) -> Result<Labels, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT device, label FROM device_label")?;
        let rows = statement.query_map([], |row| Ok((DeviceId(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A device calls itself this from now on.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_device_label(&self, device: &DeviceId, label: &str) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO device_label (device, label) VALUES (?1, ?2)",
        )?;
        statement.execute((device.as_bytes(), label))?;
        Ok(())
    }
}

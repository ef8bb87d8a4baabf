//! What the devices of this account agree on (docs/spec/e2e.md §12), as the log says and as is wished here.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;

/// One subject of one kind.
pub struct Agreed {
    /// The content's kind.
    pub kind: u64,
    /// What it is about.
    pub subject: Vec<u8>,
    /// Where the one that counts stands in the log; 0 when there is none.
    pub position: u64,
    /// The one that counts, as a content.
    pub value: Option<Bytes>,
    /// What is wished here and is not in the log yet, as a content.
    pub wish: Option<Bytes>,
    /// Whether the wish is in the outbox.
    pub posted: bool,
}

impl Desk<'_> {
    /// Everything that is agreed or wished.
    ///
    /// # Errors
    /// The store fails.
    pub fn settings(&self) -> Result<Vec<Agreed>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT kind, subject, position, value, wish, posted FROM setting")?;
        let rows = statement.query_map([], |row| {
            Ok(Agreed {
                kind: unsigned(row.get(0)?),
                subject: row.get(1)?,
                position: unsigned(row.get(2)?),
                value: row.get::<_, Option<Vec<u8>>>(3)?.map(Bytes::from),
                wish: row.get::<_, Option<Vec<u8>>>(4)?.map(Bytes::from),
                posted: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes one subject.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_setting(&self, agreed: &Agreed) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO setting (kind, subject, position, value, wish, posted) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        statement.execute((
            signed(agreed.kind),
            &agreed.subject,
            signed(agreed.position),
            agreed.value.as_deref(),
            agreed.wish.as_deref(),
            agreed.posted,
        ))?;
        Ok(())
    }
}

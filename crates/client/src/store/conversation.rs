//! Conversations.

use super::{Desk, StoreError};
use bytes::Bytes;
use subrosa_proto::ConvId;

/// A conversation as stored.
pub struct Stored {
    /// Number in this store.
    pub no: i64,
    /// Its id.
    pub id: ConvId,
    /// As people name it.
    pub name: String,
    /// The reducer's state.
    pub state: Bytes,
}

impl Desk<'_> {
    /// All conversations.
    ///
    /// # Errors
    /// The store fails.
    pub fn conversations(&self) -> Result<Vec<Stored>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT no, id, name, state FROM conversation ORDER BY no")?;
        let rows = statement.query_map([], |row| {
            Ok(Stored {
                no: row.get(0)?,
                id: ConvId(row.get(1)?),
                name: row.get(2)?,
                state: row.get::<_, Vec<u8>>(3)?.into(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds a conversation under the wished name, or under `name-2`, `name-3`… where that is taken.
    /// Gives its number and name.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_conversation(
        &self,
        id: &ConvId,
        wish: &str,
        state: &[u8],
    ) -> Result<(i64, String), StoreError> {
        let name = self.free_name(wish)?;
        let mut statement = self
            .sql
            .prepare_cached("INSERT INTO conversation (id, name, state) VALUES (?1, ?2, ?3)")?;
        let no = statement.insert((id.as_bytes(), &name, state))?;
        Ok((no, name))
    }

    /// Writes the reducer's state.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_state(&self, no: i64, state: &[u8]) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE conversation SET state = ?2 WHERE no = ?1")?
            .execute((no, state))?;
        Ok(())
    }

    /// A name that no conversation has: the wished one, or `name-2`, `name-3`…
    fn free_name(&self, wish: &str) -> Result<String, StoreError> {
        let mut taken = self
            .sql
            .prepare_cached("SELECT 1 FROM conversation WHERE name = ?1")?;
        let mut name = wish.to_owned();
        let mut number = 2;
        while taken.exists([&name])? {
            name = format!("{wish}-{number}");
            number += 1;
        }
        Ok(name)
    }

    /// Gives a conversation another name, or `name-2`, `name-3`… where that is taken.
    ///
    /// # Errors
    /// The store fails.
    pub fn rename_conversation(&self, no: i64, wish: &str) -> Result<String, StoreError> {
        let name = self.free_name(wish)?;
        self.sql
            .prepare_cached("UPDATE conversation SET name = ?2 WHERE no = ?1")?
            .execute((no, &name))?;
        Ok(name)
    }
}

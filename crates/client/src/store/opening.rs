//! Conversations to be opened, kept until the server has them.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use subrosa_proto::AccountId;

/// A conversation to be opened.
pub struct Opening {
    /// Place among them.
    pub seq: i64,
    /// The other account; absent for the conversation of one's own devices.
    pub peer: Option<AccountId>,
    /// Shows the peer that its line was held.
    pub invite: Option<[u8; 32]>,
    /// The create event, once made, with the counter of its idem.
    pub made: Option<(u64, Bytes)>,
    /// Of a room: the command that makes it, and what is to be done in it at once.
    pub room: Option<(String, Bytes)>,
}

impl Desk<'_> {
    /// Adds a conversation to be opened; one for each peer.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_opening(
        &self,
        peer: Option<&AccountId>,
        invite: Option<&[u8; 32]>,
    ) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("INSERT OR IGNORE INTO opening (peer, invite) VALUES (?1, ?2)")?;
        statement.execute((peer.map(AccountId::as_bytes), invite))?;
        Ok(())
    }

    /// Adds a room to be opened; once for each command. Gives its place.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_room_opening(&self, caller: &str, plan: &[u8]) -> Result<i64, StoreError> {
        self.sql
            .prepare_cached("INSERT OR IGNORE INTO opening (caller, plan) VALUES (?1, ?2)")?
            .execute((caller, plan))?;
        let mut statement = self
            .sql
            .prepare_cached("SELECT seq FROM opening WHERE caller = ?1")?;
        Ok(statement.query_row([caller], |row| row.get(0))?)
    }

    /// The conversations to be opened.
    ///
    /// # Errors
    /// The store fails.
    pub fn openings(&self) -> Result<Vec<Opening>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT seq, peer, invite, counter, event, caller, plan FROM opening ORDER BY seq",
        )?;
        let rows = statement.query_map([], |row| {
            let counter: Option<i64> = row.get(3)?;
            let event: Option<Vec<u8>> = row.get(4)?;
            let caller: Option<String> = row.get(5)?;
            let plan: Option<Vec<u8>> = row.get(6)?;
            Ok(Opening {
                seq: row.get(0)?,
                peer: row.get::<_, Option<[u8; 32]>>(1)?.map(AccountId),
                invite: row.get(2)?,
                made: counter.map(unsigned).zip(event.map(Bytes::from)),
                room: caller.zip(plan.map(Bytes::from)),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps the create event that was made, before it leaves.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_opening(&self, seq: i64, counter: u64, event: &[u8]) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE opening SET counter = ?2, event = ?3 WHERE seq = ?1")?;
        statement.execute((seq, signed(counter), event))?;
        Ok(())
    }

    /// The server has it.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_opening(&self, seq: i64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM opening WHERE seq = ?1")?
            .execute([seq])?;
        Ok(())
    }
}

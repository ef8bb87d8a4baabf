//! This account's invites, to recognise who comes by them.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use rusqlite::OptionalExtension;
use subrosa_proto::{AccountId, ConvId};

impl Desk<'_> {
    /// Keeps the secret of an invite of this account. `caller` is its command, absent when it came
    /// from another device.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_invite(
        &self,
        secret: &[u8; 16],
        caller: Option<&str>,
        created_ms: u64,
        expires_ms: u64,
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR IGNORE INTO invite (secret, caller, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute((secret, caller, signed(created_ms), signed(expires_ms)))?;
        Ok(())
    }

    /// The invite that a command made before: its secret and end.
    ///
    /// # Errors
    /// The store fails.
    pub fn invite_of(&self, caller: &str) -> Result<Option<([u8; 16], u64)>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT secret, expires_ms FROM invite WHERE caller = ?1")?;
        Ok(statement
            .query_row([caller], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))
            .optional()?)
    }

    /// The secrets of invites that nobody has used yet.
    ///
    /// # Errors
    /// The store fails.
    pub fn open_invites(&self) -> Result<Vec<[u8; 16]>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT secret FROM invite WHERE used_by IS NULL")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes the room into which whoever comes by an invite is added.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_invite_room(&self, secret: &[u8; 16], room: &ConvId) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE invite SET room = ?2 WHERE secret = ?1")?
            .execute((secret, room.as_bytes()))?;
        Ok(())
    }

    /// The room into which whoever comes by an invite is added, if one.
    ///
    /// # Errors
    /// The store fails.
    pub fn invite_room(&self, secret: &[u8; 16]) -> Result<Option<ConvId>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT room FROM invite WHERE secret = ?1")?;
        let room = statement.query_row([secret], |row| row.get::<_, Option<[u8; 32]>>(0));
        Ok(room.optional()?.flatten().map(ConvId))
    }

    /// Who came by invites into rooms: secret, room, guest.
    ///
    /// # Errors
    /// The store fails.
    pub fn guests(&self) -> Result<Vec<([u8; 16], ConvId, AccountId)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT secret, room, used_by FROM invite WHERE room IS NOT NULL AND used_by IS NOT NULL",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, ConvId(row.get(1)?), AccountId(row.get(2)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes who came by an invite.
    ///
    /// # Errors
    /// The store fails.
    pub fn invite_used(&self, secret: &[u8; 16], by: &AccountId) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE invite SET used_by = ?2 WHERE secret = ?1")?;
        statement.execute((secret, by.as_bytes()))?;
        Ok(())
    }
}

//! What is known of rooms beside their logs: titles, and who was added by whom.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use rusqlite::{OptionalExtension, params};
use subrosa_proto::{AccountId, DeviceId};

/// What is known of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredRoom {
    /// The encoded title, once one was read.
    pub title: Option<Bytes>,
    /// Position of that.
    pub titled: u64,
    /// Where it was last joined by somebody.
    pub joined: u64,
    /// When, by the server's clock.
    pub joined_ms: u64,
    /// By whom.
    pub newcomer: Option<AccountId>,
    /// The person does not want to see the request.
    pub refused: bool,
    /// Where this account was made a member without being asked, until it is clear that it may be.
    pub unasked: u64,
}

/// How somebody came to be a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Where.
    pub position: u64,
    /// By whom.
    pub adder: AccountId,
    /// By which device of theirs.
    pub device: DeviceId,
}

impl Desk<'_> {
    /// All that is known of rooms, by the numbers of their conversations.
    ///
    /// # Errors
    /// The store fails.
    pub fn rooms(&self) -> Result<Vec<(i64, StoredRoom)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT conversation, title, titled, joined, joined_ms, newcomer, refused, unasked FROM room",
        )?;
        let rows = statement.query_map([], |row| {
            let room = StoredRoom {
                title: row.get::<_, Option<Vec<u8>>>(1)?.map(Bytes::from),
                titled: unsigned(row.get(2)?),
                joined: unsigned(row.get(3)?),
                joined_ms: unsigned(row.get(4)?),
                newcomer: row.get::<_, Option<[u8; 32]>>(5)?.map(AccountId),
                refused: row.get(6)?,
                unasked: unsigned(row.get(7)?),
            };
            Ok((row.get(0)?, room))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps what is known of a room.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_room(&self, no: i64, room: &StoredRoom) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO room (conversation, title, titled, joined, joined_ms, newcomer, refused, unasked)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        statement.execute(params![
            no,
            room.title.as_deref(),
            signed(room.titled),
            signed(room.joined),
            signed(room.joined_ms),
            room.newcomer.map(|account| account.0),
            room.refused,
            signed(room.unasked),
        ])?;
        Ok(())
    }

    /// Notes that somebody was added to a conversation.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_added(&self, no: i64, account: &AccountId, added: &Added) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO added (conversation, account, position, adder, device) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        statement.execute((
            no,
            account.as_bytes(),
            signed(added.position),
            added.adder.as_bytes(),
            added.device.as_bytes(),
        ))?;
        Ok(())
    }

    /// Who added somebody last, by conversation.
    ///
    /// # Errors
    /// The store fails.
    pub fn adders(&self, account: &AccountId) -> Result<Vec<(i64, AccountId)>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT conversation, adder FROM added WHERE account = ?1")?;
        let rows = statement.query_map([account.as_bytes()], |row| {
            Ok((row.get(0)?, AccountId(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How somebody was last added to a conversation, as far as this home has seen.
    ///
    /// # Errors
    /// The store fails.
    pub fn added(&self, no: i64, account: &AccountId) -> Result<Option<Added>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT position, adder, device FROM added WHERE conversation = ?1 AND account = ?2",
        )?;
        let added = statement.query_row((no, account.as_bytes()), |row| {
            Ok(Added {
                position: unsigned(row.get(0)?),
                adder: AccountId(row.get(1)?),
                device: DeviceId(row.get(2)?),
            })
        });
        Ok(added.optional()?)
    }
}

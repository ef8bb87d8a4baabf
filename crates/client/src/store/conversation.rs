//! Conversations and their log hashes.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use rusqlite::OptionalExtension;
use subrosa_proto::{AccountId, ConvId, DeviceId, EventHash, LogHash, SessionId};

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
    /// Up to which cursor the person has read.
    pub read_cursor: u64,
}

impl Desk<'_> {
    /// All conversations.
    ///
    /// # Errors
    /// The store fails.
    pub fn conversations(&self) -> Result<Vec<Stored>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT no, id, name, state, read_cursor FROM conversation ORDER BY no",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Stored {
                no: row.get(0)?,
                id: ConvId(row.get(1)?),
                name: row.get(2)?,
                state: row.get::<_, Vec<u8>>(3)?.into(),
                read_cursor: unsigned(row.get(4)?),
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
        let mut taken = self
            .sql
            .prepare_cached("SELECT 1 FROM conversation WHERE name = ?1")?;
        let mut name = wish.to_owned();
        let mut number = 2;
        while taken.exists([&name])? {
            name = format!("{wish}-{number}");
            number += 1;
        }
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

    /// Marks everything up to a cursor as read.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_read(&self, no: i64, cursor: u64) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE conversation SET read_cursor = max(read_cursor, ?2) WHERE no = ?1",
        )?;
        statement.execute((no, signed(cursor)))?;
        Ok(())
    }

    /// L_n of a conversation.
    ///
    /// # Errors
    /// The store fails.
    pub fn log_hash(&self, no: i64, position: u64) -> Result<Option<LogHash>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT hash FROM log WHERE conversation = ?1 AND position = ?2")?;
        Ok(statement
            .query_row((no, signed(position)), |row| row.get(0).map(LogHash))
            .optional()?)
    }

    /// Whether an event is in the log already.
    ///
    /// # Errors
    /// The store fails.
    pub fn seen(&self, no: i64, event: &EventHash) -> Result<bool, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT 1 FROM log WHERE conversation = ?1 AND event = ?2")?;
        Ok(statement.exists((no, event.as_bytes()))?)
    }

    /// Adds a step to the log. An event hash that is there already (a void repetition) is kept at
    /// its first position; the step counts all the same.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_log(
        &self,
        no: i64,
        position: u64,
        hash: &LogHash,
        event: &EventHash,
    ) -> Result<(), StoreError> {
        // A repeated event keeps its place in the unique index; its second step is named by position.
        let mut named = event.0.to_vec();
        if self.seen(no, event)? {
            named.extend_from_slice(&position.to_be_bytes());
        }
        let mut statement = self.sql.prepare_cached(
            "INSERT INTO log (conversation, position, hash, event) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute((no, signed(position), hash.as_bytes(), named))?;
        Ok(())
    }

    /// Names the session whose key event stands last in a conversation's log, of those that are held.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_newest_session(&self, no: i64, session: &SessionId) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE conversation SET newest_session = ?2 WHERE no = ?1")?;
        statement.execute((no, session.as_bytes()))?;
        Ok(())
    }

    /// See [`Desk::set_newest_session`].
    ///
    /// # Errors
    /// The store fails.
    pub fn newest_session(&self, conv: &ConvId) -> Result<Option<SessionId>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT newest_session FROM conversation WHERE id = ?1")?;
        let session = statement
            .query_row([conv.as_bytes()], |row| row.get::<_, Option<[u8; 32]>>(0))
            .optional()?;
        Ok(session.flatten().map(SessionId))
    }

    /// Remembers the salt of the message at a place of a session; the first one stays.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_place(
        &self,
        session: &SessionId,
        place: u32,
        salt: &[u8; 16],
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR IGNORE INTO place (session, place, salt) VALUES (?1, ?2, ?3)",
        )?;
        statement.execute((session.as_bytes(), place, salt))?;
        Ok(())
    }

    /// The salt of the message at a place of a session.
    ///
    /// # Errors
    /// The store fails.
    pub fn place(&self, session: &SessionId, place: u32) -> Result<Option<[u8; 16]>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT salt FROM place WHERE session = ?1 AND place = ?2")?;
        Ok(statement
            .query_row((session.as_bytes(), place), |row| row.get(0))
            .optional()?)
    }

    /// Keeps an event whose key is not here yet.
    ///
    /// # Errors
    /// The store fails.
    pub fn hold(
        &self,
        no: i64,
        position: u64,
        session: &[u8; 32],
        time_ms: u64,
        event: &[u8],
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO held (conversation, position, session, time_ms, event) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        statement.execute((no, signed(position), session, signed(time_ms), event))?;
        Ok(())
    }

    /// Takes the events that waited for this session: position, time of arrival, event.
    ///
    /// # Errors
    /// The store fails.
    pub fn take_held(
        &self,
        no: i64,
        session: &[u8; 32],
    ) -> Result<Vec<(u64, u64, Bytes)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM held WHERE conversation = ?1 AND session = ?2 RETURNING position, time_ms, event",
        )?;
        let rows = statement.query_map((no, session), |row| {
            Ok((
                unsigned(row.get(0)?),
                unsigned(row.get(1)?),
                Bytes::from(row.get::<_, Vec<u8>>(2)?),
            ))
        })?;
        let mut events: Vec<_> = rows.collect::<Result<_, _>>()?;
        events.sort_by_key(|(position, ..)| *position);
        Ok(events)
    }

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

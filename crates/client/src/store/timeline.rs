//! The timeline as it is written: one line for each content or note, in the order of arrival here.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use rusqlite::{OptionalExtension, params};
use subrosa_proto::{AccountId, ContentId};

/// A line to be added.
pub struct Entry<'a> {
    /// Number of the conversation.
    pub conversation: i64,
    /// Its log position; absent while it waits in the outbox.
    pub position: Option<u64>,
    /// The author.
    pub account: AccountId,
    /// The author's name for the content; absent for notes of this home's own.
    pub content: Option<ContentId>,
    /// The author's clock.
    pub author_ms: u64,
    /// The server's clock at arrival.
    pub arrived_ms: Option<u64>,
    /// What it is: a content's number, or a note's.
    pub kind: u64,
    /// A content's encoding, or a note's words.
    pub body: &'a [u8],
    /// How far one's own has come, see [`crate::SendState`].
    pub state: Option<u8>,
}

impl Desk<'_> {
    /// Adds a line, and what consumers have to do for it. `None` when this content of this author is there already.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_line(&self, entry: &Entry<'_>) -> Result<Option<u64>, StoreError> {
        let cursor = self.insert_line(entry)?;
        if let Some(cursor) = cursor {
            self.add_errands(cursor, entry)?;
        }
        Ok(cursor)
    }

    pub(super) fn insert_line(&self, entry: &Entry<'_>) -> Result<Option<u64>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT INTO timeline (conversation, position, account, content, author_ms, arrived_ms, kind, body, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        )?;
        let added = statement.execute(params![
            entry.conversation,
            entry.position.map(signed),
            entry.account.as_bytes(),
            entry.content.map(|content| content.0),
            signed(entry.author_ms),
            entry.arrived_ms.map(signed),
            signed(entry.kind),
            entry.body,
            entry.state,
        ])?;
        Ok((added == 1).then(|| unsigned(self.sql.last_insert_rowid())))
    }

    /// Gives the line of one's own that waited its place in the log. `None` when there is none, or
    /// it has its place already.
    ///
    /// # Errors
    /// The store fails.
    pub fn place_line(
        &self,
        conversation: i64,
        (account, content): (&AccountId, &ContentId),
        (position, arrived_ms): (u64, u64),
        state: u8,
    ) -> Result<Option<u64>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE timeline SET position = ?4, arrived_ms = ?5, state = max(state, ?6)
             WHERE conversation = ?1 AND account = ?2 AND content = ?3 AND position IS NULL RETURNING cursor",
        )?;
        let row = statement.query_row(
            params![
                conversation,
                account.as_bytes(),
                content.as_bytes(),
                signed(position),
                signed(arrived_ms),
                state
            ],
            |row| row.get(0).map(unsigned),
        );
        Ok(row.optional()?)
    }

    /// Takes the place of a line of one's own away again: only the log says where it stands.
    ///
    /// # Errors
    /// The store fails.
    pub fn unplace_line(
        &self,
        conversation: i64,
        (account, content): (&AccountId, &ContentId),
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE timeline SET position = NULL WHERE conversation = ?1 AND account = ?2 AND content = ?3",
        )?;
        statement.execute((conversation, account.as_bytes(), content.as_bytes()))?;
        Ok(())
    }

    /// Raises the state of a line.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_line_state(&self, cursor: u64, state: u8) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE timeline SET state = max(state, ?2) WHERE cursor = ?1")?;
        statement.execute((signed(cursor), state))?;
        Ok(())
    }

    /// Raises to `state` what stands up to a position: gives the cursors and contents that rose.
    ///
    /// # Errors
    /// The store fails.
    pub fn raise_lines(
        &self,
        conversation: i64,
        to: u64,
        state: u8,
    ) -> Result<Vec<(u64, Option<ContentId>)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE timeline SET state = ?3 WHERE conversation = ?1 AND position <= ?2 AND state IS NOT NULL AND state < ?3
             RETURNING cursor, content",
        )?;
        let rows = statement.query_map((conversation, signed(to), state), |row| {
            Ok((
                unsigned(row.get(0)?),
                row.get::<_, Option<[u8; 16]>>(1)?.map(ContentId),
            ))
        })?;
        let mut raised: Vec<_> = rows.collect::<Result<_, _>>()?;
        raised.sort_unstable_by_key(|(cursor, _)| *cursor);
        Ok(raised)
    }

    /// Replaces the line at a position: a row that waited for its key now has its content.
    ///
    /// # Errors
    /// The store fails.
    pub fn remove_waiting_line(
        &self,
        conversation: i64,
        position: u64,
        kind: u64,
    ) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("DELETE FROM timeline WHERE conversation = ?1 AND position = ?2 AND kind = ?3 AND content IS NULL")?;
        statement.execute((conversation, signed(position), signed(kind)))?;
        Ok(())
    }
}

//! The timeline: what people see, in the order in which it came to this home.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use rusqlite::{OptionalExtension, Row, params};
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

/// A line as stored.
pub struct Line {
    /// Place in this home's order.
    pub cursor: u64,
    /// Number of the conversation.
    pub conversation: i64,
    /// Its log position.
    pub position: Option<u64>,
    /// The author.
    pub account: AccountId,
    /// The author's name for the content.
    pub content: Option<ContentId>,
    /// The author's clock.
    pub author_ms: u64,
    /// The server's clock at arrival.
    pub arrived_ms: Option<u64>,
    /// What it is.
    pub kind: u64,
    /// Its bytes.
    pub body: Bytes,
    /// How far it has come.
    pub state: Option<u8>,
}

/// Stands for the position of what has none yet.
const LAST: i64 = i64::MAX;
const COLUMNS: &str =
    "cursor, conversation, position, account, content, author_ms, arrived_ms, kind, body, state";

fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line {
        cursor: unsigned(row.get(0)?),
        conversation: row.get(1)?,
        position: row.get::<_, Option<i64>>(2)?.map(unsigned),
        account: AccountId(row.get(3)?),
        content: row.get::<_, Option<[u8; 16]>>(4)?.map(ContentId),
        author_ms: unsigned(row.get(5)?),
        arrived_ms: row.get::<_, Option<i64>>(6)?.map(unsigned),
        kind: unsigned(row.get(7)?),
        body: row.get::<_, Vec<u8>>(8)?.into(),
        state: row.get(9)?,
    })
}

impl Desk<'_> {
    /// Adds a line. `None` when this content of this author is there already.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_line(&self, entry: &Entry<'_>) -> Result<Option<u64>, StoreError> {
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

    /// A line.
    ///
    /// # Errors
    /// The store fails.
    pub fn line(&self, cursor: u64) -> Result<Option<Line>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM timeline WHERE cursor = ?1"))?;
        Ok(statement.query_row([signed(cursor)], line).optional()?)
    }

    /// The log position of the last placed line up to a cursor, in that line's conversation.
    ///
    /// # Errors
    /// The store fails.
    pub fn position_of(&self, cursor: u64) -> Result<Option<u64>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT position FROM timeline WHERE cursor = ?1")?;
        let position = statement
            .query_row([signed(cursor)], |row| row.get::<_, Option<i64>>(0))
            .optional()?;
        Ok(position.flatten().map(unsigned))
    }

    /// The newest lines before a line, oldest first. Of one conversation in the order of the log,
    /// what waits in the outbox last; of all in the order of arrival here.
    ///
    /// # Errors
    /// The store fails.
    pub fn lines_before(
        &self,
        conversation: Option<i64>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Line>, StoreError> {
        let cursor = before.map_or(i64::MAX, signed);
        let mut lines = match conversation {
            Some(no) => {
                let place = match before {
                    Some(cursor) => self.position_of(cursor)?.map_or(i64::MAX, signed),
                    None => i64::MAX,
                };
                self.lines(
                    &format!(
                        "SELECT {COLUMNS} FROM timeline
                         WHERE conversation = ?1 AND (coalesce(position, {LAST}), cursor) < (?2, ?3)
                         ORDER BY coalesce(position, {LAST}) DESC, cursor DESC LIMIT ?4"
                    ),
                    params![no, place, cursor, limit],
                )
            }
            None => self.lines(
                &format!(
                    "SELECT {COLUMNS} FROM timeline WHERE cursor < ?1 ORDER BY cursor DESC LIMIT ?2"
                ),
                params![cursor, limit],
            ),
        }?;
        lines.reverse();
        Ok(lines)
    }

    /// Lines with cursors above `since`, oldest first.
    ///
    /// # Errors
    /// The store fails.
    pub fn lines_since(
        &self,
        conversation: Option<i64>,
        since: u64,
        limit: u32,
    ) -> Result<Vec<Line>, StoreError> {
        match conversation {
            Some(no) => self.lines(
                &format!("SELECT {COLUMNS} FROM timeline WHERE conversation = ?1 AND cursor > ?2 ORDER BY cursor LIMIT ?3"),
                params![no, signed(since), limit],
            ),
            None => self.lines(
                &format!("SELECT {COLUMNS} FROM timeline WHERE cursor > ?1 ORDER BY cursor LIMIT ?2"),
                params![signed(since), limit],
            ),
        }
    }

    fn lines(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Line>, StoreError> {
        let mut statement = self.sql.prepare_cached(sql)?;
        let rows = statement.query_map(values, line)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last cursor given.
    ///
    /// # Errors
    /// The store fails.
    pub fn last_cursor(&self) -> Result<u64, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT coalesce(max(cursor), 0) FROM timeline")?;
        Ok(statement.query_row([], |row| row.get(0).map(unsigned))?)
    }

    /// Texts of others above a cursor.
    ///
    /// # Errors
    /// The store fails.
    pub fn unread(
        &self,
        conversation: i64,
        above: u64,
        own: &AccountId,
    ) -> Result<u64, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT count(*) FROM timeline WHERE conversation = ?1 AND cursor > ?2 AND account != ?3 AND content IS NOT NULL",
        )?;
        Ok(
            statement.query_row((conversation, signed(above), own.as_bytes()), |row| {
                row.get(0).map(unsigned)
            })?,
        )
    }
}

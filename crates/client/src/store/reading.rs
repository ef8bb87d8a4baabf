//! The timeline as it is read.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use rusqlite::{OptionalExtension, Row, params};
use subrosa_proto::{AccountId, ContentId};

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
    /// When it disappears.
    pub expires_ms: Option<u64>,
}

/// Stands for the position of what has none yet.
pub(super) const LAST: i64 = i64::MAX;
pub(super) const COLUMNS: &str = "cursor, conversation, position, account, content, author_ms, arrived_ms, kind, body, state, expires_ms";

pub(super) fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
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
        expires_ms: row.get::<_, Option<i64>>(10)?.map(unsigned),
    })
}

impl Desk<'_> {
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
                    Some(cursor) => self.order_of(no, cursor)?,
                    None => LAST,
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
            None => {
                // What is shown ahead is the newest, whatever has come here after it.
                let mut ahead = match before {
                    Some(_) => Vec::new(),
                    None => self.lines(
                        &format!(
                            "SELECT {COLUMNS} FROM timeline WHERE checking
                             ORDER BY arrived_ms DESC, cursor DESC LIMIT ?1"
                        ),
                        params![limit],
                    )?,
                };
                let left = limit.saturating_sub(u32::try_from(ahead.len()).unwrap_or(limit));
                ahead.extend(self.lines(
                    &format!(
                        "SELECT {COLUMNS} FROM timeline WHERE cursor < ?1 AND NOT checking
                         ORDER BY cursor DESC LIMIT ?2"
                    ),
                    params![cursor, left],
                )?);
                Ok(ahead)
            }
        }?;
        lines.reverse();
        Ok(lines)
    }

    /// The lines of a conversation behind a line, in the order of the log.
    ///
    /// # Errors
    /// The store fails.
    pub fn lines_after(
        &self,
        conversation: i64,
        behind: u64,
        limit: u32,
    ) -> Result<Vec<Line>, StoreError> {
        let place = self.order_of(conversation, behind)?;
        self.lines(
            &format!(
                "SELECT {COLUMNS} FROM timeline
                 WHERE conversation = ?1 AND (coalesce(position, {LAST}), cursor) > (?2, ?3)
                 ORDER BY coalesce(position, {LAST}), cursor LIMIT ?4"
            ),
            params![conversation, place, signed(behind), limit],
        )
    }

    /// Lines with cursors above `since`, oldest first; without those that are shown ahead, since they come again.
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
                &format!("SELECT {COLUMNS} FROM timeline WHERE conversation = ?1 AND cursor > ?2 AND NOT checking ORDER BY cursor LIMIT ?3"),
                params![no, signed(since), limit],
            ),
            None => self.lines(
                &format!("SELECT {COLUMNS} FROM timeline WHERE cursor > ?1 AND NOT checking ORDER BY cursor LIMIT ?2"),
                params![signed(since), limit],
            ),
        }
    }

    /// Where a line stands in the order of its conversation. Before a line of another conversation
    /// stands what has come here before it.
    fn order_of(&self, conversation: i64, before: u64) -> Result<i64, StoreError> {
        let mut exact = self.sql.prepare_cached(&format!(
            "SELECT coalesce(position, {LAST}) FROM timeline WHERE cursor = ?1 AND conversation = ?2"
        ))?;
        let exact = exact
            .query_row((signed(before), conversation), |row| row.get(0))
            .optional()?;
        if let Some(place) = exact {
            return Ok(place);
        }
        Ok(self
            .position_up_to(conversation, before)?
            .map_or(LAST, signed))
    }

    /// The log position of the last placed line of a conversation up to a cursor.
    ///
    /// # Errors
    /// The store fails.
    pub fn position_up_to(
        &self,
        conversation: i64,
        cursor: u64,
    ) -> Result<Option<u64>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT position FROM timeline WHERE conversation = ?1 AND cursor <= ?2 AND position IS NOT NULL
             ORDER BY cursor DESC LIMIT 1",
        )?;
        let position = statement
            .query_row((conversation, signed(cursor)), |row| {
                row.get(0).map(unsigned)
            })
            .optional()?;
        Ok(position)
    }

    pub(super) fn lines(
        &self,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Line>, StoreError> {
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

    /// Where a time lies in the order of arrival here: all that came at it or after it is behind the first cursor, all that
    /// came before it is in front of the second.
    ///
    /// # Errors
    /// The store fails.
    pub fn cursors_at(
        &self,
        conversation: Option<i64>,
        time_ms: u64,
    ) -> Result<(u64, u64), StoreError> {
        let one = |sql: &str| {
            let mut statement = self.sql.prepare_cached(sql)?;
            let cursor = statement.query_row((signed(time_ms), conversation), |row| {
                row.get::<_, Option<i64>>(0)
            })?;
            Ok::<_, StoreError>(cursor.map(unsigned))
        };
        let since = one("SELECT min(cursor) - 1 FROM timeline
             WHERE coalesce(arrived_ms, author_ms) >= ?1 AND (?2 IS NULL OR conversation = ?2)")?;
        let before = one("SELECT max(cursor) + 1 FROM timeline
             WHERE coalesce(arrived_ms, author_ms) < ?1 AND (?2 IS NULL OR conversation = ?2)")?;
        let last = self.last_cursor()?;
        Ok((since.unwrap_or(last), before.unwrap_or(0)))
    }

    /// Contents of others above a position, in the order of the log.
    ///
    /// # Errors
    /// The store fails.
    pub fn contents_above(
        &self,
        conversation: i64,
        above: u64,
        own: &AccountId,
        limit: u32,
    ) -> Result<Vec<Line>, StoreError> {
        self.lines(
            &format!(
                "SELECT {COLUMNS} FROM timeline
                 WHERE conversation = ?1 AND coalesce(position, {LAST}) > ?2 AND position IS NOT NULL AND account != ?3 AND content IS NOT NULL
                 ORDER BY coalesce(position, {LAST}), cursor LIMIT ?4"
            ),
            params![conversation, signed(above), own.as_bytes(), limit],
        )
    }

    /// How far in the log somebody has come who has seen a line: its own position, or where it has
    /// none, that of what had come before it.
    ///
    /// # Errors
    /// The store fails.
    pub fn position_seen(&self, conversation: i64, cursor: u64) -> Result<Option<u64>, StoreError> {
        let mut exact = self.sql.prepare_cached(
            "SELECT position FROM timeline WHERE cursor = ?1 AND conversation = ?2 AND position IS NOT NULL",
        )?;
        let exact = exact
            .query_row((signed(cursor), conversation), |row| {
                row.get(0).map(unsigned)
            })
            .optional()?;
        match exact {
            Some(position) => Ok(Some(position)),
            None => self.position_up_to(conversation, cursor),
        }
    }
}

//! The way back to an earlier state of a conversation, where a restored server has another end of
//! its log (docs/spec/storage.md §11).

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use rusqlite::OptionalExtension;
use subrosa_proto::AccountId;

/// Lines behind a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// One's own.
    pub own: u64,
    /// Those of others.
    pub others: u64,
}

impl Desk<'_> {
    /// Keeps the reducer's state at a position.
    ///
    /// # Errors
    /// The store fails.
    pub fn keep_state(
        &self,
        no: i64,
        position: u64,
        now_ms: u64,
        state: &[u8],
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO kept_state (conversation, position, kept_ms, state) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute((no, signed(position), signed(now_ms), state))?;
        Ok(())
    }

    /// The newest state kept at or before a position.
    ///
    /// # Errors
    /// The store fails.
    pub fn state_before(&self, no: i64, position: u64) -> Result<Option<(u64, Bytes)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT position, state FROM kept_state WHERE conversation = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1",
        )?;
        let row = statement.query_row((no, signed(position)), |row| {
            Ok((unsigned(row.get(0)?), row.get::<_, Vec<u8>>(1)?.into()))
        });
        Ok(row.optional()?)
    }

    /// Position of the newest state kept.
    ///
    /// # Errors
    /// The store fails.
    pub fn last_state(&self, no: i64) -> Result<Option<u64>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT max(position) FROM kept_state WHERE conversation = ?1")?;
        let last = statement.query_row([no], |row| row.get::<_, Option<i64>>(0))?;
        Ok(last.map(unsigned))
    }

    /// Forgets states kept before a time, but for the newest of them in each conversation.
    ///
    /// # Errors
    /// The store fails.
    pub fn forget_states(&self, before_ms: u64) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM kept_state WHERE kept_ms < ?1 AND position <
               (SELECT max(position) FROM kept_state AS other WHERE other.conversation = kept_state.conversation AND other.kept_ms < ?1)",
        )?;
        statement.execute([signed(before_ms)])?;
        Ok(())
    }

    /// Forgets the steps of a log behind a position.
    ///
    /// # Errors
    /// The store fails.
    pub fn cut_log(&self, no: i64, after: u64) -> Result<(), StoreError> {
        for table in ["log", "kept_state"] {
            self.sql
                .prepare_cached(&format!(
                    "DELETE FROM {table} WHERE conversation = ?1 AND position > ?2"
                ))?
                .execute((no, signed(after)))?;
        }
        Ok(())
    }

    /// How many contents stand behind a position.
    ///
    /// # Errors
    /// The store fails.
    pub fn lines_behind(&self, no: i64, own: &AccountId, after: u64) -> Result<Behind, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT count(*) FILTER (WHERE account = ?2), count(*) FILTER (WHERE account <> ?2) FROM timeline
             WHERE conversation = ?1 AND position > ?3 AND content IS NOT NULL",
        )?;
        Ok(
            statement.query_row((no, own.as_bytes(), signed(after)), |row| {
                Ok(Behind {
                    own: unsigned(row.get(0)?),
                    others: unsigned(row.get(1)?),
                })
            })?,
        )
    }

    /// Takes their places away from what stands behind a position. Own contents wait to be sent
    /// again. Those of others stay, last before what the server has, without a time of arrival:
    /// when they come again they get their new place. Notes go.
    ///
    /// # Errors
    /// The store fails.
    pub fn cut_timeline(&self, no: i64, own: &AccountId, after: u64) -> Result<(), StoreError> {
        let own = own.as_bytes();
        self.sql
            .prepare_cached(
                "UPDATE timeline SET position = NULL WHERE conversation = ?1 AND account = ?2 AND position > ?3 AND content IS NOT NULL",
            )?
            .execute((no, own, signed(after)))?;
        self.sql
            .prepare_cached(
                "UPDATE timeline SET position = ?3, arrived_ms = NULL
                 WHERE conversation = ?1 AND account <> ?2 AND position > ?3 AND content IS NOT NULL",
            )?
            .execute((no, own, signed(after)))?;
        for sql in [
            "DELETE FROM timeline WHERE conversation = ?1 AND position > ?2 AND content IS NULL",
            "DELETE FROM held WHERE conversation = ?1 AND position > ?2",
            "DELETE FROM called_deleted WHERE conversation = ?1 AND position > ?2",
            "DELETE FROM raw WHERE conversation = ?1 AND position > ?2",
            "UPDATE own_boxes SET position = NULL WHERE conversation = ?1 AND position > ?2",
        ] {
            self.sql.prepare_cached(sql)?.execute((no, signed(after)))?;
        }
        Ok(())
    }

    /// A content of somebody else that the server had lost stands in the log again. Its line's
    /// cursor, if there is one.
    ///
    /// # Errors
    /// The store fails.
    pub fn place_again(
        &self,
        no: i64,
        (account, content): (&AccountId, &subrosa_proto::ContentId),
        (position, arrived_ms): (u64, u64),
    ) -> Result<Option<u64>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE timeline SET position = ?4, arrived_ms = ?5
             WHERE conversation = ?1 AND account = ?2 AND content = ?3 AND arrived_ms IS NULL RETURNING cursor",
        )?;
        let row = statement.query_row(
            (
                no,
                account.as_bytes(),
                content.as_bytes(),
                signed(position),
                signed(arrived_ms),
            ),
            |row| row.get(0).map(unsigned),
        );
        Ok(row.optional()?)
    }
}

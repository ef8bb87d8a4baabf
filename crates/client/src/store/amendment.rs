//! Edits, deletions and reactions, by the content that they are about (docs/spec/e2e.md §2.3).

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use rusqlite::{OptionalExtension, Row, params};
use subrosa_e2e::ContentRef;
use subrosa_proto::{AccountId, ContentId};

/// What an amendment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmendmentKind {
    /// Gives a new text.
    Edit = 0,
    /// Puts an emoji beside.
    Reaction = 1,
    /// Takes back.
    Deletion = 2,
}

/// Something about another content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amendment {
    /// What it is about.
    pub of: ContentRef,
    /// What it does.
    pub kind: AmendmentKind,
    /// Its own name.
    pub content: ContentRef,
    /// Its log position; absent while it waits in the outbox.
    pub position: Option<u64>,
    /// The author's clock.
    pub author_ms: u64,
    /// The new text or the emoji; empty when it was taken back.
    pub body: String,
}

const COLUMNS: &str = "of_account, of_content, kind, account, content, position, author_ms, body";

fn amendment(row: &Row<'_>) -> rusqlite::Result<Amendment> {
    Ok(Amendment {
        of: ContentRef {
            account: AccountId(row.get(0)?),
            id: ContentId(row.get(1)?),
        },
        kind: match row.get::<_, u8>(2)? {
            0 => AmendmentKind::Edit,
            1 => AmendmentKind::Reaction,
            _ => AmendmentKind::Deletion,
        },
        content: ContentRef {
            account: AccountId(row.get(3)?),
            id: ContentId(row.get(4)?),
        },
        position: row.get::<_, Option<i64>>(5)?.map(unsigned),
        author_ms: unsigned(row.get(6)?),
        body: row.get(7)?,
    })
}

impl Desk<'_> {
    /// All about one content: in the order of the log, what waits last.
    ///
    /// # Errors
    /// The store fails.
    pub fn amendments(&self, no: i64, of: &ContentRef) -> Result<Vec<Amendment>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM amendment WHERE conversation = ?1 AND of_account = ?2 AND of_content = ?3
             ORDER BY position IS NULL, position, no"
        ))?;
        let key = (no, of.account.as_bytes(), of.id.as_bytes());
        let rows = statement.query_map(key, amendment)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// An amendment by its own name.
    ///
    /// # Errors
    /// The store fails.
    pub fn amendment(
        &self,
        no: i64,
        content: &ContentRef,
    ) -> Result<Option<Amendment>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM amendment WHERE conversation = ?1 AND account = ?2 AND content = ?3"
        ))?;
        let key = (no, content.account.as_bytes(), content.id.as_bytes());
        Ok(statement.query_row(key, amendment).optional()?)
    }

    /// The amendment at a position.
    ///
    /// # Errors
    /// The store fails.
    pub fn amendment_at(&self, no: i64, position: u64) -> Result<Option<Amendment>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM amendment WHERE conversation = ?1 AND position = ?2"
        ))?;
        Ok(statement
            .query_row((no, signed(position)), amendment)
            .optional()?)
    }

    /// Adds an amendment, or gives one that waited its place. One in the log takes the place of its
    /// author's earlier ones of the kind; one that a later one has overtaken is left out.
    ///
    /// # Errors
    /// The store fails.
    pub fn put_amendment(&self, no: i64, new: &Amendment) -> Result<(), StoreError> {
        if let Some(position) = new.position {
            let about = (
                no,
                new.of.account.as_bytes(),
                new.of.id.as_bytes(),
                new.kind as u8,
                new.content.account.as_bytes(),
                signed(position),
            );
            let same = "conversation = ?1 AND of_account = ?2 AND of_content = ?3 AND kind = ?4 AND account = ?5";
            let mut newer = self.sql.prepare_cached(&format!(
                "SELECT 1 FROM amendment WHERE {same} AND position >= ?6"
            ))?;
            if newer.exists(about)? {
                self.drop_waiting_amendment(no, &new.content)?;
                return Ok(());
            }
            let mut older = self.sql.prepare_cached(&format!(
                "DELETE FROM amendment WHERE {same} AND position < ?6"
            ))?;
            older.execute(about)?;
        }
        let mut statement = self.sql.prepare_cached(
            "INSERT INTO amendment (conversation, of_account, of_content, kind, account, content, position, author_ms, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (conversation, account, content) DO UPDATE SET position = excluded.position WHERE position IS NULL",
        )?;
        statement.execute(params![
            no,
            new.of.account.as_bytes(),
            new.of.id.as_bytes(),
            new.kind as u8,
            new.content.account.as_bytes(),
            new.content.id.as_bytes(),
            new.position.map(signed),
            signed(new.author_ms),
            new.body,
        ])?;
        Ok(())
    }

    /// Takes an amendment back: it says nothing any more, and keeps its place before older ones.
    ///
    /// # Errors
    /// The store fails.
    pub fn blank_amendment(&self, no: i64, content: &ContentRef) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE amendment SET body = '' WHERE conversation = ?1 AND account = ?2 AND content = ?3",
        )?;
        statement.execute((no, content.account.as_bytes(), content.id.as_bytes()))?;
        Ok(())
    }

    /// Forgets one of one's own that is not in the log.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_waiting_amendment(&self, no: i64, content: &ContentRef) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM amendment WHERE conversation = ?1 AND account = ?2 AND content = ?3 AND position IS NULL",
        )?;
        statement.execute((no, content.account.as_bytes(), content.id.as_bytes()))?;
        Ok(())
    }

    /// Forgets all about one content: it is gone.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_amendments(&self, no: i64, of: &ContentRef) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM amendment WHERE conversation = ?1 AND of_account = ?2 AND of_content = ?3",
        )?;
        statement.execute((no, of.account.as_bytes(), of.id.as_bytes()))?;
        Ok(())
    }
}

//! Who has something done for each message, and what is still to be done. A message's errands are written with its
//! line, so that none is lost between the two.

use super::desk::{signed, unsigned};
use super::{Desk, Entry, StoreError};
use rusqlite::{OptionalExtension, params};

/// A line that holds a content's encoding, see `engine::rows`.
const LINE_CONTENT: u64 = 0;

/// Who has something done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Number in the store.
    pub no: i64,
    /// As its person calls it.
    pub name: String,
    /// In which conversation; in all when absent.
    pub conversation: Option<i64>,
    /// Whether for one's own messages too.
    pub own: bool,
}

impl Desk<'_> {
    /// The consumer of a name.
    ///
    /// # Errors
    /// The store fails.
    pub fn consumer(&self, name: &str) -> Result<Option<Consumer>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT no, name, conversation, own FROM consumer WHERE name = ?1")?;
        Ok(statement.query_row([name], consumer).optional()?)
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// The store fails.
    pub fn consumers(&self) -> Result<Vec<Consumer>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT no, name, conversation, own FROM consumer ORDER BY name")?;
        let rows = statement.query_map([], consumer)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds one, whose business begins behind what the logs hold now.
    ///
    /// # Errors
    /// The store fails, or the name is taken.
    pub fn add_consumer(
        &self,
        name: &str,
        conversation: Option<i64>,
        own: bool,
    ) -> Result<(), StoreError> {
        let mut add = self
            .sql
            .prepare_cached("INSERT INTO consumer (name, conversation, own) VALUES (?1, ?2, ?3)")?;
        let no = add.insert((name, conversation, own))?;
        let mut starts = self.sql.prepare_cached(
            "INSERT INTO consumer_start (consumer, conversation, position)
             SELECT ?1, no, (SELECT max(position) FROM log WHERE log.conversation = conversation.no)
             FROM conversation WHERE EXISTS (SELECT 1 FROM log WHERE log.conversation = conversation.no)",
        )?;
        starts.execute([no])?;
        Ok(())
    }

    /// Gives one another business from now on; what it has still to do stays.
    ///
    /// # Errors
    /// The store fails.
    pub fn change_consumer(
        &self,
        no: i64,
        conversation: Option<i64>,
        own: bool,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE consumer SET conversation = ?2, own = ?3 WHERE no = ?1")?
            .execute((no, conversation, own))?;
        Ok(())
    }

    /// Forgets one, with all that it has still to do.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_consumer(&self, no: i64) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM errand WHERE consumer = ?1",
            "DELETE FROM consumer_start WHERE consumer = ?1",
            "DELETE FROM consumer WHERE no = ?1",
        ] {
            self.sql.prepare_cached(sql)?.execute([no])?;
        }
        Ok(())
    }

    /// A line that was added is something to be done for whoever has it as their business.
    pub(super) fn add_errands(&self, cursor: u64, entry: &Entry<'_>) -> Result<(), StoreError> {
        if entry.kind != LINE_CONTENT || entry.content.is_none() {
            return Ok(());
        }
        let mut statement = self.sql.prepare_cached(
            "INSERT OR IGNORE INTO errand (consumer, cursor)
             SELECT no, ?1 FROM consumer LEFT JOIN consumer_start AS start
               ON start.consumer = consumer.no AND start.conversation = ?2
             WHERE coalesce(consumer.conversation, ?2) = ?2 AND (own OR NOT ?3)
               AND (?4 IS NULL OR start.position IS NULL OR ?4 > start.position)",
        )?;
        // Only what is one's own has a state.
        statement.execute(params![
            signed(cursor),
            entry.conversation,
            entry.state.is_some(),
            entry.position.map(signed)
        ])?;
        Ok(())
    }

    /// What is still to be done behind a cursor, oldest first.
    ///
    /// # Errors
    /// The store fails.
    pub fn errands(&self, consumer: i64, since: u64, limit: u32) -> Result<Vec<u64>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT cursor FROM errand WHERE consumer = ?1 AND cursor > ?2 ORDER BY cursor LIMIT ?3",
        )?;
        let rows = statement.query_map((consumer, signed(since), limit), |row| {
            row.get(0).map(unsigned)
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How much is still to be done.
    ///
    /// # Errors
    /// The store fails.
    pub fn errand_count(&self, consumer: i64) -> Result<u64, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT count(*) FROM errand WHERE consumer = ?1")?;
        Ok(statement.query_row([consumer], |row| row.get(0).map(unsigned))?)
    }

    /// Something is done.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_errand(&self, consumer: i64, cursor: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM errand WHERE consumer = ?1 AND cursor = ?2")?
            .execute((consumer, signed(cursor)))?;
        Ok(())
    }
}

fn consumer(row: &rusqlite::Row<'_>) -> rusqlite::Result<Consumer> {
    Ok(Consumer {
        no: row.get(0)?,
        name: row.get(1)?,
        conversation: row.get(2)?,
        own: row.get(3)?,
    })
}

//! Evidence that was found, ready to be exported.

use super::desk::signed;
use super::{Desk, StoreError};
use subrosa_proto::EventHash;

/// One piece of evidence.
pub struct Found {
    /// Whom or what it is about, as people name it.
    pub about: String,
    /// The file.
    pub file: Vec<u8>,
}

impl Desk<'_> {
    /// Keeps evidence. The first of its kind stays.
    ///
    /// # Errors
    /// The store fails.
    pub fn keep_evidence(&self, what: &str, about: &str, file: &[u8]) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO evidence (what, about, file) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute((what, about, file))?;
        Ok(())
    }

    /// All that was found, or what is about one conversation or person.
    ///
    /// # Errors
    /// The store fails.
    pub fn evidence(&self, about: Option<&str>) -> Result<Vec<Found>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT about, file FROM evidence WHERE ?1 IS NULL OR about = ?1 OR about = '@' || ?1 ORDER BY what",
        )?;
        let rows = statement.query_map([about], |row| {
            Ok(Found {
                about: row.get(0)?,
                file: row.get(1)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The event hashes of a range of positions, both ends included, without a gap.
    ///
    /// # Errors
    /// The store fails.
    pub fn event_hashes(&self, no: i64, from: u64, to: u64) -> Result<Vec<EventHash>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT event FROM log WHERE conversation = ?1 AND position BETWEEN ?2 AND ?3 ORDER BY position",
        )?;
        let rows = statement.query_map((no, signed(from), signed(to)), |row| {
            row.get::<_, Vec<u8>>(0)
        })?;
        rows.map(|row| {
            // A repeated event's name has its position behind the hash.
            let hash = row?.first_chunk::<32>().copied();
            hash.map(EventHash).ok_or(StoreError::Shape("log"))
        })
        .collect()
    }
}

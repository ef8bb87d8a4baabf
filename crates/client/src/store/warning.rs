//! What the person was told, and the quoted chain heads that may become a reason to tell more.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use subrosa_proto::{AccountId, HashHead, Quote, StatementHash};

impl Desk<'_> {
    /// Whether this is told for the first time; from now on it was told.
    ///
    /// # Errors
    /// The store fails.
    pub fn tell_once(&self, what: &str) -> Result<bool, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("INSERT OR IGNORE INTO told (what) VALUES (?1)")?;
        Ok(statement.execute([what])? == 1)
    }

    /// Whether this was told.
    ///
    /// # Errors
    /// The store fails.
    pub fn was_told(&self, what: &str) -> Result<bool, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT 1 FROM told WHERE what = ?1")?;
        Ok(statement.exists([what])?)
    }

    /// Keeps a chain head that a member of a conversation quoted and that is not known here.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_quote(&self, no: i64, quote: &Quote, author: &AccountId) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR IGNORE INTO quote (conversation, account, seq, hash, author) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        statement.execute((
            no,
            quote.account.as_bytes(),
            signed(quote.head.seq),
            quote.head.hash.as_bytes(),
            author.as_bytes(),
        ))?;
        Ok(())
    }

    /// Takes the quotes of a conversation, each with its author.
    ///
    /// # Errors
    /// The store fails.
    pub fn take_quotes(&self, no: i64) -> Result<Vec<(Quote, AccountId)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM quote WHERE conversation = ?1 RETURNING account, seq, hash, author",
        )?;
        let rows = statement.query_map([no], |row| {
            let quote = Quote {
                account: AccountId(row.get(0)?),
                head: HashHead {
                    seq: unsigned(row.get(1)?),
                    hash: StatementHash(row.get(2)?),
                },
            };
            Ok((quote, AccountId(row.get(3)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

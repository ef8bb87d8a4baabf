//! The conformance suite on SQLite, and what is SQLite's own: what is refused, what is full, what
//! is damaged, what is grouped.

use super::{SqliteStore, Tuning};
use crate::storage::conformance::{Engine, conformance};
use tempfile::TempDir;

struct Sqlite(TempDir);

impl Sqlite {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }
}

impl Engine for Sqlite {
    type Store = SqliteStore;
    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.0.path(), Tuning::default()).unwrap()
    }
    async fn close(&self, store: SqliteStore) {
        store.close().await;
    }
}

conformance!(Sqlite::new());

//! The conformance suite on SQLite, and what is SQLite's own: what is refused, what happens when
//! the disk is full or lies, what is grouped.

mod damage;
mod grouping;
mod refusal;
mod room;

use super::{SqliteStore, Tuning};
use crate::storage::conformance::{Engine, conformance};
use std::path::PathBuf;
use tempfile::TempDir;

struct Sqlite(TempDir);

impl Sqlite {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn database(&self) -> PathBuf {
        self.0.path().join("subrosa.db")
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

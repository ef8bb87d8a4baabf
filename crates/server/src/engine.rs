//! What a server needs of its store beyond the contract: to end it, and to hear when it has ended
//! by itself.

use crate::storage::Store;
use crate::storage::faulty::Faulty;
use crate::storage::memory::MemoryStore;
use crate::storage::sqlite::SqliteStore;
use std::future::{Future, pending};

/// A store that a server can run on.
pub trait Engine: Store {
    /// Finishes what waits and closes the store.
    fn end(&self) -> impl Future<Output = ()> + Send;
    /// Resolves when the store has stopped for good, with the reason.
    fn ended(&self) -> impl Future<Output = &'static str> + Send;
}

impl Engine for SqliteStore {
    async fn end(&self) {
        self.close().await;
    }
    async fn ended(&self) -> &'static str {
        self.until_stopped().await
    }
}

impl Engine for MemoryStore {
    async fn end(&self) {}
    async fn ended(&self) -> &'static str {
        pending().await
    }
}

impl<E: Engine> Engine for Faulty<E> {
    async fn end(&self) {
        self.inner().end().await;
    }
    async fn ended(&self) -> &'static str {
        self.inner().ended().await
    }
}

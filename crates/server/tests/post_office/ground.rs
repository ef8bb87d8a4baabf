//! Where a test takes place: a server on one of the stores, in a folder that vanishes afterwards.

use crate::wire::Client;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subrosa_proto::{InviteLine, InviteSecret};
use subrosa_server::storage::faulty::Faulty;
use subrosa_server::storage::memory::MemoryStore;
use subrosa_server::{Clock, Config, Observer, Rates, Seen, Server};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// Nothing that a test waits for takes this long.
pub const PATIENCE: Duration = Duration::from_secs(20);

enum Kind {
    Sqlite,
    Memory(MemoryStore),
}

pub struct Ground {
    pub data: TempDir,
    kind: Kind,
    ahead_ms: Arc<AtomicU64>,
    seen: mpsc::UnboundedSender<Seen>,
    pub sights: mpsc::UnboundedReceiver<Seen>,
    server: Option<Server>,
    pub rates: Rates,
    folder: Option<std::path::PathBuf>,
}

/// Runs a test on every engine.
pub async fn everywhere<F: Future<Output = ()>>(test: impl Fn(Ground) -> F) {
    for kind in [Kind::Memory(MemoryStore::new()), Kind::Sqlite] {
        test(Ground::on(kind, Rates::unlimited()).await).await;
    }
}

impl Ground {
    /// On the embedded database.
    pub async fn durable() -> Self {
        Self::on(Kind::Sqlite, Rates::unlimited()).await
    }

    /// In memory, with these rates.
    pub async fn with_rates(rates: Rates) -> Self {
        Self::on(Kind::Memory(MemoryStore::new()), rates).await
    }

    async fn on(kind: Kind, rates: Rates) -> Self {
        let (seen, sights) = mpsc::unbounded_channel();
        let data = tempfile::tempdir().unwrap();
        let ahead_ms = Arc::default();
        let mut ground = Self {
            data,
            kind,
            ahead_ms,
            seen,
            sights,
            server: None,
            rates,
            folder: None,
        };
        ground.start().await;
        ground
    }

    pub fn config(&self) -> Config {
        let mut config = Config::new(
            self.folder
                .clone()
                .unwrap_or_else(|| self.data.path().join("server")),
        );
        config.listen = vec!["127.0.0.1:0".parse().unwrap()];
        config.limits = self.rates.clone();
        let ahead = self.ahead_ms.clone();
        config.clock = Clock::from_fn(move || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            since.as_millis() as u64 + ahead.load(Ordering::Relaxed)
        });
        let seen = self.seen.clone();
        config.observer = Some(Observer::new(move |sight| drop(seen.send(sight))));
        config
    }

    async fn start(&mut self) {
        let config = self.config();
        let server = match &self.kind {
            Kind::Sqlite => Server::start(config).await,
            Kind::Memory(store) => Server::start_on(config, store.clone()).await,
        };
        self.server = Some(server.unwrap());
    }

    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// On the embedded database of this folder.
    pub async fn at(folder: &std::path::Path) -> Self {
        let mut ground = Self::on(Kind::Sqlite, Rates::unlimited()).await;
        ground.stop().await;
        ground.folder = Some(folder.to_owned());
        ground.start().await;
        ground
    }

    /// Another server in the place of this one, on a store that fails when it is told to.
    pub async fn faulty(store: Arc<Faulty<MemoryStore>>) -> Self {
        let mut ground = Self::with_rates(Rates::unlimited()).await;
        ground.stop().await;
        let server = Server::start_on(ground.config(), Told(store))
            .await
            .unwrap();
        ground.server = Some(server);
        ground
    }

    /// Ends the server and starts another on a store.
    pub async fn restart_on(&mut self, store: Arc<Faulty<MemoryStore>>) {
        self.stop().await;
        let started = Server::start_on(self.config(), Told(store)).await;
        self.server = Some(started.unwrap());
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// The server's clock runs ahead from now on.
    pub fn pass(&self, time: Duration) {
        self.ahead_ms
            .fetch_add(time.as_millis() as u64, Ordering::Relaxed);
    }

    pub fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        since.as_millis() as u64 + self.ahead_ms.load(Ordering::Relaxed)
    }

    pub async fn invite(&self) -> InviteSecret {
        let InviteLine { secret, .. } = self.server().admin_invite().await.unwrap();
        secret
    }

    pub async fn connect(&self) -> Client {
        Client::connect(self.server()).await
    }

    /// Waits until something becomes true.
    pub async fn until(&self, what: &str, mut condition: impl FnMut(&Server) -> bool) {
        let wait = async {
            // condition: the caller's
            while !condition(self.server()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("{what}"));
    }
}

/// A store that the test keeps a hold of.
pub struct Told(pub Arc<Faulty<MemoryStore>>);

mod told {
    use super::Told;
    use subrosa_server::Engine;
    use subrosa_server::storage::*;

    impl Engine for Told {
        async fn end(&self) {}
        async fn ended(&self) -> &'static str {
            std::future::pending().await
        }
    }

    impl Store for Told {
        async fn get(&self, keys: Vec<RecordKey>) -> Answer<Vec<Option<Record>>> {
            self.0.get(keys).await
        }
        async fn commit(&self, commit: Commit) -> Answer<Committed> {
            self.0.commit(commit).await
        }
        async fn scan(
            &self,
            prefix: RecordKey,
            after: Option<RecordKey>,
            count: usize,
        ) -> Answer<Vec<(RecordKey, Record)>> {
            self.0.scan(prefix, after, count).await
        }
        async fn stage(&self, stage: Stage) -> Answer<StageTotal> {
            self.0.stage(stage).await
        }
        async fn append(&self, append: Append) -> Answer<Appended> {
            self.0.append(append).await
        }
        async fn read(&self, read: Read) -> Answer<Page> {
            self.0.read(read).await
        }
        async fn side(&self, read: SideRead) -> Answer<Vec<(u64, SideRow)>> {
            self.0.side(read).await
        }
        async fn heads(&self, logs: Vec<LogId>) -> Answer<Vec<u64>> {
            self.0.heads(logs).await
        }
        async fn trim(&self, log: LogId, up_to: u64) -> Answer<()> {
            self.0.trim(log, up_to).await
        }
        async fn release(&self, release: Release) -> Answer<()> {
            self.0.release(release).await
        }
        async fn sweep(&self, now_ms: u64) -> Answer<()> {
            self.0.sweep(now_ms).await
        }
        async fn health(&self) -> Answer<Durability> {
            self.0.health().await
        }
    }
}

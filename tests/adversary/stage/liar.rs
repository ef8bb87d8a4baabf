//! A real server with a script between its channel and its post office.

use super::line::{self, Open};
use super::script::{Fate, Script, Told, Whose, Word};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subrosa_proto::{AccountId, FromServer, Push};
use subrosa_server::{Clock, Config, Rates, Server, Tap};

pub struct Liar {
    pub folder: PathBuf,
    server: Option<Server>,
    listen: SocketAddr,
    script: Script,
    open: Open,
    ahead_ms: Arc<AtomicU64>,
    pub rates: Rates,
}

impl Liar {
    /// A server on this folder, honest until it is told otherwise.
    pub async fn start(folder: &Path) -> Self {
        Self::with_rates(folder, Rates::unlimited()).await
    }

    pub async fn with_rates(folder: &Path, rates: Rates) -> Self {
        let mut liar = Self {
            folder: folder.to_owned(),
            server: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            script: Script::default(),
            open: Open::default(),
            ahead_ms: Arc::default(),
            rates,
        };
        liar.open().await;
        liar.listen = liar.server().local_addr().unwrap();
        liar
    }

    /// Starts the server again, on the port it had.
    pub async fn open(&mut self) {
        let mut config = Config::new(&self.folder);
        config.listen = vec![self.listen];
        config.limits = self.rates.clone();
        let ahead = self.ahead_ms.clone();
        config.clock = Clock::from_fn(move || now_ms() + ahead.load(Ordering::SeqCst));
        let (script, open) = (self.script.clone(), self.open.clone());
        let numbers = AtomicU64::new(0);
        config.tap = Some(Tap::new(move |link| {
            let number = numbers.fetch_add(1, Ordering::SeqCst);
            line::lay(number, link, script.clone(), open.clone())
        }));
        self.server = Some(Server::start(config).await.unwrap());
    }

    pub async fn close(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub fn port(&self) -> u16 {
        self.listen.port()
    }

    /// The server's clock runs ahead from now on.
    pub fn pass(&self, time: Duration) {
        self.ahead_ms
            .fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn now_ms(&self) -> u64 {
        now_ms() + self.ahead_ms.load(Ordering::SeqCst)
    }

    /// Tells a lie from now on.
    pub fn lie(&self, tell: impl FnMut(&Whose, &Word) -> Fate + Send + 'static) -> Told {
        self.script.add(tell)
    }

    /// Says something unasked on every connection of an account; to how many.
    pub fn push(&self, to: AccountId, push: &Push) -> usize {
        let open = self.open.lock().unwrap();
        let to_them = open.iter().filter(|(whose, _)| whose.account == Some(to));
        let message = || FromServer::Push { push: push.clone() };
        to_them
            .filter(|(_, line)| line.send(message()).is_ok())
            .count()
    }

    /// Takes the whole database away and puts another in its place: a rollback of everything.
    pub async fn roll_back(&mut self, to: &Path) {
        self.close().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
        copy(to, &self.folder);
        self.open().await;
    }

    /// A copy of all that it keeps; it is stopped for that.
    pub async fn snapshot(&mut self, to: &Path) {
        self.close().await;
        copy(&self.folder, to);
        self.open().await;
    }
}

pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// Copies a folder; sockets and the like stay behind.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let mode = std::fs::metadata(from).unwrap().permissions();
    std::fs::set_permissions(to, mode).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, target) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

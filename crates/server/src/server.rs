//! A running server.

use crate::config::Config;
use crate::control;
use crate::engine::Engine;
use crate::error::StartError;
use crate::folder::{Folder, Lock};
use crate::listener::{self, Numbers, Reception};
use crate::office::{Office, Opening, until_closing};
use crate::records;
use crate::refused::Outcome;
use crate::secrets::Secrets;
use crate::session::Tickets;
use crate::storage::sqlite::{SqliteStore, Tuning};
use crate::storage::{Durability, Store};
use crate::{hosts, incarnation};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use subrosa_channel::{Hello, io};
use subrosa_proto::{Address, BUILD, Host, InviteLine, InviteSecret, Name, limits};
use subrosa_proto::{PROTOCOL_MAX, PROTOCOL_MIN};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{interval, timeout};

/// How long connections may take to end.
const GRACE: Duration = Duration::from_secs(5);
/// How often the store forgets what is due.
const SWEEP: Duration = Duration::from_secs(3_600);
/// How often bodies that are due go. Whoever reads before is not shown them either.
const BODIES: Duration = Duration::from_secs(15);

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The office behind a server, whatever store it has.
pub(crate) trait Behind: Send + Sync {
    fn invite(&self) -> Later<'_, Outcome<[u8; 16]>>;
    fn without_accounts(&self) -> Later<'_, Outcome<bool>>;
    /// Frees a name. False when nobody has it.
    fn release<'a>(&'a self, name: &'a Name) -> Later<'a, Outcome<bool>>;
    fn close(&self);
    fn end_store(&self) -> Later<'_, ()>;
    fn connections(&self) -> usize;
}

impl<E: Engine> Behind for Office<E> {
    fn invite(&self) -> Later<'_, Outcome<[u8; 16]>> {
        Box::pin(self.operators_invite())
    }
    fn without_accounts(&self) -> Later<'_, Outcome<bool>> {
        Box::pin(async { Ok(self.store.scan(records::names(), None, 1).await?.is_empty()) })
    }
    fn release<'a>(&'a self, name: &'a Name) -> Later<'a, Outcome<bool>> {
        Box::pin(self.release(name))
    }
    fn close(&self) {
        self.closing.send_replace(true);
    }
    fn end_store(&self) -> Later<'_, ()> {
        Box::pin(self.store.end())
    }
    fn connections(&self) -> usize {
        self.delivery.online()
    }
}

/// A running server. Dropping it ends its connections without waiting for them.
pub struct Server {
    behind: Arc<dyn Behind>,
    address: Address,
    bound: Vec<SocketAddr>,
    /// Closed when the last connection has ended.
    alive: mpsc::Receiver<()>,
    stopped: watch::Receiver<Option<&'static str>>,
    _lock: Lock,
}

impl Server {
    /// Starts a server on the folder of the configuration, with the embedded database. On return
    /// it listens.
    ///
    /// # Errors
    /// [`StartError`]: one sentence with the cause and the next step.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let folder = Folder::new(&config.data);
        folder.create()?;
        let lock = folder.lock()?;
        let secrets = open_secrets(&folder)?;
        let store = open_database(&folder).await?;
        if let Ok(Durability::Volatile(cause)) = store.health().await {
            return Err(StartError::NotDurable {
                path: config.data,
                cause: cause.to_owned(),
            });
        }
        Self::run(config, folder, lock, secrets, store).await
    }

    /// Starts a server on a given store; the folder holds the secrets only.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start_on<E: Engine>(config: Config, store: E) -> Result<Self, StartError> {
        let folder = Folder::new(&config.data);
        folder.create()?;
        let lock = folder.lock()?;
        let secrets = open_secrets(&folder)?;
        Self::run(config, folder, lock, secrets, store).await
    }

    async fn run<E: Engine>(
        config: Config,
        folder: Folder,
        lock: Lock,
        secrets: Secrets,
        store: E,
    ) -> Result<Self, StartError> {
        raise_file_limit();
        let refused = |error| StartError::from_io(error, folder.root());
        let listeners: Vec<_> = config
            .listen
            .iter()
            .map(|address| listener::listen(*address))
            .collect::<Result<_, _>>()?;
        let bound: Vec<_> = listeners
            .iter()
            .map(std::net::TcpListener::local_addr)
            .collect::<Result<_, _>>()
            .map_err(refused)?;
        let key = secrets.server_key();
        let hosts = hosts::reachable(&config.public, &bound);
        let address = Address {
            hosts,
            key: *key.public().as_bytes(),
        };
        let office = open_office(&config, &folder, &secrets, store, &address).await?;
        let (alive, ended) = mpsc::channel(1);
        let tickets = Tickets::new(
            config.limits.unauthenticated_max,
            config.limits.connections(),
        );
        let reception = Arc::new(Reception {
            office: office.clone(),
            tickets,
            numbers: Numbers::default(),
        });
        for listener in listeners {
            let listener = TcpListener::from_std(listener).map_err(refused)?;
            tokio::spawn(listener::receive(
                reception.clone(),
                listener,
                alive.clone(),
            ));
        }
        let stopped = keep_up(&office);
        let behind: Arc<dyn Behind> = office.clone();
        let lent = control::Lent {
            behind: behind.clone(),
            address: address.clone(),
        };
        control::open(&folder, lent, office.closing.subscribe());
        tracing::info!(listening = ?bound, "server started");
        Ok(Self {
            behind,
            address,
            bound,
            alive: ended,
            stopped,
            _lock: lock,
        })
    }

    /// The address under which clients reach it.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The hosts in it.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.address.hosts
    }

    /// Where it listens, with the port that was picked.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.bound.first().copied()
    }

    /// An invite without an author, such as the one for the first account.
    ///
    /// # Errors
    /// [`StartError::Store`] and its like, when the store refuses.
    pub async fn admin_invite(&self) -> Result<InviteLine, StartError> {
        let secret = self
            .behind
            .invite()
            .await
            .map_err(|refused| refused.at_start("".as_ref()))?;
        Ok(InviteLine {
            address: self.address.clone(),
            secret: InviteSecret(secret),
            bot: None,
        })
    }

    /// Whether nobody has an account yet.
    ///
    /// # Errors
    /// As [`Server::admin_invite`].
    pub async fn accounts_empty(&self) -> Result<bool, StartError> {
        self.behind
            .without_accounts()
            .await
            .map_err(|refused| refused.at_start("".as_ref()))
    }

    /// Connections with a logged-in device.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.behind.connections()
    }

    /// Resolves when the server cannot go on because its store has stopped, with a sentence that
    /// says why. It should be shut down then.
    pub async fn failed(&self) -> &'static str {
        let mut stopped = self.stopped.clone();
        let found = stopped
            .wait_for(Option::is_some)
            .await
            .map(|reason| *reason);
        match found {
            Ok(Some(reason)) => reason,
            _ => std::future::pending().await,
        }
    }

    /// Ends the server in order: no new connections, a word to those there are, what waits is
    /// written, the database is closed.
    pub async fn shutdown(mut self) {
        self.behind.close();
        if timeout(GRACE, self.alive.recv()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        self.behind.end_store().await;
        tracing::info!("server stopped");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.behind.close();
    }
}

/// Everything behind the sockets.
async fn open_office<E: Engine>(
    config: &Config,
    folder: &Folder,
    secrets: &Secrets,
    store: E,
    address: &Address,
) -> Result<Arc<Office<E>>, StartError> {
    let (hosts, now_ms) = (address.hosts_text(), config.clock.now_ms());
    let path = folder.secrets();
    let row = match incarnation::open(&store, secrets, &hosts, now_ms, folder.root(), &path).await {
        Ok(row) => row,
        Err(error) => {
            // Its threads hold the folder's lock for as long as they live.
            store.end().await;
            return Err(error);
        }
    };
    let broken = || StartError::SecretsBroken { path: path.clone() };
    let setup = secrets.password_setup().map_err(|_| broken())?;
    let hello = Hello::new(PROTOCOL_MIN, PROTOCOL_MAX, BUILD).map_err(|_| broken())?;
    let channel = io::Config {
        message_limit: limits::MESSAGE_BYTES_UNAUTHENTICATED_MAX,
        timeout: config.limits.handshake,
        ..io::Config::new(hello)
    };
    let key = secrets.server_key();
    Ok(Office::open(
        Opening {
            store,
            key,
            setup,
            registrar: secrets.registrar(),
            channel,
            row,
        },
        config,
    ))
}

/// Sweeps the store now and then, and notices when it has stopped.
fn keep_up<E: Engine>(office: &Arc<Office<E>>) -> watch::Receiver<Option<&'static str>> {
    let (stop, stopped) = watch::channel(None);
    let office = office.clone();
    let mut closing = office.closing.subscribe();
    tokio::spawn(async move {
        let mut hours = interval(SWEEP);
        let mut bodies = interval(BODIES);
        loop {
            tokio::select! {
                _ = bodies.tick() => office.drop_bodies().await,
                _ = hours.tick() => {
                    if let Err(error) = office.store.sweep(office.now_ms()).await {
                        tracing::warn!(%error, "the store could not be swept");
                    }
                    if let Err(refused) = office.sweep_asks().await {
                        refused.report();
                    }
                }
                reason = office.store.ended() => {
                    if !*office.closing.borrow() {
                        tracing::error!(reason, "the store has stopped");
                        stop.send_replace(Some(reason));
                        office.closing.send_replace(true);
                    }
                    return;
                }
                () = until_closing(&mut closing) => return,
            }
        }
    });
    stopped
}

/// The seed of this folder; a fresh one only where there is no database that wants the old one.
pub(crate) fn open_secrets(folder: &Folder) -> Result<Secrets, StartError> {
    let path = folder.secrets();
    match Secrets::load(&path)? {
        Some(secrets) => Ok(secrets),
        None if folder.has_database()? => Err(StartError::SecretsMissing { path }),
        None => Secrets::create(&path),
    }
}

/// Opens the embedded database, off the runtime's threads.
pub(crate) async fn open_database(folder: &Folder) -> Result<SqliteStore, StartError> {
    let path = folder.database_folder();
    let opened =
        tokio::task::spawn_blocking(move || SqliteStore::open(&path, Tuning::default())).await;
    match opened {
        Ok(opened) => opened.map_err(|error| StartError::from_open(error, folder.root())),
        Err(_) => Err(StartError::BrokenDatabase {
            path: folder.root().to_owned(),
            cause: "opening it failed".to_owned(),
        }),
    }
}

/// Every connection is an open file: as many as the system lets this process have.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

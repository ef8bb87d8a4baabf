//! What all connections share: the store, the server's secrets, its settings, and the parts that
//! keep something in memory.

use crate::accounts::Accounts;
use crate::config::{Clock, Config};
use crate::conversations::Conversations;
use crate::delivery::Delivery;
use crate::limits::{LoginLimit, Rates, Source};
use crate::observer::{Observer, Seen};
use crate::records::{RestoredRow, ServerRow};
use crate::refused::Outcome;
use crate::storage::{Record, RecordKey, Store, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use subrosa_channel::{ServerKey, io};
use subrosa_login::ServerSetup;
use subrosa_proto::{AccountId, Incarnation, Name};
use tokio::sync::watch;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The server, without its sockets.
pub(crate) struct Office<S> {
    pub(crate) store: S,
    pub(crate) key: ServerKey,
    pub(crate) setup: ServerSetup,
    /// The key from which accounts' vouchers follow.
    pub(crate) registrar: Zeroizing<[u8; 32]>,
    /// The restore by which this life of the database began.
    pub(crate) restored: Option<RestoredRow>,
    pub(crate) channel: io::Config,
    pub(crate) incarnation: Incarnation,
    /// The account whose records unknown names are answered with.
    pub(crate) nobody: AccountId,
    /// As they stand in the address.
    pub(crate) hosts: String,
    pub(crate) rates: Rates,
    pub(crate) accounts: Accounts,
    pub(crate) conversations: Conversations,
    pub(crate) delivery: Delivery,
    pub(crate) closing: watch::Sender<bool>,
    clock: Clock,
    observer: Option<Observer>,
    #[cfg(feature = "lies")]
    pub(crate) tap: Option<crate::Tap>,
    logins: Mutex<LoginLimit>,
    started: Instant,
}

/// What an office is opened with.
pub(crate) struct Opening<S> {
    pub(crate) store: S,
    pub(crate) key: ServerKey,
    pub(crate) setup: ServerSetup,
    pub(crate) registrar: Zeroizing<[u8; 32]>,
    pub(crate) channel: io::Config,
    pub(crate) row: ServerRow,
}

impl<S: Store> Office<S> {
    pub(crate) fn open(opening: Opening<S>, config: &Config) -> Arc<Self> {
        Arc::new(Self {
            store: opening.store,
            key: opening.key,
            setup: opening.setup,
            registrar: opening.registrar,
            restored: opening.row.restored,
            channel: opening.channel,
            incarnation: opening.row.incarnation,
            nobody: opening.row.nobody,
            hosts: opening.row.hosts,
            rates: config.limits.clone(),
            accounts: Accounts::default(),
            conversations: Conversations::default(),
            delivery: Delivery::default(),
            closing: watch::Sender::new(false),
            clock: config.clock.clone(),
            observer: config.observer.clone(),
            #[cfg(feature = "lies")]
            tap: config.tap.clone(),
            logins: Mutex::new(LoginLimit::new(&config.limits)),
            started: Instant::now(),
        })
    }

    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// How long the server has been up: what rates are measured in, since it never jumps.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// One record.
    pub(crate) async fn record(&self, key: RecordKey) -> Outcome<Option<Record>> {
        Ok(self
            .store
            .get(vec![key])
            .await?
            .into_iter()
            .next()
            .flatten())
    }

    /// What deletes those of these records that are there, as they are now.
    pub(crate) async fn removals(&self, keys: Vec<RecordKey>) -> Outcome<Vec<Write>> {
        let found = self.store.get(keys.clone()).await?;
        let gone = keys.into_iter().zip(found).filter_map(|(key, record)| {
            Some(Write {
                key,
                expected: record?.revision,
                value: None,
            })
        });
        Ok(gone.collect())
    }

    /// Tells the observer, if there is one.
    pub(crate) fn see(&self, seen: impl FnOnce() -> Seen) {
        if let Some(observer) = &self.observer {
            observer.see(seen());
        }
    }

    /// Counts a password login, or says when the next is allowed.
    pub(crate) fn count_login_attempt(&self, name: &Name, source: Source) -> Result<(), Duration> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.attempt(name, source, self.uptime())
    }

    /// A device of that name came from there.
    pub(crate) fn know_source(&self, name: &Name, source: Source) {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.know(name, source);
    }
}

/// Resolves when the server begins to close. Cancel-safe.
pub(crate) async fn until_closing(closing: &mut watch::Receiver<bool>) {
    // The other end lives in the office, which every holder of a receiver has too.
    let _ = closing.wait_for(|closing| *closing).await;
}

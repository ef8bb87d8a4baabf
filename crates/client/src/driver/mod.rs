//! The driver: gives the engine its sockets, its clock and its store.
//!
//! One task takes what has come (calls of faces, messages of the server, time), hands it to the
//! engine in one transaction, commits, and only then carries the effects out.

mod checking;
mod dial;
mod link;
mod locking;
mod pulse;
mod rounds;

pub(crate) use dial::dial;
pub(crate) use locking::MARK;
pub use locking::is_marked;

use crate::command::{Call, Failure};
use crate::engine::ArchiveTally;
use crate::home::{Home, Start, Starting};
use crate::store::{Store, is_locked};
use rounds::Rounds;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// Calls that wait for the driver.
const CALLS_WAITING_MAX: usize = 64;

/// A local passphrase; it is forgotten when the home is locked.
type Unlock = Arc<Mutex<Option<Zeroizing<String>>>>;

/// Starts the driver of a home when this process becomes its owner.
pub struct Driver {
    unlock: Unlock,
}

impl Driver {
    /// `unlock` is the local passphrase, for homes that have one. Without it such a home begins locked.
    #[must_use]
    pub fn new(unlock: Option<Zeroizing<String>>) -> Self {
        Self {
            unlock: Arc::new(Mutex::new(unlock)),
        }
    }

    /// A copy, wiped when the key is there: a guard may not be held across what waits.
    fn passphrase(&self) -> Option<Zeroizing<String>> {
        let unlock = self.unlock.lock().unwrap_or_else(PoisonError::into_inner);
        unlock.clone()
    }
}

impl Start for Driver {
    fn start(&mut self, home: &Home) -> Starting {
        if is_marked(home) {
            self.locked();
        }
        let (home, unlock, passphrase) = (home.clone(), self.unlock.clone(), self.passphrase());
        Box::pin(async move {
            if !crate::enrol::is_enrolled(&home) {
                return Err(Failure::user(format!(
                    "there is no account in {}; use `subrosa join LINE` with an invite line, or `subrosa up` to start a server of your own",
                    home.dir().display()
                )));
            }
            let opened = if is_marked(&home) || (is_locked(home.dir()) && passphrase.is_none()) {
                None
            } else {
                let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_str());
                Some(locking::open(home.dir(), passphrase)?)
            };
            let (calls, incoming) = mpsc::channel::<Call>(CALLS_WAITING_MAX);
            let running = tokio::spawn(locking::run(home, unlock, opened, incoming));
            Ok((calls, running))
        })
    }

    fn locked(&mut self) {
        locking::forget(&self.unlock);
    }
}

/// Unix milliseconds by the system's clock.
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Fetches the keys of the whole history into a store, over a link that has just proven a password.
/// The history itself comes later, without the password.
pub(crate) async fn fetch_archive(
    store: Store,
    history: subrosa_e2e::HistoryOpener,
    link: subrosa_channel::io::Link,
) -> Result<(Store, ArchiveTally), Failure> {
    let mut rounds = Rounds::new(store)?;
    let tally = rounds.fetch_archive(history, link).await?;
    Ok((rounds.into_store(), tally))
}

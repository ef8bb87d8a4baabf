//! The driver: gives the engine its sockets, its clock and its store.
//!
//! One task takes what has come (calls of faces, messages of the server, time), hands it to the
//! engine in one transaction, commits, and only then carries the effects out.

mod checking;
mod dial;
mod link;
mod pulse;
mod rounds;

pub(crate) use dial::dial;

use crate::command::{Call, Failure};
use crate::engine::ArchiveTally;
use crate::home::{Home, Start, Starting};
use crate::store::{Store, StoreKey};
use rounds::Rounds;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// Calls that wait for the driver.
const CALLS_WAITING_MAX: usize = 64;

/// Starts the driver of a home when this process becomes its owner.
pub struct Driver {
    unlock: Option<Zeroizing<String>>,
}

impl Driver {
    /// `unlock` is the local passphrase, for homes that are locked by one.
    #[must_use]
    pub const fn new(unlock: Option<Zeroizing<String>>) -> Self {
        Self { unlock }
    }
}

impl Start for Driver {
    fn start(&mut self, home: &Home) -> Starting {
        let home = home.clone();
        let unlock = self.unlock.clone();
        Box::pin(async move {
            if !crate::enrol::is_enrolled(&home) {
                return Err(Failure::user(format!(
                    "there is no account in {}; use `subrosa join LINE` with an invite line, or `subrosa up` to start a server of your own",
                    home.dir().display()
                )));
            }
            let passphrase = unlock.as_ref().map(|passphrase| passphrase.as_str());
            let key =
                StoreKey::load(home.dir(), passphrase).map_err(crate::store::StoreError::from)?;
            let store = Store::open(home.dir(), crate::store::FILE, &key, false)?;
            let rounds = Rounds::new(store)?;
            let (calls, incoming) = mpsc::channel::<Call>(CALLS_WAITING_MAX);
            Ok((calls, tokio::spawn(rounds.run(incoming))))
        })
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

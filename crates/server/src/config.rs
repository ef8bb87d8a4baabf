//! What a server is started with.

use crate::limits::Rates;
use crate::observer::Observer;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use subrosa_proto::{Host, limits};

/// The server's clock: Unix milliseconds.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(0, |time| {
                u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
            })
        }))
    }

    /// Another source of time, for tests.
    pub fn from_fn(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.0)()
    }
}

/// Settings of a server.
#[derive(Clone)]
pub struct Config {
    /// The folder that holds all that the server keeps; made with mode 0700 if it is not there.
    pub data: PathBuf,
    /// Where it listens; port 0 picks a free one. Unspecified IPv6 listens on IPv4 too.
    pub listen: Vec<SocketAddr>,
    /// Hosts under which it can be reached from outside, named first in its address.
    pub public: Vec<Host>,
    /// How much one client may ask for.
    pub limits: Rates,
    /// Sees what the server sees, step by step.
    pub observer: Option<Observer>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Gets between the channel and the post office.
    #[cfg(feature = "lies")]
    pub tap: Option<crate::Tap>,
}

impl Config {
    /// The defaults, for this folder: all interfaces, the default port, the limits of the protocol.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, limits::PORT))],
            public: Vec::new(),
            limits: Rates::default(),
            observer: None,
            clock: Clock::system(),
            #[cfg(feature = "lies")]
            tap: None,
        }
    }
}

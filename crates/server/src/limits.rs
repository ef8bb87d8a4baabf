//! How much one client may ask for: rates, each a steady pace with a burst (docs/spec/ledger.md §9
//! has the refusals). Sizes and counts of the protocol stand in `subrosa_proto::limits`, and so do
//! the defaults of the rates.

mod bucket;
mod login;
mod source;

pub(crate) use bucket::{Bucket, Buckets, Pace};
pub(crate) use login::LoginLimit;
pub use source::Source;

use std::time::Duration;
use subrosa_proto::limits;

/// Rates and times of a server. The defaults are those of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    /// Time for a handshake.
    pub handshake: Duration,
    /// Time from a handshake to the login of a device.
    pub authenticate: Duration,
    /// Time for a client to take what is written to it.
    pub write: Duration,
    /// Connections without a logged-in device.
    pub unauthenticated_max: usize,
    /// Burst of new connections of one source.
    pub source_burst: u32,
    /// New connections of one source each second.
    pub source_per_s: u32,
    /// Burst of password logins for one name from one source.
    pub login_burst: u32,
    /// Password logins for one name from one source each minute.
    pub login_per_min: u32,
    /// Password logins for one name from all unknown sources each hour.
    pub login_per_name_per_h: u32,
    /// Burst of events of one device.
    pub events_burst: u32,
    /// Events of one device each second.
    pub events_per_s: u32,
    /// Burst of all other requests of one device.
    pub requests_burst: u32,
    /// All other requests of one device each second.
    pub requests_per_s: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            handshake: Duration::from_millis(limits::HANDSHAKE_MS),
            authenticate: Duration::from_millis(limits::AUTHENTICATE_MS),
            write: Duration::from_secs(30),
            unauthenticated_max: limits::UNAUTHENTICATED_MAX,
            source_burst: limits::SOURCE_BURST,
            source_per_s: limits::SOURCE_PER_S,
            login_burst: limits::LOGIN_BURST,
            login_per_min: limits::LOGIN_PER_MIN,
            login_per_name_per_h: limits::LOGIN_PER_NAME_PER_H,
            events_burst: limits::EVENTS_BURST,
            events_per_s: limits::EVENTS_PER_S,
            requests_burst: 400,
            requests_per_s: 50,
        }
    }
}

impl Rates {
    /// Rates that no test or bench on one machine runs into; times stay as they are.
    #[must_use]
    pub fn unlimited() -> Self {
        const MANY: u32 = 1_000_000;
        Self {
            unauthenticated_max: 100_000,
            source_burst: MANY,
            source_per_s: MANY,
            login_burst: MANY,
            login_per_min: MANY,
            login_per_name_per_h: MANY,
            events_burst: MANY,
            events_per_s: MANY,
            requests_burst: MANY,
            requests_per_s: MANY,
            ..Self::default()
        }
    }

    pub(crate) fn events(&self) -> Pace {
        Pace::new(self.events_burst, self.events_per_s, Duration::from_secs(1))
    }

    pub(crate) fn requests(&self) -> Pace {
        Pace::new(
            self.requests_burst,
            self.requests_per_s,
            Duration::from_secs(1),
        )
    }

    pub(crate) fn connections(&self) -> Pace {
        Pace::new(self.source_burst, self.source_per_s, Duration::from_secs(1))
    }

    pub(crate) fn logins(&self) -> Pace {
        Pace::new(
            self.login_burst,
            self.login_per_min,
            Duration::from_secs(60),
        )
    }

    pub(crate) fn logins_of_name(&self) -> Pace {
        let per_hour = self.login_per_name_per_h;
        Pace::new(per_hour, per_hour, Duration::from_secs(3_600))
    }
}

//! How fast one device may append: its own share of a rate, and what the server's limits leave it.

use crate::place::Limits;
use std::time::Duration;
use subrosa_proto::limits;
use tokio::time::Instant;

/// Part of the permitted pace that is used: the server's clock and ours are not the same.
const SHARE: f64 = 0.95;

pub(crate) struct Pace {
    burst: f64,
    per_s: f64,
    tokens: f64,
    filled: Instant,
}

impl Pace {
    /// The pace of events under these limits; none where they are lifted.
    pub(crate) fn of_events(within: Limits) -> Option<Self> {
        let burst = f64::from(limits::EVENTS_BURST) * SHARE;
        (within == Limits::Default).then(|| Self {
            burst,
            per_s: f64::from(limits::EVENTS_PER_S) * SHARE,
            tokens: burst,
            filled: Instant::now(),
        })
    }

    fn fill(&mut self, now: Instant) {
        let gained = now.duration_since(self.filled).as_secs_f64() * self.per_s;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled = now;
    }

    /// Whether so many may leave now; if so, they count.
    pub(crate) fn take(&mut self, count: usize) -> bool {
        self.fill(Instant::now());
        let count = count as f64;
        let enough = self.tokens >= count;
        if enough {
            self.tokens -= count;
        }
        enough
    }

    /// When so many may leave.
    pub(crate) fn free_at(&self, count: usize) -> Instant {
        let missing = (count as f64 - self.tokens).max(0.0);
        self.filled + Duration::from_secs_f64(missing / self.per_s)
    }

    /// How many one device may send in such a time, from a full burst on.
    pub(crate) fn within(&self, time: Duration) -> f64 {
        self.burst + self.per_s * time.as_secs_f64()
    }
}

//! How long single things took.

use crate::outcome::{Outcome, defect};
use hdrhistogram::Histogram;
use std::time::Duration;

/// Microseconds up to ten minutes, to three digits.
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    pub(crate) fn new() -> Outcome<Self> {
        Histogram::new_with_bounds(1, 600_000_000, 3)
            .map(Self)
            .map_err(defect)
    }

    pub(crate) fn note(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(us.max(1));
    }

    pub(crate) fn add(&mut self, other: &Self) -> Outcome<()> {
        self.0.add(&other.0).map_err(defect)
    }

    /// Half, 99 of 100, and all of them took no longer than this, in milliseconds.
    pub(crate) fn summary_ms(&self) -> [f64; 3] {
        let ms = |us: u64| us as f64 / 1e3;
        [
            ms(self.0.value_at_quantile(0.5)),
            ms(self.0.value_at_quantile(0.99)),
            ms(self.0.max()),
        ]
    }
}

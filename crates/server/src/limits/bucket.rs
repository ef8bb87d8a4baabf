//! Token buckets in one number each: the time at which the bucket will be full again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::time::Duration;

/// So many at once, then one each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    interval_us: u64,
    depth_us: u64,
}

impl Pace {
    /// `burst` at once, then `count` each `period`. Zeros count as one.
    pub(crate) fn new(burst: u32, count: u32, period: Duration) -> Self {
        let period_us = u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
        let interval_us = (period_us / u64::from(count.max(1))).max(1);
        Self {
            interval_us,
            depth_us: interval_us.saturating_mul(u64::from(burst.max(1))),
        }
    }

    /// Takes a token out of the bucket, or says how long it takes until there is one.
    pub(crate) fn take(self, bucket: &mut Bucket, now: Duration) -> Result<(), Duration> {
        let wait = self.debt(bucket, now);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        self.reserve(bucket, now);
        Ok(())
    }

    /// Takes a token that may not be there yet, and says how long it takes until it is.
    pub(crate) fn reserve(self, bucket: &mut Bucket, now: Duration) -> Duration {
        let wait = self.debt(bucket, now);
        bucket.full_us = bucket
            .full_us
            .max(micros(now))
            .saturating_add(self.interval_us);
        wait
    }

    /// Puts a token back.
    pub(crate) fn give_back(self, bucket: &mut Bucket) {
        bucket.full_us = bucket.full_us.saturating_sub(self.interval_us);
    }

    fn debt(self, bucket: &Bucket, now: Duration) -> Duration {
        let after = bucket
            .full_us
            .max(micros(now))
            .saturating_add(self.interval_us);
        Duration::from_micros(
            after
                .saturating_sub(micros(now))
                .saturating_sub(self.depth_us),
        )
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// When it will be full again, in microseconds of the server's life; a new one is full.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    full_us: u64,
}

/// Buckets by key, at most [`Buckets::MAX`] at a time: full ones are forgotten first.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    pace: Pace,
    buckets: HashMap<K, Bucket>,
}

impl<K: Hash + Eq + Copy> Buckets<K> {
    const MAX: usize = 16_384;

    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            buckets: HashMap::new(),
        }
    }

    /// As [`Pace::take`].
    pub(crate) fn take(&mut self, key: K, now: Duration) -> Result<(), Duration> {
        let pace = self.pace;
        pace.take(self.bucket(key, now), now)
    }

    /// As [`Pace::give_back`].
    pub(crate) fn give_back(&mut self, key: K) {
        if let Some(bucket) = self.buckets.get_mut(&key) {
            self.pace.give_back(bucket);
        }
    }

    fn bucket(&mut self, key: K, now: Duration) -> &mut Bucket {
        if self.buckets.len() >= Self::MAX && !self.buckets.contains_key(&key) {
            self.buckets
                .retain(|_, bucket| bucket.full_us > micros(now));
            // All in use: many sources at once. Forgetting half favours none of them for long.
            if self.buckets.len() >= Self::MAX {
                let mut keep = false;
                self.buckets.retain(|_, _| {
                    keep = !keep;
                    keep
                });
            }
        }
        match self.buckets.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Bucket::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_then_the_pace() {
        let pace = Pace::new(3, 2, SECOND);
        let mut bucket = Bucket::default();
        let start = Duration::from_secs(100);
        for _ in 0..3 {
            assert_eq!(pace.take(&mut bucket, start), Ok(()));
        }
        assert_eq!(pace.take(&mut bucket, start), Err(SECOND / 2));
        assert_eq!(pace.take(&mut bucket, start + SECOND / 2), Ok(()));
        assert_eq!(pace.take(&mut bucket, start + SECOND / 2), Err(SECOND / 2));
        pace.give_back(&mut bucket);
        assert_eq!(pace.take(&mut bucket, start + SECOND / 2), Ok(()));
    }

    #[test]
    fn reserved_tokens_come_one_after_another() {
        let pace = Pace::new(1, 2, SECOND);
        let mut bucket = Bucket::default();
        let waits: Vec<_> = (0..3).map(|_| pace.reserve(&mut bucket, SECOND)).collect();
        assert_eq!(waits, [Duration::ZERO, SECOND / 2, SECOND]);
    }

    #[test]
    fn a_crowd_of_sources_does_not_grow_the_table() {
        let mut buckets = Buckets::new(Pace::new(1, 1, SECOND));
        for source in 0..(3 * Buckets::<usize>::MAX) {
            let _ = buckets.take(source, SECOND);
        }
        assert!(buckets.buckets.len() <= Buckets::<usize>::MAX);
    }
}

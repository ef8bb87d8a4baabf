//! Password guessing is capped for a name from one source, and for a name from all sources from
//! which none of its devices has come. Known and unknown names are counted alike. Devices that
//! log in by their key are not counted.

use super::{Buckets, Rates, Source};
use crate::hash;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use subrosa_proto::Name;

type NameKey = [u8; 32];

#[derive(Debug)]
pub(crate) struct LoginLimit {
    of_source: Buckets<(NameKey, Source)>,
    of_name: Buckets<NameKey>,
    known: HashSet<(NameKey, Source)>,
    known_order: VecDeque<(NameKey, Source)>,
}

impl LoginLimit {
    const KNOWN_MAX: usize = 65_536;

    pub(crate) fn new(rates: &Rates) -> Self {
        Self {
            of_source: Buckets::new(rates.logins()),
            of_name: Buckets::new(rates.logins_of_name()),
            known: HashSet::new(),
            known_order: VecDeque::new(),
        }
    }

    /// Counts an attempt, or says when the next is allowed.
    pub(crate) fn attempt(
        &mut self,
        name: &Name,
        source: Source,
        now: Duration,
    ) -> Result<(), Duration> {
        let name = key(name);
        self.of_source.take((name, source), now)?;
        if self.known.contains(&(name, source)) {
            Ok(())
        } else {
            self.of_name.take(name, now)
        }
    }

    /// A device of this name has logged in from there.
    pub(crate) fn know(&mut self, name: &Name, source: Source) {
        let pair = (key(name), source);
        if !self.known.insert(pair) {
            return;
        }
        self.known_order.push_back(pair);
        if self.known_order.len() > Self::KNOWN_MAX
            && let Some(oldest) = self.known_order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

fn key(name: &Name) -> NameKey {
    hash::sha256(&[name.as_str().as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    #[test]
    // Proves: C7
    fn guesses_are_capped_by_source_and_by_name() {
        let rates = Rates::default();
        let mut limit = LoginLimit::new(&rates);
        let (name, now) = (Name::new("ada").unwrap(), Duration::from_secs(1));
        for _ in 0..rates.login_burst {
            assert!(limit.attempt(&name, source(1), now).is_ok());
        }
        assert!(limit.attempt(&name, source(1), now).is_err());
        assert!(
            limit
                .attempt(&Name::new("bob").unwrap(), source(1), now)
                .is_ok()
        );
        // A crowd of sources shares the name's own cap.
        let passed = (2..=250)
            .filter(|last| limit.attempt(&name, source(*last), now).is_ok())
            .count();
        assert_eq!(
            passed,
            (rates.login_per_name_per_h - rates.login_burst) as usize
        );
        // Where a device has logged in, the crowd does not matter.
        limit.know(&name, source(251));
        assert!(limit.attempt(&name, source(251), now).is_ok());
    }
}

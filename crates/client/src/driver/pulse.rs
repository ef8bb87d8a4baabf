//! When an idle link is asked for a sign of life, given up, or renewed.
//!
//! Pure: the time is an argument, so that a day passes in a test at once.

use std::time::Duration;
use subrosa_channel::io::LIFETIME;
use tokio::time::Instant;

/// How patient a link is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    /// From where nothing has come for so long a sign of life is asked.
    pub idle: Duration,
    /// What does not answer for so long is dead.
    pub answer: Duration,
}

impl Rhythm {
    /// A dead link is noticed within two minutes.
    pub(super) const CALM: Self = Self {
        idle: Duration::from_secs(60),
        answer: Duration::from_secs(30),
    };
}

/// A link whose life is over is renewed when nothing has passed for so long…
const QUIET: Duration = Duration::from_secs(5);
/// …and at last after so long, quiet or not.
const GRACE: Duration = Duration::from_secs(60 * 60);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// Ask for a sign of life.
    Ping,
    /// Give the link up.
    Dead,
    /// Make a new link: this one has been used long enough.
    Renew,
}

/// What has passed over a link.
pub(super) struct Pulse {
    rhythm: Rhythm,
    since: Instant,
    heard: Instant,
    sent: Instant,
    asked: Option<Instant>,
}

impl Pulse {
    pub(super) const fn start(rhythm: Rhythm, now: Instant) -> Self {
        Self {
            rhythm,
            since: now,
            heard: now,
            sent: now,
            asked: None,
        }
    }

    /// Something came.
    pub(super) const fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.asked = None;
    }

    /// A message left.
    pub(super) const fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    /// A sign of life was asked for.
    pub(super) const fn asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// What is to be done next if nothing passes, and when.
    pub(super) fn next(&self) -> (Instant, Beat) {
        if let Some(asked) = self.asked {
            return (asked + self.rhythm.answer, Beat::Dead);
        }
        let over = self.since + LIFETIME;
        let renew = (self.heard.max(self.sent) + QUIET).clamp(over, over + GRACE);
        let ping = self.heard + self.rhythm.idle;
        if renew <= ping {
            (renew, Beat::Renew)
        } else {
            (ping, Beat::Ping)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Beat, GRACE, Pulse, QUIET, Rhythm};
    use std::time::Duration;
    use subrosa_channel::io::LIFETIME;
    use tokio::time::Instant;

    const IDLE: Duration = Rhythm::CALM.idle;
    const ANSWER: Duration = Rhythm::CALM.answer;

    #[test]
    fn a_dead_link_is_noticed_within_two_minutes() {
        let start = Instant::now();
        let mut pulse = Pulse::start(Rhythm::CALM, start);
        assert_eq!(pulse.next(), (start + IDLE, Beat::Ping));
        pulse.asked(start + IDLE);
        // What is sent is no sign of life of the other side.
        pulse.sent(start + IDLE + Duration::from_secs(1));
        assert_eq!(pulse.next(), (start + IDLE + ANSWER, Beat::Dead));
        assert!(IDLE + ANSWER <= Duration::from_secs(120));
        pulse.heard(start + IDLE + ANSWER);
        assert_eq!(pulse.next(), (start + IDLE + ANSWER + IDLE, Beat::Ping));
    }

    #[test]
    fn after_a_day_a_link_is_renewed_when_it_is_quiet() {
        let start = Instant::now();
        let mut pulse = Pulse::start(Rhythm::CALM, start);
        let over = start + LIFETIME;
        pulse.heard(over - Duration::from_secs(10));
        assert_eq!(pulse.next(), (over, Beat::Renew));
        pulse.sent(over - Duration::from_secs(1));
        assert_eq!(
            pulse.next(),
            (over + QUIET - Duration::from_secs(1), Beat::Renew)
        );
        let busy = over + GRACE - Duration::from_secs(2);
        pulse.heard(busy);
        assert_eq!(pulse.next(), (over + GRACE, Beat::Renew), "busy or not");
    }
}

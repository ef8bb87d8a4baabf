//! This device's clock was set back: what was put off by it is not put off for hours.

use super::Engine;
use super::turn::Turn;

/// A clock that is set back by less than this is being trimmed; pauses may grow by so much.
const TRIM_MS: u64 = 2_000;

impl Engine {
    /// Pauses are kept as the time at which they end, by this device's clock. When that is set back they
    /// are over.
    pub(super) fn heed_clock(&mut self, turn: &Turn<'_>) {
        let before_ms = std::mem::replace(&mut self.clock_ms, turn.now_ms);
        if before_ms <= turn.now_ms.saturating_add(TRIM_MS) {
            return;
        }
        for talk in self.talks.values_mut() {
            talk.not_before_ms = 0;
            talk.members.resume();
        }
        for at_ms in self.link.later.values_mut() {
            *at_ms = 0;
        }
        if let Some(archive) = &mut self.archive {
            archive.resume();
        }
        if let Some(returning) = &mut self.returning {
            returning.resume();
        }
        self.return_again_ms = self.return_again_ms.min(turn.now_ms);
    }
}

//! Everybody in a room hears the same: each member's log is digested as it comes, and one of them keeps all of it.

use crate::connection::{Connection, PATIENCE};
use crate::outcome::{Outcome, unverified};
use std::hash::{DefaultHasher, Hash, Hasher};
use subrosa_proto::{Delivered, Page};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// What one member has heard.
pub(crate) struct Ear {
    next: u64,
    digest: DefaultHasher,
    keeps: usize,
    /// The first events, as many as it keeps.
    pub(crate) kept: Vec<Delivered>,
    /// When each came, microseconds of the round.
    pub(crate) came_us: Vec<u32>,
}

impl Ear {
    /// Hears from position `next` on and keeps so many events.
    pub(crate) fn new(next: u64, keeps: usize) -> Self {
        Self {
            next,
            digest: DefaultHasher::new(),
            keeps,
            kept: Vec::new(),
            came_us: Vec::new(),
        }
    }

    /// Takes in the next page; its events must follow those before.
    pub(crate) fn hear(&mut self, page: Page, start: Instant) -> Outcome<()> {
        if page.first != self.next {
            return Err(unverified("events came out of their order"));
        }
        let now = u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX);
        for delivered in page.events {
            delivered.event.hash(&mut self.digest);
            self.came_us.push(now);
            self.next += 1;
            if self.kept.len() < self.keeps {
                self.kept.push(delivered);
            }
        }
        Ok(())
    }

    /// How many events it has heard.
    pub(crate) fn count(&self) -> usize {
        self.came_us.len()
    }

    /// Equal for all who have heard the same.
    pub(crate) fn digest(&self) -> (usize, u64) {
        (self.count(), self.digest.finish())
    }

    /// Hears until there have been as many events as were sent.
    pub(crate) async fn listen(
        &mut self,
        connection: &mut Connection,
        start: Instant,
        mut total: watch::Receiver<Option<usize>>,
    ) -> Outcome<()> {
        loop {
            let wanted = *total.borrow_and_update();
            if wanted.is_some_and(|wanted| self.count() >= wanted) {
                return Ok(());
            }
            let page = tokio::select! {
                page = timeout(PATIENCE * 10, connection.page()) => page,
                changed = total.changed(), if wanted.is_none() => {
                    changed.map_err(|_| unverified("a writer did not finish"))?;
                    continue;
                }
            };
            let page = page.map_err(|_| unverified("not everything came in time"))??;
            self.hear(page, start)?;
        }
    }
}

/// Names an event among those of one round.
pub(crate) fn mark(event: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    event.hash(&mut hasher);
    hasher.finish()
}

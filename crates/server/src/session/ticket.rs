//! Connections that have not authenticated: so many at a time, and when there are more, the source
//! that holds the most loses its oldest.

use crate::limits::{Buckets, Pace, Source};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use subrosa_proto::limits;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The longest wait of a source that comes too often.
const WAIT_MAX: Duration = Duration::from_millis(limits::HANDSHAKE_MS);

/// All tickets that are out, and the pace of each source.
#[derive(Debug)]
pub(crate) struct Tickets {
    max: usize,
    started: Instant,
    out: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    pace: Buckets<Source>,
    /// In the order in which they came.
    by_connection: BTreeMap<u64, (Source, Arc<Notify>)>,
    by_source: HashMap<Source, usize>,
}

/// Held by a connection until its device has logged in.
#[derive(Debug)]
pub(crate) struct Ticket {
    tickets: Arc<Tickets>,
    connection: u64,
    source: Source,
    revoked: Arc<Notify>,
}

impl Tickets {
    pub(crate) fn new(max: usize, pace: Pace) -> Arc<Self> {
        let out = Out {
            pace: Buckets::new(pace),
            by_connection: BTreeMap::new(),
            by_source: HashMap::new(),
        };
        Arc::new(Self {
            max: max.max(1),
            started: Instant::now(),
            out: Mutex::new(out),
        })
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket for a new connection, and how long its source has to wait before it is heard.
    /// None if that is longer than a client waits: then the connection is not worth keeping, and
    /// does not make those after it wait longer either.
    pub(crate) fn draw(
        self: &Arc<Self>,
        connection: u64,
        source: Source,
    ) -> Option<(Ticket, Duration)> {
        let revoked = Arc::new(Notify::new());
        let mut out = self.out();
        let wait = out.pace.reserve(source, self.started.elapsed());
        if wait > WAIT_MAX {
            out.pace.give_back(source);
            return None;
        }
        out.by_connection
            .insert(connection, (source, revoked.clone()));
        *out.by_source.entry(source).or_default() += 1;
        if out.by_connection.len() > self.max {
            out.revoke_one();
        }
        drop(out);
        Some((
            Ticket {
                tickets: self.clone(),
                connection,
                source,
                revoked,
            },
            wait,
        ))
    }

    /// How many are out.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.out().by_connection.len()
    }
}

impl Out {
    fn revoke_one(&mut self) {
        let Some(most) = self
            .by_source
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|(source, _)| *source)
        else {
            return;
        };
        let oldest = self
            .by_connection
            .iter()
            .find(|(_, (source, _))| *source == most);
        if let Some(connection) = oldest.map(|(connection, _)| *connection) {
            if let Some((_, revoked)) = self.by_connection.get(&connection) {
                revoked.notify_one();
            }
            self.remove(connection);
        }
    }

    fn remove(&mut self, connection: u64) {
        let Some((source, _)) = self.by_connection.remove(&connection) else {
            return;
        };
        if let Some(count) = self.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }
}

impl Ticket {
    /// Resolves when the connection has to make room.
    pub(crate) async fn revoked(&self) {
        self.revoked.notified().await;
    }

    /// The device has logged in: its source is not charged for the connection.
    pub(crate) fn redeem(self) {
        self.tickets.out().pace.give_back(self.source);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tickets.out().remove(self.connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    fn tickets(max: usize) -> Arc<Tickets> {
        Tickets::new(max, Pace::new(2, 1, Duration::from_secs(1)))
    }

    #[tokio::test(start_paused = true)]
    async fn the_greediest_source_makes_room() {
        let tickets = tickets(4);
        let (single, _) = tickets.draw(1, source(1)).unwrap();
        let crowd: Vec<_> = (2..=4)
            .map(|id| tickets.draw(id, source(2)).unwrap().0)
            .collect();
        let (newcomer, _) = tickets.draw(5, source(3)).unwrap();
        crowd[0].revoked().await;
        assert_eq!(tickets.count(), 4);
        let calm = tokio::time::timeout(Duration::from_secs(1), async {
            tokio::select! { () = single.revoked() => {}, () = newcomer.revoked() => {} }
        });
        assert!(calm.await.is_err(), "only the crowd is asked to leave");
    }

    #[tokio::test(start_paused = true)]
    async fn a_finished_login_returns_its_token() {
        let tickets = tickets(100);
        for id in 0..10 {
            let (ticket, wait) = tickets.draw(id, source(1)).unwrap();
            assert_eq!(wait, Duration::ZERO);
            ticket.redeem();
        }
        let waits: Vec<_> = (10..14)
            .map(|id| tickets.draw(id, source(1)).unwrap().1)
            .collect();
        assert_eq!(waits[..2], [Duration::ZERO; 2]);
        assert!(waits[3] > waits[2] && waits[2] > Duration::ZERO);
        assert_eq!(tickets.count(), 0);
        // A flood does not make its source wait for ever.
        let drawn = (14..1_000)
            .filter_map(|id| tickets.draw(id, source(1)))
            .count();
        assert!(drawn < 10, "{drawn}");
        tokio::time::advance(WAIT_MAX).await;
        assert!(tickets.draw(1_000, source(1)).unwrap().1 <= Duration::from_secs(1));
    }
}

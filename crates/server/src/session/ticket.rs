//! Connections that have not authenticated: so many at a time, and when there are more, the source
//! that holds the most loses its oldest.
//!
//! A source that comes faster than its pace stands in line, and the first in line is heard when there
//! is a token: by time, or at once when a device of the source has logged in and gives its own back.
//! So a household or a company behind one address is back in seconds, and a flood is not.

use crate::limits::{Buckets, Pace, Source};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use subrosa_proto::limits;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

/// The longest wait in line: a client does not wait longer for an answer.
const WAIT_MAX: Duration = Duration::from_millis(limits::HANDSHAKE_MS);
/// Connections of one source that stand in line.
const LINE_MAX: usize = 512;

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
    /// Those that have to wait, in the order in which they came. No line is empty.
    lines: HashMap<Source, VecDeque<(u64, Arc<Notify>)>>,
}

/// Held by a connection until its device has logged in.
#[derive(Debug)]
pub(crate) struct Ticket {
    tickets: Arc<Tickets>,
    connection: u64,
    source: Source,
    revoked: Arc<Notify>,
    /// Wakes it in its line; none if it may be heard at once.
    turn: Option<Arc<Notify>>,
}

/// The turn did not come in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Tickets {
    pub(crate) fn new(max: usize, pace: Pace) -> Arc<Self> {
        let out = Out {
            pace: Buckets::new(pace),
            by_connection: BTreeMap::new(),
            by_source: HashMap::new(),
            lines: HashMap::new(),
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

    /// A ticket for a new connection. None if the line of its source is full.
    pub(crate) fn draw(self: &Arc<Self>, connection: u64, source: Source) -> Option<Ticket> {
        let revoked = Arc::new(Notify::new());
        let mut out = self.out();
        let waiting = out.lines.get(&source).map_or(0, VecDeque::len);
        let heard = waiting == 0 && out.pace.take(source, self.started.elapsed()).is_ok();
        let turn = (!heard).then(|| Arc::new(Notify::new()));
        if let Some(turn) = &turn {
            if waiting >= LINE_MAX {
                return None;
            }
            let line = out.lines.entry(source).or_default();
            line.push_back((connection, turn.clone()));
        }
        out.by_connection
            .insert(connection, (source, revoked.clone()));
        *out.by_source.entry(source).or_default() += 1;
        if out.by_connection.len() > self.max {
            out.revoke_one();
        }
        drop(out);
        Some(Ticket {
            tickets: self.clone(),
            connection,
            source,
            revoked,
            turn,
        })
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

impl Out {
    /// Takes a token for whoever is first in line, if it is this one. Otherwise how long that one has
    /// to wait for time alone; the others wait for those before them.
    fn step_up(&mut self, connection: u64, source: Source, now: Duration) -> Result<(), Duration> {
        let first = self.lines.get(&source).and_then(VecDeque::front);
        if first.is_none_or(|(first, _)| *first != connection) {
            return Err(WAIT_MAX);
        }
        self.pace.take(source, now)?;
        self.leave_line(connection, source);
        Ok(())
    }

    /// Takes a connection out of its line and has the first of the others look whether it is its turn.
    fn leave_line(&mut self, connection: u64, source: Source) {
        let Some(line) = self.lines.get_mut(&source) else {
            return;
        };
        line.retain(|(other, _)| *other != connection);
        if line.is_empty() {
            self.lines.remove(&source);
        }
        self.wake_first(source);
    }

    fn wake_first(&self, source: Source) {
        let first = self.lines.get(&source).and_then(VecDeque::front);
        if let Some((_, turn)) = first {
            turn.notify_one();
        }
    }
}

impl Ticket {
    /// Waits until the connection may be heard.
    pub(crate) async fn turn(&self) -> Result<(), TooMany> {
        let Some(turn) = &self.turn else {
            return Ok(());
        };
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let now = self.tickets.started.elapsed();
            let stepped = self
                .tickets
                .out()
                .step_up(self.connection, self.source, now);
            let Err(wait) = stepped else {
                return Ok(());
            };
            let woken = timeout(wait, turn.notified());
            // Woken, or it is time for a token: either way it looks again.
            drop(timeout_at(deadline, woken).await.map_err(|_| TooMany)?);
        }
    }

    /// Resolves when the connection has to make room.
    pub(crate) async fn revoked(&self) {
        self.revoked.notified().await;
    }

    /// The device has logged in: its source is not charged for the connection.
    pub(crate) fn redeem(self) {
        let mut out = self.tickets.out();
        out.pace.give_back(self.source);
        out.wake_first(self.source);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut out = self.tickets.out();
        out.remove(self.connection);
        if self.turn.is_some() {
            out.leave_line(self.connection, self.source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::JoinSet;

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    fn tickets(max: usize) -> Arc<Tickets> {
        Tickets::new(max, Pace::new(2, 1, Duration::from_secs(1)))
    }

    #[tokio::test(start_paused = true)]
    async fn the_greediest_source_makes_room() {
        let tickets = tickets(4);
        let single = tickets.draw(1, source(1)).unwrap();
        let crowd: Vec<_> = (2..=4)
            .map(|id| tickets.draw(id, source(2)).unwrap())
            .collect();
        let newcomer = tickets.draw(5, source(3)).unwrap();
        crowd[0].revoked().await;
        assert_eq!(tickets.count(), 4);
        let calm = tokio::time::timeout(Duration::from_secs(1), async {
            tokio::select! { () = single.revoked() => {}, () = newcomer.revoked() => {} }
        });
        assert!(calm.await.is_err(), "only the crowd is asked to leave");
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_behind_one_address_is_heard_as_fast_as_it_logs_in() {
        let tickets = tickets(1_000);
        let began = Instant::now();
        let mut logins = JoinSet::new();
        for id in 0..300 {
            let ticket = tickets.draw(id, source(1)).unwrap();
            logins.spawn(async move {
                ticket.turn().await.unwrap();
                // A login takes ten milliseconds of the clock, which is the test's own.
                let login = timeout(Duration::from_millis(10), std::future::pending::<()>());
                assert!(login.await.is_err());
                ticket.redeem();
                id
            });
        }
        let mut order = Vec::new();
        while let Some(id) = logins.join_next().await {
            order.push(id.unwrap());
        }
        // Two at a time, ten milliseconds each.
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
        assert!(order.is_sorted(), "in the order in which they came");
        assert_eq!(tickets.count(), 0);
        assert!(tickets.out().lines.is_empty());
    }

    #[tokio::test(start_paused = true)]
    // Proves: C21
    async fn a_flood_is_heard_at_its_pace_and_no_longer_waits_than_a_client() {
        let tickets = tickets(10_000);
        let began = Instant::now();
        let mut waiting = JoinSet::new();
        let mut turned_away = 0;
        for id in 0..1_000 {
            match tickets.draw(id, source(1)) {
                Some(ticket) => {
                    waiting.spawn(async move { ticket.turn().await });
                }
                None => turned_away += 1,
            }
        }
        assert_eq!(turned_away, 1_000 - 2 - LINE_MAX);
        // Another source is not touched by it.
        assert_eq!(tickets.draw(1_001, source(2)).unwrap().turn().await, Ok(()));
        assert_eq!(began.elapsed(), Duration::ZERO);
        let heard = waiting
            .join_all()
            .await
            .iter()
            .filter(|turn| turn.is_ok())
            .count();
        assert!(
            (6..=8).contains(&heard),
            "two at once, then one a second: {heard}"
        );
        assert!(began.elapsed() <= WAIT_MAX);
        assert!(tickets.out().lines.is_empty());
        assert_eq!(tickets.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_the_line_lets_the_next_step_up() {
        let tickets = tickets(100);
        let [_a, _b, first, second] = [1, 2, 3, 4].map(|id| tickets.draw(id, source(1)).unwrap());
        drop(first);
        let began = Instant::now();
        second.turn().await.unwrap();
        assert!(
            began.elapsed() <= Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
    }
}

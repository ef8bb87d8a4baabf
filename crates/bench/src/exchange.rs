//! One round of a load: writers send what was sealed ahead, readers compare what they are handed with it, byte for byte.

use crate::connection::{Connection, PATIENCE};
use crate::latency::Latency;
use crate::outcome::{Outcome, unexpected, unverified};
use crate::pace::Pace;
use crate::pen::Letter;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use subrosa_proto::{ConvId, Delivered, Request, Response};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// The letters of one writer, in their order, as a reader expects them.
pub(crate) struct Post {
    pub(crate) conv: ConvId,
    /// Position of the first event.
    first: u64,
    events: Vec<Bytes>,
    /// For each event the number of the message that it is, if it is one.
    messages: Vec<Option<usize>>,
    /// When each message left, microseconds of the round.
    left_us: Vec<AtomicU64>,
    letters: Vec<(Vec<Request>, usize)>,
}

impl Post {
    pub(crate) fn new(conv: ConvId, head: u64, letters: Vec<Letter>) -> Arc<Self> {
        let mut post = Self {
            conv,
            first: head + 1,
            events: Vec::new(),
            messages: Vec::new(),
            left_us: Vec::new(),
            letters: Vec::new(),
        };
        for (number, letter) in letters.into_iter().enumerate() {
            let count = letter.events.len();
            for (at, event) in letter.events.into_iter().enumerate() {
                post.messages.push((at + 1 == count).then_some(number));
                post.events.push(event);
            }
            post.left_us.push(AtomicU64::new(0));
            post.letters.push((letter.stages, count));
        }
        Arc::new(post)
    }

    fn left(&self, message: usize, us: u64) {
        if let Some(left) = self.left_us.get(message) {
            left.store(us, Ordering::Relaxed);
        }
    }
}

/// How a writer sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Messages under way at a time.
    pub(crate) window: usize,
    /// When the round begins.
    pub(crate) start: Instant,
    /// After this nothing more is sent.
    pub(crate) end: Instant,
    /// One message each so often, if not as fast as the window lets.
    pub(crate) every: Option<Duration>,
    /// When the first one is due after the start.
    pub(crate) offset: Duration,
}

/// A writer at work.
pub(crate) struct Writing {
    pub(crate) connection: Connection,
    pub(crate) post: Arc<Post>,
    pub(crate) plan: Plan,
    pub(crate) pace: Option<Pace>,
    /// The device's last request number.
    pub(crate) counter: u64,
    next: usize,
    event: usize,
    open: VecDeque<Open>,
}

struct Open {
    id: u64,
    /// Position of its first event; none for boxes that are staged.
    append: Option<u64>,
}

impl Writing {
    pub(crate) const fn new(
        connection: Connection,
        post: Arc<Post>,
        plan: Plan,
        pace: Option<Pace>,
        counter: u64,
    ) -> Self {
        Self {
            connection,
            post,
            plan,
            pace,
            counter,
            next: 0,
            event: 0,
            open: VecDeque::new(),
        }
    }

    /// Sends until the time is up or nothing is left, and tells the readers at the end how many events there are.
    pub(crate) async fn run(mut self, total: watch::Sender<Option<usize>>) -> Outcome<usize> {
        sleep_until(self.plan.start).await;
        loop {
            let due = self.fill()?;
            self.connection.flush().await?;
            if self.open.is_empty() {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => break,
                }
                continue;
            }
            let answers = tokio::select! {
                answers = self.connection.answers() => answers?,
                () = sleep_until(due.unwrap_or(self.plan.start)), if due.is_some() => continue,
            };
            for (id, response) in answers {
                self.answered(id, &response)?;
            }
        }
        total.send_replace(Some(self.event));
        Ok(self.next)
    }

    /// Queues what may leave now. When more may, if that is a matter of time.
    fn fill(&mut self) -> Outcome<Option<Instant>> {
        let appends = |open: &VecDeque<Open>| open.iter().filter(|o| o.append.is_some()).count();
        while appends(&self.open) < self.plan.window {
            let now = Instant::now();
            let Some((_, count)) = self.post.letters.get(self.next) else {
                return Ok(None);
            };
            let due = match self.plan.every {
                Some(every) => {
                    let number = u32::try_from(self.next).unwrap_or(u32::MAX);
                    self.plan.start + self.plan.offset + every * number
                }
                None => now,
            };
            if due >= self.plan.end || now >= self.plan.end {
                return Ok(None);
            }
            if due > now {
                return Ok(Some(due));
            }
            if let Some(pace) = &mut self.pace
                && !pace.take(*count)
            {
                let free = pace.free_at(*count);
                return Ok((free < self.plan.end).then_some(free));
            }
            self.send(due)?;
        }
        Ok(None)
    }

    fn send(&mut self, due: Instant) -> Outcome<()> {
        let post = self.post.clone();
        let Some((stages, count)) = post.letters.get(self.next) else {
            return Ok(());
        };
        for stage in stages {
            let id = self.connection.queue(stage.clone())?;
            self.open.push_back(Open { id, append: None });
        }
        let events = post.events.get(self.event..self.event + count);
        self.counter += 1;
        let id = self.connection.queue(Request::Append {
            counter: self.counter,
            conv: post.conv,
            events: events.unwrap_or_default().to_vec(),
        })?;
        post.left(self.next, micros(due - self.plan.start));
        let append = Some(post.first + self.event as u64);
        self.open.push_back(Open { id, append });
        self.event += count;
        self.next += 1;
        Ok(())
    }

    fn answered(&mut self, id: u64, response: &Response) -> Outcome<()> {
        let Some(open) = self.open.pop_front().filter(|open| open.id == id) else {
            return Err(unverified("answers came out of their order"));
        };
        match (open.append, response) {
            (None, Response::Done {}) => Ok(()),
            (Some(at), Response::Appended { first, .. }) if at == *first => Ok(()),
            (_, other) => Err(unexpected("a message", other)),
        }
    }
}

/// What a reader was handed.
pub(crate) struct Received {
    pub(crate) events: Vec<Delivered>,
    pub(crate) messages: u64,
    pub(crate) latency: Latency,
}

/// Reads until everything that was sent has come.
pub(crate) async fn read(
    connection: &mut Connection,
    post: &Post,
    start: Instant,
    mut total: watch::Receiver<Option<usize>>,
) -> Outcome<Received> {
    let mut received = Received {
        events: Vec::new(),
        messages: 0,
        latency: Latency::new()?,
    };
    loop {
        let wanted = *total.borrow_and_update();
        if wanted.is_some_and(|wanted| received.events.len() >= wanted) {
            return Ok(received);
        }
        let page = tokio::select! {
            page = connection.page() => page?,
            changed = total.changed(), if wanted.is_none() => {
                changed.map_err(|_| unverified("a writer did not finish"))?;
                continue;
            }
        };
        let now = micros(start.elapsed());
        let expected = post.first + received.events.len() as u64;
        if page.conv != post.conv || page.first != expected {
            return Err(unverified("events came out of their order"));
        }
        for delivered in page.events {
            let at = received.events.len();
            if post.events.get(at) != Some(&delivered.event) {
                return Err(unverified("an event is not the one that was sent"));
            }
            if let Some(Some(message)) = post.messages.get(at) {
                let left = post
                    .left_us
                    .get(*message)
                    .map(|us| us.load(Ordering::Relaxed));
                let us = now.saturating_sub(left.unwrap_or_default());
                received.latency.note(Duration::from_micros(us));
                received.messages += 1;
            }
            received.events.push(delivered);
        }
    }
}

/// The same, but not for ever once the writers have finished.
pub(crate) async fn settled<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    timeout(PATIENCE * 10, work)
        .await
        .map_err(|_| unverified("not everything came in ten minutes"))?
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

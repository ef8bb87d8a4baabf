//! Pairs at work: a round of letters that are sealed ahead, sent, delivered, compared and opened.

use crate::connection::Connection;
use crate::exchange::{Plan, Post, Received, Writing, read, settled};
use crate::folk::Pair;
use crate::latency::Latency;
use crate::outcome::{Outcome, defect, unverified};
use crate::pace::Pace;
use crate::pen::{Letter, Pen};
use crate::person::prove;
use crate::place::Site;
use crate::process::Spent;
use crate::reading::Reading;
use crate::watch::Watch;
use std::sync::Arc;
use std::time::Duration;
use subrosa_client::Failure;
use subrosa_e2e::Machine;
use subrosa_proto::{Cursor, Request};
use tokio::sync::watch::channel;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// From the last preparation to the start.
const RUN_UP: Duration = Duration::from_millis(50);

/// A pair with what it has written and read so far.
pub(crate) struct Crew {
    pen: Pen,
    /// The device that reads, and what it has read.
    reader: Machine,
    reading: Reading,
    counter: u64,
}

/// What every pair does in a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Sealed ahead for each pair.
    pub(crate) letters: usize,
    /// Under way at a time.
    pub(crate) window: usize,
    /// The time between two messages of a pair, if not as fast as the window lets.
    pub(crate) every: Option<Duration>,
    /// How long is written.
    pub(crate) time: Duration,
}

/// What a round brought.
pub(crate) struct Round {
    /// Sent, delivered, and opened.
    pub(crate) messages: u64,
    pub(crate) took: Duration,
    /// Processor time of the server, if it can be seen.
    pub(crate) server: Option<Duration>,
    pub(crate) client: Duration,
    pub(crate) latency: Latency,
}

/// A pair with its connections and letters.
struct Ready {
    reading: Connection,
    writing: Connection,
    post: Arc<Post>,
    counter: u64,
}

impl Crew {
    pub(crate) fn new(pair: Pair, window: usize, size: usize) -> Self {
        let Pair {
            writer,
            reader,
            known,
            conversation,
        } = pair;
        let (machine, counter) = writer.into_parts();
        Self {
            pen: Pen::new(machine, known, conversation, window, size),
            reader: reader.into_parts().0,
            reading: Reading::new(size),
            counter,
        }
    }

    /// Connects both and has the reader follow the conversation.
    async fn connect(&self, site: &Site, source: u32, letters: Vec<Letter>) -> Outcome<Ready> {
        let events: usize = letters.iter().map(|letter| letter.events.len()).sum();
        let conv = self.pen.conv();
        let head = self.pen.head() - events as u64;
        let mut reading = site.entrance.connect_from(source).await?;
        prove(&self.reader, &mut reading).await?;
        let next = head + 1;
        let follow = Request::Follow {
            cursors: vec![Cursor { conv, next }],
        };
        reading.done("to follow a conversation", &follow).await?;
        let mut writing = site.entrance.connect_from(source).await?;
        prove(&self.pen.machine, &mut writing).await?;
        Ok(Ready {
            reading,
            writing,
            post: Post::new(conv, head, letters),
            counter: self.counter,
        })
    }
}

/// Seals, connects, lets everybody write, and opens what came.
pub(crate) async fn round(
    site: &Site,
    crews: Vec<Crew>,
    load: Load,
    watch: &dyn Watch,
) -> Outcome<(Vec<Crew>, Round)> {
    let (mut crews, letters) = seal(crews, load.letters, watch).await?;
    watch.begin("connecting", crews.len() as u64);
    let mut ready = Vec::new();
    for (n, (crew, letters)) in crews.iter().zip(letters).enumerate() {
        let source = u32::try_from(n).unwrap_or_default();
        ready.push(crew.connect(site, source, letters).await?);
        watch.step(1);
    }
    watch.begin("writing and reading", 0);
    let (mut round, sent, received) = exchange(site, ready, load).await?;
    watch.begin("opening what came", received.len() as u64);
    for ((crew, sent), received) in crews.iter_mut().zip(sent).zip(received) {
        crew.counter += sent;
        let opened = crew.reading.open(&crew.reader, &received.events)?;
        if sent == 0 || opened != sent || received.messages != sent {
            return Err(unverified(format!(
                "of {sent} messages {} were delivered and {opened} opened",
                received.messages
            )));
        }
        round.messages += sent;
        round.latency.add(&received.latency)?;
        watch.step(1);
    }
    Ok((crews, round))
}

/// Seals letters of all pairs, on all cores.
async fn seal(
    crews: Vec<Crew>,
    count: usize,
    watch: &dyn Watch,
) -> Outcome<(Vec<Crew>, Vec<Vec<Letter>>)> {
    watch.begin("sealing letters ahead", crews.len() as u64);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sealing = JoinSet::new();
    let mut sealed = Vec::new();
    for (n, mut crew) in crews.into_iter().enumerate() {
        if sealing.len() >= cores
            && let Some(done) = sealing.join_next().await
        {
            sealed.push(done.map_err(defect)??);
            watch.step(1);
        }
        sealing.spawn_blocking(move || {
            let letters = crew.pen.write_all(count)?;
            Ok::<_, Failure>((n, crew, letters))
        });
    }
    while let Some(done) = sealing.join_next().await {
        sealed.push(done.map_err(defect)??);
        watch.step(1);
    }
    sealed.sort_by_key(|(n, ..)| *n);
    Ok(sealed
        .into_iter()
        .map(|(_, crew, letters)| (crew, letters))
        .unzip())
}

/// Everybody writes and reads. What each has sent, and what was received of it.
async fn exchange(
    site: &Site,
    ready: Vec<Ready>,
    load: Load,
) -> Outcome<(Round, Vec<u64>, Vec<Received>)> {
    let pairs = u32::try_from(ready.len()).unwrap_or(u32::MAX).max(1);
    let start = Instant::now() + RUN_UP;
    let (server, client) = (site.spent(), Spent::of(std::process::id()));
    let mut tasks = JoinSet::new();
    for (n, one) in ready.into_iter().enumerate() {
        let plan = Plan {
            window: load.window,
            start,
            end: start + load.time,
            every: load.every,
            offset: load.every.unwrap_or_default() / pairs * u32::try_from(n).unwrap_or_default(),
        };
        let pace = Pace::of_events(site.limits());
        let Ready {
            mut reading,
            writing,
            post,
            counter,
        } = one;
        let (total, told) = channel(None);
        let writing = Writing::new(writing, post.clone(), plan, pace, counter).run(total);
        // Tasks of their own, as two people are.
        let writing = tokio::spawn(writing);
        tasks.spawn(async move {
            let received = settled(read(&mut reading, &post, start, told)).await;
            let sent = writing.await.map_err(defect)??;
            Ok::<_, Failure>((n, sent as u64, received?))
        });
    }
    let mut done = Vec::new();
    while let Some(one) = tasks.join_next().await {
        done.push(one.map_err(defect)??);
    }
    let round = Round {
        messages: 0,
        took: start.elapsed(),
        server: site.spent_since(&server),
        client: Spent::of(std::process::id()).since(&client),
        latency: Latency::new()?,
    };
    done.sort_by_key(|(n, ..)| *n);
    let (sent, received) = done
        .into_iter()
        .map(|(_, sent, received)| (sent, received))
        .unzip();
    Ok((round, sent, received))
}

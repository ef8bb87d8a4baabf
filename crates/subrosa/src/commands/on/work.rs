//! The work of a consumer: what is to be done, what runs, and what is tried again.

use super::consumers;
use super::errand::{self, Outcome};
use crate::output::Output;
use crate::seat::unexpected;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use subrosa_client::{
    Answer, Client, Command, ConsumerCommand, ConsumerView, Failure, LinkState, Notice, Notices,
    Row,
};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Pause before the second attempt; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// What fails is kept in mind up to so many at once; then nothing new is begun.
const FAILING_MAX: usize = 1_000;
/// Rows asked for at once.
const PAGE: u32 = 50;
/// How often the history is looked at before the first start.
const LOOK: Duration = Duration::from_millis(150);

/// What a consumer does.
pub struct Business {
    pub name: String,
    pub conversation: Option<String>,
    pub own: bool,
    pub concurrency: usize,
    pub command: Vec<OsString>,
    pub home: PathBuf,
}

impl Business {
    /// The command and its arguments.
    pub fn program(&self) -> (OsString, &[OsString]) {
        match self.command.split_first() {
            Some((program, arguments)) => (program.clone(), arguments),
            None => (OsString::new(), &[]),
        }
    }
}

/// A consumer at work.
pub struct Work<'a> {
    business: Business,
    client: &'a Client,
    output: Output,
    /// Behind this cursor nothing has been fetched.
    fetched: u64,
    /// There may be more to fetch.
    more: bool,
    queue: VecDeque<Row>,
    running: JoinSet<Outcome>,
    /// What is tried again: when, which, and the number of the attempt.
    failing: BTreeMap<(Instant, u64), u32>,
}

impl<'a> Work<'a> {
    pub fn new(business: Business, client: &'a Client, output: Output) -> Self {
        Self {
            business,
            client,
            output,
            fetched: 0,
            more: true,
            queue: VecDeque::new(),
            running: JoinSet::new(),
            failing: BTreeMap::new(),
        }
    }

    /// Works until something fails for good.
    pub async fn go_on(&mut self) -> anyhow::Result<()> {
        let consumer = self.open().await?;
        let mut notices = self.subscribe().await?;
        self.output.talk(&format!(
            "waiting for messages as {}: {} to do",
            consumer.name, consumer.pending
        ));
        loop {
            self.begin().await?;
            let again = self.failing.keys().next().map(|(at, _)| *at);
            let room = self.running.len() < self.business.concurrency;
            tokio::select! {
                Some(ended) = self.running.join_next() => self.ended(ended?).await?,
                notice = notices.recv() => match notice {
                    Some(Notice::Row(_)) => self.more = true,
                    Some(Notice::Link(LinkState::Refused { cause })) => return Err(Failure::network(cause).into()),
                    Some(_) => {}
                    // Too much has come at once, or the owner has changed.
                    None => {
                        notices = self.subscribe().await?;
                        self.more = true;
                    }
                },
                () = sleep_until(again), if again.is_some() && room => {}
            }
        }
    }

    /// Lets what runs end, and notes it.
    pub async fn settle(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.running.join_next().await {
            self.ended(ended?).await?;
        }
        Ok(())
    }

    /// Comes to work. The first time begins behind the history, so that has to be here.
    async fn open(&self) -> anyhow::Result<ConsumerView> {
        let there = consumers(self.client).await?;
        if !there.iter().any(|other| other.name == self.business.name) {
            self.history().await?;
        }
        let open = ConsumerCommand::Open {
            name: self.business.name.clone(),
            conversation: self.business.conversation.clone(),
            own: self.business.own,
        };
        match self.client.call(Command::Consumer(open)).await? {
            Answer::Consumer(consumer) => Ok(consumer),
            other => Err(unexpected(&other).into()),
        }
    }

    async fn history(&self) -> anyhow::Result<()> {
        super::super::catch_up(self.client).await?;
        let mut told = false;
        loop {
            let view = match self.client.call(Command::History {}).await? {
                Answer::History(view) => view,
                other => return Err(unexpected(&other).into()),
            };
            if view.complete {
                return Ok(());
            }
            if let LinkState::Offline { cause, .. } | LinkState::Refused { cause } = view.link {
                let sentence =
                    format!("{cause}; the first start has to know what was written before it");
                return Err(Failure::network(sentence).into());
            }
            if !told {
                told = true;
                self.output
                    .talk("the history is still coming; messages are waited for behind it");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn subscribe(&self) -> Result<Notices, Failure> {
        self.client
            .subscribe(self.business.conversation.clone(), None)
            .await
    }

    /// Starts as many commands as may run: what is due again first, then what is new.
    async fn begin(&mut self) -> anyhow::Result<()> {
        while self.running.len() < self.business.concurrency {
            let due = self.failing.keys().next().copied();
            if let Some(key) = due.filter(|(at, _)| *at <= Instant::now()) {
                let attempt = self.failing.remove(&key).unwrap_or(1);
                // It may have been edited, or taken back.
                let rows = self.pending(key.1.saturating_sub(1), 1).await?;
                if let Some(row) = rows.into_iter().find(|row| row.cursor == key.1) {
                    self.start(row, attempt)?;
                }
                continue;
            }
            if self.queue.is_empty() && self.more && self.failing.len() < FAILING_MAX {
                let rows = self.pending(self.fetched, PAGE).await?;
                self.more = !rows.is_empty();
                self.fetched = rows.last().map_or(self.fetched, |row| row.cursor);
                self.queue.extend(rows);
            }
            match self.queue.pop_front() {
                Some(row) => self.start(row, 1)?,
                None => break,
            }
        }
        Ok(())
    }

    async fn pending(&self, since: u64, limit: u32) -> Result<Vec<Row>, Failure> {
        let pending = ConsumerCommand::Pending {
            name: self.business.name.clone(),
            since,
            limit,
        };
        match self.client.call(Command::Consumer(pending)).await? {
            Answer::Rows(rows) => Ok(rows),
            other => Err(unexpected(&other)),
        }
    }

    fn start(&mut self, row: Row, attempt: u32) -> Result<(), Failure> {
        let child = errand::start(&self.business, &row, attempt).map_err(|error| {
            Failure::user(format!(
                "{} cannot be started ({error}): the messages wait until it can",
                self.business.program().0.display()
            ))
        })?;
        self.running.spawn(errand::finish(child, row, attempt));
        Ok(())
    }

    async fn ended(&mut self, outcome: Outcome) -> anyhow::Result<()> {
        let Outcome {
            cursor,
            attempt,
            failed,
        } = outcome;
        let Some(how) = failed else {
            let done = ConsumerCommand::Done {
                name: self.business.name.clone(),
                cursor,
            };
            self.client.call(Command::Consumer(done)).await?;
            return Ok(());
        };
        let pause = pause(attempt);
        self.output.talk(&format!(
            "the command failed ({how}) for message {cursor}: it is tried again in {} s",
            pause.as_secs()
        ));
        let again = (Instant::now() + pause, cursor);
        self.failing.insert(again, attempt.saturating_add(1));
        Ok(())
    }
}

/// The pause after an attempt.
fn pause(attempt: u32) -> Duration {
    let doubled = attempt.saturating_sub(1).min(16);
    PAUSE_MIN.saturating_mul(1 << doubled).min(PAUSE_MAX)
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let seconds = [1, 2, 3, 9, 10, 1_000].map(|attempt| pause(attempt).as_secs());
        assert_eq!(seconds, [1, 2, 4, 256, 300, 300]);
    }
}

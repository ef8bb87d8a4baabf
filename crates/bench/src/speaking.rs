//! A member who writes into a room in which others write too: sealed as it goes, on what has been heard.

use crate::connection::Connection;
use crate::listening::{Ear, mark};
use crate::outcome::{Outcome, unexpected};
use crate::pace::Pace;
use crate::pen::{Known, apply, seal, text};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use subrosa_e2e::Machine;
use subrosa_ledger::Conversation;
use subrosa_proto::{Page, Request, Response, decode};
use tokio::time::{Instant, sleep_until};

/// A writer.
pub(crate) struct Mouth {
    pub(crate) machine: Machine,
    pub(crate) known: Arc<Known>,
    pub(crate) conversation: Conversation,
    pub(crate) connection: Connection,
    pub(crate) ear: Ear,
    pub(crate) counter: u64,
    pub(crate) pace: Option<Pace>,
    /// Messages so far.
    pub(crate) said: u64,
    /// Marks of the messages and when they left, microseconds of the round.
    pub(crate) left: HashMap<u64, u64>,
    pub(crate) events: usize,
}

impl Mouth {
    /// Says so many messages, so many under way at a time.
    pub(crate) async fn say(
        &mut self,
        count: u64,
        window: usize,
        size: usize,
        start: Instant,
    ) -> Outcome<()> {
        let end = self.said + count;
        let mut open: VecDeque<(u64, bool)> = VecDeque::new();
        loop {
            let mut due = None;
            while self.said < end && open.iter().filter(|(_, last)| *last).count() < window {
                // A message may bring a key event.
                if let Some(pace) = &mut self.pace
                    && !pace.take(2)
                {
                    due = Some(pace.free_at(2));
                    break;
                }
                self.queue(size, start, &mut open)?;
            }
            self.connection.flush().await?;
            match due {
                None if open.is_empty() => return Ok(()),
                Some(due) if open.is_empty() => sleep_until(due).await,
                _ => {
                    let (answers, pages) = self.connection.news().await?;
                    for (_, response) in answers {
                        answered(&response)?;
                        open.pop_front();
                    }
                    self.take_in(pages, start)?;
                }
            }
        }
    }

    fn queue(
        &mut self,
        size: usize,
        start: Instant,
        open: &mut VecDeque<(u64, bool)>,
    ) -> Outcome<()> {
        let text = text(self.said, size);
        let (letter, _) = seal(&mut self.machine, &self.conversation, &self.known, text)?;
        for stage in letter.stages {
            open.push_back((self.connection.queue(stage)?, false));
        }
        let left = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let message = letter.events.last();
        self.left.extend(message.map(|event| (mark(event), left)));
        self.events += letter.events.len();
        self.counter += 1;
        let id = self.connection.queue(Request::Append {
            counter: self.counter,
            conv: self.conversation.id(),
            events: letter.events,
        })?;
        open.push_back((id, true));
        self.said += 1;
        Ok(())
    }

    /// What others, and this one itself, have said.
    fn take_in(&mut self, pages: VecDeque<Page>, start: Instant) -> Outcome<()> {
        for page in pages {
            for delivered in &page.events {
                let event = decode(&delivered.event).map_err(crate::outcome::defect)?;
                apply(&mut self.conversation, &event, &self.known)?;
            }
            self.ear.hear(page, start)?;
        }
        Ok(())
    }
}

fn answered(response: &Response) -> Outcome<()> {
    match response {
        Response::Done {} | Response::Appended { .. } => Ok(()),
        other => Err(unexpected("a message", other)),
    }
}

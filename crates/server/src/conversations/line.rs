//! The line before each conversation, and the states of those used last.

use super::append::AppendJob;
use super::batch::{BATCH_MAX, Waiting};
use super::loading::Loaded;
use super::returned::ReturnJob;
use crate::office::Office;
use crate::refused::{Outcome, Refused};
use crate::storage::Store;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use subrosa_proto::{ConvId, ErrorCode, Response};
use tokio::sync::oneshot;

/// Lines and states by conversation.
#[derive(Default)]
pub(crate) struct Conversations {
    desks: Mutex<Desks>,
}

#[derive(Default)]
struct Desks {
    by_conversation: HashMap<ConvId, Desk>,
    clock: u64,
}

#[derive(Default)]
struct Desk {
    waiting: VecDeque<Turn>,
    /// A task works the line off, and has the state with it.
    busy: bool,
    loaded: Option<Box<Loaded>>,
    used: u64,
}

/// What waits in a line.
pub(crate) enum Job {
    Append(AppendJob),
    Return(ReturnJob),
}

impl Job {
    const fn conv(&self) -> ConvId {
        match self {
            Self::Append(job) => job.conv,
            Self::Return(job) => job.conv,
        }
    }
}

impl From<AppendJob> for Job {
    fn from(job: AppendJob) -> Self {
        Self::Append(job)
    }
}

impl From<ReturnJob> for Job {
    fn from(job: ReturnJob) -> Self {
        Self::Return(job)
    }
}

struct Turn {
    job: Job,
    answer: oneshot::Sender<Outcome<Response>>,
}

impl Conversations {
    /// States kept in memory.
    const LOADED_MAX: usize = 1_024;

    // No method waits or panics while it holds the lock.
    fn desks(&self) -> MutexGuard<'_, Desks> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the line. True if nobody works it off yet.
    fn enter(&self, turn: Turn) -> bool {
        let mut desks = self.desks();
        let desk = desks.by_conversation.entry(turn.job.conv()).or_default();
        desk.waiting.push_back(turn);
        !std::mem::replace(&mut desk.busy, true)
    }

    /// Takes the state to work with.
    fn take_loaded(&self, conv: &ConvId) -> Option<Box<Loaded>> {
        self.desks().by_conversation.get_mut(conv)?.loaded.take()
    }

    /// Those of the next turns that are appends, up to a number.
    fn more_appends(&self, conv: &ConvId, count: usize) -> Vec<Waiting> {
        let mut more = Vec::new();
        let mut desks = self.desks();
        let Some(desk) = desks.by_conversation.get_mut(conv) else {
            return more;
        };
        while more.len() < count
            && let Some(turn) = desk.waiting.pop_front()
        {
            match turn.job {
                Job::Append(job) => more.push((job, turn.answer)),
                other => {
                    desk.waiting.push_front(Turn { job: other, ..turn });
                    break;
                }
            }
        }
        more
    }

    /// The next turn; or, if nobody waits, puts the state back and ends the work.
    fn next(&self, conv: &ConvId, loaded: &mut Option<Box<Loaded>>) -> Option<Turn> {
        let mut desks = self.desks();
        desks.clock += 1;
        let clock = desks.clock;
        let desk = desks.by_conversation.get_mut(conv)?;
        if let Some(turn) = desk.waiting.pop_front() {
            return Some(turn);
        }
        desk.busy = false;
        desk.used = clock;
        desk.loaded = loaded.take();
        if desk.loaded.is_none() {
            desks.by_conversation.remove(conv);
        } else if desks.by_conversation.len() > Self::LOADED_MAX {
            desks.forget_oldest();
        }
        None
    }
}

impl Desks {
    fn forget_oldest(&mut self) {
        let idle = self.by_conversation.iter().filter(|(_, desk)| !desk.busy);
        let oldest = idle
            .min_by_key(|(_, desk)| desk.used)
            .map(|(conv, _)| *conv);
        oldest.and_then(|conv| self.by_conversation.remove(&conv));
    }
}

impl<S: Store> Office<S> {
    /// Puts an append into its conversation's line. The answer comes when it is on disk or refused;
    /// it is carried out even if nobody waits for the answer any more.
    pub(crate) fn submit(
        self: &Arc<Self>,
        job: impl Into<Job>,
    ) -> oneshot::Receiver<Outcome<Response>> {
        let (answer, answered) = oneshot::channel();
        let job = job.into();
        let conv = job.conv();
        if self.conversations.enter(Turn { job, answer }) {
            tokio::spawn(self.clone().work_off(conv));
        }
        answered
    }

    async fn work_off(self: Arc<Self>, conv: ConvId) {
        let duty = Duty {
            conversations: &self.conversations,
            conv,
        };
        let mut loaded = self.conversations.take_loaded(&conv);
        while let Some(turn) = self.conversations.next(&conv, &mut loaded) {
            match turn.job {
                Job::Append(job) => {
                    let mut jobs = vec![(job, turn.answer)];
                    jobs.extend(self.conversations.more_appends(&conv, BATCH_MAX - 1));
                    self.append_all(&mut loaded, jobs).await;
                }
                Job::Return(job) => {
                    let outcome = Box::pin(self.return_events(&mut loaded, job)).await;
                    // Nobody may be there to hear it.
                    let _ = turn.answer.send(outcome);
                }
            }
        }
        std::mem::forget(duty);
    }
}

/// Held while a line is worked off. If that ends before its time, the line is dissolved and
/// everybody in it hears so, instead of waiting for good.
struct Duty<'a> {
    conversations: &'a Conversations,
    conv: ConvId,
}

impl Drop for Duty<'_> {
    fn drop(&mut self) {
        let desk = self
            .conversations
            .desks()
            .by_conversation
            .remove(&self.conv);
        drop(desk);
    }
}

/// What a lost line means: the task that worked it off has ended before its time.
pub(crate) fn lost() -> Refused {
    Refused::Code(ErrorCode::Internal)
}

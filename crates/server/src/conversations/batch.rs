//! Appends that wait in one line, carried out together: judged one after the other, each on what the
//! one before leaves, and handed to the store at once, so that one transaction makes all of them
//! durable. Each keeps its own number and its own answer.

use super::append::{AppendJob, answer};
use super::judge::{Judged, Parsed};
use super::loading::Loaded;
use crate::office::Office;
use crate::records::{self, MARK_STEP};
use crate::refused::Outcome;
use crate::storage::{Append, Appended, Guard, LogId, NewEvent, Store};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Poll;
use subrosa_proto::{EventKind, MessageFields, Response, decode, timer_ms};
use tokio::sync::oneshot;

/// Appends carried out together at most.
pub(super) const BATCH_MAX: usize = 64;

/// An append and who waits for its answer.
pub(super) type Waiting = (AppendJob, oneshot::Sender<Outcome<Response>>);

impl<S: Store> Office<S> {
    /// Carries appends out in their order. Those that only say something go together; whatever
    /// else comes, and whatever does not go as foreseen, is done by itself.
    pub(super) async fn append_all(&self, loaded: &mut Option<Box<Loaded>>, jobs: Vec<Waiting>) {
        let mut jobs = VecDeque::from(jobs);
        while !jobs.is_empty() {
            if jobs.len() > 1
                && let Some(current) = loaded
            {
                let (appended, intact) = self.append_together(current, &jobs).await;
                if !intact {
                    *loaded = None;
                }
                for appended in appended {
                    if let Some((_, to)) = jobs.pop_front() {
                        // Nobody may be there to hear it.
                        let _ = to.send(Ok(answer(&appended)));
                    }
                }
            }
            if let Some((job, to)) = jobs.pop_front() {
                let outcome = self.append(loaded, job).await;
                let _ = to.send(outcome);
            }
        }
    }

    /// What the store did with the first of the jobs, as far as they went together; and whether the
    /// state in memory is still that of the log.
    async fn append_together(
        &self,
        loaded: &mut Loaded,
        jobs: &VecDeque<Waiting>,
    ) -> (Vec<Appended>, bool) {
        let mut judged = Judged::on(loaded);
        let (mut appends, mut spoilt) = (Vec::new(), false);
        for (job, _) in jobs {
            match self.plan_next(loaded, job, &mut judged).await {
                Ok(Some(append)) => appends.push(append),
                Ok(None) => break,
                Err(Spoilt) => {
                    spoilt = true;
                    break;
                }
            }
        }
        let planned = appends.len();
        if planned == 0 {
            return (Vec::new(), true);
        }
        let answers = appends.into_iter().map(|append| self.store.append(append));
        let answers = together(answers).await;
        // One that is not new is no ground for those on top of it, and the store refuses them.
        let appended: Vec<Appended> = answers
            .into_iter()
            .map_while(|answer| answer.ok().filter(|appended| !appended.repeated))
            .collect();
        for ((job, _), appended) in jobs.iter().zip(&appended) {
            for n in 0..job.events.len() {
                self.tell(job, appended, n, false);
            }
        }
        // The state after all of them serves only if all of them are stored.
        let intact = appended.len() == planned && !spoilt;
        if intact {
            loaded.state = judged.state;
            for step in judged.steps {
                loaded.recent.push(step);
            }
        }
        if !appended.is_empty()
            && let Some((job, _)) = jobs.front()
        {
            self.delivery.ring(&job.conv, false);
        }
        (appended, intact)
    }

    /// Judges a job on what came before it and plans its append. `None`, and nothing judged, if it
    /// has to be done by itself.
    async fn plan_next(
        &self,
        loaded: &Loaded,
        job: &AppendJob,
        judged: &mut Judged,
    ) -> Result<Option<Append>, Spoilt> {
        let first = judged.state.head().0 + 1;
        let known = loaded.recent.reach()..=loaded.state.head().0;
        let marked = (first..).zip(&job.events).any(|(n, _)| n % MARK_STEP == 0);
        let plain = |parsed: &Parsed| only_says(parsed) && known.contains(&parsed.header.base_n);
        if marked || !job.events.iter().all(plain) {
            return Ok(None);
        }
        for parsed in &job.events {
            match self.judge_one(judged, loaded, None, parsed).await {
                Ok(Ok(())) => {}
                _ => return Err(Spoilt),
            }
        }
        let events = job.events.iter();
        let events = events.map(|parsed| NewEvent::plain(parsed.bytes.clone()));
        let mut append = Append::new(
            LogId(job.conv.0),
            job.idem(),
            self.now_ms(),
            events.collect(),
        );
        append.first = Some(first);
        append.guards.push(Guard {
            key: records::conversation(&job.conv),
            expected: loaded.revision,
        });
        Ok(Some(append))
    }
}

/// The state judged on holds an event that is not valid.
struct Spoilt;

/// Whether an event is a message that changes nothing but the log: no record is written with it.
fn only_says(parsed: &Parsed) -> bool {
    parsed.header.kind == EventKind::Message as u8
        && decode::<MessageFields>(&parsed.header.fields)
            .is_ok_and(|fields| fields.deletes.is_none() && timer_ms(fields.timer).is_none())
}

/// Waits for all. They are begun in their order, and after that looked at in it: one transaction ends most of them at once,
/// and each wakes this task, which does not ask all the others then.
async fn together<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    let mut begun = false;
    std::future::poll_fn(|context| {
        let was_begun = std::mem::replace(&mut begun, true);
        for (future, slot) in waiting.iter_mut().zip(&mut done) {
            if slot.is_some() {
                continue;
            }
            match future.as_mut().poll(context) {
                Poll::Ready(output) => *slot = Some(output),
                Poll::Pending if was_begun => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        if done.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

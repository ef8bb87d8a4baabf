//! What this home brings back to a server that was restored from a copy, before it sends anything
//! new (docs/spec/ledger.md §14): account chains, then the ends of conversations.
//!
//! One request at a time, each of which changes nothing where another client was faster. Whatever
//! interrupts it, it begins anew with the next link, until all is done.

use super::keepsake::key_event;
use super::link::Asked;
use super::sync::diverged_failure;
use super::talk::Halt;
use super::turn::Turn;
use super::{Engine, EngineError, fact};
use crate::store::Raw;
use std::collections::VecDeque;
use subrosa_e2e::Keyring;
use subrosa_proto::{
    AccountId, Delivered, ErrorCode, Incarnation, LogHash, Refusal, Request, Response, encode,
};

/// Events of one request, in bytes and in number.
const PART: (usize, usize) = (96 * 1_024, 200);
/// Pause before something that the server did not take is tried once more.
const AGAIN_MS: u64 = 30_000;

/// What is under way.
pub(super) struct Returning {
    jobs: VecDeque<Job>,
    current: Option<Job>,
    not_before_ms: u64,
    /// Something has to be tried again.
    again: bool,
}

impl Returning {
    /// No pause holds any more.
    pub const fn resume(&mut self) {
        self.not_before_ms = 0;
    }
}

/// One request, or several of a kind.
#[derive(Debug, Clone, Copy)]
enum Job {
    /// A chain, from a statement on; with the number of those under way.
    Chain {
        id: AccountId,
        from: u64,
        count: u64,
    },
    /// Where the server's log and this home's part: not at or below `low`, and not above `high`,
    /// if that is known.
    Compare {
        no: i64,
        at: u64,
        low: u64,
        high: Option<u64>,
    },
    /// Events from a position on.
    Events { no: i64, first: u64 },
    /// The boxes of an own key event; with the time of the copy.
    Boxes { no: i64, copy_ms: u64, done: u64 },
}

impl Engine {
    /// Begins, when all conversations have been listed and the server is another one than before.
    pub(super) fn begin_returning(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if turn.desk.fact::<Incarnation>(fact::RETURN_DUE)?.is_none() || self.returning.is_some() {
            return Ok(());
        }
        let mut jobs = VecDeque::new();
        let chain = |id| Job::Chain {
            id,
            from: 0,
            count: 0,
        };
        jobs.push_back(chain(self.account));
        let others = self.people.iter().map(|person| &person.account);
        jobs.extend(
            others
                .filter(|other| other.id() != self.account && other.next() > 1)
                .map(|other| chain(other.id())),
        );
        let talks = self
            .talks
            .values()
            .filter(|talk| talk.halt.is_none_or(|halt| halt == Halt::Behind));
        jobs.extend(talks.map(|talk| Job::Compare {
            no: talk.no,
            at: talk.state.head().0,
            low: 0,
            high: None,
        }));
        self.returning = Some(Returning {
            jobs,
            current: None,
            not_before_ms: 0,
            again: false,
        });
        self.return_next(turn)
    }

    /// Whether nothing new is to be sent yet.
    pub(super) fn is_returning(&self) -> bool {
        self.returning.is_some() || (self.return_due && self.link.listing)
    }

    /// The next job, if none is under way.
    pub(super) fn return_next(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        loop {
            let Some(returning) = &mut self.returning else {
                return Ok(());
            };
            if returning.current.is_some() {
                return Ok(());
            }
            if returning.not_before_ms > turn.now_ms {
                turn.wake(returning.not_before_ms);
                return Ok(());
            }
            let Some(job) = returning.jobs.pop_front() else {
                return self.returned(turn);
            };
            let Some((job, request)) = self.request_of(turn, job)? else {
                continue;
            };
            if let Some(returning) = &mut self.returning {
                returning.current = Some(job);
            }
            self.ask(turn, request, Asked::Returned);
        }
    }

    /// All is done that could be done on this link.
    fn returned(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let again = self.returning.take().is_some_and(|done| done.again);
        if again {
            self.return_again_ms = turn.now_ms.saturating_add(AGAIN_MS);
            turn.wake(self.return_again_ms);
        } else if !self.talks.values().any(|talk| talk.reopens) {
            turn.desk.drop_fact(fact::RETURN_DUE)?;
        }
        self.open_openings(turn)?;
        self.caught_up(turn)
    }

    /// Tries again what the server did not take before.
    pub(super) fn return_later(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if self.returning.is_some() {
            return self.return_next(turn);
        }
        if self.return_again_ms != 0 && self.return_again_ms <= turn.now_ms && !self.link.listing {
            self.return_again_ms = 0;
            return self.begin_returning(turn);
        }
        Ok(())
    }

    fn request_of(
        &self,
        turn: &mut Turn<'_>,
        job: Job,
    ) -> Result<Option<(Job, Request)>, EngineError> {
        match job {
            Job::Chain { id, from, .. } => {
                let part = self.chain_part(turn, &id, from)?;
                Ok(part.map(|(request, count)| (Job::Chain { id, from, count }, request)))
            }
            Job::Compare { no, at, .. } => {
                let conv = self.talks.get(&no).map(|talk| talk.id());
                Ok(conv.map(|conv| (job, Request::LogAt { conv, at })))
            }
            Job::Events { no, first } => self.events_request(turn, no, first),
            Job::Boxes { no, copy_ms, done } => {
                let Some(conv) = self.talks.get(&no).map(|talk| talk.id()) else {
                    return Ok(None);
                };
                let all = turn.desk.boxes_since(no, copy_ms)?;
                let next = all.into_iter().find(|own| own.position > done);
                Ok(next.map(|own| {
                    let job = Job::Boxes {
                        no,
                        copy_ms,
                        done: own.position,
                    };
                    let request = Request::ReturnBoxes {
                        conv,
                        position: own.position,
                        boxes: own.boxes,
                    };
                    (job, request)
                }))
            }
        }
    }

    fn events_request(
        &self,
        turn: &mut Turn<'_>,
        no: i64,
        first: u64,
    ) -> Result<Option<(Job, Request)>, EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(None);
        };
        let conv = talk.id();
        let before = self.log_of(turn, no, first.saturating_sub(1))?;
        let mut rows = turn.desk.raw_from(no, first, PART)?;
        rows.retain(|raw| raw.position <= talk.state.head().0);
        let Some(before) = before.filter(|_| !rows.is_empty()) else {
            return Ok(None);
        };
        let mut events = Vec::with_capacity(rows.len());
        for Raw { time_ms, event, .. } in rows {
            let boxes = self.boxes_for(turn, no, &event)?;
            events.push(Delivered {
                time_ms,
                event,
                boxes,
            });
        }
        let request = Request::ReturnEvents {
            conv,
            first,
            before,
            events,
        };
        Ok(Some((Job::Events { no, first }, request)))
    }

    /// Of a key event of another device, the box to the own history key, if the session is here.
    /// Those of an own one follow by themselves.
    fn boxes_for(
        &self,
        turn: &mut Turn<'_>,
        no: i64,
        event: &bytes::Bytes,
    ) -> Result<Vec<bytes::Bytes>, EngineError> {
        let Some((header, fields)) = key_event(event) else {
            return Ok(Vec::new());
        };
        let archive = self.talks.get(&no).is_some_and(|talk| talk.state.archive());
        let Some(own) = self.people.account(&self.account).filter(|_| archive) else {
            return Ok(Vec::new());
        };
        if header.device == self.machine.device() {
            return Ok(Vec::new());
        }
        let lookup = super::lookup::Lookup::new(turn.desk, &self.people, Some(no), true);
        let session = lookup.session(&fields.session);
        lookup.finish()?;
        let made =
            session.and_then(|session| self.machine.history_box(&session, own, &mut turn.rng));
        Ok(made.iter().map(encode).collect())
    }

    /// L at a position, as this home has it.
    fn log_of(&self, turn: &Turn<'_>, no: i64, at: u64) -> Result<Option<LogHash>, EngineError> {
        if at == 0 {
            return Ok(Some(LogHash::START));
        }
        let head = self.talks.get(&no).map(|talk| talk.state.head());
        match head {
            Some((n, log)) if n == at => Ok(Some(log)),
            _ => Ok(turn.desk.log_hash(no, at)?),
        }
    }

    pub(super) fn return_answered(
        &mut self,
        turn: &mut Turn<'_>,
        response: Response,
    ) -> Result<(), EngineError> {
        let current = self
            .returning
            .as_mut()
            .and_then(|returning| returning.current.take());
        let Some(job) = current else {
            return Ok(());
        };
        match (job, response) {
            (Job::Chain { id, from, count }, Response::Done {}) => self.job_first(Job::Chain {
                id,
                from: from.saturating_add(count),
                count: 0,
            }),
            (Job::Boxes { .. }, Response::Done {}) => self.job_first(job),
            (
                Job::Compare { .. } | Job::Events { .. },
                Response::LogAt {
                    head,
                    at,
                    log,
                    copy_ms,
                },
            ) => self.heads_compared(turn, job, head, (at, log), copy_ms)?,
            (_, Response::Refused { refusal }) => self.return_refused(turn, job, &refusal),
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        }
        self.return_next(turn)
    }

    fn job_first(&mut self, job: Job) {
        if let Some(returning) = &mut self.returning {
            returning.jobs.push_front(job);
        }
    }

    fn return_refused(&mut self, turn: &Turn<'_>, job: Job, refusal: &Refusal) {
        tracing::info!(?job, code = ?refusal.code, "the server did not take something back");
        let Some(returning) = &mut self.returning else {
            return;
        };
        match (refusal.code, job) {
            (ErrorCode::RateLimited, _) => {
                returning.not_before_ms = turn.after(refusal.retry_ms.max(50));
                returning.jobs.push_front(job);
            }
            (ErrorCode::NameTaken, Job::Chain { id, .. }) => {
                let name = self.people.name_of(&id);
                self.alarm(
                    format!("taken/{id}"),
                    format!("the server was restored, and somebody else has the name {name} there by now; this home's {name} cannot be reached until the server's operator sees to it"),
                );
            }
            (ErrorCode::Conflict, Job::Chain { id, .. }) => {
                let name = self.people.name_of(&id);
                self.alarm(
                    format!("returned-chain/{id}"),
                    format!("the server was restored, and since then the account {name} has signed another list of its devices than this home has seen"),
                );
            }
            // Its author has to come first, or its peer, or there is no room: once more later.
            (_, Job::Events { .. }) => returning.again = true,
            _ => {}
        }
    }

    /// How the server's log and this home's stand to each other.
    fn heads_compared(
        &mut self,
        turn: &mut Turn<'_>,
        job: Job,
        head: u64,
        (at, log): (u64, LogHash),
        copy_ms: Option<u64>,
    ) -> Result<(), EngineError> {
        let (no, low, high) = match job {
            Job::Compare { no, low, high, .. } => (no, low, high),
            Job::Events { no, .. } => (no, 0, None),
            _ => return Ok(()),
        };
        let Some(own_head) = self.talks.get(&no).map(|talk| talk.state.head().0) else {
            return Ok(());
        };
        // Before a joiner's start nothing is known that could differ.
        let same = self.log_of(turn, no, at)?.is_none_or(|own| own == log);
        if same && at == own_head {
            return self.conversation_whole(turn, no, head, copy_ms);
        }
        if same && high.is_none() && at == head {
            let stuck = matches!(job, Job::Events { first, .. } if at < first);
            let more = turn.desk.raw_from(no, at.saturating_add(1), (1, 1))?;
            if stuck || copy_ms.is_none() || more.is_empty() {
                return self.diverged(turn, no, at);
            }
            self.job_first(Job::Events {
                no,
                first: at.saturating_add(1),
            });
            return Ok(());
        }
        if same && high.is_none() {
            // The log has grown meanwhile: at this home's own end, please.
            self.job_first(Job::Compare {
                no,
                at: own_head,
                low: at,
                high: None,
            });
            return Ok(());
        }
        let (low, high) = if same {
            (at, high.unwrap_or(own_head))
        } else {
            (low, at)
        };
        if high <= low.saturating_add(1) {
            return self.diverged(turn, no, low);
        }
        self.job_first(Job::Compare {
            no,
            at: low + (high - low) / 2,
            low,
            high: Some(high),
        });
        Ok(())
    }

    /// The server has all that this home has seen of a conversation.
    fn conversation_whole(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        head: u64,
        copy_ms: Option<u64>,
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        if talk.halt == Some(Halt::Behind) {
            talk.halt = None;
        }
        talk.server_head = talk.server_head.max(Some(head));
        talk.members.changed();
        talk.reopens = true;
        let (conv, next, own_head) = (talk.id(), talk.next(), talk.state.head().0);
        // What the server had said to have, and lost before it came back here, has no place any more.
        turn.desk.unplace_behind(no, &self.account, own_head)?;
        self.follow(turn, conv, next);
        if let Some(copy_ms) = copy_ms {
            self.job_first(Job::Boxes {
                no,
                copy_ms,
                done: 0,
            });
        }
        Ok(())
    }

    /// The server's log and this home's part after a position. Nothing is sent there until the
    /// person has seen what is lost by that.
    pub(super) fn diverged(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        common: u64,
    ) -> Result<(), EngineError> {
        turn.desk.set_divergence(no, Some(common))?;
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        talk.halt = Some(Halt::Diverged(common));
        let (conv, name) = (talk.id(), talk.name.clone());
        let failure = diverged_failure(&name);
        self.alarm(
            format!("diverged/{conv}/{common}"),
            failure.sentence.clone(),
        );
        self.release_sends(turn, Some(no), Some(&failure), &failure)
    }
}

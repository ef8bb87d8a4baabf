//! The state of a conversation in memory: the reducer, and the hashes of the last events, by which
//! quoted bases and repeated events are judged. Older hashes are computed from the log when an
//! event needs them.

use crate::accounts::Known;
use crate::office::Office;
use crate::records::{self, ConversationRow, MARK_STEP};
use crate::refused::{Outcome, Refused};
use crate::storage::{LogId, Read, Revision, Store};
use bytes::Bytes;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use subrosa_ledger::{Account, Conversation, Record, Verdict, carried_hash, next_log};
use subrosa_proto::{AccountId, Carried, ConvId, EventHash, LogHash};

/// Hashes kept in memory, and dropped at a time.
const RECENT_MAX: usize = 512;
const RECENT_DROPPED: usize = 256;
/// Events in one page while loading.
const PAGE: usize = 256;

/// A position's event hash and L.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) hash: EventHash,
    pub(super) log: LogHash,
}

/// Consecutive steps, and L before the first.
#[derive(Debug)]
pub(super) struct Steps {
    before: LogHash,
    first: u64,
    steps: VecDeque<Step>,
    /// The hashes among them: each event that comes is looked for.
    hashes: HashSet<EventHash>,
}

/// A conversation in memory.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) state: Conversation,
    /// Of the written state.
    pub(super) revision: Revision,
    pub(super) recent: Steps,
}

impl Steps {
    pub(super) fn from(first: u64, before: LogHash) -> Self {
        Self {
            before,
            first,
            steps: VecDeque::new(),
            hashes: HashSet::new(),
        }
    }

    pub(super) fn push(&mut self, step: Step) {
        if self.steps.len() >= RECENT_MAX {
            for step in self.steps.drain(..RECENT_DROPPED) {
                self.first += 1;
                self.before = step.log;
                self.hashes.remove(&step.hash);
            }
        }
        self.extend(step);
    }

    /// One more, and none is dropped.
    fn extend(&mut self, step: Step) {
        self.hashes.insert(step.hash);
        self.steps.push_back(step);
    }

    /// L at a position: those of the steps and the one before.
    pub(super) fn log(&self, n: u64) -> Option<LogHash> {
        if n + 1 == self.first {
            return Some(self.before);
        }
        let at = usize::try_from(n.checked_sub(self.first)?).ok()?;
        self.steps.get(at).map(|step| step.log)
    }

    fn seen(&self, hash: &EventHash) -> bool {
        self.hashes.contains(hash)
    }

    /// The first position whose L is known.
    pub(super) const fn reach(&self) -> u64 {
        self.first.saturating_sub(1)
    }
}

/// What the reducer may ask at the server.
pub(super) struct Evidence<'a> {
    pub(super) accounts: &'a HashMap<AccountId, Arc<Known>>,
    /// Before the recent ones, if an event quotes so far back.
    pub(super) older: Option<&'a Steps>,
    pub(super) recent: &'a Steps,
    /// After the recent ones: earlier events of the same request.
    pub(super) fresh: &'a [Step],
}

impl Record for Evidence<'_> {
    fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id).map(|known| &known.account)
    }
    fn newest(&self, _: &AccountId) -> bool {
        true
    }
    fn log_hash(&self, n: u64) -> Option<LogHash> {
        let older = || self.older.and_then(|older| older.log(n));
        self.recent.log(n).or_else(older)
    }
    fn seen(&self, hash: &EventHash) -> bool {
        self.recent.seen(hash)
            || self.fresh.iter().any(|step| step.hash == *hash)
            || self.older.is_some_and(|older| older.seen(hash))
    }
}

/// Reads a written state.
pub(super) fn read_row(value: &Bytes) -> Outcome<(ConversationRow, Conversation)> {
    let row: ConversationRow = records::decode(value)?;
    let state: Conversation = records::decode(&row.state)?;
    if state.head() == (row.position, row.log) {
        Ok((row, state))
    } else {
        Err(Refused::Damaged(
            "a conversation's state does not fit its position",
        ))
    }
}

impl<S: Store> Office<S> {
    /// Loads a conversation: its written state, and the events after it.
    pub(super) async fn load(&self, conv: &ConvId) -> Outcome<Option<Box<Loaded>>> {
        let Some(record) = self.record(records::conversation(conv)).await? else {
            return Ok(None);
        };
        let (row, state) = read_row(&record.value)?;
        let recent = Steps::from(row.position + 1, row.log);
        let mut loaded = Box::new(Loaded {
            state,
            revision: record.revision,
            recent,
        });
        let mut accounts = HashMap::new();
        loop {
            let from = loaded.state.head().0 + 1;
            let events = self.events(conv, from, PAGE).await?;
            if events.is_empty() {
                return Ok(Some(loaded));
            }
            for event in events {
                self.replay(&mut loaded, &mut accounts, &event).await?;
            }
        }
    }

    /// Applies an event that is in the log.
    async fn replay(
        &self,
        loaded: &mut Loaded,
        accounts: &mut HashMap<AccountId, Arc<Known>>,
        event: &Carried,
    ) -> Outcome<()> {
        let position = loaded.state.head().0 + 1;
        loop {
            let Loaded { state, recent, .. } = loaded;
            let evidence = Evidence {
                accounts,
                older: None,
                recent,
                fresh: &[],
            };
            match state.apply_carried(position, event, &evidence) {
                Ok(Verdict::Valid(_) | Verdict::Void(_)) => break,
                Ok(Verdict::NeedsAccount(id)) if !accounts.contains_key(&id) => {
                    let known = self.account(&id).await?;
                    accounts.insert(
                        id,
                        known.ok_or(Refused::Damaged("an author has no account"))?,
                    );
                }
                _ => return Err(Refused::Damaged("a stored event does not fit its log")),
            }
        }
        let log = loaded.state.head().1;
        loaded.recent.push(Step {
            hash: carried_hash(event),
            log,
        });
        Ok(())
    }

    /// The steps from a position up to the first recent one.
    pub(super) async fn older(&self, conv: &ConvId, recent: &Steps, from: u64) -> Outcome<Steps> {
        let marked = from - from % MARK_STEP;
        let before = if marked == 0 {
            LogHash::START
        } else {
            let record = self.record(records::mark(conv, marked)).await?;
            records::decode(
                &record
                    .ok_or(Refused::Damaged("a log hash is missing"))?
                    .value,
            )?
        };
        let mut steps = Steps::from(marked + 1, before);
        let mut log = before;
        loop {
            let next = steps.first + steps.steps.len() as u64;
            let wanted = usize::try_from(recent.first.saturating_sub(next))
                .unwrap_or(PAGE)
                .min(PAGE);
            if wanted == 0 {
                return Ok(steps);
            }
            let events = self.events(conv, next, wanted).await?;
            if events.is_empty() {
                return Err(Refused::Damaged("events are missing"));
            }
            for (position, event) in (next..).zip(&events) {
                let hash = carried_hash(event);
                log = next_log(log, position, hash);
                // Not pushed: these may be more than are kept.
                steps.extend(Step { hash, log });
            }
        }
    }

    pub(super) async fn events(
        &self,
        conv: &ConvId,
        from: u64,
        count: usize,
    ) -> Outcome<Vec<Carried>> {
        let log = LogId(conv.0);
        let read = Read {
            log,
            from,
            count,
            bytes: 1 << 20,
            recipients: Vec::new(),
        };
        let page = self.store.read(read).await?;
        page.events
            .iter()
            .map(|stored| Ok(Carried::read(&stored.bytes)?))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_forget_the_oldest_and_keep_the_log_hash_before() {
        let mut steps = Steps::from(1, LogHash::START);
        let hash = |n: u64| EventHash(crate::hash::sha256(&[&n.to_be_bytes()]));
        let mut log = LogHash::START;
        let mut logs = vec![log];
        for n in 1..=900 {
            log = next_log(log, n, hash(n));
            logs.push(log);
            steps.push(Step { hash: hash(n), log });
        }
        let reach = steps.reach();
        assert!(reach > 0 && steps.steps.len() <= RECENT_MAX);
        for n in 0..=901 {
            let expected = (reach..=900).contains(&n).then(|| logs[n as usize]);
            assert_eq!(steps.log(n), expected, "L at {n}");
            assert_eq!(steps.seen(&hash(n)), n > reach && n <= 900);
        }
    }
}

//! The start of somebody who was added to a log (docs/spec/ledger.md §7.8): the state before its
//! `add`, made from the control events alone.

use crate::{Conversation, CreateError, Effect, Record, Verdict, VoidReason, event_hash, next_log};
use subrosa_proto::{AccountId, Control, ConvId, Event, EventHash, Header, LogHash, decode};

/// What a joiner is given.
#[derive(Debug, Clone, Copy)]
pub struct Joining<'a> {
    /// The conversation.
    pub conv: ConvId,
    /// Whose start it is.
    pub account: AccountId,
    /// All control events before the start, with their positions.
    pub controls: &'a [(u64, Event)],
    /// Hashes of the events between the base that the event at the start quotes and the start.
    pub hashes: &'a [EventHash],
    /// Where the start is.
    pub position: u64,
    /// The event there, which adds the account.
    pub add: &'a Event,
}

/// A step of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its position.
    pub position: u64,
    /// The event there.
    pub event: EventHash,
    /// L there.
    pub log: LogHash,
}

/// The beginning of a log for a joiner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// After the event that adds the account.
    pub conversation: Conversation,
    /// The positions of which event and L are known, up to the start.
    pub steps: Vec<Step>,
}

/// Why a start does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// This account's chain is missing or too old.
    #[error("the chain of account {0} is needed")]
    NeedsAccount(AccountId),
    /// What was given as a valid control event is none.
    #[error("the control event at position {position} does not hold: {reason}")]
    Void {
        /// Where it is said to stand.
        position: u64,
        /// Why it does not count.
        reason: VoidReason,
    },
    /// The control events are not those that lead up to the one at the start.
    #[error("the control events do not lead up to the start")]
    Chain,
    /// The hashes do not lead from the base to the start.
    #[error("the hashes before the start are not as many as they must be")]
    Hashes,
    /// The event at the start does not add this account.
    #[error("the event at the start does not add this account")]
    NotAdded,
}

impl Joining<'_> {
    /// Verifies what was given and takes the event at the start in.
    ///
    /// # Errors
    /// What does not hold, or the account whose chain has to be fetched first.
    pub fn begin(&self, record: &impl Record) -> Result<Joined, JoinError> {
        let header: Header = decode(&self.add.header).map_err(|_| JoinError::NotAdded)?;
        let mut steps = self.steps(&header)?;
        let before = steps.last().map_or(header.base_log, |step| step.log);
        let mut conversation = self.replay(record)?;
        // The author of the add has signed which control event was the last one, and each control
        // event which one came before it.
        let first = self.position.checked_sub(1).ok_or(JoinError::Chain)?;
        if conversation.ctl() != header.ctl || conversation.state.head > first {
            return Err(JoinError::Chain);
        }
        conversation.state.head = first;
        conversation.state.log = before;
        match apply(&mut conversation, self.position, self.add, record)? {
            Effect::Control(Control::Add { account, .. }) if account == self.account => {}
            _ => return Err(JoinError::NotAdded),
        }
        let (position, log) = conversation.head();
        let event = event_hash(self.add);
        steps.push(Step {
            position,
            event,
            log,
        });
        Ok(Joined {
            conversation,
            steps,
        })
    }

    /// L from the base of the event at the start up to the position before it.
    fn steps(&self, header: &Header) -> Result<Vec<Step>, JoinError> {
        let between = self
            .position
            .checked_sub(1)
            .and_then(|last| last.checked_sub(header.base_n));
        if between != Some(self.hashes.len() as u64) {
            return Err(JoinError::Hashes);
        }
        let mut log = header.base_log;
        let mut position = header.base_n;
        let steps = self.hashes.iter().map(|event| {
            position += 1;
            log = next_log(log, position, *event);
            Step {
                position,
                event: *event,
                log,
            }
        });
        Ok(steps.collect())
    }

    /// The state after the control events.
    fn replay(&self, record: &impl Record) -> Result<Conversation, JoinError> {
        let Some(((1, create), rest)) = self.controls.split_first() else {
            return Err(JoinError::Chain);
        };
        let mut conversation =
            Conversation::create(create, record).map_err(|error| match error {
                CreateError::NeedsAccount(account) => JoinError::NeedsAccount(account),
                CreateError::Void(reason) => JoinError::Void {
                    position: 1,
                    reason,
                },
            })?;
        if conversation.id() != self.conv {
            return Err(JoinError::Chain);
        }
        for (position, event) in rest {
            let last = position.checked_sub(1).ok_or(JoinError::Chain)?;
            if last < conversation.state.head {
                return Err(JoinError::Chain);
            }
            conversation.state.head = last;
            // Its author has signed what L was there; nobody else is at hand to say.
            let header: Header = decode(&event.header).map_err(|_| JoinError::Chain)?;
            conversation.state.log = header.base_log;
            let effect = apply(&mut conversation, *position, event, record)?;
            if !matches!(effect, Effect::Control(_)) {
                return Err(JoinError::Chain);
            }
        }
        Ok(conversation)
    }
}

fn apply(
    conversation: &mut Conversation,
    position: u64,
    event: &Event,
    record: &impl Record,
) -> Result<Effect, JoinError> {
    match conversation.apply(position, event, &Before(record)) {
        Ok(Verdict::Valid(effect)) => Ok(effect),
        Ok(Verdict::Void(reason)) => Err(JoinError::Void { position, reason }),
        Ok(Verdict::NeedsAccount(account)) => Err(JoinError::NeedsAccount(account)),
        Ok(Verdict::Fork(_)) | Err(_) => Err(JoinError::Chain),
    }
}

/// Before a start neither log hashes nor events are known: chains are all there is to look up.
struct Before<'a, R>(&'a R);

impl<R: Record> Record for Before<'_, R> {
    fn account(&self, id: &AccountId) -> Option<&crate::Account> {
        self.0.account(id)
    }
    fn newest(&self, id: &AccountId) -> bool {
        self.0.newest(id)
    }
    fn log_hash(&self, n: u64) -> Option<LogHash> {
        (n == 0).then_some(LogHash::START)
    }
    fn seen(&self, _: &EventHash) -> bool {
        false
    }
}

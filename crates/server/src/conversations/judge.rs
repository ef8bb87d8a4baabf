//! The verdict on events that somebody wants to append, and what the client hears of a bad one.

use super::append::AppendJob;
use super::loading::{Evidence, Loaded, Step, Steps};
use crate::accounts::Known;
use crate::office::Office;
use crate::refused::{Outcome, Refused};
use crate::storage::Store;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use subrosa_ledger::{Conversation, Effect, Verdict, VoidReason, event_hash};
use subrosa_proto::{
    AccountId, DeviceId, ErrorCode, Event, EventHash, Header, LogHash, Response, limits,
};

/// How far behind the head a quoted base may lie. Further back the client has to catch up first,
/// since each event between has to be read and hashed again.
const LAG_MAX: u64 = 1_024;

/// An event as it came, and what was read in it.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(super) bytes: Bytes,
    pub(super) event: Event,
    pub(super) header: Header,
    pub(super) hash: EventHash,
}

impl Parsed {
    /// Reads an event of this device. Others' events are appended only by themselves.
    pub(crate) fn read(bytes: Bytes, account: &AccountId, device: &DeviceId) -> Outcome<Self> {
        let parsed = Self::of_anyone(bytes)?;
        if parsed.header.account != *account || parsed.header.device != *device {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(parsed)
    }

    /// Reads an event of any device.
    pub(super) fn of_anyone(bytes: Bytes) -> Outcome<Self> {
        if bytes.len() > limits::EVENT_BYTES_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let event: Event = subrosa_proto::decode(&bytes).map_err(|_| ErrorCode::Malformed)?;
        let header: Header =
            subrosa_proto::decode(&event.header).map_err(|_| ErrorCode::Malformed)?;
        Ok(Self {
            bytes,
            hash: event_hash(&event),
            event,
            header,
        })
    }
}

/// Events that are valid at the next positions.
pub(super) struct Judged {
    /// After them.
    pub(super) state: Conversation,
    pub(super) effects: Vec<Effect>,
    pub(super) steps: Vec<Step>,
    pub(super) accounts: HashMap<AccountId, Arc<Known>>,
}

impl Judged {
    /// Nothing yet, on top of a conversation's state.
    pub(super) fn on(loaded: &Loaded) -> Self {
        Self {
            state: loaded.state.clone(),
            effects: Vec::new(),
            steps: Vec::new(),
            accounts: HashMap::new(),
        }
    }
}

/// Why events are not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Void(VoidReason),
    /// They quote another log than this one.
    Fork,
    /// They quote too far back.
    Lag,
    /// They are about an account that does not exist.
    NoAccount,
}

impl Fault {
    /// What the client hears. `Stale` makes it catch up and send the content anew.
    pub(super) fn answer(self, state: &Conversation) -> Outcome<Response> {
        let code = match self {
            Self::Lag
            | Self::Void(
                VoidReason::Stale
                | VoidReason::SessionUnknown
                | VoidReason::Base
                | VoidReason::Index,
            ) => return Ok(Response::Stale { ctl: state.ctl() }),
            Self::Fork | Self::Void(VoidReason::Repeated | VoidReason::SessionUsed) => {
                ErrorCode::Conflict
            }
            Self::NoAccount | Self::Void(VoidReason::NotMember) => ErrorCode::NotFound,
            Self::Void(VoidReason::DeviceDead) => ErrorCode::Revoked,
            Self::Void(VoidReason::TooLarge | VoidReason::Full) => ErrorCode::TooLarge,
            Self::Void(
                VoidReason::Malformed
                | VoidReason::Suite
                | VoidReason::ForeignConversation
                | VoidReason::Signature
                | VoidReason::DeviceNotCertified,
            ) => ErrorCode::Malformed,
            Self::Void(_) => ErrorCode::NotPermitted,
        };
        Err(code.into())
    }
}

impl<S: Store> Office<S> {
    /// Applies the events of a job to a copy of the state.
    pub(super) async fn judge(
        &self,
        loaded: &Loaded,
        job: &AppendJob,
    ) -> Outcome<Result<Judged, Fault>> {
        let head = loaded.state.head().0;
        let base = job
            .events
            .iter()
            .map(|parsed| parsed.header.base_n)
            .min()
            .unwrap_or(head);
        let older = if base >= loaded.recent.reach() || base > head {
            None
        } else if head - base > LAG_MAX {
            return Ok(Err(Fault::Lag));
        } else {
            Some(self.older(&job.conv, &loaded.recent, base).await?)
        };
        let mut judged = Judged::on(loaded);
        for parsed in &job.events {
            if let Err(fault) = self
                .judge_one(&mut judged, loaded, older.as_ref(), parsed)
                .await?
            {
                return Ok(Err(fault));
            }
        }
        Ok(Ok(judged))
    }

    /// Applies one event on top of what was judged before. After a fault the state is no longer of use.
    pub(super) async fn judge_one(
        &self,
        judged: &mut Judged,
        loaded: &Loaded,
        older: Option<&Steps>,
        parsed: &Parsed,
    ) -> Outcome<Result<(), Fault>> {
        let position = judged.state.head().0 + 1;
        let effect = loop {
            let Judged {
                state,
                accounts,
                steps,
                ..
            } = judged;
            let evidence = Evidence {
                accounts,
                older,
                recent: &loaded.recent,
                fresh: steps,
            };
            let verdict = state.apply(position, &parsed.event, &evidence);
            match verdict.map_err(|_| Refused::Damaged("positions do not follow"))? {
                Verdict::Valid(effect) => break effect,
                Verdict::Void(reason) => return Ok(Err(Fault::Void(reason))),
                Verdict::Fork(_) => return Ok(Err(Fault::Fork)),
                Verdict::NeedsAccount(id) => match self.account(&id).await? {
                    Some(known) if !accounts.contains_key(&id) => {
                        accounts.insert(id, known);
                    }
                    _ => return Ok(Err(Fault::NoAccount)),
                },
            }
        };
        let log: LogHash = judged.state.head().1;
        judged.effects.push(effect);
        judged.steps.push(Step {
            hash: parsed.hash,
            log,
        });
        Ok(Ok(()))
    }
}

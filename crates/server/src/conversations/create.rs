//! The beginning of a conversation: one with oneself, one with each other account, any number of
//! rooms.

use super::judge::Parsed;
use super::loading::{Evidence, Steps};
use crate::observer::Seen;
use crate::office::Office;
use crate::records::{self, ConversationRow, PlaceRow};
use crate::refused::Outcome;
use crate::storage::{Append, Idem, LogId, NewEvent, Revision, Store, StoreError, Write};
use bytes::Bytes;
use std::collections::HashMap;
use subrosa_ledger::{Conversation, CreateError, VoidReason};
use subrosa_proto::{
    AccountId, ConvId, DeviceId, ErrorCode, Form, LogHash, Response, encode, limits,
};

impl<S: Store> Office<S> {
    /// Opens a conversation by its create event.
    pub(crate) async fn create(
        &self,
        account: &AccountId,
        device: &DeviceId,
        counter: u64,
        event: Bytes,
    ) -> Outcome<Response> {
        let parsed = Parsed::read(event, account, device)?;
        let state = self.judge_create(&parsed).await?;
        let conv = state.id();
        let peer = match state.form() {
            Form::Own | Form::Room => None,
            Form::Direct => Some(state.peer(account).ok_or(ErrorCode::Malformed)?),
        };
        let idem = Idem {
            device: device.0,
            counter,
        };
        let mut writes = creation_writes(&state, account);
        writes.push(new(records::control(&conv, 1), parsed.bytes.clone()));
        if let Some(peer) = &peer {
            self.check_peer(account, peer, &state).await?;
            let pending = state.member(peer).is_some_and(|member| member.pending);
            writes.extend(peer_writes(&conv, peer, pending));
        }
        let now_ms = self.now_ms();
        let size = parsed.bytes.len();
        let mut append = Append::new(
            LogId(conv.0),
            idem,
            now_ms,
            vec![NewEvent::plain(parsed.bytes)],
        );
        append.writes = writes;
        let appended = match self.store.append(append).await {
            // There is one already; it is among the account's conversations.
            Err(StoreError::Conflict { .. }) => return Err(ErrorCode::Conflict.into()),
            other => other?,
        };
        if !appended.repeated {
            tracing::debug!(?conv, account = ?account, size, "conversation created");
            self.see(|| Seen::Created {
                conv,
                account: *account,
            });
        }
        for account in std::iter::once(account).chain(&peer) {
            self.delivery.joined(account, &conv);
        }
        Ok(Response::Appended {
            first: appended.first,
            time_ms: appended.time_ms,
        })
    }

    pub(super) async fn judge_create(&self, parsed: &Parsed) -> Outcome<Conversation> {
        let mut accounts = HashMap::new();
        let recent = Steps::from(1, LogHash::START);
        loop {
            let evidence = Evidence {
                accounts: &accounts,
                older: None,
                recent: &recent,
                fresh: &[],
            };
            match Conversation::create(&parsed.event, &evidence) {
                Ok(state) => return Ok(state),
                Err(CreateError::NeedsAccount(id)) if !accounts.contains_key(&id) => {
                    accounts.insert(id, self.account(&id).await?.ok_or(ErrorCode::NotFound)?);
                }
                Err(CreateError::NeedsAccount(_)) => return Err(ErrorCode::NotFound.into()),
                Err(CreateError::Void(VoidReason::Scope)) => {
                    return Err(ErrorCode::NotPermitted.into());
                }
                Err(CreateError::Void(reason)) => {
                    tracing::debug!(%reason, "not the beginning of a conversation");
                    return Err(ErrorCode::Malformed.into());
                }
            }
        }
    }

    /// A direct conversation has to be accepted by its peer, who has only so many requests waiting;
    /// or its author has used an invite of the peer, which is the peer's acceptance.
    async fn check_peer(
        &self,
        account: &AccountId,
        peer: &AccountId,
        state: &Conversation,
    ) -> Outcome<()> {
        let known = self.account(peer).await?.ok_or(ErrorCode::NotFound)?;
        if !subrosa_ledger::may_be_asked(&known.account, account) {
            return Err(ErrorCode::NotPermitted.into());
        }
        if state.invite().is_some() {
            let guest = self.record(records::guest(peer, account)).await?;
            return guest.map(drop).ok_or(ErrorCode::NotPermitted.into());
        }
        let waiting = self
            .store
            .scan(records::waiting(peer), None, limits::PENDING_REQUESTS_MAX)
            .await?;
        if waiting.len() >= limits::PENDING_REQUESTS_MAX {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(())
    }
}

fn new(key: crate::storage::RecordKey, value: Bytes) -> Write {
    Write {
        key,
        expected: Revision::ABSENT,
        value: Some(value),
    }
}

pub(super) fn creation_writes(state: &Conversation, account: &AccountId) -> Vec<Write> {
    let conv = state.id();
    let (position, log) = state.head();
    let row = ConversationRow {
        position,
        log,
        state: encode(state),
    };
    let mut writes = vec![
        new(records::conversation(&conv), encode(&row)),
        new(records::place(account, &conv), encode(&PlaceRow::whole(1))),
    ];
    let pair = match state.form() {
        Form::Own => Some(records::pair(account, account)),
        Form::Direct => state
            .peer(account)
            .map(|peer| records::pair(account, &peer)),
        Form::Room => None,
    };
    writes.extend(pair.map(|key| new(key, encode(&conv))));
    writes
}

pub(super) fn peer_writes(conv: &ConvId, peer: &AccountId, pending: bool) -> Vec<Write> {
    let place = if pending {
        PlaceRow::new(1)
    } else {
        PlaceRow::whole(1)
    };
    let mut writes = vec![new(records::place(peer, conv), encode(&place))];
    if pending {
        writes.push(new(records::waiting_in(peer, conv), Bytes::new()));
    }
    writes
}

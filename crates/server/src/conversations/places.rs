//! Places: which account may read which part of which conversation.

use crate::office::Office;
use crate::records::{self, PlaceRow};
use crate::refused::{Outcome, Refused};
use crate::storage::{LogId, Record, RecordKey, Revision, Store, Write};
use bytes::Bytes;
use subrosa_ledger::Conversation;
use subrosa_proto::{AccountId, Control, ConvHead, ConvId, ErrorCode, encode};

/// Conversations in one page of their list.
const HEADS_MAX: usize = 200;

impl<S: Store> Office<S> {
    /// The account's place in a conversation, present or past.
    pub(crate) async fn place(
        &self,
        account: &AccountId,
        conv: &ConvId,
    ) -> Outcome<Option<PlaceRow>> {
        let record = self.record(records::place(account, conv)).await?;
        record
            .map(|record| Ok(records::decode(&record.value)?))
            .transpose()
    }

    /// The account's places in conversations, in their order, and whether it has accepted each.
    pub(crate) async fn places<'a>(
        &self,
        account: &AccountId,
        convs: impl Iterator<Item = &'a ConvId>,
    ) -> Outcome<Vec<Option<(PlaceRow, bool)>>> {
        let pairs = convs.map(|conv| {
            [
                records::place(account, conv),
                records::waiting_in(account, conv),
            ]
        });
        let found = self.store.get(pairs.flatten().collect()).await?;
        let read = |pair: &[Option<Record>]| match pair {
            [Some(place), waiting] => Ok(Some((records::decode(&place.value)?, waiting.is_none()))),
            _ => Ok(None),
        };
        found.chunks(2).map(read).collect()
    }

    /// The place of an account that is a member and has accepted.
    pub(crate) async fn joined_place(
        &self,
        account: &AccountId,
        conv: &ConvId,
    ) -> Outcome<PlaceRow> {
        let keys = vec![
            records::place(account, conv),
            records::waiting_in(account, conv),
        ];
        let found = self.store.get(keys).await?;
        let [Some(place), None] = found.as_slice() else {
            return Err(ErrorCode::NotFound.into());
        };
        let place: PlaceRow = records::decode(&place.value)?;
        if place.until.is_some() {
            Err(ErrorCode::NotFound.into())
        } else {
            Ok(place)
        }
    }

    /// Whether two accounts have a direct conversation that both have accepted. Neither can leave it, so
    /// that what was true once stays true.
    pub(super) async fn are_contacts(&self, a: &AccountId, b: &AccountId) -> Outcome<bool> {
        if a == b {
            return Ok(false);
        }
        let Some(pair) = self.record(records::pair(a, b)).await? else {
            return Ok(false);
        };
        let conv: ConvId = records::decode(&pair.value)?;
        let waiting = [a, b].map(|account| records::waiting_in(account, &conv));
        let waiting = self.store.get(waiting.to_vec()).await?;
        Ok(waiting.iter().all(Option::is_none))
    }

    /// The conversations of an account after one of them, and whether there are more.
    pub(crate) async fn conversation_heads(
        &self,
        account: &AccountId,
        after: Option<ConvId>,
    ) -> Outcome<(Vec<ConvHead>, bool)> {
        let after = after.map(|conv| records::place(account, &conv));
        let page = self
            .store
            .scan(records::places(account), after, HEADS_MAX)
            .await?;
        let convs: Vec<[u8; 32]> = page
            .iter()
            .filter_map(|(key, _)| records::last_id(key))
            .collect();
        let heads = self
            .store
            .heads(convs.iter().map(|conv| LogId(*conv)).collect())
            .await?;
        let mut list = Vec::with_capacity(convs.len());
        for ((conv, head), (_, record)) in convs.iter().zip(heads).zip(&page) {
            let place: PlaceRow = records::decode(&record.value)?;
            let head = place.until.unwrap_or(head);
            list.push(ConvHead {
                conv: ConvId(*conv),
                head,
                trimmed: 0,
            });
        }
        Ok((list, page.len() == HEADS_MAX))
    }

    /// The records that change with a valid control event at this position; `state` is what it
    /// has led to.
    pub(super) async fn place_writes(
        &self,
        state: &Conversation,
        author: &AccountId,
        position: u64,
        control: &Control,
    ) -> Outcome<Vec<Write>> {
        let account = match control {
            Control::Add { account, .. }
            | Control::Remove { account }
            | Control::SetRole { account, .. } => account,
            Control::Leave {} | Control::Accept {} => author,
            _ => return Ok(Vec::new()),
        };
        let conv = &state.id();
        let keys = [
            records::place(account, conv),
            records::waiting_in(account, conv),
        ];
        let found = self.store.get(keys.to_vec()).await?;
        let [place, waiting] = found.as_slice() else {
            return Err(Refused::Damaged("records were left out"));
        };
        let [place_key, waiting_key] = keys;
        let member = state.member(account);
        let waits = member.is_some_and(|member| member.pending);
        let waits = waits.then(Bytes::new);
        let mut writes = Vec::new();
        if waits.is_none() || waiting.is_none() {
            writes.extend(change(waiting_key, waiting.as_ref(), waits));
        }
        let mut row = match (control, place) {
            (Control::Add { .. }, _) => PlaceRow::new(position),
            (_, Some(place)) => records::decode(&place.value)?,
            (_, None) => return Err(Refused::Damaged("a member has no place")),
        };
        if member.is_none() {
            row.until = Some(position);
        }
        let reads = state.recipients().any(|id| id == *account);
        row.reading(position, reads);
        writes.extend(change(place_key, place.as_ref(), Some(encode(&row))));
        Ok(writes)
    }
}

/// The write that brings a record to a value, or deletes it; none if it is not there anyway.
fn change(key: RecordKey, present: Option<&Record>, value: Option<Bytes>) -> Option<Write> {
    let expected = present.map_or(Revision::ABSENT, |record| record.revision);
    (value.is_some() || present.is_some()).then_some(Write {
        key,
        expected,
        value,
    })
}

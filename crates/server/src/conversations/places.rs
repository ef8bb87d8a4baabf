//! Places: which account may read which part of which conversation.

use crate::office::Office;
use crate::records::{self, PlaceRow};
use crate::refused::{Outcome, Refused};
use crate::storage::{LogId, Revision, Store, Write};
use bytes::Bytes;
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

    /// The records that change with a valid control event at this position.
    pub(super) async fn place_writes(
        &self,
        conv: &ConvId,
        author: &AccountId,
        position: u64,
        control: &Control,
    ) -> Outcome<Vec<Write>> {
        let (gone, come) = match control {
            Control::Add { account, .. } => (None, Some(account)),
            Control::Remove { account } => (Some(account), None),
            Control::Leave {} => (Some(author), None),
            Control::Accept {} => {
                let key = records::waiting_in(author, conv);
                let record = self.record(key.clone()).await?;
                let delete = |record: crate::storage::Record| Write {
                    key,
                    expected: record.revision,
                    value: None,
                };
                return Ok(record.map(delete).into_iter().collect());
            }
            _ => return Ok(Vec::new()),
        };
        let Some(account) = gone.or(come) else {
            return Ok(Vec::new());
        };
        let keys = vec![
            records::place(account, conv),
            records::waiting_in(account, conv),
        ];
        let found = self.store.get(keys.clone()).await?;
        let revision = |at: usize| {
            found
                .get(at)
                .and_then(Option::as_ref)
                .map_or(Revision::ABSENT, |record| record.revision)
        };
        let mut keys = keys.into_iter();
        let (Some(place), Some(waiting)) = (keys.next(), keys.next()) else {
            return Err(Refused::Damaged("a key was lost"));
        };
        let mut writes = Vec::new();
        if come.is_some() {
            let row = PlaceRow {
                since: position,
                until: None,
            };
            writes.push(Write {
                key: place,
                expected: revision(0),
                value: Some(encode(&row)),
            });
            writes.push(Write {
                key: waiting,
                expected: revision(1),
                value: Some(Bytes::new()),
            });
        } else {
            if let Some(Some(record)) = found.first() {
                let old: PlaceRow = records::decode(&record.value)?;
                let row = PlaceRow {
                    until: Some(position),
                    ..old
                };
                writes.push(Write {
                    key: place,
                    expected: record.revision,
                    value: Some(encode(&row)),
                });
            }
            if revision(1) != Revision::ABSENT {
                writes.push(Write {
                    key: waiting,
                    expected: revision(1),
                    value: None,
                });
            }
        }
        Ok(writes)
    }
}

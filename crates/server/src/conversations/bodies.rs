//! Bodies that go before their events: when a message's timer has run out, and when a later message
//! deletes it. What is left of the event still verifies (docs/spec/ledger.md §6.7, §7.7).

use super::reading::Reader;
use crate::hash;
use crate::office::Office;
use crate::records::{self, DueRow, PlaceRow};
use crate::refused::{Outcome, Refused};
use crate::storage::{Commit, LogId, RecordKey, Release, Revision, Store, StoreError, Write};
use bytes::Bytes;
use subrosa_ledger::Conversation;
use subrosa_proto::{
    Absence, Carried, ConvId, Delivered, Event, EventKind, Header, MessageFields, TrimmedEvent,
    encode, timer_ms,
};

/// Bodies dropped in one step.
const STEP: usize = 256;

impl<S: Store> Office<S> {
    /// The records of what a message makes due: its own end, and that of the body it deletes.
    pub(super) async fn due_writes(
        &self,
        state: &Conversation,
        header: &Header,
        (conv, position, now_ms): (&ConvId, u64, u64),
        fields: &MessageFields,
    ) -> Outcome<Vec<Write>> {
        let mut due = Vec::new();
        if let Some(life_ms) = timer_ms(fields.timer) {
            let at = records::due_at(now_ms.saturating_add(life_ms), conv, position);
            due.push((at, Absence::Expired));
        }
        if let Some(target) = fields.deletes
            && let Some((_, event)) = self.stored(conv, target).await?
            && let Carried::Whole(event) = Carried::read(&event).map_err(damaged)?
        {
            let of: Header = records::decode(&event.header)?;
            let message = of.kind == EventKind::Message as u8;
            if message && state.may_delete(&header.account, &of.account) {
                due.push((records::due_at(0, conv, target), Absence::Deleted));
            }
        }
        let mut writes = Vec::new();
        for (key, why) in due {
            // Two deletions of one body are one.
            if self.record(key.clone()).await?.is_none() {
                writes.push(Write {
                    key,
                    expected: Revision::ABSENT,
                    value: Some(encode(&DueRow { why })),
                });
            }
        }
        Ok(writes)
    }

    /// Drops the bodies that are due. What fails is tried again at the next time.
    pub(crate) async fn drop_bodies(&self) {
        if let Err(error) = self.drop_due().await {
            error.report();
        }
    }

    async fn drop_due(&self) -> Outcome<()> {
        let now_ms = self.now_ms();
        loop {
            let page = self.store.scan(records::due(), None, STEP).await?;
            let due = page.iter().filter_map(|(key, record)| {
                let (time_ms, conv, position) = records::due_of(key)?;
                (time_ms <= now_ms).then_some((key, record, conv, position))
            });
            let due: Vec<_> = due.collect();
            if due.is_empty() {
                return Ok(());
            }
            for (key, record, conv, position) in due {
                let row: DueRow = records::decode(&record.value)?;
                self.drop_body(&conv, position, row.why).await?;
                self.forget_due(key.clone(), record.revision).await?;
            }
        }
    }

    async fn drop_body(&self, conv: &ConvId, position: u64, why: Absence) -> Outcome<()> {
        let Some((_, bytes)) = self.stored(conv, position).await? else {
            return Ok(());
        };
        if let Carried::Whole(event) = Carried::read(&bytes).map_err(damaged)? {
            let left = trim(&event, why);
            let log = LogId(conv.0);
            self.store
                .release(Release::Event {
                    log,
                    position,
                    left,
                })
                .await?;
        }
        self.delivery.forget(conv);
        Ok(())
    }

    async fn forget_due(&self, key: RecordKey, expected: Revision) -> Outcome<()> {
        let writes = vec![Write {
            key,
            expected,
            value: None,
        }];
        let commit = Commit {
            idem: None,
            now_ms: self.now_ms(),
            guards: Vec::new(),
            writes,
        };
        match self.store.commit(commit).await {
            // Somebody else was faster.
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a reader is shown of an event at a position: all of it, or what is left without the body
/// that has run out or is not for this reader. Boxes go with what may be read.
pub(super) fn shown(
    mut delivered: Delivered,
    position: u64,
    place: &PlaceRow,
    reader: &Reader,
    now_ms: u64,
) -> Outcome<Delivered> {
    let Carried::Whole(event) = delivered.carried().map_err(damaged)? else {
        return Ok(delivered);
    };
    let header: Header = records::decode(&event.header)?;
    if header.kind == EventKind::Control as u8 {
        return Ok(delivered);
    }
    let why = if header.account != reader.account && !place.may_read(position) {
        delivered.boxes.clear();
        Absence::Withheld
    } else if expired(&header, delivered.time_ms, now_ms) {
        Absence::Expired
    } else {
        return Ok(delivered);
    };
    delivered.event = trim(&event, why);
    Ok(delivered)
}

fn expired(header: &Header, arrived_ms: u64, now_ms: u64) -> bool {
    if header.kind != EventKind::Message as u8 {
        return false;
    }
    let fields = subrosa_proto::decode::<MessageFields>(&header.fields);
    let life_ms = fields.ok().and_then(|fields| timer_ms(fields.timer));
    life_ms.is_some_and(|life_ms| arrived_ms.saturating_add(life_ms) <= now_ms)
}

/// What is left of an event without its body.
fn trim(event: &Event, why: Absence) -> Bytes {
    encode(&TrimmedEvent {
        header: event.header.clone(),
        body_hash: hash::sha256(&[&event.body]),
        signature: event.signature,
        why,
    })
}

fn damaged(_: subrosa_proto::CodecError) -> Refused {
    Refused::Damaged("a stored event cannot be read")
}

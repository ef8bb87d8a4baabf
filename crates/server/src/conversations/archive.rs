//! The archive of an account: boxes to its history key, and the packs that stand in for them
//! (docs/spec/e2e.md §4.4, docs/spec/ledger.md §9.4).

use super::boxes::DEVICE_BOX_DAYS;
use super::reading::{Reader, history_recipient};
use crate::hash;
use crate::office::Office;
use crate::records::{self, PlaceRow};
use crate::refused::Outcome;
use crate::storage::{
    Append, Attach, Day, Idem, LogId, Read, Recipient, Revision, SideRead, SideRow, Store,
    StoreError, Write,
};
use bytes::Bytes;
use subrosa_proto::{
    AccountId, BoxKind, ConvId, ErrorCode, KeyAt, KeyBox, KeysWanted, Response, encode, limits,
};

/// Boxes of one answer, and their bytes: each comes with a key event.
const BOXES_MAX: usize = 64;
const BOX_BYTES_MAX: usize = 96 * 1024;
/// Bare positions of one answer.
const POSITIONS_MAX: usize = 2_048;
/// Rows are looked at in so many steps for one answer: an archive that was packed holds few others.
const STEPS_MAX: usize = 16;

/// A pack on its way into the store.
pub(crate) struct Packing {
    pub(crate) idem: Idem,
    /// Where the boxes lie that it stands in for.
    pub(crate) positions: Vec<u64>,
    /// The pack, encoded.
    pub(crate) bytes: Bytes,
}

/// For whom a pack lies in the store: beside its event a box of the same account may lie.
fn pack_recipient(account: &AccountId) -> Recipient {
    Recipient(hash::sha256(&[b"subrosa/1 pack-recipient\0", &account.0]))
}

impl<S: Store> Office<S> {
    /// The account's boxes above a position. Whoever asks for more than positions has proved the
    /// password on this connection.
    pub(crate) async fn keys(
        &self,
        reader: &Reader,
        conv: &ConvId,
        place: &PlaceRow,
        after: u64,
        which: KeysWanted,
    ) -> Outcome<Response> {
        if !reader.by_password && which != KeysWanted::Positions {
            return Err(ErrorCode::NotPermitted.into());
        }
        let last = place.until.unwrap_or(u64::MAX);
        let (recipient, count) = match which {
            KeysWanted::Packs => (pack_recipient(&reader.account), BOXES_MAX),
            KeysWanted::Positions => (history_recipient(&reader.account), POSITIONS_MAX),
            _ => (history_recipient(&reader.account), BOXES_MAX),
        };
        let in_pack = which == KeysWanted::Packed;
        let mut to = after.max(place.since.saturating_sub(1)).min(u64::MAX >> 1);
        let (mut found, mut more) = (Vec::new(), true);
        for _ in 0..STEPS_MAX {
            let rows = self.side_rows(conv, recipient, to, count).await?;
            let Some((reached, _)) = rows.last().filter(|_| to < last) else {
                more = false;
                break;
            };
            to = *reached;
            let wanted = rows.into_iter();
            found.extend(
                wanted.filter(|(position, row)| {
                    *position <= last && row.last_day.is_some() == in_pack
                }),
            );
            if !found.is_empty() {
                break;
            }
        }
        let keys = match which {
            KeysWanted::Packs => found
                .into_iter()
                .map(|(position, row)| KeyAt {
                    position,
                    time_ms: 0,
                    event: None,
                    key_box: Some(row.bytes),
                })
                .collect(),
            KeysWanted::Positions => found
                .into_iter()
                .map(|(position, _)| KeyAt {
                    position,
                    time_ms: 0,
                    event: None,
                    key_box: None,
                })
                .collect(),
            KeysWanted::Boxes | KeysWanted::Packed => self.with_events(conv, found).await?,
        };
        Ok(Response::Keys { keys, to, more })
    }

    async fn side_rows(
        &self,
        conv: &ConvId,
        recipient: Recipient,
        after: u64,
        count: usize,
    ) -> Outcome<Vec<(u64, SideRow)>> {
        let read = SideRead {
            log: LogId(conv.0),
            recipient,
            after,
            count,
            bytes: BOX_BYTES_MAX.max(count * 1_536),
        };
        Ok(self.store.side(read).await?)
    }

    /// Boxes with the key events beside which they lie.
    async fn with_events(&self, conv: &ConvId, rows: Vec<(u64, SideRow)>) -> Outcome<Vec<KeyAt>> {
        let mut keys = Vec::with_capacity(rows.len());
        for (position, row) in rows {
            let read = Read {
                log: LogId(conv.0),
                from: position,
                count: 1,
                bytes: 1,
                recipients: Vec::new(),
            };
            let page = self.store.read(read).await?;
            let event = page
                .events
                .into_iter()
                .find(|event| event.position == position);
            if let Some(event) = event {
                keys.push(KeyAt {
                    position,
                    time_ms: event.time_ms,
                    event: Some(event.bytes),
                    key_box: Some(row.bytes),
                });
            }
        }
        Ok(keys)
    }

    /// Puts a pack beside the last of its key events. The boxes stay for as long as a device may be
    /// away, in case the pack is not what it says.
    pub(crate) async fn pack(
        &self,
        account: &AccountId,
        conv: &ConvId,
        place: &PlaceRow,
        packing: Packing,
    ) -> Outcome<()> {
        check_pack(account, &packing)?;
        let boxes = self
            .boxes_to_pack(account, conv, place, &packing.positions)
            .await?;
        let Some(last) = packing.positions.last().copied() else {
            return Err(ErrorCode::Malformed.into());
        };
        let key = records::packed(account, conv);
        let present = self.record(key.clone()).await?;
        let count: u64 = match &present {
            Some(record) => records::decode(&record.value)?,
            None => 0,
        };
        let boxes = match boxes {
            Some(boxes) => boxes,
            // Somebody else has packed them, or this is a repetition; the store knows which.
            None => return self.packed_before(conv, packing.idem).await,
        };
        let now_ms = self.now_ms();
        let gone_after = Day::of_ms(now_ms).plus(DEVICE_BOX_DAYS);
        let mut append = Append::new(LogId(conv.0), packing.idem, now_ms, Vec::new());
        append.attach = boxes
            .into_iter()
            .map(|(position, row)| Attach {
                position,
                row: SideRow {
                    last_day: Some(gone_after),
                    ..row
                },
            })
            .collect();
        append.attach.push(Attach {
            position: last,
            row: SideRow {
                recipient: pack_recipient(account),
                last_day: None,
                bytes: packing.bytes,
            },
        });
        append.writes.push(Write {
            key,
            expected: present.map_or(Revision::ABSENT, |record| record.revision),
            value: Some(encode(&(count + 1))),
        });
        match self.store.append(append).await {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict { .. } | StoreError::GuardFailed { .. }) => {
                Err(ErrorCode::Conflict.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether this very request was carried out before.
    async fn packed_before(&self, conv: &ConvId, idem: Idem) -> Outcome<()> {
        match self.earlier(conv, idem).await? {
            Some(_) => Ok(()),
            None => Err(ErrorCode::Conflict.into()),
        }
    }

    /// The boxes at exactly these positions; nothing if one is missing or in a pack already.
    async fn boxes_to_pack(
        &self,
        account: &AccountId,
        conv: &ConvId,
        place: &PlaceRow,
        positions: &[u64],
    ) -> Outcome<Option<Vec<(u64, SideRow)>>> {
        let last = place.until.unwrap_or(u64::MAX);
        let mut boxes = Vec::with_capacity(positions.len());
        for position in positions {
            if *position < place.since.max(1) || *position > last {
                return Err(ErrorCode::NotFound.into());
            }
            let rows = self
                .side_rows(conv, history_recipient(account), position - 1, 1)
                .await?;
            let found = rows
                .into_iter()
                .find(|(at, row)| at == position && row.last_day.is_none());
            match found {
                Some(found) => boxes.push(found),
                None => return Ok(None),
            }
        }
        Ok(Some(boxes))
    }
}

fn check_pack(account: &AccountId, packing: &Packing) -> Outcome<()> {
    let positions = &packing.positions;
    if packing.bytes.len() > limits::PACK_BYTES_MAX || positions.len() > limits::PACK_SESSIONS_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let key_box: KeyBox =
        subrosa_proto::decode(&packing.bytes).map_err(|_| ErrorCode::Malformed)?;
    let good = key_box.kind == BoxKind::Pack
        && key_box.recipient == account.0
        && positions.len() > 1
        && positions.is_sorted_by(|a, b| a < b)
        && positions.iter().all(|position| *position < u64::MAX >> 1);
    if good {
        Ok(())
    } else {
        Err(ErrorCode::Malformed.into())
    }
}

//! Boxes that were lost: a device asks, the device that opened the session is told and gives another
//! one (docs/spec/ledger.md §9.4). The server keeps the question until it is answered or over.

use super::boxes::{BOX_BYTES_MAX, DEVICE_BOX_DAYS};
use super::reading::{Reader, history_recipient};
use crate::delivery::Seat;
use crate::office::Office;
use crate::records::{self, AskRow, PlaceRow};
use crate::refused::Outcome;
use crate::storage::{
    Append, Attach, Commit, Day, Idem, LogId, Read, Recipient, Record, RecordKey, Revision,
    SideRow, Store, StoreError, Write,
};
use bytes::Bytes;
use std::sync::Arc;
use subrosa_proto::{
    BoxKind, ConvId, Delivered, ErrorCode, Event, EventKind, Header, KeyBox, Page, Push, Response,
    encode, limits,
};

/// Questions in one step of a sweep.
const STEP: usize = 256;

/// A box made anew.
pub(crate) struct NewBox {
    pub(crate) conv: ConvId,
    /// Of the key event.
    pub(crate) position: u64,
    /// The box, encoded.
    pub(crate) bytes: Bytes,
}

/// A key event as it lies in the log.
struct KeyEvent {
    time_ms: u64,
    bytes: Bytes,
    header: Header,
}

impl<S: Store> Office<S> {
    /// A device has no box that opens. Answered by the page with the box, if one lies there.
    pub(crate) async fn ask_box(
        &self,
        reader: &Reader,
        conv: &ConvId,
        place: &PlaceRow,
        position: u64,
    ) -> Outcome<Response> {
        let (event, boxes) = self.key_event(reader, conv, place, position).await?;
        let opener = event.header.device;
        let waiting = self
            .store
            .scan(records::asks_in(&opener, conv), None, limits::ASKS_MAX)
            .await?;
        if waiting.len() >= limits::ASKS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let row = AskRow {
            conv: *conv,
            position,
            account: reader.account,
            device: reader.device,
            since_ms: self.now_ms(),
        };
        let key = records::ask(&opener, conv, position, &reader.device);
        let expected = self
            .record(key.clone())
            .await?
            .map_or(Revision::ABSENT, |record| record.revision);
        self.write_ask(key, expected, Some(encode(&row))).await?;
        self.delivery.tell_box(&opener, &wanted(&row));
        if boxes.is_empty() {
            return Ok(Response::Done {});
        }
        let page = page_of(conv, position, &event, boxes);
        Ok(Response::Page { page })
    }

    /// A box for a device that asked, by the device that opened the session; or one to an account's
    /// own history key, by any device of the account.
    pub(crate) async fn give_box(
        &self,
        reader: &Reader,
        place: &PlaceRow,
        idem: Idem,
        given: NewBox,
    ) -> Outcome<()> {
        if given.bytes.len() > BOX_BYTES_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let key_box: KeyBox =
            subrosa_proto::decode(&given.bytes).map_err(|_| ErrorCode::Malformed)?;
        let NewBox { conv, position, .. } = given;
        let (event, _) = self.key_event(reader, &conv, place, position).await?;
        let now_ms = self.now_ms();
        let mut append = Append::new(LogId(conv.0), idem, now_ms, Vec::new());
        let (recipient, last_day) = match key_box.kind {
            BoxKind::History if key_box.recipient == reader.account.0 => {
                (history_recipient(&reader.account), None)
            }
            BoxKind::Device if event.header.device == reader.device => {
                let device = subrosa_proto::DeviceId(key_box.recipient);
                let key = records::ask(&reader.device, &conv, position, &device);
                let Some(asked) = self.record(key.clone()).await? else {
                    let before = self.earlier(&conv, idem).await?;
                    return before.map(|_| ()).ok_or_else(|| ErrorCode::NotFound.into());
                };
                append.writes.push(Write {
                    key,
                    expected: asked.revision,
                    value: None,
                });
                let last_day = Day::of_ms(now_ms).plus(DEVICE_BOX_DAYS);
                (Recipient(device.0), Some(last_day))
            }
            _ => return Err(ErrorCode::NotPermitted.into()),
        };
        append.attach.push(Attach {
            position,
            row: SideRow {
                recipient,
                last_day,
                bytes: given.bytes.clone(),
            },
        });
        match self.store.append(append).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. } | StoreError::GuardFailed { .. }) => {
                return Err(ErrorCode::Conflict.into());
            }
            Err(error) => return Err(error.into()),
        }
        if key_box.kind == BoxKind::Device {
            let page = page_of(&conv, position, &event, vec![given.bytes]);
            let device = subrosa_proto::DeviceId(key_box.recipient);
            self.delivery.tell_box(&device, &Push::Events { page });
        }
        Ok(())
    }

    /// What was asked of a device while it was away.
    pub(crate) async fn recall_asks(&self, seat: &Arc<Seat>) {
        match self
            .store
            .scan(records::asks_of(&seat.device), None, STEP)
            .await
        {
            Ok(asks) => {
                for row in asks.iter().filter_map(|(_, record)| self.open_ask(record)) {
                    seat.wanted(wanted(&row));
                }
            }
            // They are asked for again: nothing is lost with this.
            Err(error) => tracing::warn!(%error, "questions for boxes could not be read"),
        }
    }

    /// Forgets questions that nobody answers.
    pub(crate) async fn sweep_asks(&self) -> Outcome<()> {
        let mut after = None;
        loop {
            let asks = self.store.scan(records::asks(), after.take(), STEP).await?;
            for (key, record) in &asks {
                if self.open_ask(record).is_none() {
                    self.write_ask(key.clone(), record.revision, None).await?;
                }
            }
            match asks.last() {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(()),
            }
        }
    }

    /// A question that is not over.
    fn open_ask(&self, record: &Record) -> Option<AskRow> {
        let row: AskRow = records::decode(&record.value).ok()?;
        (row.since_ms.saturating_add(limits::ASK_MS) > self.now_ms()).then_some(row)
    }

    async fn write_ask(
        &self,
        key: RecordKey,
        expected: Revision,
        value: Option<Bytes>,
    ) -> Outcome<()> {
        let commit = Commit {
            idem: None,
            now_ms: self.now_ms(),
            guards: Vec::new(),
            writes: vec![Write {
                key,
                expected,
                value,
            }],
        };
        match self.store.commit(commit).await {
            // Asked or answered at this very moment: either is as good.
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The key event at a position that the account may read, with the asking device's boxes.
    async fn key_event(
        &self,
        reader: &Reader,
        conv: &ConvId,
        place: &PlaceRow,
        position: u64,
    ) -> Outcome<(KeyEvent, Vec<Bytes>)> {
        let last = place.until.unwrap_or(u64::MAX >> 1);
        if position < place.since.max(1) || position > last {
            return Err(ErrorCode::NotFound.into());
        }
        let read = Read {
            log: LogId(conv.0),
            from: position,
            count: 1,
            bytes: 1,
            recipients: vec![Recipient(reader.device.0)],
        };
        let page = self.store.read(read).await?;
        let stored = page
            .events
            .into_iter()
            .find(|event| event.position == position);
        let stored = stored.ok_or(ErrorCode::NotFound)?;
        let event: Event = records::decode(&stored.bytes)?;
        let header: Header = records::decode(&event.header)?;
        if u64::from(header.kind) != EventKind::Key.number() {
            return Err(ErrorCode::Malformed.into());
        }
        let boxes = stored.side.into_iter().map(|row| row.bytes).collect();
        let event = KeyEvent {
            time_ms: stored.time_ms,
            bytes: stored.bytes,
            header,
        };
        Ok((event, boxes))
    }
}

fn wanted(row: &AskRow) -> Push {
    Push::BoxWanted {
        conv: row.conv,
        position: row.position,
        account: row.account,
        device: row.device,
    }
}

/// The key event once more, with boxes: a position that the device has long passed.
fn page_of(conv: &ConvId, position: u64, event: &KeyEvent, boxes: Vec<Bytes>) -> Page {
    Page {
        conv: *conv,
        first: position,
        events: vec![Delivered {
            time_ms: event.time_ms,
            event: event.bytes.clone(),
            boxes,
        }],
        head: position,
    }
}

//! Events that clients bring back to a server that was restored from a copy (docs/spec/ledger.md
//! §14.3). They are judged as any append, but for who brings them, and stored at the positions
//! that they had: the log hash has to meet.

use super::append::AppendJob;
use super::boxes;
use super::judge::Parsed;
use super::loading::Loaded;
use crate::hash;
use crate::office::Office;
use crate::records;
use crate::refused::{Outcome, Refused};
use crate::storage::{Append, Attach, Idem, LogId, NewEvent, Read, SideRow, Store, StoreError};
use bytes::Bytes;
use std::collections::BTreeMap;
use subrosa_proto::{
    AccountId, ConvId, Delivered, DeviceId, ErrorCode, Event, EventKind, Form, Header, LogHash,
    Response, limits,
};

const RETURNED: &[u8] = b"subrosa/1 returned-events\0";
const RETURNED_BOXES: &[u8] = b"subrosa/1 returned-boxes\0";

/// Events that a device brings back.
#[derive(Debug)]
pub(crate) struct ReturnJob {
    pub(crate) conv: ConvId,
    /// Who brings them.
    pub(crate) account: AccountId,
    /// The position of the first.
    pub(crate) first: u64,
    /// L before it.
    pub(crate) before: LogHash,
    pub(crate) events: Vec<Given>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Given {
    parsed: Parsed,
    /// When it had arrived, says who brings it.
    time_ms: u64,
    rows: Vec<SideRow>,
}

impl Given {
    /// Reads an event of whoever made it.
    pub(crate) fn read(delivered: Delivered, now_ms: u64) -> Outcome<Self> {
        Ok(Self {
            parsed: Parsed::of_anyone(delivered.event)?,
            time_ms: delivered.time_ms,
            rows: rows(&delivered.boxes, now_ms)?,
        })
    }
}

/// At most one row for each recipient.
fn rows(boxes: &[Bytes], now_ms: u64) -> Outcome<Vec<SideRow>> {
    if boxes.len() > limits::STAGED_BOXES_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let last_day = boxes::last_day(now_ms);
    let mut rows = BTreeMap::new();
    for bytes in boxes {
        let row = boxes::row(bytes, last_day)?;
        rows.insert(row.recipient, row);
    }
    Ok(rows.into_values().collect())
}

impl<S: Store> Office<S> {
    /// How far a conversation reaches for an account, and L at a position or at the log's end,
    /// whichever comes first.
    pub(crate) async fn log_at(
        &self,
        account: &AccountId,
        conv: &ConvId,
        at: u64,
    ) -> Outcome<Response> {
        let copy_ms = self.takes_back();
        let place = self.place(account, conv).await?;
        if copy_ms.is_none() && place.is_none() {
            return Err(ErrorCode::NotFound.into());
        }
        let Some(loaded) = self.load(conv).await? else {
            return Ok(answer(0, (0, LogHash::START), copy_ms));
        };
        let head = loaded.state.head();
        // A former member waits for as much as is named here, and is given nothing behind its end.
        // After a restore one that has more may have been a member again behind the copy, and has
        // to meet the whole log.
        let until = place.and_then(|place| place.until);
        let until = until.filter(|until| copy_ms.is_none() || at <= *until);
        let end = until.map_or(head.0, |until| until.min(head.0));
        let at = at.min(end);
        if at >= head.0 {
            return Ok(answer(end, head, copy_ms));
        }
        if at == 0 {
            return Ok(answer(end, (0, LogHash::START), copy_ms));
        }
        let log = self.log_hash_at(conv, &loaded, at).await?;
        Ok(answer(end, (at, log), copy_ms))
    }

    async fn log_hash_at(&self, conv: &ConvId, loaded: &Loaded, at: u64) -> Outcome<LogHash> {
        if let Some(log) = loaded.recent.log(at) {
            return Ok(log);
        }
        let older = self.older(conv, &loaded.recent, at).await?;
        older
            .log(at)
            .ok_or(Refused::Damaged("a log hash is missing"))
    }

    /// Appends what follows on what is here. Events that do not are not looked at: the answer says
    /// how far the log reaches, and with which L.
    pub(super) async fn return_events(
        &self,
        loaded: &mut Option<Box<Loaded>>,
        job: ReturnJob,
    ) -> Outcome<Response> {
        let copy_ms = self.takes_back();
        if copy_ms.is_none() {
            return Err(ErrorCode::NotPermitted.into());
        }
        let mut events = job.events.into_iter();
        if loaded.is_none() {
            *loaded = self.load(&job.conv).await?;
        }
        let mut least_ms = 0;
        if loaded.is_none() && job.first == 1 {
            let authors: Vec<(AccountId, DeviceId)> = events
                .as_slice()
                .iter()
                .filter(|given| is_signed(given, &job.conv))
                .map(|given| (given.parsed.header.account, given.parsed.header.device))
                .collect();
            let Some(create) = events.next() else {
                return Err(ErrorCode::Malformed.into());
            };
            least_ms = self
                .return_create(&job.conv, &job.account, create, &authors)
                .await?;
            *loaded = self.load(&job.conv).await?;
        } else if let Some(loaded) = loaded
            && (loaded.state.head() != (job.first.saturating_sub(1), job.before))
        {
            let head = loaded.state.head();
            return Ok(answer(head.0, head, copy_ms));
        }
        let Some(current) = loaded else {
            return Err(ErrorCode::NotFound.into());
        };
        if least_ms == 0 {
            least_ms = self.arrived(&job.conv, current.state.head().0).await?;
        }
        for given in events {
            match self.return_event(current, &job.conv, given, least_ms).await {
                Ok(time_ms) => least_ms = time_ms,
                Err(refused) => {
                    if matches!(refused, Refused::Store(_)) {
                        *loaded = None;
                    }
                    return Err(refused);
                }
            }
        }
        let head = current.state.head();
        Ok(answer(head.0, head, copy_ms))
    }

    async fn return_event(
        &self,
        loaded: &mut Loaded,
        conv: &ConvId,
        given: Given,
        least_ms: u64,
    ) -> Outcome<u64> {
        let position = loaded.state.head().0 + 1;
        let header = &given.parsed.header;
        let job = AppendJob {
            conv: *conv,
            account: header.account,
            device: header.device,
            counter: position,
            events: vec![given.parsed],
        };
        let judged = match self.judge(loaded, &job).await? {
            Ok(judged) => judged,
            Err(fault) => {
                tracing::info!(
                    ?conv,
                    position,
                    ?fault,
                    "an event that was brought back does not fit"
                );
                return Err(match fault.answer(&loaded.state) {
                    Ok(_) => ErrorCode::Conflict.into(),
                    Err(refused) => refused,
                });
            }
        };
        let mut append = self.plan(loaded, &job, &judged).await?;
        append.idem = Idem {
            device: hash::sha256(&[RETURNED, &conv.0]),
            counter: position,
        };
        append.now_ms = given.time_ms.clamp(least_ms, self.now_ms().max(least_ms));
        let time_ms = append.now_ms;
        if let Some(event) = append.events.first_mut() {
            event.side = given.rows;
        }
        let appended = self.store.append(append).await?;
        if appended.repeated || appended.first != position {
            return Err(Refused::Store(StoreError::IdemReused));
        }
        self.advance(loaded, &job, judged, &appended);
        Ok(time_ms)
    }

    /// A conversation that is not here. That its peer had accepted it by an invite line has to be
    /// shown by the peer: by bringing it back, or by an event in it.
    async fn return_create(
        &self,
        conv: &ConvId,
        account: &AccountId,
        given: Given,
        authors: &[(AccountId, DeviceId)],
    ) -> Outcome<u64> {
        let parsed = given.parsed;
        let author = parsed.header.account;
        let state = self.judge_create(&parsed).await?;
        if state.id() != *conv {
            return Err(ErrorCode::Malformed.into());
        }
        let peer = match state.form() {
            Form::Own | Form::Room => None,
            Form::Direct => Some(state.peer(&author).ok_or(ErrorCode::Malformed)?),
        };
        if let Some(peer) = &peer {
            let known = self.account(peer).await?.ok_or(ErrorCode::NotFound)?;
            let by_peer = |(author, device): &(AccountId, DeviceId)| {
                author == peer && known.account.certified(device)
            };
            let shown = account == peer || authors.iter().any(by_peer);
            let guest = self.record(records::guest(peer, &author)).await?;
            if state.invite().is_some() && !shown && guest.is_none() {
                return Err(ErrorCode::NotPermitted.into());
            }
        }
        let mut writes = super::create::creation_writes(&state, &author);
        if let Some(peer) = &peer {
            let pending = state.member(peer).is_some_and(|member| member.pending);
            writes.extend(super::create::peer_writes(conv, peer, pending));
        }
        let idem = Idem {
            device: hash::sha256(&[RETURNED, &conv.0]),
            counter: 1,
        };
        let now_ms = given.time_ms.min(self.now_ms()).max(1);
        let events = vec![NewEvent::plain(parsed.bytes)];
        let mut append = Append::new(LogId(conv.0), idem, now_ms, events);
        append.writes = writes;
        match self.store.append(append).await {
            // These two have another one by now.
            Err(StoreError::Conflict { .. }) => return Err(ErrorCode::Conflict.into()),
            other => other?,
        };
        tracing::info!(?conv, "a conversation was brought back");
        for account in std::iter::once(&author).chain(&peer) {
            self.delivery.joined(account, conv);
        }
        Ok(now_ms)
    }

    /// When the event at a position had arrived.
    async fn arrived(&self, conv: &ConvId, position: u64) -> Outcome<u64> {
        Ok(self
            .stored(conv, position)
            .await?
            .map_or(0, |found| found.0))
    }

    /// The event at a position, with the time of its arrival.
    pub(super) async fn stored(
        &self,
        conv: &ConvId,
        position: u64,
    ) -> Outcome<Option<(u64, Bytes)>> {
        if position == 0 {
            return Ok(None);
        }
        let read = Read {
            log: LogId(conv.0),
            from: position,
            count: 1,
            bytes: 1,
            recipients: Vec::new(),
        };
        let page = self.store.read(read).await?;
        let found = page.events.into_iter().next();
        Ok(found
            .filter(|event| event.position == position)
            .map(|event| (event.time_ms, event.bytes)))
    }

    /// Boxes of a key event, brought back by the device that made it.
    pub(crate) async fn return_boxes(
        &self,
        device: &DeviceId,
        conv: &ConvId,
        position: u64,
        boxes: Vec<Bytes>,
    ) -> Outcome<()> {
        if self.takes_back().is_none() {
            return Err(ErrorCode::NotPermitted.into());
        }
        let (_, bytes) = self
            .stored(conv, position)
            .await?
            .ok_or(ErrorCode::NotFound)?;
        let event: Event = records::decode(&bytes)?;
        let header: Header = records::decode(&event.header)?;
        if header.device != *device || u64::from(header.kind) != EventKind::Key.number() {
            return Err(ErrorCode::NotFound.into());
        }
        let rows = rows(&boxes, self.now_ms())?;
        if rows.is_empty() {
            return Ok(());
        }
        let idem = Idem {
            device: hash::sha256(&[RETURNED_BOXES, &conv.0, &position.to_be_bytes()]),
            counter: self.now_ms(),
        };
        let mut append = Append::new(LogId(conv.0), idem, self.now_ms(), Vec::new());
        append.attach = rows
            .into_iter()
            .map(|row| Attach { position, row })
            .collect();
        self.store.append(append).await?;
        self.delivery.ring(conv, false);
        Ok(())
    }
}

/// Whether the device that it names made the event, in this conversation.
fn is_signed(given: &Given, conv: &ConvId) -> bool {
    let Parsed { event, header, .. } = &given.parsed;
    let text = subrosa_ledger::text::event(&event.header, &event.body);
    header.conv == *conv
        && subrosa_ledger::verify(&header.device.0, &text, &event.signature).is_ok()
}

fn answer(head: u64, at: (u64, LogHash), copy_ms: Option<u64>) -> Response {
    Response::LogAt {
        head,
        at: at.0,
        log: at.1,
        copy_ms,
    }
}

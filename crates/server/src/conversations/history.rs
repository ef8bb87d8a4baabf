//! What somebody needs to start in the middle of a log: the control events before its start, the
//! hashes from the base quoted there up to it, and the chains of those who signed
//! (docs/spec/ledger.md §7.8).

use crate::office::Office;
use crate::records;
use crate::refused::{Outcome, Refused};
use crate::storage::Store;
use std::collections::{BTreeSet, HashMap};
use subrosa_ledger::{Account, Conversation, carried_hash};
use subrosa_proto::{
    AccountId, Carried, Control, ConvId, DeviceId, ErrorCode, Event, EventHash, Header, Placed,
    Response, Signed, limits,
};

/// Control events looked at in one step.
const PAGE: usize = 256;
/// Accounts in one request for chains.
const ACCOUNTS_MAX: usize = 1_000;

impl<S: Store> Office<S> {
    /// The control events above a position and below the account's start.
    pub(crate) async fn control_history(
        &self,
        account: &AccountId,
        conv: &ConvId,
        after: u64,
    ) -> Outcome<Response> {
        let place = self
            .place(account, conv)
            .await?
            .filter(|place| place.until.is_none())
            .ok_or(ErrorCode::NotFound)?;
        let mut events = Vec::new();
        let mut left = limits::PAGE_BYTES_MAX;
        let mut last = after;
        loop {
            let page = self.controls(conv, last, PAGE).await?;
            let mut full = false;
            for placed in &page {
                if placed.position >= place.since {
                    break;
                }
                let size = placed.event.len() + 16;
                full = size > left && !events.is_empty();
                if full {
                    break;
                }
                left = left.saturating_sub(size);
                last = placed.position;
                events.push(placed.clone());
            }
            let end = page.last().is_none_or(|last| last.position >= place.since);
            if full || end {
                let hashes = if full {
                    Vec::new()
                } else {
                    self.hashes_before(conv, place.since).await?
                };
                return Ok(Response::ControlHistory {
                    since: place.since,
                    events,
                    hashes,
                    more: full,
                });
            }
        }
    }

    /// Hashes of the events between the base of the event at the start and the start.
    async fn hashes_before(&self, conv: &ConvId, since: u64) -> Outcome<Vec<EventHash>> {
        if since <= 1 {
            return Ok(Vec::new());
        }
        let record = self
            .record(records::control(conv, since))
            .await?
            .ok_or(Refused::Damaged("a start has no control event"))?;
        let event: Event = records::decode(&record.value)?;
        let header: Header = records::decode(&event.header)?;
        let mut hashes = Vec::new();
        let mut next = header.base_n + 1;
        while next < since {
            let wanted = usize::try_from(since - next).unwrap_or(PAGE).min(PAGE);
            let events = self.events(conv, next, wanted).await?;
            if events.is_empty() {
                return Err(Refused::Damaged("events are missing"));
            }
            next += events.len() as u64;
            hashes.extend(events.iter().map(carried_hash));
        }
        Ok(hashes)
    }

    /// Control events of a conversation after a position.
    async fn controls(&self, conv: &ConvId, after: u64, count: usize) -> Outcome<Vec<Placed>> {
        let after = (after > 0).then(|| records::control(conv, after));
        let page = self
            .store
            .scan(records::controls(conv), after, count)
            .await?;
        let placed = page.into_iter().filter_map(|(key, record)| {
            let position = records::last_position(&key)?;
            let event = record.value;
            Some(Placed { position, event })
        });
        Ok(placed.collect())
    }

    /// Chains of accounts that a conversation remembers. Of a member that has accepted, the whole;
    /// of anybody else as much as it takes to verify what it signed here and what ended its devices.
    pub(crate) async fn chains(
        &self,
        asking: &AccountId,
        conv: &ConvId,
        accounts: Vec<AccountId>,
    ) -> Outcome<Response> {
        if accounts.len() > ACCOUNTS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        self.place(asking, conv)
            .await?
            .filter(|place| place.until.is_none())
            .ok_or(ErrorCode::NotFound)?;
        let members = self.members(conv).await?.ok_or(ErrorCode::NotFound)?;
        let accepted: BTreeSet<AccountId> = members
            .into_iter()
            .filter(|(_, pending)| !pending)
            .map(|(account, _)| account)
            .collect();
        let remembered = self.named_devices(conv).await?;
        let mut chains = Vec::new();
        let mut left = limits::PAGE_BYTES_MAX;
        for id in accounts {
            let named = remembered.get(&id);
            if named.is_none() && !accepted.contains(&id) && id != *asking {
                return Err(ErrorCode::NotFound.into());
            }
            let known = self.account(&id).await?.ok_or(ErrorCode::NotFound)?;
            let statements = known.account.statements();
            let open = match named {
                Some(named) if !accepted.contains(&id) && id != *asking => {
                    needed(&known.account, named)
                }
                _ => statements.len(),
            };
            let chain: Vec<Signed> = statements.iter().take(open).cloned().collect();
            let size: usize = chain.iter().map(|signed| signed.body.len() + 80).sum();
            if size > left && !chains.is_empty() {
                break;
            }
            left = left.saturating_sub(size);
            chains.push(chain);
        }
        Ok(Response::Chains { chains })
    }

    /// Chains without which the event at a position cannot be judged: of its author, and of the
    /// account whose device it ends, as far as they certify the devices in question. Also for
    /// somebody who is no member any more, of the events that it may know.
    pub(crate) async fn author_chain(
        &self,
        asking: &AccountId,
        conv: &ConvId,
        position: u64,
    ) -> Outcome<Response> {
        self.place(asking, conv)
            .await?
            .filter(|place| place.since <= position)
            .filter(|place| place.until.is_none_or(|until| position <= until))
            .ok_or(ErrorCode::NotFound)?;
        let found = self.events(conv, position, 1).await?;
        let carried = found.first().ok_or(ErrorCode::NotFound)?;
        let header: Header = records::decode(carried.header_bytes())?;
        let ended = match carried {
            Carried::Whole(event) => Conversation::ended_device(event),
            Carried::Trimmed(_) => None,
        };
        let mut chains = Vec::new();
        for (id, device) in [(header.account, header.device)].into_iter().chain(ended) {
            let known = self.account(&id).await?.ok_or(ErrorCode::NotFound)?;
            let open = needed(&known.account, &BTreeSet::from([device]));
            let statements = known.account.statements();
            chains.push(statements.iter().take(open).cloned().collect());
        }
        Ok(Response::Chains { chains })
    }

    /// The devices that the control events of a conversation name: their authors, and those that
    /// they end. Accounts that were added are named without a device.
    async fn named_devices(
        &self,
        conv: &ConvId,
    ) -> Outcome<HashMap<AccountId, BTreeSet<DeviceId>>> {
        let mut named: HashMap<AccountId, BTreeSet<DeviceId>> = HashMap::new();
        let mut after = 0;
        loop {
            let page = self.controls(conv, after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(named);
            };
            after = last.position;
            for placed in &page {
                let event: Event = records::decode(&placed.event)?;
                let header: Header = records::decode(&event.header)?;
                named
                    .entry(header.account)
                    .or_default()
                    .insert(header.device);
                if let Some((account, device)) = Conversation::ended_device(&event) {
                    named.entry(account).or_default().insert(device);
                }
                if let Control::Add { account, .. } = records::decode(&event.body)? {
                    named.entry(account).or_default();
                }
            }
        }
    }
}

/// How many statements of a chain it takes to know these devices.
fn needed(account: &Account, devices: &BTreeSet<DeviceId>) -> usize {
    let added = devices
        .iter()
        .filter_map(|device| account.device(device))
        .map(|device| device.added);
    account.beginning(added.max().unwrap_or(0)).len()
}

//! A server as simple as can be: everything in memory, judged by `subrosa_ledger`. It does what it
//! is told, lies included.

mod places;

use bytes::Bytes;
use places::Place;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use subrosa_ledger::{
    Account, Conversation, Effect, Record, Verdict, VoidReason, body_hash, carried_hash, event_hash,
};
use subrosa_proto::{
    Absence, AccountId, BoxKind, Carried, Control, ConvHead, ConvId, Delivered, DeviceId,
    ErrorCode, Event, EventHash, EventKind, Form, Header, Incarnation, KeyAt, KeyBox, KeysWanted,
    LOGOUT_ID, LogHash, LoggedIn, Page, Placed, Prekey, Push, Refusal, Register, Request, Response,
    SessionId, Signed, TrimmedEvent, decode, encode,
};

/// An event in a log, with everybody's boxes.
#[derive(Clone)]
pub struct Posted {
    pub time_ms: u64,
    pub event: Bytes,
    pub boxes: Vec<Bytes>,
}

pub struct Log {
    pub events: Vec<Posted>,
    pub state: Conversation,
    places: BTreeMap<AccountId, Place>,
    known: Known,
}

/// What a log has shown so far.
#[derive(Default)]
struct Known {
    hashes: Vec<LogHash>,
    seen: BTreeSet<EventHash>,
}

/// That, and all accounts.
struct Judge<'a> {
    accounts: &'a BTreeMap<AccountId, Account>,
    known: &'a Known,
}

impl Record for Judge<'_> {
    fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }
    fn newest(&self, _: &AccountId) -> bool {
        true
    }
    fn log_hash(&self, n: u64) -> Option<LogHash> {
        match usize::try_from(n).unwrap().checked_sub(1) {
            None => Some(LogHash::START),
            Some(before) => self.known.hashes.get(before).copied(),
        }
    }
    fn seen(&self, event: &EventHash) -> bool {
        self.known.seen.contains(event)
    }
}

/// The server.
pub struct Office {
    pub accounts: BTreeMap<AccountId, Account>,
    pub prekeys: BTreeMap<DeviceId, Signed>,
    pub logs: BTreeMap<ConvId, Log>,
    pub receipts: BTreeMap<(ConvId, DeviceId), Signed>,
    /// Devices whose connection began with the password: they are given the history key's boxes.
    pub by_password: BTreeSet<DeviceId>,
    pub incarnation: Incarnation,
    pub now_ms: u64,
    /// Lets anybody make anybody a member who is not asked: a server that lies.
    pub lets_add: bool,
    /// Accounts in one answer.
    pub page_accounts: usize,
    /// Control events in one answer.
    pub page_controls: usize,
    staged: HashMap<(DeviceId, SessionId), Vec<Bytes>>,
    done: HashMap<(DeviceId, u64), Response>,
    follows: BTreeMap<(DeviceId, ConvId), u64>,
    pushes: Vec<(DeviceId, Push)>,
    /// Boxes that were asked for, and of which device.
    pub asked: Vec<(DeviceId, Push)>,
}

impl Office {
    pub fn new(now_ms: u64) -> Self {
        Self {
            accounts: BTreeMap::new(),
            prekeys: BTreeMap::new(),
            logs: BTreeMap::new(),
            receipts: BTreeMap::new(),
            by_password: BTreeSet::new(),
            incarnation: Incarnation([1; 16]),
            now_ms,
            lets_add: false,
            page_accounts: 1_000,
            page_controls: 1_000,
            staged: HashMap::new(),
            done: HashMap::new(),
            follows: BTreeMap::new(),
            pushes: Vec::new(),
            asked: Vec::new(),
        }
    }

    pub fn unlink(&mut self, device: &DeviceId) {
        self.follows.retain(|(other, _), _| other != device);
        self.pushes.retain(|(other, _)| other != device);
    }

    /// The server is put back to a copy that has so much of a conversation: another life of it.
    pub fn restore(&mut self, conv: &ConvId, to: usize) {
        self.incarnation = Incarnation([self.incarnation.0[0] + 1; 16]);
        self.done.clear();
        let events = self.logs.remove(conv).unwrap().events;
        for posted in events.into_iter().take(to) {
            self.put_back(conv, posted);
        }
    }

    /// Appends an event as it is.
    fn put_back(&mut self, conv: &ConvId, posted: Posted) {
        let event: Event = decode(&posted.event).unwrap();
        let mut log = match self.logs.remove(conv) {
            Some(log) => log,
            None => {
                let known = Known::default();
                let judge = Judge {
                    accounts: &self.accounts,
                    known: &known,
                };
                let state = Conversation::create(&event, &judge).unwrap();
                Log {
                    events: Vec::new(),
                    state,
                    places: BTreeMap::new(),
                    known,
                }
            }
        };
        let position = log.events.len() as u64 + 1;
        if position > 1 {
            let judge = Judge {
                accounts: &self.accounts,
                known: &log.known,
            };
            let verdict = log.state.apply(position, &event, &judge).unwrap();
            assert!(matches!(verdict, Verdict::Valid(_)), "{verdict:?}");
        }
        log.known.hashes.push(log.state.head().1);
        log.known.seen.insert(event_hash(&event));
        log.enter(posted);
        self.logs.insert(*conv, log);
    }

    fn log_at(&self, conv: &ConvId, at: u64) -> Response {
        let hashes = self.logs.get(conv).map(|log| &log.known.hashes);
        let head = hashes.map_or(0, |hashes| hashes.len() as u64);
        let at = at.min(head);
        let log = match at {
            0 => LogHash::START,
            at => hashes.unwrap()[at as usize - 1],
        };
        Response::LogAt {
            head,
            at,
            log,
            copy_ms: Some(0),
        }
    }

    fn return_events(
        &mut self,
        conv: &ConvId,
        first: u64,
        before: LogHash,
        events: Vec<Delivered>,
    ) -> Response {
        let head = self.logs.get(conv).map(|log| log.state.head());
        let (head, log) = head.unwrap_or((0, LogHash::START));
        if head + 1 == first && log == before {
            for delivered in events {
                let Delivered {
                    time_ms,
                    event,
                    boxes,
                } = delivered;
                self.put_back(
                    conv,
                    Posted {
                        time_ms,
                        event,
                        boxes,
                    },
                );
            }
        }
        self.log_at(conv, u64::MAX)
    }

    /// An account's chain has grown; all who know it are told.
    pub fn grown(&mut self, account: Account) {
        let (id, head) = (account.id(), account.head());
        let mut told: BTreeSet<DeviceId> = account.devices().map(|device| device.id).collect();
        for (follower, conv) in self.follows.keys() {
            if self.logs[conv].state.member(&id).is_some() {
                told.insert(*follower);
            }
        }
        for device in told {
            self.pushes
                .push((device, Push::Chain { account: id, head }));
        }
        self.accounts.insert(id, account);
    }

    /// What is to be pushed to a device.
    pub fn take_pushes(&mut self, device: &DeviceId) -> Vec<Push> {
        let mut pages = Vec::new();
        let owner = self.accounts.values().find(|known| known.certified(device));
        let account = owner.unwrap().id();
        let reader = Reader {
            account,
            device: *device,
            history: self.by_password.contains(device),
        };
        let mine = (*device, ConvId([0; 32]))..=(*device, ConvId([255; 32]));
        for ((_, conv), next) in self.follows.range_mut(mine) {
            let log = &self.logs[conv];
            let Some((since, until)) = log.span(&account) else {
                continue;
            };
            if (*next).max(since) <= until {
                let range = ((*next).max(since), until);
                pages.push(Push::Events {
                    page: log.page_for(conv, &reader, range),
                });
                *next = until + 1;
            }
        }
        let mine = |(to, _): &mut (DeviceId, Push)| to == device;
        pages.extend(self.pushes.extract_if(.., mine).map(|(_, push)| push));
        pages
    }

    pub fn answer(&mut self, who: (AccountId, DeviceId), request: Request) -> Response {
        let (account, device) = who;
        match request {
            Request::DeviceLogin { .. } if self.is_over(&who) => {
                Response::refused(ErrorCode::Revoked)
            }
            Request::DeviceLogin { .. } => Response::LoggedIn {
                login: LoggedIn {
                    incarnation: self.incarnation,
                    time_ms: self.now_ms,
                    hosts: "localhost".to_owned(),
                    chain: self.accounts[&account].head(),
                    heads: self.heads(&account),
                    more: false,
                },
            },
            Request::Conversations { .. } => Response::Conversations {
                heads: self.heads(&account),
                more: false,
            },
            Request::People { conv, .. } if !self.is_member(&account, &conv) => {
                Response::refused(ErrorCode::NotFound)
            }
            Request::People { conv, after } => self.people(&conv, after),
            Request::ControlHistory { conv, after } => {
                if !self.is_member(&account, &conv) {
                    return Response::refused(ErrorCode::NotFound);
                }
                self.logs[&conv].controls(&account, after, self.page_controls)
            }
            Request::Chains { accounts, conv } => {
                if !self.is_member(&account, &conv) {
                    return Response::refused(ErrorCode::NotFound);
                }
                Response::Chains {
                    chains: accounts
                        .iter()
                        .take(self.page_accounts)
                        .map(|id| self.accounts[id].statements().to_vec())
                        .collect(),
                }
            }
            Request::AuthorChain { conv, position } => {
                let log = &self.logs[&conv];
                let span = log.span(&account);
                if span.is_none_or(|(since, until)| position < since || until < position) {
                    return Response::refused(ErrorCode::NotFound);
                }
                Response::Chains {
                    chains: self.named_at(log, position),
                }
            }
            Request::Create { counter, event } => self.create(who, counter, &event),
            Request::Stage { session, boxes } => {
                self.staged
                    .entry((device, session))
                    .or_default()
                    .extend(boxes);
                Response::Done {}
            }
            Request::Append {
                counter,
                conv,
                events,
            } => self.append(device, counter, &conv, &events),
            Request::Follow { cursors } => {
                for cursor in cursors {
                    let log = self.logs.get(&cursor.conv);
                    if log.is_some_and(|log| log.places.contains_key(&account)) {
                        self.follows.insert((device, cursor.conv), cursor.next);
                    }
                }
                Response::Done {}
            }
            Request::PutPrekey { prekey } => {
                let newest: Prekey = decode(&prekey.body).unwrap();
                assert_eq!(newest.device, device);
                self.prekeys.insert(device, prekey);
                Response::Done {}
            }
            Request::PutReceipt { conv, register } => {
                self.receipts.insert((conv, device), register.clone());
                let followers: Vec<DeviceId> = self
                    .follows
                    .keys()
                    .filter(|(other, followed)| *other != device && *followed == conv)
                    .map(|(other, _)| *other)
                    .collect();
                for follower in followers {
                    let register = register.clone();
                    // Of what has not left, only the newest of a device counts.
                    self.pushes
                        .retain(|(to, push)| *to != follower || !is_register(push, &conv, &device));
                    self.pushes
                        .push((follower, Push::Receipt { conv, register }));
                }
                Response::Done {}
            }
            Request::Typing { conv, register } => {
                let followers: Vec<DeviceId> = self
                    .follows
                    .keys()
                    .filter(|(other, followed)| *other != device && *followed == conv)
                    .map(|(other, _)| *other)
                    .collect();
                for follower in followers {
                    let register = register.clone();
                    self.pushes
                        .push((follower, Push::Typing { conv, register }));
                }
                Response::Done {}
            }
            Request::Lookup { name } => {
                let found = self.accounts.values().find(|known| *known.name() == name);
                found.map_or(Response::refused(ErrorCode::NotFound), |known| {
                    Response::Account {
                        genesis: known.statements()[0].clone(),
                    }
                })
            }
            Request::OwnChain { from } => Response::Chain {
                statements: self.accounts[&account].statements()[from as usize..].to_vec(),
            },
            Request::Keepsake {} => Response::refused(ErrorCode::NotFound),
            Request::LogAt { conv, at } => self.log_at(&conv, at),
            Request::ReturnChain { .. } => Response::Done {},
            Request::ReturnBoxes {
                conv,
                position,
                boxes,
            } => {
                let log = self.logs.get_mut(&conv).unwrap();
                log.events[position as usize - 1].boxes = boxes;
                Response::Done {}
            }
            Request::ReturnEvents {
                conv,
                first,
                before,
                events,
            } => self.return_events(&conv, first, before, events),
            Request::InviteNew { .. } | Request::AckBoxes { .. } | Request::Ping {} => {
                Response::Done {}
            }
            Request::Read { conv, from, count } => {
                let reader = Reader {
                    account,
                    device,
                    history: self.by_password.contains(&device),
                };
                let log = &self.logs[&conv];
                let Some((since, until)) = log.span(&account) else {
                    return Response::refused(ErrorCode::NotFound);
                };
                let first = from.max(since);
                let last = until.min(first.saturating_add(count) - 1);
                let mut page = log.page_for(&conv, &reader, (first, last));
                page.head = until;
                Response::Page { page }
            }
            Request::Keys { conv, after, which } => self.keys(&account, &conv, after, which),
            Request::Pack {
                conv,
                positions,
                key_box,
                ..
            } => self.pack(&account, &conv, &positions, key_box),
            Request::AskBox { conv, position } => {
                let opener = self.logs[&conv].header(position).device;
                let wanted = Push::BoxWanted {
                    conv,
                    position,
                    account,
                    device,
                };
                self.asked.push((opener, wanted.clone()));
                self.pushes.push((opener, wanted));
                Response::Done {}
            }
            Request::GiveBox {
                conv,
                position,
                key_box,
                ..
            } => self.give(&conv, position, key_box),
            other => panic!("{other:?}"),
        }
    }

    fn heads(&self, account: &AccountId) -> Vec<ConvHead> {
        let spans = self.logs.iter();
        let spans = spans.filter_map(|(conv, log)| Some((*conv, log.span(account)?)));
        spans
            .map(|(conv, (_, head))| ConvHead {
                conv,
                head,
                trimmed: 0,
            })
            .collect()
    }

    fn is_member(&self, account: &AccountId, conv: &ConvId) -> bool {
        let log = self.logs.get(conv);
        log.is_some_and(|log| log.state.member(account).is_some())
    }

    /// Whether a device was revoked or has logged out.
    fn is_over(&self, (account, device): &(AccountId, DeviceId)) -> bool {
        !self.accounts[account]
            .devices()
            .any(|live| live.id == *device)
            || self.prekeys.get(device).is_some_and(is_logout)
    }

    pub fn people(&self, conv: &ConvId, after: Option<AccountId>) -> Response {
        let mut members: Vec<_> = self.logs[conv].state.members().collect();
        members.retain(|member| after.is_none_or(|after| member.account > after));
        let more = members.len() > self.page_accounts;
        members.truncate(self.page_accounts);
        let mut chains = Vec::new();
        let mut prekeys = Vec::new();
        for member in members {
            let account = &self.accounts[&member.account];
            if member.pending {
                chains.push(account.statements()[..1].to_vec());
                continue;
            }
            chains.push(account.statements().to_vec());
            let devices = account.devices().map(|device| device.id);
            prekeys.extend(devices.filter_map(|device| self.prekeys.get(&device).cloned()));
        }
        Response::People {
            chains,
            prekeys,
            more,
        }
    }

    /// Chains as far as they certify the devices that an event names: its author's, and one that it ends.
    fn named_at(&self, log: &Log, position: u64) -> Vec<Vec<Signed>> {
        let author = log.header(position);
        let ended = Conversation::ended_device(&log.event(position));
        let named = std::iter::once((author.account, author.device)).chain(ended);
        let chains = named.map(|(account, device)| {
            let known = &self.accounts[&account];
            let open = known.device(&device).map_or(0, |known| known.added) as usize + 1;
            known.statements().iter().take(open).cloned().collect()
        });
        chains.collect()
    }

    fn create(&mut self, who: (AccountId, DeviceId), counter: u64, bytes: &Bytes) -> Response {
        if let Some(done) = self.done.get(&(who.1, counter)) {
            return done.clone();
        }
        let event: Event = decode(bytes).unwrap();
        let mut known = Known::default();
        let judge = Judge {
            accounts: &self.accounts,
            known: &known,
        };
        let state = Conversation::create(&event, &judge).unwrap();
        let peer = state.peer(&who.0);
        let there = self.logs.values().any(|log| {
            state.form() != Form::Room
                && log.state.form() == state.form()
                && log.state.member(&who.0).is_some()
                && log.state.peer(&who.0) == peer
        });
        if there {
            return Response::refused(ErrorCode::Conflict);
        }
        let conv = state.id();
        known.hashes.push(state.head().1);
        known.seen.insert(event_hash(&event));
        let posted = Posted {
            time_ms: self.now_ms,
            event: bytes.clone(),
            boxes: Vec::new(),
        };
        for account in std::iter::once(who.0).chain(peer) {
            for device in self.accounts[&account].devices() {
                self.pushes.push((device.id, Push::Joined { conv }));
            }
        }
        let mut log = Log {
            events: Vec::new(),
            state,
            places: BTreeMap::new(),
            known,
        };
        log.enter(posted);
        self.logs.insert(conv, log);
        let response = Response::Appended {
            first: 1,
            time_ms: self.now_ms,
        };
        self.done.insert((who.1, counter), response.clone());
        response
    }

    /// Whether a session has a box for each device that receives keys, and for each history key.
    fn boxes_fit(&self, state: &Conversation, author: &DeviceId, boxes: Option<&[Bytes]>) -> bool {
        let boxes = boxes.unwrap_or_default().iter();
        let there: BTreeSet<(BoxKind, [u8; 32])> = boxes
            .map(|bytes| decode::<KeyBox>(bytes).unwrap())
            .map(|addressed| (addressed.kind, addressed.recipient))
            .collect();
        let mut wanted = BTreeSet::new();
        for id in state.recipients() {
            let account = &self.accounts[&id];
            if state.archive() {
                wanted.insert((BoxKind::History, id.0));
            }
            for device in state.recipient_devices(account) {
                let prekey = self.prekeys.get(&device.id);
                let prekey = prekey.map(|signed| decode::<Prekey>(&signed.body).unwrap());
                let good = prekey.is_some_and(|prekey| {
                    prekey.id != LOGOUT_ID && prekey.expires_ms > self.now_ms
                });
                if good && device.id != *author {
                    wanted.insert((BoxKind::Device, device.id.0));
                }
            }
        }
        wanted.is_subset(&there)
    }

    /// With whom an account has a direct conversation that both have accepted.
    fn contacts(&self, of: &AccountId) -> BTreeSet<AccountId> {
        let states = self.logs.values().map(|log| &log.state);
        let accepted =
            states.filter(|state| state.recipients().count() == 2 && state.member(of).is_some());
        accepted.filter_map(|state| state.peer(of)).collect()
    }

    fn append(
        &mut self,
        device: DeviceId,
        counter: u64,
        conv: &ConvId,
        events: &[Bytes],
    ) -> Response {
        if let Some(done) = self.done.get(&(device, counter)) {
            return done.clone();
        }
        if !self.logs.contains_key(conv) {
            return Response::refused(ErrorCode::NotFound);
        }
        let mut state = self.logs[conv].state.clone();
        let first = state.head().0 + 1;
        let mut posted = Vec::new();
        for (position, bytes) in (first..).zip(events) {
            let event: Event = decode(bytes).unwrap();
            let header: Header = decode(&event.header).unwrap();
            let lets_add = self.lets_add;
            let contacts = self.contacts(&header.account);
            let log = self.logs.get_mut(conv).unwrap();
            let judge = Judge {
                accounts: &self.accounts,
                known: &log.known,
            };
            let verdict = state.apply(position, &event, &judge).unwrap();
            let improper = matches!(&verdict, Verdict::Valid(Effect::Control(Control::Add { account, pending: false, .. })) if !lets_add && !contacts.contains(account));
            if improper {
                log.forget(first);
                return Response::refused(ErrorCode::NotPermitted);
            }
            if !matches!(verdict, Verdict::Valid(_)) {
                log.forget(first);
            }
            match verdict {
                Verdict::Valid(_) => {}
                Verdict::Void(
                    VoidReason::Stale | VoidReason::Base | VoidReason::SessionUnknown,
                ) => {
                    return Response::Stale {
                        ctl: log.state.ctl(),
                    };
                }
                Verdict::Fork(_) | Verdict::Void(VoidReason::Repeated) => {
                    return Response::refused(ErrorCode::Conflict);
                }
                Verdict::Void(VoidReason::NotMember) => {
                    return Response::refused(ErrorCode::NotFound);
                }
                Verdict::Void(VoidReason::DeviceDead) => {
                    return Response::refused(ErrorCode::Revoked);
                }
                Verdict::Void(
                    VoidReason::Role
                    | VoidReason::Target
                    | VoidReason::LastAdmin
                    | VoidReason::Pending
                    | VoidReason::Closed,
                ) => return Response::refused(ErrorCode::NotPermitted),
                other => panic!("{other:?}"),
            }
            let session = session_of(&event);
            let boxes = session.and_then(|session| self.staged.remove(&(device, session)));
            if session.is_some() && !self.boxes_fit(&state, &device, boxes.as_deref()) {
                let ctl = state.ctl();
                self.logs.get_mut(conv).unwrap().forget(first);
                return Response::Stale { ctl };
            }
            let log = self.logs.get_mut(conv).unwrap();
            log.known.hashes.push(state.head().1);
            log.known.seen.insert(event_hash(&event));
            posted.push(Posted {
                time_ms: self.now_ms,
                event: bytes.clone(),
                boxes: boxes.unwrap_or_default(),
            });
        }
        for posted in &posted {
            if let Some(Control::Add { account, .. }) = posted.control() {
                for device in self.accounts[&account].devices() {
                    let joined = Push::Joined { conv: *conv };
                    self.pushes.push((device.id, joined));
                }
            }
        }
        let log = self.logs.get_mut(conv).unwrap();
        log.state = state;
        for posted in posted {
            log.enter(posted);
        }
        let response = Response::Appended {
            first,
            time_ms: self.now_ms,
        };
        self.done.insert((device, counter), response.clone());
        response
    }
}

impl Posted {
    fn control(&self) -> Option<Control> {
        let event = Carried::read(&self.event).unwrap();
        let header = event.header().unwrap();
        (header.kind == EventKind::Control as u8)
            .then(|| decode(&event.whole().unwrap().body).unwrap())
    }
}

/// The archive and lost boxes.
impl Office {
    fn keys(&self, account: &AccountId, conv: &ConvId, after: u64, which: KeysWanted) -> Response {
        let kind = match which {
            KeysWanted::Packs => BoxKind::Pack,
            _ => BoxKind::History,
        };
        let mut keys = Vec::new();
        let log = &self.logs[conv];
        let Some((since, until)) = log.span(account) else {
            return Response::refused(ErrorCode::NotFound);
        };
        let after = after.max(since - 1);
        let there = (1..=until).zip(&log.events);
        for (position, posted) in there.skip(usize::try_from(after).unwrap()) {
            for bytes in &posted.boxes {
                let key_box: KeyBox = decode(bytes).unwrap();
                if key_box.kind != kind
                    || key_box.recipient != account.0
                    || which == KeysWanted::Packed
                {
                    continue;
                }
                let bare = which == KeysWanted::Positions;
                keys.push(KeyAt {
                    position,
                    time_ms: posted.time_ms,
                    event: (kind == BoxKind::History && !bare).then(|| posted.event.clone()),
                    key_box: (!bare).then(|| bytes.clone()),
                });
            }
        }
        let to = log.events.len() as u64;
        let more = false;
        Response::Keys { keys, to, more }
    }

    /// A pack takes the place of the boxes at once.
    fn pack(
        &mut self,
        account: &AccountId,
        conv: &ConvId,
        positions: &[u64],
        pack: Bytes,
    ) -> Response {
        let log = self.logs.get_mut(conv).unwrap();
        for position in positions {
            let posted = &mut log.events[usize::try_from(*position).unwrap() - 1];
            let before = posted.boxes.len();
            posted.boxes.retain(|bytes| {
                let key_box: KeyBox = decode(bytes).unwrap();
                key_box.kind != BoxKind::History || key_box.recipient != account.0
            });
            if posted.boxes.len() == before {
                return Response::refused(ErrorCode::Conflict);
            }
        }
        let last = usize::try_from(*positions.last().unwrap()).unwrap();
        log.events[last - 1].boxes.push(pack);
        Response::Done {}
    }

    fn give(&mut self, conv: &ConvId, position: u64, bytes: Bytes) -> Response {
        let given: KeyBox = decode(&bytes).unwrap();
        let log = self.logs.get_mut(conv).unwrap();
        let at = usize::try_from(position).unwrap() - 1;
        log.events[at].boxes.retain(|bytes| {
            let there: KeyBox = decode(bytes).unwrap();
            (there.kind, there.recipient) != (given.kind, given.recipient)
        });
        log.events[at].boxes.push(bytes);
        let device = DeviceId(given.recipient);
        let mut page = log.page(conv, &device, position);
        page.events.truncate(1);
        page.head = position;
        self.pushes.push((device, Push::Events { page }));
        Response::Done {}
    }
}

impl Log {
    /// Who wrote the event at a position.
    pub fn header(&self, position: u64) -> Header {
        decode(&self.event(position).header).unwrap()
    }

    fn event(&self, position: u64) -> Event {
        decode(&self.events[position as usize - 1].event).unwrap()
    }

    /// Takes back what an append that is refused had shown from a position on.
    fn forget(&mut self, first: u64) {
        self.known.hashes.truncate(first as usize - 1);
        let kept = self
            .events
            .iter()
            .map(|posted| Carried::read(&posted.event));
        if self.known.seen.len() > self.events.len() {
            self.known.seen = kept.map(|event| carried_hash(&event.unwrap())).collect();
        }
    }

    /// An event has its position, and `state` is what it led to.
    fn enter(&mut self, posted: Posted) {
        self.events.push(posted);
        let position = self.events.len() as u64;
        if let Some(control) = self.events[position as usize - 1].control() {
            let author = self.header(position).account;
            places::changed(&mut self.places, &self.state, &author, position, &control);
        }
    }

    /// From where and up to where an account may know the log.
    pub fn span(&self, account: &AccountId) -> Option<(u64, u64)> {
        let place = self.places.get(account)?;
        let head = self.events.len() as u64;
        Some((place.since, place.until.unwrap_or(head)))
    }

    /// What an account needs to start where it was added.
    fn controls(&self, account: &AccountId, after: u64, count: usize) -> Response {
        let since = self.places[account].since;
        let before = self.events[..since as usize - 1].iter();
        let mut events: Vec<_> = (1..)
            .zip(before)
            .filter(|(position, posted)| *position > after && posted.control().is_some())
            .map(|(position, posted)| Placed {
                position,
                event: posted.event.clone(),
            })
            .collect();
        let more = events.len() > count;
        events.truncate(count);
        let add: Event = decode(&self.events[since as usize - 1].event).unwrap();
        let add: Header = decode(&add.header).unwrap();
        let between = &self.events[add.base_n as usize..since as usize - 1];
        let hash = |posted: &Posted| carried_hash(&Carried::read(&posted.event).unwrap());
        Response::ControlHistory {
            since,
            events,
            hashes: if more {
                Vec::new()
            } else {
                between.iter().map(hash).collect()
            },
            more,
        }
    }

    /// The page from a position on, as one device sees it.
    pub fn page(&self, conv: &ConvId, device: &DeviceId, first: u64) -> Page {
        let events = self.events[first as usize - 1..].iter();
        let boxes = |posted: &Posted| boxes_to(posted, |key_box| key_box.recipient == device.0);
        let events = events.map(|posted| Delivered {
            time_ms: posted.time_ms,
            event: posted.event.clone(),
            boxes: boxes(posted),
        });
        Page {
            conv: *conv,
            first,
            events: events.collect(),
            head: self.events.len() as u64,
        }
    }

    /// The same, of what a reader may see.
    fn page_for(&self, conv: &ConvId, reader: &Reader, (first, last): (u64, u64)) -> Page {
        let place = &self.places[&reader.account];
        let events = self.events[first as usize - 1..last as usize].iter();
        let events = (first..).zip(events).map(|(position, posted)| {
            let (event, withheld) = shown(posted, reader, place.may_read(position));
            let mine = |key_box: &KeyBox| {
                let own = reader.history && key_box.kind == BoxKind::History;
                key_box.recipient == reader.device.0
                    || (own && key_box.recipient == reader.account.0)
            };
            Delivered {
                time_ms: posted.time_ms,
                event,
                boxes: boxes_to(posted, |key_box| !withheld && mine(key_box)),
            }
        });
        Page {
            conv: *conv,
            first,
            events: events.collect(),
            head: last,
        }
    }
}

/// Whom a page is for.
struct Reader {
    account: AccountId,
    device: DeviceId,
    /// Whether it is given the boxes to the account's history key.
    history: bool,
}

fn boxes_to(posted: &Posted, wanted: impl Fn(&KeyBox) -> bool) -> Vec<Bytes> {
    let boxes = posted.boxes.iter();
    boxes
        .filter(|bytes| wanted(&decode(bytes).unwrap()))
        .cloned()
        .collect()
}

/// An event as a reader is shown it, and whether its body is withheld.
fn shown(posted: &Posted, reader: &Reader, reads: bool) -> (Bytes, bool) {
    let whole = (posted.event.clone(), false);
    if reads || posted.control().is_some() {
        return whole;
    }
    let Ok(event) = decode::<Event>(&posted.event) else {
        return whole;
    };
    let header: Header = decode(&event.header).unwrap();
    if header.account == reader.account {
        return whole;
    }
    let trimmed = TrimmedEvent {
        header: event.header.clone(),
        body_hash: body_hash(&event.body),
        signature: event.signature,
        why: Absence::Withheld,
    };
    (encode(&trimmed), true)
}

/// Whether a push is a receipt of this device in this conversation.
fn is_register(push: &Push, conv: &ConvId, device: &DeviceId) -> bool {
    let Push::Receipt { conv: of, register } = push else {
        return false;
    };
    of == conv && decode::<Register>(&register.body).is_ok_and(|there| there.device == *device)
}

fn is_logout(signed: &Signed) -> bool {
    decode::<Prekey>(&signed.body).is_ok_and(|prekey| prekey.id == LOGOUT_ID)
}

fn session_of(event: &Event) -> Option<SessionId> {
    let header: Header = decode(&event.header).unwrap();
    let fields: subrosa_proto::KeyFields = decode(&header.fields).ok()?;
    (header.kind == 2).then_some(fields.session)
}

pub fn refused(code: ErrorCode, retry_ms: u64) -> Response {
    Response::Refused {
        refusal: Refusal { code, retry_ms },
    }
}

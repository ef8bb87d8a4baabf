//! The world: accounts, their devices, and the logs between them.

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use subrosa_e2e::{
    Body, Changes, Content, Credential, Identity, Keyring, Machine, MessageMeta, OpenError, Opened,
    PrekeyDirectory, RecordName, SealError, Sealed, Slot, SlotSecret, StoredSession, Text,
    found_account, open_vault,
};
use subrosa_ledger::{Account, Conversation, Effect, Record, Verdict, event_hash};
use subrosa_proto::{
    AccountId, Control, ConvId, DeviceId, Event, EventHash, Form, KeyBox, LogHash, Name, SessionId,
    Signed,
};
use zeroize::Zeroizing;

pub type Rng = rand_core::UnwrapErr<getrandom::SysRng>;

pub fn rng() -> Rng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

/// When the tests begin.
pub const START_MS: u64 = 1_795_392_000_000;

/// What an event carries beside it.
#[derive(Clone)]
pub struct Posted {
    pub event: Event,
    pub boxes: Vec<KeyBox>,
}

/// What everybody can see.
#[derive(Default)]
pub struct World {
    pub accounts: BTreeMap<AccountId, Account>,
    pub bundles: BTreeMap<AccountId, Bytes>,
    pub prekeys: BTreeMap<DeviceId, Signed>,
    pub logs: BTreeMap<ConvId, Vec<Posted>>,
    pub now_ms: u64,
}

/// A password or recovery code, as OPAQUE would give it for an account.
pub fn secret(word: u8, account: AccountId) -> SlotSecret {
    let mut anchor = account.0;
    anchor.iter_mut().for_each(|byte| *byte ^= word);
    SlotSecret {
        seed: Box::new(Zeroizing::new([word; 32])),
        anchor,
    }
}

pub const PASSWORD: u8 = 0x11;
pub const RECOVERY: u8 = 0x22;

/// What a device may look up about the log of one conversation.
#[derive(Default, Clone)]
pub struct Known {
    accounts: BTreeMap<AccountId, Account>,
    hashes: Vec<LogHash>,
    seen: BTreeSet<EventHash>,
}

impl Record for Known {
    fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }
    fn newest(&self, _: &AccountId) -> bool {
        true
    }
    fn log_hash(&self, n: u64) -> Option<LogHash> {
        let before = usize::try_from(n).ok()?.checked_sub(1)?;
        self.hashes.get(before).copied()
    }
    fn seen(&self, event: &EventHash) -> bool {
        self.seen.contains(event)
    }
}

/// What a client keeps.
#[derive(Default)]
pub struct Store {
    pub records: BTreeMap<RecordName, Zeroizing<Vec<u8>>>,
    newest: BTreeMap<ConvId, SessionId>,
    salts: BTreeMap<(SessionId, u32), [u8; 16]>,
}

impl Store {
    pub fn save(&mut self, changes: Changes) {
        for (name, contents) in changes.puts {
            self.records.insert(name, contents);
        }
        for name in changes.deletes {
            self.records.remove(&name);
        }
    }

    pub fn save_session(&mut self, session: &StoredSession) {
        self.newest.insert(session.conv, session.session);
        self.save(session.to_changes());
    }
}

impl Keyring for Store {
    fn session(&self, session: &SessionId) -> Option<StoredSession> {
        let contents = self.records.get(&RecordName::Session(*session))?;
        Some(StoredSession::from_record(contents.clone()).unwrap())
    }
    fn newest_session(&self, conv: &ConvId) -> Option<StoredSession> {
        self.session(self.newest.get(conv)?)
    }
    fn salt_used(&self, session: &SessionId, index: u32) -> Option<[u8; 16]> {
        self.salts.get(&(*session, index)).copied()
    }
}

/// One event as a device met it.
#[derive(Debug)]
pub struct Met {
    pub verdict: Verdict,
    pub author: AccountId,
    pub opened: Option<Result<Opened, OpenError>>,
}

/// A device with what its client keeps.
pub struct Phone {
    pub machine: Machine,
    pub store: Store,
    pub prekeys: PrekeyDirectory,
    pub talks: BTreeMap<ConvId, (Conversation, Known)>,
    /// What was met and not asked for yet.
    pub inbox: BTreeMap<ConvId, Vec<Met>>,
}

impl World {
    pub fn new() -> Self {
        Self {
            now_ms: START_MS,
            ..Self::default()
        }
    }

    /// A new account with its first device.
    pub fn register(&mut self, name: &str) -> Phone {
        let mut rng = rng();
        let identity = Identity::generate(&mut rng);
        let id = identity.id();
        let mut phone = Phone::new(id);
        let founding = found_account(
            identity,
            &Name::new(name).unwrap(),
            phone.machine.device(),
            "first",
            Credential {
                secret: &secret(PASSWORD, id),
                record: Bytes::from_static(b"password record"),
            },
            Credential {
                secret: &secret(RECOVERY, id),
                record: Bytes::from_static(b"recovery record"),
            },
            &mut rng,
        )
        .unwrap();
        let account = Account::from_chain(&founding.chain).unwrap();
        self.accounts.insert(id, account);
        self.bundles.insert(id, founding.bundle);
        self.publish_prekey(&mut phone);
        phone
    }

    /// A further device, by the account's password.
    pub fn login(&mut self, id: AccountId) -> Phone {
        let vault = open_vault(
            &self.bundles[&id],
            Slot::Password,
            &secret(PASSWORD, id),
            &self.accounts[&id],
        )
        .unwrap();
        let mut phone = Phone::new(id);
        let added = vault.add_device(&self.accounts[&id], phone.machine.device(), "next");
        self.append(id, &added);
        self.publish_prekey(&mut phone);
        phone
    }

    pub fn append(&mut self, id: AccountId, statement: &Signed) {
        self.accounts
            .get_mut(&id)
            .unwrap()
            .append(statement)
            .unwrap();
    }

    pub fn publish_prekey(&mut self, phone: &mut Phone) {
        let (signed, changes) = phone.machine.next_prekey(self.now_ms, &mut rng());
        phone.store.save(changes);
        self.prekeys.insert(phone.machine.device(), signed);
        let changes = phone.machine.prekey_published(self.now_ms);
        phone.store.save(changes);
    }

    pub fn create(
        &mut self,
        by: &Phone,
        form: Form,
        archive: bool,
        peer: Option<&Phone>,
        accepted: bool,
    ) -> ConvId {
        let peer = peer.map(|peer| peer.machine.account());
        let invite = accepted.then_some([7; 32]);
        let (event, conv) = by.machine.create(form, archive, peer, invite, &mut rng());
        let boxes = Vec::new();
        self.logs.insert(conv, vec![Posted { event, boxes }]);
        conv
    }

    /// A direct conversation that both have accepted.
    pub fn direct(&mut self, a: &Phone, b: &Phone) -> ConvId {
        self.create(a, Form::Direct, true, Some(b), true)
    }

    pub fn post(&mut self, conv: ConvId, event: Event, boxes: Vec<KeyBox>) {
        self.logs
            .get_mut(&conv)
            .unwrap()
            .push(Posted { event, boxes });
    }

    pub fn post_sealed(&mut self, conv: ConvId, sealed: &Sealed) {
        if let Some(key) = &sealed.key {
            self.post(conv, key.event.clone(), key.boxes.clone());
        }
        self.post(conv, sealed.message.clone(), Vec::new());
    }
}

impl Phone {
    pub fn new(account: AccountId) -> Self {
        let (machine, changes) = Machine::generate(account, &mut rng());
        let mut store = Store::default();
        store.save(changes);
        Self {
            machine,
            store,
            prekeys: PrekeyDirectory::default(),
            talks: BTreeMap::new(),
            inbox: BTreeMap::new(),
        }
    }

    pub fn account(&self) -> AccountId {
        self.machine.account()
    }

    /// The same device after its process was killed.
    pub fn restart(&mut self) {
        self.machine = self.second_machine();
    }

    /// Another machine from the same disk.
    pub fn second_machine(&self) -> Machine {
        let records = self.store.records.iter();
        Machine::load(
            records
                .filter(|(name, _)| name.loaded_at_start())
                .map(|(name, contents)| (*name, contents.clone())),
        )
        .unwrap()
    }

    /// Takes in what the world shows of accounts and prekeys.
    pub fn look_around(&mut self, world: &World) {
        for signed in world.prekeys.values() {
            for account in world.accounts.values() {
                let _ = self.prekeys.admit(account, signed);
            }
        }
        for (_, known) in self.talks.values_mut() {
            known.accounts.clone_from(&world.accounts);
        }
    }

    /// Reads a conversation to its end and returns what was met since the last time.
    pub fn sync(&mut self, world: &World, conv: ConvId) -> Vec<Met> {
        self.catch_up(world, conv);
        self.inbox.remove(&conv).unwrap_or_default()
    }

    fn catch_up(&mut self, world: &World, conv: ConvId) {
        self.talks.entry(conv).or_insert_with(|| {
            let known = Known {
                accounts: world.accounts.clone(),
                ..Known::default()
            };
            let first = &world.logs[&conv][0].event;
            let conversation = Conversation::create(first, &known).unwrap();
            (conversation, known)
        });
        self.look_around(world);
        let (conversation, known) = self.talks.get_mut(&conv).unwrap();
        if known.hashes.is_empty() {
            known.hashes.push(conversation.head().1);
            known.seen.insert(event_hash(&world.logs[&conv][0].event));
        }
        let inbox = self.inbox.entry(conv).or_default();
        for posted in world.logs[&conv].iter().skip(known.hashes.len()) {
            let position = known.hashes.len() as u64 + 1;
            let verdict = conversation
                .apply(position, &posted.event, &*known)
                .unwrap();
            known.hashes.push(conversation.head().1);
            known.seen.insert(event_hash(&posted.event));
            let header: subrosa_proto::Header =
                subrosa_proto::decode(&posted.event.header).unwrap();
            let mut opened = None;
            match &verdict {
                Verdict::Valid(Effect::Key(_)) => {
                    let found = self
                        .machine
                        .open_key(&posted.event, &posted.boxes, world.now_ms);
                    if let Ok(session) = found {
                        self.store.save_session(&session);
                    }
                }
                Verdict::Valid(Effect::Message(_)) => {
                    let result = self.machine.open(&posted.event, &self.store);
                    if let Ok(opened) = &result {
                        let place = (opened.session, opened.index);
                        self.store.salts.insert(place, opened.salt);
                    }
                    opened = Some(result);
                }
                _ => {}
            }
            inbox.push(Met {
                verdict,
                author: header.account,
                opened,
            });
        }
    }

    /// Reads a conversation to its end and returns the texts that could be opened.
    pub fn texts(&mut self, world: &World, conv: ConvId) -> Vec<String> {
        let met = self.sync(world, conv);
        met.into_iter()
            .filter_map(|met| met.opened?.ok()?.content.text().map(str::to_owned))
            .collect()
    }

    pub fn seal(
        &mut self,
        world: &World,
        conv: ConvId,
        content: &Content,
    ) -> Result<Sealed, SealError> {
        self.catch_up(world, conv);
        let (conversation, known) = &self.talks[&conv];
        let sealed = self.machine.seal(
            conversation,
            known,
            &self.prekeys,
            content,
            &MessageMeta::default(),
            world.now_ms,
            &mut rng(),
        );
        sealed.map(|mut sealed| {
            self.store.save(core::mem::take(&mut sealed.changes));
            if sealed.key.is_some() {
                self.store.newest.insert(conv, sealed.session);
            }
            sealed
        })
    }

    /// Seals a body and posts it.
    pub fn send(&mut self, world: &mut World, conv: ConvId, body: impl Into<Body>) -> Sealed {
        let content = Content::new(body, world.now_ms, &mut rng());
        let sealed = self.seal(world, conv, &content).unwrap();
        world.post_sealed(conv, &sealed);
        sealed
    }

    /// Seals a text and posts it.
    pub fn say(&mut self, world: &mut World, conv: ConvId, text: &str) -> Sealed {
        let text = text.to_owned();
        self.send(world, conv, Text { text })
    }

    /// Posts a control event.
    pub fn control(&mut self, world: &mut World, conv: ConvId, control: &Control) {
        self.catch_up(world, conv);
        let event = self.machine.control(&self.talks[&conv].0, control);
        world.post(conv, event, Vec::new());
    }

    pub fn conversation(&self, conv: ConvId) -> &Conversation {
        &self.talks[&conv].0
    }

    pub fn known(&self, conv: ConvId) -> &Known {
        &self.talks[&conv].1
    }
}

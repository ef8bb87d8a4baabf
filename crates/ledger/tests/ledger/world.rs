//! People with keys, and logs to post in.

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use std::collections::BTreeMap;
use subrosa_ledger::{
    Account, Conversation, CreateError, Effect, Record, Verdict, VoidReason, event_hash, text,
};
use subrosa_proto::{
    AccountId, Control, ConvId, DeviceId, Event, EventHash, EventKind, Form, Header, KeyFields,
    LOGOUT_ID, LogHash, MessageFields, Name, Nonce, Prekey, Role, SUITE, SessionId, Signed,
    Statement, StatementHash, StatementOp, encode,
};

/// An account with all its private keys.
#[derive(Clone)]
pub struct Person {
    identity: SigningKey,
    devices: Vec<SigningKey>,
    pub account: Account,
}

/// The seed of a person's identity key (`which` 255) or of a device's.
fn seed(number: u16, which: u8) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    seed[2] = which;
    seed
}

pub fn signed(key: &SigningKey, body: Bytes, text: &[u8]) -> Signed {
    Signed {
        signature: key.sign(text).to_bytes(),
        body,
    }
}

impl Person {
    /// Keys that depend on the number alone, and one device.
    pub fn new(number: u16) -> Self {
        let mut person = Self::without_device(number);
        person.add_device();
        person
    }
    pub fn without_device(number: u16) -> Self {
        let identity = SigningKey::from_bytes(&seed(number, 0xff));
        let genesis = Self::genesis(&identity, &format!("person{number}"));
        Self {
            devices: Vec::new(),
            account: Account::open(&genesis).unwrap(),
            identity,
        }
    }
    pub fn genesis(identity: &SigningKey, name: &str) -> Signed {
        let key = identity.verifying_key().to_bytes();
        let body = encode(&Statement {
            account: subrosa_ledger::account_id(&key),
            seq: 0,
            prev: StatementHash::NONE,
            op: StatementOp::Genesis {
                identity: key,
                name: Name::new(name).unwrap(),
            },
        });
        let text = text::statement(&body);
        signed(identity, body, &text)
    }
    pub fn id(&self) -> AccountId {
        self.account.id()
    }
    pub fn device(&self, index: usize) -> DeviceId {
        DeviceId(self.devices[index].verifying_key().to_bytes())
    }
    pub fn device_key(&self, index: usize) -> &SigningKey {
        &self.devices[index]
    }
    pub fn identity(&self) -> &SigningKey {
        &self.identity
    }
    /// The next statement of the chain, not appended.
    pub fn statement(&self, op: StatementOp) -> Signed {
        let head = self.account.head();
        self.statement_at(head.seq + 1, head.hash, op)
    }
    pub fn statement_at(&self, seq: u64, prev: StatementHash, op: StatementOp) -> Signed {
        let account = self.id();
        self.raw_statement(&Statement {
            account,
            seq,
            prev,
            op,
        })
    }
    pub fn raw_statement(&self, statement: &Statement) -> Signed {
        let body = encode(statement);
        let text = text::statement(&body);
        signed(&self.identity, body, &text)
    }
    pub fn state(&mut self, op: StatementOp) -> Signed {
        let statement = self.statement(op);
        self.account.append(&statement).unwrap();
        statement
    }
    /// Its index.
    pub fn add_device(&mut self) -> usize {
        let (key, op) = self.next_device();
        self.devices.push(key);
        self.state(op);
        self.devices.len() - 1
    }
    pub fn next_device(&self) -> (SigningKey, StatementOp) {
        let mut seed = self.identity.to_bytes();
        seed[2] = u8::try_from(self.devices.len()).unwrap();
        let key = SigningKey::from_bytes(&seed);
        let device = DeviceId(key.verifying_key().to_bytes());
        let label = String::from("laptop");
        (key, StatementOp::DeviceAdd { device, label })
    }
    /// Certifies a device of somebody else too.
    pub fn adopt_device(&mut self, other: &Self, index: usize) -> usize {
        self.devices.push(other.devices[index].clone());
        let (device, label) = (other.device(index), String::from("shared"));
        self.state(StatementOp::DeviceAdd { device, label });
        self.devices.len() - 1
    }
    /// A device that signs but that no statement certifies.
    pub fn uncertified_device(&mut self) -> usize {
        let (key, _) = self.next_device();
        self.devices.push(key);
        self.devices.len() - 1
    }
    pub fn revoke_device(&mut self, index: usize) -> Signed {
        let device = self.device(index);
        self.state(StatementOp::DeviceRevoke { device })
    }
    pub fn prekey(&self, index: usize, id: u64, key_bytes: usize) -> Signed {
        self.raw_prekey(
            index,
            &Prekey {
                account: self.id(),
                device: self.device(index),
                id,
                key: Bytes::from(vec![7; key_bytes]),
                expires_ms: 1_000,
            },
        )
    }
    /// A prekey, signed by this device whatever it says.
    pub fn raw_prekey(&self, index: usize, prekey: &Prekey) -> Signed {
        let body = encode(prekey);
        let text = text::prekey(&body);
        signed(&self.devices[index], body, &text)
    }
    pub fn logout(&self, index: usize) -> Signed {
        self.prekey(index, LOGOUT_ID, 0)
    }
    pub fn sign(&self, index: usize, header: &Header, body: Bytes) -> Event {
        let header = encode(header);
        let text = text::event(&header, &body);
        Event {
            signature: self.devices[index].sign(&text).to_bytes(),
            header,
            body,
        }
    }
    /// A create event.
    pub fn creates(&self, form: Form, peer: Option<AccountId>, invite: Option<[u8; 32]>) -> Event {
        let control = Control::Create {
            nonce: Nonce([1; 16]),
            form,
            archive: true,
            peer,
            invite,
        };
        self.sign(0, &self.create_header(), encode(&control))
    }
    pub fn create_header(&self) -> Header {
        Header {
            suite: SUITE,
            conv: ConvId::NONE,
            kind: EventKind::Control as u8,
            account: self.id(),
            device: self.device(0),
            ctl: EventHash::NONE,
            base_n: 0,
            base_log: LogHash::START,
            fields: Bytes::new(),
        }
    }
}

/// What a server or a client keeps beside the conversation.
#[derive(Clone)]
pub struct Kept {
    pub accounts: BTreeMap<AccountId, Account>,
    /// Whether the chains are as new as the events.
    pub newest: bool,
    /// L_0, L_1, …; `None` where it is not known.
    pub logs: Vec<Option<LogHash>>,
    pub seen: Vec<EventHash>,
}

impl Record for Kept {
    fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }
    fn newest(&self, _: &AccountId) -> bool {
        self.newest
    }
    fn log_hash(&self, n: u64) -> Option<LogHash> {
        self.logs
            .get(usize::try_from(n).unwrap())
            .copied()
            .flatten()
    }
    fn seen(&self, event: &EventHash) -> bool {
        self.seen.contains(event)
    }
}

impl Kept {
    pub fn of(people: &[&Person]) -> Self {
        Self {
            accounts: people
                .iter()
                .map(|person| (person.id(), person.account.clone()))
                .collect(),
            newest: true,
            logs: vec![Some(LogHash::START)],
            seen: Vec::new(),
        }
    }
}

/// A log as one machine has it.
#[derive(Clone)]
pub struct Log {
    pub conversation: Conversation,
    pub kept: Kept,
}

impl Log {
    pub fn create(event: &Event, mut kept: Kept) -> Result<Self, CreateError> {
        let conversation = Conversation::create(event, &kept)?;
        kept.logs.push(Some(conversation.head().1));
        kept.seen.push(event_hash(event));
        Ok(Self { conversation, kept })
    }
    /// A room of which the first person is admin and the others have accepted as members.
    pub fn room(people: &[&Person]) -> Self {
        let mut log = Self::create(&people[0].creates(Form::Room, None, None), Kept::of(people));
        let log = log.as_mut().unwrap();
        for person in &people[1..] {
            log.admit(people[0], person, Role::Member);
        }
        log.clone()
    }
    /// A direct conversation that both have accepted.
    pub fn direct(a: &Person, b: &Person) -> Self {
        let create = a.creates(Form::Direct, Some(b.id()), Some([9; 32]));
        Self::create(&create, Kept::of(&[a, b])).unwrap()
    }
    pub fn admit(&mut self, admin: &Person, person: &Person, role: Role) {
        let account = person.id();
        self.does(
            admin,
            Control::Add {
                account,
                role,
                pending: true,
            },
        );
        self.does(person, Control::Accept {});
    }
    /// Takes the chains of these people as they are now.
    pub fn refresh(&mut self, people: &[&Person]) {
        for person in people {
            self.kept
                .accounts
                .insert(person.id(), person.account.clone());
        }
    }

    pub fn header(&self, person: &Person, device: usize, kind: u8, fields: Bytes) -> Header {
        let (base_n, base_log) = self.conversation.head();
        Header {
            suite: SUITE,
            conv: self.conversation.id(),
            kind,
            account: person.id(),
            device: person.device(device),
            ctl: self.conversation.ctl(),
            base_n,
            base_log,
            fields,
        }
    }
    pub fn control(&self, person: &Person, control: &Control) -> Event {
        let header = self.header(person, 0, EventKind::Control as u8, Bytes::new());
        person.sign(0, &header, encode(control))
    }
    pub fn key(&self, person: &Person, device: usize, session: u8) -> Event {
        let fields = encode(&key_fields(session));
        let header = self.header(person, device, EventKind::Key as u8, fields);
        person.sign(device, &header, Bytes::new())
    }
    pub fn message(&self, person: &Person, device: usize, session: u8, index: u32) -> Event {
        let fields = encode(&message_fields(session, index));
        let header = self.header(person, device, EventKind::Message as u8, fields);
        person.sign(device, &header, Bytes::from_static(b"sealed"))
    }

    /// Applies an event at the next position.
    pub fn apply(&mut self, event: &Event) -> Verdict {
        let position = self.conversation.head().0 + 1;
        let verdict = self
            .conversation
            .apply(position, event, &self.kept)
            .unwrap();
        if matches!(verdict, Verdict::Valid(_) | Verdict::Void(_)) {
            self.kept.logs.push(Some(self.conversation.head().1));
            self.kept.seen.push(event_hash(event));
        }
        verdict
    }
    /// What the verdict would be.
    pub fn try_on(&self, event: &Event) -> Verdict {
        self.clone().apply(event)
    }
    #[track_caller]
    pub fn takes(&mut self, event: &Event) -> Effect {
        match self.apply(event) {
            Verdict::Valid(effect) => effect,
            other => panic!("not valid: {other:?}"),
        }
    }
    #[track_caller]
    pub fn does(&mut self, person: &Person, control: Control) -> Effect {
        let event = self.control(person, &control);
        self.takes(&event)
    }
    #[track_caller]
    pub fn voids(&self, event: &Event, reason: VoidReason) {
        assert_eq!(self.try_on(event), Verdict::Void(reason));
    }
    pub fn standing(&self, person: &Person) -> Option<(Role, bool)> {
        let member = self.conversation.member(&person.id())?;
        Some((member.role, member.pending))
    }
}

pub fn key_fields(session: u8) -> KeyFields {
    KeyFields {
        session: SessionId([session; 32]),
        nonce: Nonce([3; 16]),
        prekey_id: 1,
        quotes: Vec::new(),
    }
}

pub fn message_fields(session: u8, index: u32) -> MessageFields {
    MessageFields {
        session: SessionId([session; 32]),
        index,
        salt: [4; 16],
        timer: 0,
        blobs: Vec::new(),
        deletes: None,
    }
}

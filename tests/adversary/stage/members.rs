//! Somebody who holds a device's key and does with it what no client of ours would.

use super::caller::Caller;
use super::people::World;
use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use subrosa_ledger::{event_hash, next_log, text};
use subrosa_proto::{
    AccountId, Control, ConvId, Cursor, DeviceId, Event, EventHash, EventKind, Header, LogHash,
    Page, Prekey, Request, Response, Signed, Statement, decode, encode,
};

/// A device in bad hands.
#[derive(Clone)]
pub struct Hand {
    pub account: AccountId,
    pub key: SigningKey,
}

impl Hand {
    /// That of the only device of a person's home. The home is closed.
    pub fn of(world: &World, name: &str) -> Self {
        Self {
            account: world.account(name),
            key: world.device_key(name),
        }
    }

    pub fn device(&self) -> DeviceId {
        DeviceId(self.key.verifying_key().to_bytes())
    }

    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }

    pub fn login(&self, transcript: &[u8; 32]) -> Request {
        Request::DeviceLogin {
            account: self.account,
            device: self.device(),
            signature: self.sign(&text::device_auth(transcript, &self.account)),
        }
    }

    /// A connection on which this device has logged in.
    pub async fn online(&self, world: &World) -> Caller {
        let mut caller = Caller::connect(world.liar.port(), world.address().key).await;
        let login = self.login(&caller.transcript());
        let answer = caller.ask(login).await;
        assert!(matches!(answer, Response::LoggedIn { .. }), "{answer:?}");
        caller
    }

    pub fn event(&self, header: &Header, body: Bytes) -> Event {
        let header = encode(header);
        let signature = self.sign(&text::event(&header, &body));
        Event {
            header,
            body,
            signature,
        }
    }

    /// An event changed and signed anew by this device.
    pub fn resign(&self, event: &Bytes, change: impl FnOnce(&mut Header, &mut Bytes)) -> Bytes {
        let Event {
            header, mut body, ..
        } = decode(event).unwrap();
        let mut header: Header = decode(&header).unwrap();
        change(&mut header, &mut body);
        encode(&self.event(&header, body))
    }

    pub fn prekey(&self, prekey: &Prekey) -> Signed {
        let body = encode(prekey);
        let signature = self.sign(&text::prekey(&body));
        Signed { body, signature }
    }

    pub fn statement(&self, statement: &Statement) -> Signed {
        let body = encode(statement);
        let signature = self.sign(&text::statement(&body));
        Signed { body, signature }
    }

    /// A control event in a conversation as it stands.
    pub fn control(&self, seen: &Seen, control: &Control) -> Event {
        let header = seen.header(self, EventKind::Control, Bytes::new());
        self.event(&header, encode(control))
    }
}

/// A conversation as somebody has seen it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub conv: ConvId,
    pub ctl: EventHash,
    pub n: u64,
    pub log: LogHash,
    pub events: Vec<Bytes>,
}

impl Seen {
    /// Reads a whole conversation.
    pub async fn read(caller: &mut Caller, conv: ConvId) -> Self {
        let mut seen = Self {
            conv,
            ctl: EventHash::NONE,
            n: 0,
            log: LogHash::START,
            events: Vec::new(),
        };
        let request = Request::Read {
            conv,
            from: 1,
            count: 100,
        };
        match caller.ask(request).await {
            Response::Page { page } => seen.take(&page),
            other => panic!("{other:?}"),
        }
        seen
    }

    fn take(&mut self, page: &Page) {
        for delivered in &page.events {
            let event: Event = decode(&delivered.event).unwrap();
            let hash = event_hash(&event);
            self.n += 1;
            self.log = next_log(self.log, self.n, hash);
            let header: Header = decode(&event.header).unwrap();
            if u64::from(header.kind) == EventKind::Control.number() {
                self.ctl = hash;
            }
            self.events.push(delivered.event.clone());
        }
    }

    pub fn header(&self, hand: &Hand, kind: EventKind, fields: Bytes) -> Header {
        Header {
            suite: subrosa_proto::SUITE,
            conv: self.conv,
            kind: kind as u8,
            account: hand.account,
            device: hand.device(),
            ctl: self.ctl,
            base_n: self.n,
            base_log: self.log,
            fields,
        }
    }

    /// The last event of a kind.
    pub fn last_of(&self, kind: EventKind) -> Bytes {
        let of_kind = |bytes: &&Bytes| header_of(bytes).kind == kind as u8;
        self.events.iter().rev().find(of_kind).unwrap().clone()
    }

    /// A control head that this conversation never had.
    pub fn ctl_of_nothing(&self) -> EventHash {
        EventHash(super::random())
    }

    pub fn cursor(&self) -> Cursor {
        Cursor {
            conv: self.conv,
            next: self.n + 1,
        }
    }
}

pub fn header_of(event: &Bytes) -> Header {
    let event: Event = decode(event).unwrap();
    decode(&event.header).unwrap()
}

/// The conversations of a device, in the order of the server.
pub async fn conversations(caller: &mut Caller) -> Vec<ConvId> {
    match caller.ask(Request::Conversations { after: None }).await {
        Response::Conversations { heads, .. } => heads.into_iter().map(|head| head.conv).collect(),
        other => panic!("{other:?}"),
    }
}

/// The conversation of two people, seen by one of them: the one that the other has written in.
pub async fn shared(caller: &mut Caller, other: AccountId) -> Seen {
    for conv in conversations(caller).await {
        let seen = Seen::read(caller, conv).await;
        if seen
            .events
            .iter()
            .any(|event| header_of(event).account == other)
        {
            return seen;
        }
    }
    panic!("there is no such conversation")
}

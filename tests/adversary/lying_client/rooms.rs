//! Rooms: what members may not do, those who are gone, those who have just come, and those who were never there.

use crate::stage::caller::Caller;
use crate::stage::members::{Hand, Seen};
use crate::stage::people::World;
use crate::stage::random;
use bytes::Bytes;
use subrosa_ledger::event_hash;
use subrosa_proto::{
    AccountId, BoxKind, Control, ConvId, DeviceId, Event, EventHash, EventKind, Form, Header,
    KeyBox, KeyFields, LogHash, MessageFields, Nonce, Page, Request, Response, Role, SUITE,
    SessionId, encode,
};

struct Room {
    _world: World,
    hands: [Hand; 3],
    callers: [Caller; 3],
    /// As Ada sees it, who made it.
    seen: Seen,
    counter: u64,
}

const ADA: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

impl Room {
    /// Ada's room, with Bob as a member who has accepted.
    async fn new() -> Self {
        let world = World::new().await;
        let hands = ["ada", "bob", "carol"].map(|name| Hand::of(&world, name));
        let mut callers = Vec::new();
        for hand in &hands {
            callers.push(hand.online(&world).await);
        }
        let mut callers: [Caller; 3] = callers.try_into().unwrap_or_else(|_| panic!("three"));
        let ada = &hands[ADA];
        let header = Header {
            suite: SUITE,
            conv: ConvId::NONE,
            kind: EventKind::Control as u8,
            account: ada.account,
            device: ada.device(),
            ctl: EventHash::NONE,
            base_n: 0,
            base_log: LogHash::START,
            fields: Bytes::new(),
        };
        let control = Control::Create {
            nonce: Nonce(random()),
            form: Form::Room,
            archive: true,
            peer: None,
            invite: None,
        };
        let create = ada.event(&header, encode(&control));
        let counter = u64::from(u32::from_be_bytes(random())) + 1_000_000;
        let request = Request::Create {
            counter,
            event: encode(&create),
        };
        let answer = callers[ADA].ask(request).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        let conv = ConvId(event_hash(&create).0);
        let seen = Seen::read(&mut callers[ADA], conv).await;
        let mut room = Self {
            _world: world,
            hands,
            callers,
            seen,
            counter,
        };
        room.bring(BOB).await;
        room
    }

    fn account(&self, who: usize) -> AccountId {
        self.hands[who].account
    }

    fn add(&self, who: usize, role: Role) -> Control {
        let account = self.account(who);
        Control::Add {
            account,
            role,
            pending: true,
        }
    }

    /// Ada adds somebody, who accepts.
    async fn bring(&mut self, who: usize) {
        let add = self.add(who, Role::Member);
        self.taken(ADA, &add).await;
        self.taken(who, &Control::Accept {}).await;
    }

    fn control(&self, who: usize, control: &Control) -> Event {
        self.hands[who].control(&self.seen, control)
    }

    async fn append(&mut self, who: usize, events: Vec<Bytes>) -> Response {
        self.counter += 1;
        let request = Request::Append {
            counter: self.counter,
            conv: self.seen.conv,
            events,
        };
        let answer = self.callers[who].ask(request).await;
        self.seen = Seen::read(&mut self.callers[ADA], self.seen.conv).await;
        answer
    }

    async fn taken(&mut self, who: usize, control: &Control) {
        let event = encode(&self.control(who, control));
        let answer = self.append(who, vec![event]).await;
        assert!(
            matches!(answer, Response::Appended { .. }),
            "{control:?}: {answer:?}"
        );
    }

    async fn refused(&mut self, who: usize, control: &Control) {
        let before = self.seen.n;
        let event = encode(&self.control(who, control));
        let answer = self.append(who, vec![event]).await;
        assert!(
            matches!(answer, Response::Refused { .. } | Response::Stale { .. }),
            "{control:?}: {answer:?}"
        );
        assert_eq!(self.seen.n, before, "{control:?}: nothing was stored");
    }

    /// Key event and message of a session with boxes for these, as bytes that nobody opens.
    async fn speak(
        &mut self,
        who: usize,
        devices: &[DeviceId],
        accounts: &[AccountId],
    ) -> Response {
        let session = SessionId(random());
        let sealed = |kind, recipient: [u8; 32]| {
            encode(&KeyBox {
                kind,
                recipient,
                key_id: 1,
                sealed: Bytes::from([&recipient[..], &[9; 1_136]].concat()),
            })
        };
        let boxes = devices
            .iter()
            .map(|device| sealed(BoxKind::Device, device.0))
            .chain(accounts.iter().map(|id| sealed(BoxKind::History, id.0)));
        let stage = Request::Stage {
            session,
            boxes: boxes.collect(),
        };
        let staged = self.callers[who].ask(stage).await;
        if staged != (Response::Done {}) {
            return staged;
        }
        let hand = &self.hands[who];
        let key = KeyFields {
            session,
            nonce: Nonce(random()),
            prekey_id: 1,
            quotes: Vec::new(),
        };
        let message = MessageFields {
            session,
            index: 0,
            salt: random(),
            timer: 0,
            blobs: Vec::new(),
            deletes: None,
        };
        let key = self.seen.header(hand, EventKind::Key, encode(&key));
        let message = self.seen.header(hand, EventKind::Message, encode(&message));
        let events = vec![
            encode(&hand.event(&key, Bytes::new())),
            encode(&hand.event(&message, Bytes::from(vec![7; 112]))),
        ];
        self.append(who, events).await
    }

    async fn page(&mut self, who: usize) -> Response {
        let request = Request::Read {
            conv: self.seen.conv,
            from: 1,
            count: 100,
        };
        self.callers[who].ask(request).await
    }
}

fn reach(page: &Page) -> (u64, u64) {
    (page.first, page.first + page.events.len() as u64)
}

// Proves: C12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_are_those_of_the_signed_record() {
    let mut room = Room::new().await;
    let (ada, bob) = (room.account(ADA), room.account(BOB));
    let role = |account, role| Control::SetRole { account, role };
    let policy = |members_add| Control::Policy {
        members_add,
        timer: 0,
    };
    for control in [
        room.add(CAROL, Role::Member),
        role(bob, Role::Admin),
        role(ada, Role::Member),
        Control::Remove { account: ada },
        Control::Remove { account: bob },
        policy(true),
        Control::Close {},
        Control::Accept {},
    ] {
        room.refused(BOB, &control).await;
    }
    // Carol was never there.
    for control in [
        room.add(CAROL, Role::Admin),
        Control::Accept {},
        Control::Leave {},
        policy(true),
    ] {
        room.refused(CAROL, &control).await;
    }
    // The last admin stays one, and stays.
    room.refused(ADA, &Control::Leave {}).await;
    room.refused(ADA, &role(ada, Role::Member)).await;
    room.refused(ADA, &room.add(BOB, Role::Member)).await;
    // With the right, the same is taken; and it goes as far as the right.
    room.taken(ADA, &policy(true)).await;
    room.refused(BOB, &room.add(CAROL, Role::Admin)).await;
    room.taken(BOB, &room.add(CAROL, Role::Member)).await;
    // Who was added and has not accepted does nothing but that.
    room.refused(CAROL, &policy(false)).await;
    room.refused(CAROL, &Control::Remove { account: bob }).await;
    room.taken(CAROL, &Control::Accept {}).await;
}

// Proves: C16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gone_neither_read_nor_write_on_and_the_new_begin_where_they_came() {
    let mut room = Room::new().await;
    let devices = [0, 1, 2].map(|who: usize| room.hands[who].device());
    let accounts = [0, 1, 2].map(|who: usize| room.account(who));
    let answer = room.speak(ADA, &devices[1..2], &accounts[..2]).await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    // Bob signs before he is removed what he sends afterwards.
    let before = encode(&room.control(BOB, &Control::Leave {}));
    let remove = Control::Remove {
        account: room.account(BOB),
    };
    room.taken(ADA, &remove).await;
    let gone_at = room.seen.n;
    let answer = room.append(BOB, vec![before]).await;
    assert!(
        matches!(answer, Response::Refused { .. } | Response::Stale { .. }),
        "{answer:?}"
    );
    for control in [
        Control::Accept {},
        Control::Leave {},
        room.add(BOB, Role::Admin),
    ] {
        room.refused(BOB, &control).await;
    }
    let answer = room.speak(BOB, &devices[..1], &accounts[..2]).await;
    assert!(
        matches!(answer, Response::Refused { .. } | Response::Stale { .. }),
        "{answer:?}"
    );
    // A sender who seals to him all the same is not taken: his box in the place of Carol's, who has come.
    room.bring(CAROL).await;
    let come_at = room.seen.n - 1;
    let answer = room.speak(ADA, &devices[1..2], &accounts[..2]).await;
    assert!(!matches!(answer, Response::Appended { .. }), "{answer:?}");
    let answer = room
        .speak(ADA, &devices[2..], &[accounts[ADA], accounts[CAROL]])
        .await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    // Bob reads as far as his end; Carol from her beginning.
    let Response::Page { page } = room.page(BOB).await else {
        panic!()
    };
    assert!(reach(&page).1 <= gone_at + 1, "{:?}", reach(&page));
    let Response::Page { page } = room.page(CAROL).await else {
        panic!()
    };
    assert_eq!(reach(&page), (come_at, room.seen.n + 1));
    let of_carol = page.events.iter().flat_map(|delivered| &delivered.boxes);
    assert!(of_carol.count() >= 1, "the box that is hers");
}

//! Large rooms: many members, of whom two are real homes.

use super::office::Office;
use super::person::Person;
use super::world::{START_MS, step};
use crate::randomness;
use bytes::Bytes;
use std::time::{Duration, Instant};
use subrosa_e2e::{Credential, Identity, Machine, SlotSecret, found_account};
use subrosa_ledger::Account;
use subrosa_proto::{
    AccountId, Control, ConvId, DeviceId, EventKind, Form, Header, Name, Request, Response, Role,
    decode, encode, limits,
};
use zeroize::Zeroizing;

/// So many messages pass at most until there is rest; more is a loop.
const STEPS_MAX: usize = 20_000;

/// A member with real keys and no home.
struct Extra {
    account: AccountId,
    machine: Machine,
}

struct Hall {
    office: Office,
    ada: Person,
    bob: Person,
    conv: ConvId,
    counter: u64,
    /// Bytes and requests of the boxes that were staged.
    staged: (usize, usize),
}

fn extra(office: &mut Office, number: usize) -> Extra {
    let mut rng = randomness::system();
    let identity = Identity::generate(&mut rng);
    let account = identity.id();
    let (mut machine, _) = Machine::generate(account, &mut rng);
    let (prekey, _) = machine.next_prekey(START_MS, &mut rng);
    let secret = SlotSecret {
        seed: Box::new(Zeroizing::new([5; 32])),
        anchor: account.0,
    };
    let slot = || Credential {
        secret: &secret,
        record: Bytes::from_static(b"record"),
    };
    let name = Name::new(&format!("extra{number}")).unwrap();
    let device = machine.device();
    let founding = found_account(identity, &name, device, "x", slot(), slot(), &mut rng).unwrap();
    let chain = Account::from_chain(&founding.chain).unwrap();
    office.accounts.insert(account, chain);
    office.prekeys.insert(device, prekey);
    Extra { account, machine }
}

impl Hall {
    /// Ada's room with so many members, all of whom have accepted.
    fn new(members: usize) -> Self {
        let mut office = Office::new(START_MS);
        // As many as a real server gives at a time.
        (office.page_accounts, office.page_controls) = (30, 300);
        let (ada, of_ada) = Person::found("ada", START_MS, |_, _| Ok(()));
        let (bob, of_bob) = Person::found("bob", START_MS, |_, _| Ok(()));
        for (person, founded) in [(&ada, of_ada), (&bob, of_bob)] {
            office.accounts.insert(person.account, founded.account);
            office.prekeys.insert(person.device, founded.prekey);
        }
        let extras: Vec<Extra> = (2..members).map(|n| extra(&mut office, n)).collect();
        let own = &ada.engine.machine;
        let (event, conv) = own.create(Form::Room, true, None, None, &mut randomness::system());
        let create = Request::Create {
            counter: 1 << 40,
            event: encode(&event),
        };
        office.answer((ada.account, ada.device), create);
        let mut hall = Self {
            office,
            ada,
            bob,
            conv,
            counter: 1 << 41,
            staged: (0, 0),
        };
        for extra in &extras {
            hall.admit(extra.account, &extra.machine);
        }
        hall.add(hall.bob.account);
        let state = &hall.office.logs[&conv].state;
        let accept = hall.bob.engine.machine.control(state, &Control::Accept {});
        hall.append((hall.bob.account, hall.bob.device), encode(&accept));
        for person in [&mut hall.ada, &mut hall.bob] {
            person.link();
        }
        hall.run();
        hall
    }

    fn append(&mut self, who: (AccountId, DeviceId), event: Bytes) {
        self.counter += 1;
        let append = Request::Append {
            counter: self.counter,
            conv: self.conv,
            events: vec![event],
        };
        let answer = self.office.answer(who, append);
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    }

    fn add(&mut self, account: AccountId) {
        let role = Role::Member;
        let state = &self.office.logs[&self.conv].state;
        let own = &self.ada.engine.machine;
        let add = own.control(
            state,
            &Control::Add {
                account,
                role,
                pending: true,
            },
        );
        self.append((self.ada.account, self.ada.device), encode(&add));
    }

    fn admit(&mut self, account: AccountId, machine: &Machine) {
        self.add(account);
        let state = &self.office.logs[&self.conv].state;
        let accept = machine.control(state, &Control::Accept {});
        self.append((account, machine.device()), encode(&accept));
    }

    fn run(&mut self) {
        for _ in 0..STEPS_MAX {
            if let Some(sent) = self.ada.sent.front()
                && let Request::Stage { boxes, .. } = &sent.request
            {
                self.staged.0 += boxes.iter().map(Bytes::len).sum::<usize>();
                self.staged.1 += 1;
                assert!(encode(sent).len() <= limits::MESSAGE_BYTES_MAX);
            }
            let moved =
                step(&mut self.office, &mut self.ada) | step(&mut self.office, &mut self.bob);
            if !moved {
                return;
            }
        }
        panic!("no rest: the engines go round in circles");
    }

    /// Ada says something, and it is at the server. How long her engine took.
    fn say(&mut self, text: &str) -> Duration {
        let name = format!("#{:.8}", self.conv.to_string());
        let before = Instant::now();
        self.ada.send(&name, text);
        self.run();
        before.elapsed()
    }

    fn key_events(&self) -> usize {
        let events = self.office.logs[&self.conv].events.iter();
        let kinds = events.map(|posted| {
            let event: subrosa_proto::Event = decode(&posted.event).unwrap();
            decode::<Header>(&event.header).unwrap().kind
        });
        kinds.filter(|kind| *kind == EventKind::Key as u8).count()
    }

    fn heard(&mut self) -> usize {
        let name = format!("#{:.8}", self.conv.to_string());
        self.bob.texts(&name).len()
    }
}

#[test]
fn a_room_of_many_is_sealed_to_in_parts() {
    let mut hall = Hall::new(80);
    hall.say("first");
    let boxes = 80 + 79;
    assert!(hall.staged.1 > 1, "in parts");
    assert!(hall.staged.0 > boxes * 1_120);
    assert_eq!((hall.heard(), hall.key_events()), (1, 1));
    // A session for more than 64 boxes serves for more than 100 messages.
    for number in 0..limits::SESSION_MESSAGES {
        hall.say(&format!("{number}"));
    }
    let all = limits::SESSION_MESSAGES as usize + 1;
    assert_eq!((hall.heard(), hall.key_events()), (all, 1));
}

/// Prints what the first message of a session costs the one who sends it.
#[test]
#[ignore = "half a minute, prints figures: `just rooms`"]
fn the_first_message_in_rooms_of_all_sizes() {
    for members in [3, 50, 300, 1_000] {
        let mut hall = Hall::new(members);
        let first = hall.say("first");
        let (bytes, requests) = hall.staged;
        let next = hall.say("next");
        assert_eq!((hall.heard(), hall.key_events()), (2, 1));
        println!(
            "{members} members with a device each: first message {} ms, {} boxes of {bytes} bytes in {requests} requests; the next one {} ms",
            first.as_millis(),
            2 * members - 1,
            next.as_millis(),
        );
        assert!(bytes <= limits::STAGED_BYTES_MAX);
        assert!(2 * members - 1 <= limits::STAGED_BOXES_MAX);
    }
}

//! Ada, Bob and the server between them.

use super::office::Office;
use super::person::Person;
use subrosa_login::InviteSecret;
use subrosa_proto::{ConvId, Form, FromClient, Request};

/// When the tests begin.
pub const START_MS: u64 = 1_795_392_000_000;
/// So many messages pass at most until there is rest; more is a loop.
const STEPS_MAX: usize = 2_000;

pub struct World {
    pub office: Office,
    pub ada: Person,
    pub bob: Person,
}

impl World {
    /// Two people who have come to know each other by an invite line, online.
    pub fn new() -> Self {
        let line = InviteSecret::from_bytes(&[7; 16]);
        let (ada, of_ada) = Person::found("ada", START_MS, |desk, _| {
            desk.add_invite(line.as_bytes(), None, START_MS, START_MS + 1_000)
        });
        let inviter = ada.account;
        let (bob, of_bob) = Person::found("bob", START_MS, |desk, account| {
            let proof = line.mac(inviter.as_bytes(), account.as_bytes());
            desk.add_opening(Some(&inviter), Some(&proof))
        });
        let mut office = Office::new(START_MS);
        for (person, founded) in [(&ada, of_ada), (&bob, of_bob)] {
            office.accounts.insert(person.account, founded.account);
            office.prekeys.insert(person.device, founded.prekey);
        }
        let mut world = Self { office, ada, bob };
        world.ada.link();
        world.run();
        world.bob.link();
        // The inviter's key comes with the line: whoever opens the conversation knows the genesis.
        world.run();
        world
    }

    pub fn direct(&self) -> ConvId {
        let mut direct = self.office.logs.iter();
        *direct
            .find(|(_, log)| log.state.form() == Form::Direct)
            .unwrap()
            .0
    }

    pub fn own_of(&self, person: &Person) -> ConvId {
        let mut own = self.office.logs.iter();
        *own.find(|(_, log)| log.state.form() == Form::Own && log.state.creator() == person.account)
            .unwrap()
            .0
    }

    /// Lets messages pass until there is rest.
    pub fn run(&mut self) {
        for _ in 0..STEPS_MAX {
            let moved =
                step(&mut self.office, &mut self.ada) | step(&mut self.office, &mut self.bob);
            if !moved {
                return;
            }
        }
        panic!("no rest: the engines go round in circles");
    }

    /// The link of Ada ends and is made anew.
    pub fn relink_ada(&mut self) {
        self.office.unlink(&self.ada.device);
        self.ada.lose_link();
        self.ada.link();
    }

    /// Time passes for everybody.
    pub fn pass(&mut self, ms: u64) {
        self.office.now_ms += ms;
        self.ada.now_ms += ms;
        self.bob.now_ms += ms;
        self.ada.tick();
        self.bob.tick();
        self.run();
    }
}

/// Lets one person's requests through until an append is next, and takes that.
pub fn to_append(office: &mut Office, person: &mut Person) -> FromClient {
    loop {
        let next = person.sent.front().map(|sent| &sent.request);
        if matches!(next, Some(Request::Append { .. })) {
            return person.intercept_append();
        }
        assert!(step(office, person), "no append is under way");
    }
}

/// One request of a person, and what is to be pushed. Whether anything moved.
pub fn step(office: &mut Office, person: &mut Person) -> bool {
    let asked = person.sent.pop_front();
    let moved = asked.is_some();
    if let Some(asked) = asked {
        let response = office.answer((person.account, person.device), asked.request);
        person.reply(asked.id, response);
    }
    let pushes = office.take_pushes(&person.device);
    let pushed = !pushes.is_empty();
    for push in pushes {
        person.push(push);
    }
    moved | pushed
}

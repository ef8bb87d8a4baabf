//! A room of several engines with one post office, each event let through until there is rest.

use super::office::Office;
use super::person::Person;
use super::world::{START_MS, step};
use crate::command::Act;
use crate::engine::turn::CallId;
use crate::randomness;
use subrosa_ledger::body_hash;
use subrosa_proto::{
    Absence, Control, ConvId, Event, Form, Request, Response, Role, TrimmedEvent, decode, encode,
};

/// So many messages pass at most until there is rest; more is a loop.
pub const STEPS_MAX: usize = 5_000;

pub struct Room {
    pub office: Office,
    pub people: Vec<Person>,
    pub conv: ConvId,
    counter: u64,
    /// Whose link is down.
    offline: Option<usize>,
}

impl Room {
    /// People who are online; the first has opened a room that keeps an archive.
    pub fn new(names: &[&str]) -> Self {
        Self::with(names, true)
    }

    pub fn with(names: &[&str], archive: bool) -> Self {
        let mut office = Office::new(START_MS);
        let mut people = Vec::new();
        for name in names {
            let (mut person, founded) = Person::found(name, START_MS, |_, _| Ok(()));
            office.accounts.insert(person.account, founded.account);
            office.prekeys.insert(person.device, founded.prekey);
            person.link();
            people.push(person);
        }
        let ada = &people[0];
        let (event, conv) =
            ada.engine
                .machine
                .create(Form::Room, archive, None, None, &mut randomness::system());
        let create = Request::Create {
            counter: 1 << 40,
            event: encode(&event),
        };
        let who = (ada.account, ada.device);
        assert!(matches!(
            office.answer(who, create),
            Response::Appended { .. }
        ));
        let mut room = Self {
            office,
            people,
            conv,
            counter: 1 << 41,
            offline: None,
        };
        room.run();
        room
    }

    pub fn name(&self) -> String {
        format!("#{:.8}", self.conv.to_string())
    }

    pub fn run(&mut self) {
        for _ in 0..STEPS_MAX {
            let mut moved = false;
            for (who, person) in self.people.iter_mut().enumerate() {
                moved |= self.offline != Some(who) && step(&mut self.office, person);
            }
            if !moved {
                return;
            }
        }
        panic!("no rest: the engines go round in circles");
    }

    /// A control event of a person, and what follows from it.
    pub fn control(&mut self, who: usize, control: Control) {
        let person = &self.people[who];
        let state = &self.office.logs[&self.conv].state;
        let event = person.engine.machine.control(state, &control);
        self.counter += 1;
        let append = Request::Append {
            counter: self.counter,
            conv: self.conv,
            events: vec![encode(&event)],
        };
        let by = (person.account, person.device);
        let answer = self.office.answer(by, append);
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        self.run();
    }

    pub fn add(&mut self, by: usize, who: usize, role: Role) {
        let account = self.people[who].account;
        self.control(
            by,
            Control::Add {
                account,
                role,
                pending: true,
            },
        );
    }

    /// The same of somebody who is not asked.
    pub fn put(&mut self, by: usize, who: usize) {
        let account = self.people[who].account;
        let add = Control::Add {
            account,
            role: Role::Member,
            pending: false,
        };
        self.control(by, add);
    }

    pub fn admit(&mut self, by: usize, who: usize, role: Role) {
        self.add(by, who, role);
        self.control(who, Control::Accept {});
    }

    pub fn remove(&mut self, who: usize) {
        let account = self.people[who].account;
        self.control(0, Control::Remove { account });
    }

    pub fn say(&mut self, who: usize, text: &str) {
        let name = self.name();
        self.people[who].send(&name, text);
        self.run();
    }

    pub fn texts(&mut self, who: usize) -> Vec<String> {
        let name = self.name();
        let texts = self.people[who].texts(&name).into_iter();
        texts.map(|(_, text)| text).collect()
    }

    pub fn notes(&mut self, who: usize) -> Vec<String> {
        let name = self.name();
        self.people[who].notes(&name)
    }

    /// Somebody's state is the server's.
    pub fn agrees(&mut self, who: usize) {
        let person = &mut self.people[who];
        let no = person.engine.numbers[&self.conv];
        let state = &person.engine.talks[&no].state;
        assert_eq!(*state, self.office.logs[&self.conv].state);
        // Also after a restart.
        person.restart();
        assert_eq!(
            person.engine.talks[&no].state,
            self.office.logs[&self.conv].state
        );
        self.office.unlink(&person.device);
        person.link();
        self.run();
    }

    /// The link of somebody ends.
    pub fn unlink(&mut self, who: usize) {
        let person = &mut self.people[who];
        self.office.unlink(&person.device);
        person.lose_link();
        self.offline = Some(who);
    }

    pub fn relink(&mut self, who: usize) {
        self.offline = None;
        let person = &mut self.people[who];
        self.office.unlink(&person.device);
        person.link();
        self.run();
    }

    /// What somebody does about the newest row that shows this text.
    pub fn act(&mut self, who: usize, text: &str, act: Act) -> CallId {
        let name = self.name();
        let call = self.people[who].act(&name, text, act);
        self.run();
        call
    }

    /// Where a text stands that somebody can read.
    pub fn position(&mut self, who: usize, text: &str) -> u64 {
        let name = self.name();
        self.people[who].row(&name, text).position.unwrap()
    }

    /// The server has no body at a position any more, and says why.
    pub fn trim(&mut self, position: u64, why: Absence) {
        let log = self.office.logs.get_mut(&self.conv).unwrap();
        let posted = &mut log.events[usize::try_from(position).unwrap() - 1];
        let event: Event = decode(&posted.event).unwrap();
        posted.event = encode(&TrimmedEvent {
            header: event.header,
            body_hash: body_hash(&event.body),
            signature: event.signature,
            why,
        });
    }
}

//! People who are made members without being asked: contacts, and what a server that lies lets pass.

use super::blocking::contacts;
use super::room::Room;
use crate::command::{Answer, Command, FailureKind};
use crate::room::{RoomCommand, RoomRole};
use crate::view::{Notice, RowKind};
use subrosa_proto::{ConvId, Form, Role};

const ADA: usize = 0;
const BOB: usize = 1;

impl Room {
    /// Turns to the newest room of which Ada is a member.
    fn newest(&mut self, before: &[ConvId]) {
        let logs = self.office.logs.iter();
        let mut rooms = logs.filter(|(_, log)| log.state.form() == Form::Room);
        let found = rooms.find(|(conv, _)| !before.contains(conv));
        self.conv = *found.unwrap().0;
    }

    fn convs(&self) -> Vec<ConvId> {
        self.office.logs.keys().copied().collect()
    }

    fn local_name(&self, who: usize) -> String {
        let engine = &self.people[who].engine;
        engine.talks[&engine.numbers[&self.conv]].name.clone()
    }

    /// The texts that somebody was told as they came.
    fn told(&self, who: usize) -> Vec<String> {
        let notices = self.people[who].notices.iter();
        let told = notices.filter_map(|notice| match notice {
            Notice::Row(row) => match &row.what {
                RowKind::Text { text, .. } => Some(text.clone()),
                _ => None,
            },
            _ => None,
        });
        told.collect()
    }

    fn receipts(&self, who: usize) -> usize {
        let device = self.people[who].device;
        let key = (self.conv, device);
        usize::from(self.office.receipts.contains_key(&key))
    }
}

/// Proves: C12, C14
#[test]
fn a_contact_who_is_off_reads_what_is_written_after_it_was_added() {
    let mut room = contacts();
    let before = room.convs();
    room.unlink(BOB);
    let create = RoomCommand::Create {
        name: "ops".to_owned(),
        topic: "pagers".to_owned(),
        archive: true,
        members_add: false,
        people: vec!["bob".to_owned()],
    };
    let call = room.people[ADA].call(Command::Room(create));
    room.run();
    let Some(Ok(Answer::Room(view))) = room.people[ADA].answers.remove(&call) else {
        panic!("no room");
    };
    let bob = view.members.iter().find(|member| member.name == "bob");
    assert!(bob.is_some_and(|bob| !bob.pending), "{view:?}");
    room.newest(&before);
    room.people[ADA].send("#ops", "is anybody there?");
    room.run();
    room.unlink(ADA);
    room.people[BOB].subscribe();
    let bob = &mut room.people[BOB];
    room.office.unlink(&bob.device);
    bob.link();
    room.run();
    assert_eq!(room.local_name(BOB), "#ops");
    assert_eq!(
        room.people[BOB].texts("#ops"),
        [("ada".to_owned(), "is anybody there?".to_owned())]
    );
    assert_eq!(room.told(BOB), ["is anybody there?"]);
    let notes = room.people[BOB].notes("#ops");
    assert!(
        notes[0].starts_with("ada added you to this room"),
        "{notes:?}"
    );
    assert_eq!(room.receipts(BOB), 1);
    room.people[BOB].send("#ops", "I am");
    room.relink(ADA);
    assert_eq!(room.people[ADA].texts("#ops").len(), 2);
}

#[test]
fn people_who_are_added_together_are_told_the_name_once() {
    let mut room = Room::new(&["ada", "bob", "cy", "dan"]);
    let before = room.convs();
    for name in ["bob", "cy", "dan"] {
        room.people[ADA].send(&format!("@{name}"), "hello");
        room.run();
    }
    for who in 1..4 {
        room.people[who].call(Command::Accept {
            conversation: "@ada".to_owned(),
        });
        room.run();
    }
    let create = RoomCommand::Create {
        name: "ops".to_owned(),
        topic: String::new(),
        archive: true,
        members_add: false,
        people: vec!["bob".to_owned(), "cy".to_owned()],
    };
    room.people[ADA].call(Command::Room(create));
    room.run();
    room.newest(&before);
    let add = RoomCommand::Add {
        room: "#ops".to_owned(),
        people: vec!["dan".to_owned()],
        role: RoomRole::Member,
    };
    room.people[ADA].call(Command::Room(add));
    room.run();
    for who in 0..4 {
        assert_eq!(room.local_name(who), "#ops");
    }
    // create, two adds, a key and the title; an add, a key and the title.
    assert_eq!(room.office.logs[&room.conv].events.len(), 8);
}

#[test]
fn who_is_no_contact_is_asked() {
    let mut room = contacts();
    let account = room.people[BOB].account;
    // They talk, so that he is in at once; and again after he was thrown out.
    for _ in 0..2 {
        let add = RoomCommand::Add {
            room: room.name(),
            people: vec!["bob".to_owned()],
            role: RoomRole::Member,
        };
        room.people[ADA].call(Command::Room(add));
        room.run();
        assert!(
            !room.office.logs[&room.conv]
                .state
                .member(&account)
                .unwrap()
                .pending
        );
        room.remove(BOB);
    }
    let mut room = Room::new(&["ada", "bob"]);
    let account = room.people[BOB].account;
    room.people[ADA].send("@bob", "hello");
    room.run();
    let add = RoomCommand::Add {
        room: room.name(),
        people: vec!["bob".to_owned()],
        role: RoomRole::Member,
    };
    room.people[ADA].call(Command::Room(add));
    room.run();
    assert!(
        room.office.logs[&room.conv]
            .state
            .member(&account)
            .unwrap()
            .pending
    );
}

/// Proves: C12
#[test]
fn who_is_put_into_a_room_by_a_stranger_shows_and_says_nothing_there() {
    let mut room = Room::new(&["ada", "bob", "cy"]);
    room.admit(ADA, 2, Role::Member);
    room.people[BOB].subscribe();
    room.office.lets_add = true;
    room.put(ADA, BOB);
    room.say(ADA, "look at this");
    assert_eq!(room.rooms(BOB), 0);
    assert!(room.told(BOB).is_empty());
    assert_eq!((room.receipts(2), room.receipts(BOB)), (1, 0));
    let name = room.name();
    let call = room.people[BOB].send(&name, "who is there?");
    let failure = room.people[BOB].failure(call);
    assert_eq!(failure.kind, FailureKind::User);
    assert!(
        failure.sentence.contains("no contact of yours"),
        "{failure}"
    );
    room.people[BOB].restart();
    room.relink(BOB);
    assert_eq!(room.rooms(BOB), 0);
    // When they have come to talk with each other he is shown it, and told what came.
    room.people[BOB].subscribe();
    room.people[ADA].send("@bob", "it was me");
    room.run();
    room.people[BOB].call(Command::Accept {
        conversation: "@ada".to_owned(),
    });
    room.run();
    assert_eq!(room.rooms(BOB), 1);
    assert!(room.told(BOB).contains(&"look at this".to_owned()));
    assert_eq!(room.receipts(BOB), 1);
    room.agrees(BOB);
}

/// Proves: C12
#[test]
fn a_stranger_gets_nobody_in_who_is_not_asked() {
    let mut room = Room::new(&["ada", "bob"]);
    let account = room.people[BOB].account;
    let control = subrosa_proto::Control::Add {
        account,
        role: Role::Member,
        pending: false,
    };
    let state = &room.office.logs[&room.conv].state;
    let event = room.people[ADA].engine.machine.control(state, &control);
    let who = (room.people[ADA].account, room.people[ADA].device);
    let append = subrosa_proto::Request::Append {
        counter: 1 << 50,
        conv: room.conv,
        events: vec![subrosa_proto::encode(&event)],
    };
    let refused = subrosa_proto::Response::refused(subrosa_proto::ErrorCode::NotPermitted);
    assert_eq!(room.office.answer(who, append), refused);
}

/// Proves: C12
#[test]
fn what_somebody_who_is_blocked_puts_one_into_is_not_shown() {
    let mut room = contacts();
    room.people[BOB].subscribe();
    room.block(BOB, "ada", true);
    room.put(ADA, BOB);
    room.say(ADA, "are you angry?");
    assert_eq!(room.rooms(BOB), 0);
    assert_eq!(room.receipts(BOB), 0);
    assert!(room.told(BOB).is_empty());
    room.block(BOB, "ada", false);
    assert_eq!(room.rooms(BOB), 1);
    assert_eq!(room.told(BOB), ["are you angry?"]);
    assert_eq!(room.receipts(BOB), 1);
    // A block that comes later is of the person and not of the room.
    room.block(BOB, "ada", true);
    assert_eq!(room.rooms(BOB), 1);
    room.people[BOB].restart();
    room.relink(BOB);
    assert_eq!(room.rooms(BOB), 1);
}

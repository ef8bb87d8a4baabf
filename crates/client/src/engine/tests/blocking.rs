//! What somebody who is blocked asks for.

use super::person::Person;
use super::room::Room;
use super::settings::{further, run};
use super::world::World;
use crate::command::{Answer, Command, FailureKind};
use crate::room::RoomCommand;
use crate::trust_view::About;
use crate::view::Notice;
use subrosa_proto::{Control, Push, Role};

/// Ada has a room, and Bob talks with her beside it.
pub fn contacts() -> Room {
    let mut room = Room::new(&["ada", "bob"]);
    room.people[0].send("@bob", "hello");
    room.run();
    room.people[1].call(Command::Accept {
        conversation: "@ada".to_owned(),
    });
    room.run();
    room
}

/// How many rooms somebody is shown.
fn rooms(person: &mut Person) -> usize {
    let call = person.call(Command::Room(RoomCommand::List {}));
    match person.answers.remove(&call) {
        Some(Ok(Answer::Rooms(rooms))) => rooms.len(),
        other => panic!("{other:?}"),
    }
}

/// What somebody's conversations are called.
fn listed(person: &mut Person) -> Vec<String> {
    let call = person.call(Command::Conversations {});
    match person.answers.remove(&call) {
        Some(Ok(Answer::Conversations(listed))) => {
            listed.into_iter().map(|view| view.name).collect()
        }
        other => panic!("{other:?}"),
    }
}

impl Room {
    pub fn block(&mut self, who: usize, contact: &str, blocked: bool) {
        let ask = About::Block {
            contact: contact.to_owned(),
            blocked,
        };
        self.people[who].call(Command::About { ask });
        self.run();
    }

    /// Whether an account has accepted the room.
    fn is_in(&self, who: usize) -> bool {
        let account = self.people[who].account;
        let member = self.office.logs[&self.conv].state.member(&account);
        member.is_some_and(|member| !member.pending)
    }

    pub fn rooms(&mut self, who: usize) -> usize {
        rooms(&mut self.people[who])
    }

    fn listed(&mut self, who: usize) -> Vec<String> {
        listed(&mut self.people[who])
    }
}

#[test]
fn a_contacts_room_is_joined_by_itself() {
    let mut room = contacts();
    room.add(0, 1, Role::Member);
    assert!(room.is_in(1) && room.rooms(1) == 1);
}

/// Proves: C12
#[test]
fn a_room_of_somebody_who_is_blocked_is_neither_joined_nor_shown() {
    let mut room = contacts();
    room.block(1, "ada", true);
    room.people[1].subscribe();
    room.people[1].notices.clear();
    room.add(0, 1, Role::Member);
    let name = room.name();
    assert!(!room.is_in(1), "nothing is accepted by itself");
    assert_eq!((room.rooms(1), room.listed(1).contains(&name)), (0, false));
    assert!(room.notes(1).is_empty());
    let told = room.people[1].notices.iter();
    let told = told.filter(|notice| matches!(notice, Notice::Joined(_) | Notice::Row(_)));
    assert_eq!(told.count(), 0);
    // Nor after a restart, or when its person names it.
    room.agrees(1);
    assert!(!room.is_in(1) && room.rooms(1) == 0);
    let accept = Command::Accept {
        conversation: name.clone(),
    };
    let call = room.people[1].call(accept);
    room.run();
    let failure = room.people[1].failure(call);
    assert_eq!(failure.kind, FailureKind::User);
    assert!(
        failure.sentence.contains("subrosa unblock @ada"),
        "{failure}"
    );
    let call = room.people[1].send(&name, "who is there?");
    assert!(
        room.people[1]
            .failure(call)
            .sentence
            .contains("unblock @ada")
    );
    // When the block ends, a contact asks.
    room.block(1, "ada", false);
    assert!(room.is_in(1) && room.rooms(1) == 1);
}

/// Proves: C12
#[test]
fn a_room_shared_with_somebody_who_is_blocked_opens_no_conversation() {
    let mut room = Room::new(&["ada", "bob"]);
    room.admit(0, 1, Role::Member);
    room.block(1, "ada", true);
    room.people[0].send("@bob", "let me in");
    room.run();
    let pending = |room: &Room| {
        let logs = room.office.logs.values();
        let mut direct = logs.filter(|log| log.state.members().count() == 2);
        direct.any(|log| log.state.members().any(|member| member.pending))
    };
    assert!(pending(&room));
    assert!(!room.listed(1).contains(&"@ada".to_owned()));
    room.block(1, "ada", false);
    assert!(!pending(&room), "they share a room");
    room.people[0].send("@bob", "thank you");
    room.run();
    assert_eq!(room.people[1].texts("@ada").last().unwrap().1, "thank you");
}

/// Somebody else's word counts: who is not blocked adds this account anew.
#[test]
fn a_block_is_of_a_person_and_not_of_a_room() {
    let mut room = Room::new(&["ada", "bob", "cy"]);
    room.admit(0, 2, Role::Member);
    // Bob has heard of Ada.
    room.people[0].send("@bob", "hello");
    room.run();
    room.block(1, "ada", true);
    room.add(0, 1, Role::Member);
    assert_eq!(room.rooms(1), 0);
    room.remove(1);
    let policy = Control::Policy {
        members_add: true,
        timer: 0,
    };
    room.control(0, policy);
    room.add(2, 1, Role::Member);
    assert_eq!(room.rooms(1), 1, "a request of cy's");
    assert!(!room.is_in(1));
    assert!(room.notes(1)[0].starts_with("cy, who is no contact of yours"));
}

/// Proves: C12
#[test]
fn a_device_that_has_not_heard_of_a_block_does_not_show_a_room_before_it_has() {
    let mut world = World::new();
    let mut second = further(&mut world, "second");
    second.link();
    run(
        &mut world.office,
        &mut [&mut world.ada, &mut world.bob, &mut second],
    );
    world.office.unlink(&second.device);
    second.lose_link();
    let ask = About::Block {
        contact: "bob".to_owned(),
        blocked: true,
    };
    world.ada.call(Command::About { ask });
    world.run();
    let made = Command::Room(RoomCommand::Create {
        name: "trap".to_owned(),
        topic: String::new(),
        archive: true,
        members_add: false,
        people: vec!["ada".to_owned()],
    });
    world.bob.call(made);
    world.run();
    // The room's page comes to the device before the block does.
    second.link();
    let own = second.engine.own_no().unwrap();
    let own = second.engine.talks[&own].id();
    let mut later = Vec::new();
    for _ in 0..1_000 {
        let asked = second.sent.pop_front();
        let quiet = asked.is_none();
        if let Some(asked) = asked {
            let who = (second.account, second.device);
            let response = world.office.answer(who, asked.request);
            second.reply(asked.id, response);
        }
        let pushes = world.office.take_pushes(&second.device);
        if quiet && pushes.is_empty() {
            break;
        }
        for push in pushes {
            match push {
                Push::Events { page } if page.conv == own => later.push(page),
                push => second.push(push),
            }
        }
    }
    assert!(second.engine.talks.len() == 3 && !later.is_empty());
    assert!(!listed(&mut second).iter().any(|name| name.starts_with('#')));
    for page in later {
        second.push(Push::Events { page });
    }
    run(
        &mut world.office,
        &mut [&mut world.ada, &mut world.bob, &mut second],
    );
    assert_eq!((rooms(&mut second), rooms(&mut world.ada)), (0, 0));
    // Bob has taken her for a contact; she is shown what he has made when she wants to see it.
    let ask = About::Block {
        contact: "bob".to_owned(),
        blocked: false,
    };
    world.ada.call(Command::About { ask });
    run(
        &mut world.office,
        &mut [&mut world.ada, &mut world.bob, &mut second],
    );
    assert_eq!((rooms(&mut second), rooms(&mut world.ada)), (1, 1));
}

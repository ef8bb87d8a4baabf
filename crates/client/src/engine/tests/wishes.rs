//! Changes of rooms, and whoever waits for them.

use super::office::refused;
use super::person::{Person, add_device};
use super::room::Room;
use super::world::{World, step, to_append};
use crate::command::{Answer, Command, FailureKind};
use crate::room::RoomCommand;
use subrosa_proto::{Control, ErrorCode, Request, Role};

fn room(command: RoomCommand) -> Command {
    Command::Room(command)
}

fn with_bob() -> RoomCommand {
    RoomCommand::Create {
        name: "ops".to_owned(),
        topic: String::new(),
        archive: true,
        members_add: false,
        people: vec!["bob".to_owned()],
    }
}

#[test]
fn an_event_may_come_before_its_confirmation() {
    let mut world = World::new();
    let made = world.ada.call(room(with_bob()));
    world.run();
    assert!(matches!(world.ada.answers[&made], Ok(Answer::Room(_))));
    let changed = world.ada.call(room(RoomCommand::Policy {
        room: "#ops".to_owned(),
        members_add: Some(true),
        timer: None,
    }));
    let append = to_append(&mut world.office, &mut world.ada);
    let who = (world.ada.account, world.ada.device);
    let confirmation = world.office.answer(who, append.request);
    // The event arrives, and with it everything that the server has.
    while step(&mut world.office, &mut world.ada) {}
    let listed = world.ada.call(Command::Read {
        conversation: None,
        before: None,
        since: None,
        limit: 10,
        fresh: true,
    });
    assert!(!world.ada.answers.contains_key(&changed), "not confirmed");
    world.ada.reply(append.id, confirmation);
    assert!(matches!(world.ada.answers[&changed], Ok(Answer::Done {})));
    assert!(
        matches!(world.ada.answers[&listed], Ok(Answer::Rows(_))),
        "nothing else would come that could end its wait"
    );
}

/// Another device of the account has logged out: its end goes into each conversation, also into one that is being made
/// just now, where it meets what is wished there.
#[test]
fn the_end_of_a_device_and_a_wish_do_not_wait_for_each_other() {
    let mut world = World::new();
    let (rng, now_ms) = (rand::make_rng(), world.ada.now_ms);
    let tablet = Person::further(rng, &world.ada, &mut world.office, "tablet", now_ms);
    let last_word = tablet.engine.machine.logout(now_ms);
    world.office.prekeys.insert(tablet.device, last_word);
    let made = world.ada.call(room(with_bob()));
    world.relink_ada();
    world.run();
    assert!(matches!(world.ada.answers[&made], Ok(Answer::Room(_))));
    for talk in world.ada.engine.talks.values() {
        assert!(
            talk.state.dead(&world.ada.account, &tablet.device),
            "{}",
            talk.name
        );
        assert!(talk.synced(), "{}", talk.name);
    }
}

/// Somebody who was asked in carries the end of a device into the room before it accepts. The members show the others only
/// the genesis of who is pending; what certifies the device comes with the author's chain, be it at the second time of asking.
#[test]
fn the_end_of_a_device_of_who_is_pending_is_judged_alike_by_all() {
    for fails_once in [false, true] {
        let mut room = Room::new(&["ada", "bob"]);
        room.add(0, 1, Role::Member);
        let (rng, now_ms) = (rand::make_rng(), room.people[1].now_ms);
        let tablet = Person::further(rng, &room.people[1], &mut room.office, "tablet", now_ms);
        let statement = tablet.engine.machine.logout(now_ms);
        room.unlink(0);
        let account = room.people[1].account;
        let ended = Control::Revoke {
            account,
            statement,
            logout: true,
        };
        room.control(1, ended);
        let ada = &mut room.people[0];
        ada.link();
        let of_author = |request: &Request| matches!(request, Request::AuthorChain { .. });
        let asked = loop {
            if let Some(asked) = ada.intercept(of_author) {
                break asked;
            }
            assert!(step(&mut room.office, ada), "nobody asks for the author");
        };
        let answer = if fails_once {
            refused(ErrorCode::Internal, 0)
        } else {
            room.office.answer((ada.account, ada.device), asked.request)
        };
        ada.reply(asked.id, answer);
        while step(&mut room.office, ada) {}
        room.agrees(0);
        let state = &room.office.logs[&room.conv].state;
        assert!(state.dead(&account, &tablet.device));
    }
}

/// The own chain is asked for at a login, and by whoever lists the devices at that moment.
#[test]
fn the_own_chain_that_comes_twice_is_no_contradiction() {
    let mut world = World::new();
    world.ada.subscribe();
    add_device(&world.ada, &mut world.office, "tablet");
    world.relink_ada();
    while world
        .ada
        .sent
        .iter()
        .all(|sent| !matches!(sent.request, Request::OwnChain { .. }))
    {
        assert!(step(&mut world.office, &mut world.ada));
    }
    let listed = world.ada.call(Command::Devices {});
    world.run();
    match &world.ada.answers[&listed] {
        Ok(Answer::Devices(devices)) => assert_eq!(devices.len(), 2),
        other => panic!("{other:?}"),
    }
    let warnings = world.ada.warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains("a new device"),
        "{warnings:?}"
    );
}

/// What somebody writes who was removed meanwhile and does not know it is given back, with the reason.
#[test]
fn what_is_written_after_a_removal_that_is_not_known_yet_is_told_and_does_not_wait() {
    let mut room = Room::new(&["ada", "bob"]);
    room.admit(0, 1, Role::Member);
    room.say(0, "hello");
    room.unlink(1);
    room.remove(1);
    let name = room.name();
    let call = room.people[1].send(&name, "still?");
    room.relink(1);
    let failure = room.people[1].failure(call);
    assert_eq!(failure.kind, FailureKind::NotPermitted, "{failure}");
    assert!(failure.sentence.contains("not a member"), "{failure}");
    assert_eq!(room.people[1].outbox(), 0);
}

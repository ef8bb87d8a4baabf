//! Changes of rooms, and whoever waits for them.

use super::world::{World, step, to_append};
use crate::command::{Answer, Command};
use crate::room::RoomCommand;

fn room(command: RoomCommand) -> Command {
    Command::Room(command)
}

#[test]
fn an_event_may_come_before_its_confirmation() {
    let mut world = World::new();
    let made = world.ada.call(room(RoomCommand::Create {
        name: "ops".to_owned(),
        topic: String::new(),
        archive: true,
        members_add: false,
        people: vec!["bob".to_owned()],
    }));
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

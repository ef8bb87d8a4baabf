//! What is told beside the log: who has got and read what, and who types.

use super::world::World;
use crate::command::{Answer, Command};
use crate::trust_view::About;
use crate::view::{Notice, SendState};
use subrosa_proto::{Push, Request, limits};

fn states(world: &mut World) -> Vec<SendState> {
    let rows = world.ada.rows(Some("@bob"));
    rows.iter().filter_map(|row| row.state).collect()
}

fn set(on: bool) -> Command {
    let value = if on { "on" } else { "off" }.to_owned();
    let name = "read-receipts".to_owned();
    Command::About {
        ask: About::Set { name, value },
    }
}

/// Bob reads all that is there.
fn bob_reads(world: &mut World) {
    world.bob.call(Command::MarkRead {
        conversation: "@ada".to_owned(),
        cursor: u64::MAX,
    });
    world.run();
}

#[test]
fn who_does_not_tell_what_was_read_is_not_told_either() {
    let mut world = World::new();
    let call = world.bob.call(set(false));
    assert!(world.bob.answers[&call].is_ok());
    world.bob.restart();
    world.office.unlink(&world.bob.device);
    world.bob.link();
    world.ada.send("@bob", "one");
    world.run();
    bob_reads(&mut world);
    assert_eq!(states(&mut world), [SendState::Delivered]);
    world.bob.send("@ada", "well?");
    world.run();
    let call = world.ada.call(Command::MarkRead {
        conversation: "@bob".to_owned(),
        cursor: u64::MAX,
    });
    assert!(world.ada.answers[&call].is_ok());
    world.run();
    assert_eq!(
        world.bob.row("@ada", "well?").state,
        Some(SendState::Delivered)
    );
    // Switched on again, both hear how far it is now.
    world.bob.call(set(true));
    world.run();
    assert_eq!(states(&mut world), [SendState::Read]);
    assert_eq!(world.bob.row("@ada", "well?").state, Some(SendState::Read));
}

#[test]
fn the_author_can_ask_who_has_got_a_message() {
    let mut world = World::new();
    world.office.unlink(&world.bob.device);
    world.bob.lose_link();
    world.ada.send("@bob", "one");
    while super::world::step(&mut world.office, &mut world.ada) {}
    let id = world.ada.row("@bob", "one").id;
    let asked = |id: &str| Command::Receipts {
        conversation: "@bob".to_owned(),
        id: id.to_owned(),
    };
    for state in [SendState::Sent, SendState::Delivered, SendState::Read] {
        let call = world.ada.call(asked(&id));
        let Ok(Answer::Receipts(receipts)) = &world.ada.answers[&call] else {
            panic!("{:?}", world.ada.answers[&call]);
        };
        let said: Vec<_> = receipts
            .iter()
            .map(|one| (one.name.as_str(), one.state))
            .collect();
        assert_eq!(said, [("bob", state)]);
        if state == SendState::Sent {
            world.bob.link();
            world.run();
        } else {
            bob_reads(&mut world);
        }
    }
    world.bob.send("@ada", "his");
    world.run();
    let id = world.ada.row("@bob", "his").id;
    let call = world.ada.call(asked(&id));
    assert!(world.ada.failure(call).sentence.contains("not yours"));
}

fn types(typing: bool) -> Command {
    Command::Typing {
        conversation: "@ada".to_owned(),
        typing,
    }
}

/// What Ada was told of Bob's typing since this was last asked.
fn heard(world: &mut World) -> Vec<bool> {
    let notices = std::mem::take(&mut world.ada.notices).into_iter();
    notices
        .filter_map(|notice| match notice {
            Notice::Typing { from, typing, .. } => {
                assert_eq!(from, "bob");
                Some(typing)
            }
            _ => None,
        })
        .collect()
}

/// Bob has said something before, so that there is a key.
fn acquainted() -> World {
    let mut world = World::new();
    world.bob.send("@ada", "hello");
    world.run();
    world.ada.subscribe();
    world.ada.notices.clear();
    world
}

#[test]
fn typing_is_told_and_ends_by_itself_or_with_the_message() {
    let mut world = acquainted();
    let lines = world.ada.rows(None).len();
    world.bob.call(types(true));
    world.run();
    assert_eq!(heard(&mut world), [true]);
    world.pass(limits::TYPING_MS - 1);
    world.bob.call(types(true));
    world.run();
    world.pass(limits::TYPING_MS - 1);
    assert_eq!(heard(&mut world), [] as [bool; 0], "it goes on");
    world.pass(2);
    assert_eq!(heard(&mut world), [false]);
    world.bob.call(types(true));
    world.run();
    world.bob.send("@ada", "here it is");
    world.run();
    assert_eq!(heard(&mut world), [true, false]);
    world.bob.call(types(true));
    world.bob.call(types(false));
    world.run();
    assert_eq!(heard(&mut world), [true, false]);
    assert_eq!(world.ada.rows(None).len(), lines + 1, "it is kept nowhere");
}

#[test]
fn typing_is_said_now_and_then_only_and_not_by_who_does_not_want_it() {
    let mut world = acquainted();
    let signs = |world: &World| {
        let is_sign = |request: &Request| matches!(request, Request::Typing { .. });
        world
            .bob
            .sent
            .iter()
            .filter(|sent| is_sign(&sent.request))
            .count()
    };
    for _ in 0..5 {
        world.bob.call(types(true));
    }
    assert_eq!(signs(&world), 1);
    world.run();
    world.pass(limits::TYPING_EVERY_MS);
    world.bob.call(set(false));
    world.bob.call(types(true));
    assert_eq!(signs(&world), 0);
    world.bob.call(set(true));
    world.run();
    // Nor is it heard.
    world.ada.call(set(false));
    world.run();
    heard(&mut world);
    world.bob.call(types(true));
    world.run();
    assert_eq!(heard(&mut world), [] as [bool; 0]);
}

#[test]
fn an_old_sign_of_typing_is_not_believed() {
    let mut world = acquainted();
    world.bob.call(types(true));
    let sign = world
        .bob
        .intercept(|request| matches!(request, Request::Typing { .. }))
        .unwrap();
    let Request::Typing { conv, register } = sign.request else {
        unreachable!()
    };
    let push = || Push::Typing {
        conv,
        register: register.clone(),
    };
    world.ada.push(push());
    assert_eq!(heard(&mut world), [true]);
    world.pass(limits::TYPING_MS + 1);
    assert_eq!(heard(&mut world), [false]);
    world.ada.push(push());
    assert_eq!(heard(&mut world), [] as [bool; 0], "a repetition");
    world.ada.restart();
    world.ada.subscribe();
    world.relink_ada();
    world.run();
    world.pass(limits::CLOCK_SKEW_MS);
    heard(&mut world);
    world.ada.push(push());
    assert_eq!(heard(&mut world), [] as [bool; 0], "too old");
}

//! A server that is put back to a copy while Ada and Bob talk.

use super::world::World;
use crate::command::{Answer, Command, FailureKind};
use crate::loss::LossView;
use crate::view::SendState;

fn losses(world: &mut World, go_on: bool) -> Vec<LossView> {
    let call = world.ada.call(Command::Restored {
        conversation: None,
        go_on,
    });
    match world.ada.answers.get(&call) {
        Some(Ok(Answer::Losses(losses))) => losses.clone(),
        other => panic!("{other:?}"),
    }
}

fn unlink_both(world: &mut World) {
    for person in [&mut world.ada, &mut world.bob] {
        world.office.unlink(&person.device);
        person.lose_link();
    }
}

fn relink_both(world: &mut World) {
    unlink_both(world);
    world.ada.link();
    world.bob.link();
    world.run();
}

fn texts(person: &mut super::person::Person, with: &str) -> Vec<String> {
    person
        .texts(with)
        .into_iter()
        .map(|(_, text)| text)
        .collect()
}

// Proves: C25
#[test]
fn whoever_is_ahead_brings_the_end_back_before_anything_new_is_sent() {
    let mut world = World::new();
    world.ada.send("@bob", "one");
    world.run();
    world.bob.send("@ada", "two");
    world.run();
    let conv = world.direct();
    let whole = world.office.logs[&conv].events.clone();
    for to in 0..whole.len() {
        unlink_both(&mut world);
        world.office.restore(&conv, to);
        world.ada.link();
        world.bob.link();
        let call = world.ada.send("@bob", &format!("after a copy of {to}"));
        world.run();
        assert_eq!(world.ada.sent_state(call), Some(SendState::Sent), "{to}");
        let now = &world.office.logs[&conv].events;
        for (before, now) in whole.iter().zip(now) {
            assert_eq!(before.event, now.event, "the same events at their places");
            assert_eq!(before.time_ms, now.time_ms);
        }
        let mut all = vec!["one".to_owned(), "two".to_owned()];
        all.extend((0..=to).map(|to| format!("after a copy of {to}")));
        assert_eq!(texts(&mut world.ada, "@bob"), all);
        assert_eq!(texts(&mut world.bob, "@ada"), all);
    }
}

// Proves: C25
#[test]
fn what_the_server_had_acknowledged_and_lost_before_it_came_back_is_sent_again() {
    let mut world = World::new();
    world.ada.send("@bob", "one");
    world.run();
    let conv = world.direct();
    let had = world.office.logs[&conv].events.len();
    world.ada.send("@bob", "two");
    // The answer arrives; the page with the event does not.
    let append = world.ada.intercept_append();
    let who = (world.ada.account, world.ada.device);
    let response = world.office.answer(who, append.request);
    world.ada.reply(append.id, response);
    world.office.unlink(&world.ada.device);
    world.office.unlink(&world.bob.device);
    world.office.restore(&conv, had);
    world.ada.restart();
    relink_both(&mut world);
    relink_both(&mut world);
    assert_eq!(texts(&mut world.bob, "@ada"), ["one", "two"]);
    assert_eq!(texts(&mut world.ada, "@bob"), ["one", "two"]);
}

// Proves: C25
#[test]
fn where_others_went_on_nothing_is_sent_until_the_person_says_so() {
    let mut world = World::new();
    world.ada.send("@bob", "one");
    world.run();
    let conv = world.direct();
    let copy = world.office.logs[&conv].events.len();
    let bob = world.bob.device;
    world.office.unlink(&bob);
    world.bob.lose_link();
    world.ada.send("@bob", "lost");
    world.run();
    // Bob knows nothing of it, and writes first.
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    world.office.restore(&conv, copy);
    world.bob.link();
    world.run();
    world.bob.send("@ada", "bob goes on");
    world.run();
    world.relink_ada();
    world.run();
    let call = world.ada.send("@bob", "later");
    assert_eq!(world.ada.failure(call).kind, FailureKind::Trust);
    assert!(
        world
            .ada
            .failure(call)
            .sentence
            .contains("subrosa restored")
    );
    let shown = losses(&mut world, false);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(
        (shown[0].own, shown[0].others, shown[0].done),
        (1, 0, false)
    );
    assert_eq!(shown[0].common, copy as u64);
    // It holds over a restart, and until she says so.
    world.ada.restart();
    world.relink_ada();
    world.run();
    assert!(!texts(&mut world.bob, "@ada").contains(&"lost".to_owned()));
    let done = losses(&mut world, true);
    assert!(done[0].done, "{done:?}");
    world.run();
    let told = texts(&mut world.bob, "@ada");
    assert_eq!(told, ["one", "bob goes on", "lost", "later"]);
    assert_eq!(texts(&mut world.ada, "@bob"), told);
    assert!(losses(&mut world, false).is_empty());
    world.bob.send("@ada", "and on");
    world.run();
    assert_eq!(texts(&mut world.ada, "@bob").last().unwrap(), "and on");
}

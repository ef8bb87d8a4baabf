use super::office::refused;
use super::room::Room;
use super::world::{World, step, to_append};
use crate::engine::fact;
use crate::view::SendState;
use subrosa_proto::{ErrorCode, Prekey, Request, Response, Role, decode, limits};

fn newest(request: &Request) -> Option<u64> {
    match request {
        Request::PutPrekey { prekey } => Some(decode::<Prekey>(&prekey.body).unwrap().id),
        _ => None,
    }
}

fn published(world: &mut World) -> Option<u64> {
    world
        .ada
        .store
        .transaction(|desk| desk.fact(fact::PREKEY))
        .unwrap()
}

// Proves: C19
#[test]
fn a_prekey_is_made_every_day_and_published_until_the_server_has_it() {
    let mut world = World::new();
    world.ada.now_ms += limits::PREKEY_ROTATION_MS - 1;
    world.ada.tick();
    assert!(
        !world
            .ada
            .sent
            .iter()
            .any(|sent| newest(&sent.request).is_some()),
        "not yet"
    );
    world.ada.now_ms += 1;
    world.ada.tick();
    let lost = world
        .ada
        .intercept(|request| newest(request).is_some())
        .unwrap();
    assert_eq!(newest(&lost.request), Some(2));
    world.ada.tick();
    assert!(
        !world
            .ada
            .sent
            .iter()
            .any(|sent| newest(&sent.request).is_some()),
        "it is on its way"
    );
    // Its answer is lost with the process; the next one goes on with the same prekey.
    world.ada.restart();
    world.relink_ada();
    let mut again = None;
    while again.is_none() {
        again = world.ada.intercept(|request| newest(request).is_some());
        step(&mut world.office, &mut world.ada);
    }
    let again = again.unwrap();
    assert_eq!(again.request, lost.request);
    assert_eq!(published(&mut world), Some(1));
    world.ada.reply(again.id, Response::Done {});
    assert_eq!(published(&mut world), Some(2));
    world.run();
    world.relink_ada();
    world.run();
    assert!(
        !world
            .ada
            .sent
            .iter()
            .any(|sent| newest(&sent.request).is_some())
    );
}

// Proves: C19
#[test]
fn a_superseded_prekey_is_deleted_after_two_days_and_a_sync() {
    let mut world = World::new();
    let seeds = |world: &mut World| {
        let records = world
            .ada
            .store
            .transaction(|desk| desk.records_at_start())
            .unwrap();
        let names = records.iter().map(|(name, _)| name.to_string());
        names.filter(|name| name.starts_with("prekey/")).count()
    };
    world.pass(limits::PREKEY_ROTATION_MS);
    assert_eq!(seeds(&mut world), 2);
    // Away, it cannot know whether something sealed to the old one waits.
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    world.ada.unreachable();
    world.ada.now_ms += 3 * limits::DAY_MS;
    world.office.now_ms = world.ada.now_ms;
    world.ada.tick();
    assert_eq!(seeds(&mut world), 2);
    world.ada.link();
    world.run();
    // The first is gone, the second was superseded just now, the third is the newest.
    assert_eq!(seeds(&mut world), 2);
    let names = world
        .ada
        .store
        .transaction(|desk| desk.records_at_start())
        .unwrap();
    assert!(!names.iter().any(|(name, _)| name.to_string() == "prekey/1"));
}

// Proves: C4
#[test]
fn the_highest_version_spoken_is_remembered() {
    let mut world = World::new();
    assert_eq!(world.ada.engine.pinned(), 1);
    world.ada.give(crate::engine::Input::Linked {
        transcript: [0; 32],
        version: 7,
    });
    world.ada.link();
    assert_eq!(
        world.ada.engine.pinned(),
        7,
        "a lower one later takes nothing back"
    );
    world.ada.restart();
    assert_eq!(world.ada.engine.pinned(), 7);
}

#[test]
fn callers_are_forgotten_after_a_week() {
    let mut world = World::new();
    world
        .ada
        .call_as("caller", super::person::send_command("@bob", "once", true));
    world.run();
    let known = |world: &mut World| {
        world
            .ada
            .store
            .transaction(|desk| desk.draft_of("caller"))
            .unwrap()
            .is_some()
    };
    world.pass(limits::IDEM_KEPT_MS - 1);
    assert!(known(&mut world));
    world.pass(2);
    assert!(!known(&mut world));
}

/// What the server puts off leaves when it is time, whatever the clock showed when it was put off.
#[test]
fn a_clock_that_is_set_back_ends_the_pauses_that_it_counted() {
    let mut world = World::new();
    let hours = 6 * 60 * 60 * 1_000;
    world.ada.now_ms += hours;
    let call = world.ada.send("@bob", "put off");
    let append = to_append(&mut world.office, &mut world.ada);
    world
        .ada
        .reply(append.id, refused(ErrorCode::RateLimited, 1_000));
    world.run();
    world.ada.tick();
    world.run();
    assert_eq!(world.ada.sent_state(call), None);
    world.ada.now_ms -= hours;
    world.ada.tick();
    world.run();
    assert_eq!(world.ada.sent_state(call), Some(SendState::Sent));
}

/// Bob's device is away for longer than a prekey is good for; Ada goes on.
fn away_for(archive: bool, ms: u64) -> (Room, Vec<String>) {
    let mut room = Room::with(&["ada", "bob"], archive);
    room.admit(0, 1, Role::Member);
    room.say(0, "hello");
    room.unlink(1);
    let mut left = ms;
    while left > 0 {
        let step = left.min(limits::PREKEY_ROTATION_MS);
        left -= step;
        room.office.now_ms += step;
        for person in &mut room.people {
            person.now_ms += step;
            person.tick();
        }
        room.run();
    }
    room.say(0, "while bob is away");
    room.relink(1);
    let notes = room.notes(1);
    (room, notes)
}

#[test]
fn who_was_away_for_too_long_is_told_what_it_misses_and_whoever_sends_sees_it() {
    let thirty = limits::PREKEY_MS + limits::PREKEY_CLOCK_MS;
    for (archive, words) in [(true, "`subrosa login`"), (false, "lost to this device")] {
        let (mut room, notes) = away_for(archive, thirty + limits::DAY_MS);
        assert_eq!(room.texts(1), ["hello"]);
        let told = notes
            .iter()
            .find(|note| note.contains("away for more than 30 days"));
        assert!(told.is_some_and(|told| told.contains(words)), "{notes:?}");
        let seen = |room: &mut Room| {
            let notes = room.notes(0).into_iter();
            notes
                .filter(|note| note.contains("a device of bob"))
                .count()
        };
        assert_eq!(seen(&mut room), 1);
        // It is back: the next session is for it, and nothing more is said.
        room.office.now_ms += limits::DAY_MS;
        for person in &mut room.people {
            person.now_ms += limits::DAY_MS;
            person.tick();
        }
        room.run();
        room.say(0, "welcome back");
        assert_eq!(room.texts(1), ["hello", "welcome back"]);
        assert_eq!(seen(&mut room), 1);
    }
    // An hour less, and it reads everything.
    let (mut room, notes) = away_for(false, thirty - 60 * 60 * 1_000);
    assert_eq!(room.texts(1), ["hello", "while bob is away"]);
    assert!(!notes.iter().any(|note| note.contains("away")), "{notes:?}");
}

//! However pages come, the timeline is the same.

use super::person::Person;
use super::world::{World, step};
use proptest::prelude::*;
use std::sync::{LazyLock, Mutex};
use subrosa_proto::{Page, Push};

/// A world in which Bob has written to Ada while she was away, and what she reads in the end.
struct Ground {
    world: World,
    whole: Page,
    expected: Vec<(String, String)>,
}

static GROUND: LazyLock<Mutex<Ground>> = LazyLock::new(|| {
    let mut world = World::new();
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    for number in 0..6 {
        world.bob.send("@ada", &format!("{number}"));
        while step(&mut world.office, &mut world.bob) {}
        if number == 3 {
            // A new session in the middle.
            world.bob.now_ms += subrosa_proto::limits::DAY_MS + 1;
            world.office.now_ms = world.bob.now_ms;
        }
    }
    let conv = world.direct();
    let whole = world.office.logs[&conv].page(&conv, &world.ada.device, 2);
    let mut reader = world.ada.copy();
    reader.link();
    while step(&mut world.office, &mut reader) {}
    world.office.unlink(&reader.device);
    let expected = reader.texts("@bob");
    assert_eq!(expected.len(), 6);
    Mutex::new(Ground {
        world,
        whole,
        expected,
    })
});

/// A piece of the log: from where, and how many events.
fn pieces() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..8_usize, 1..5_usize), 0..12)
}

fn cut(whole: &Page, from: usize, count: usize) -> Page {
    let from = from.min(whole.events.len());
    let events = whole
        .events
        .iter()
        .skip(from)
        .take(count)
        .cloned()
        .collect();
    Page {
        first: whole.first + from as u64,
        events,
        ..whole.clone()
    }
}

fn read(ground: &mut Ground, pieces: &[(usize, usize)]) -> Person {
    let Ground { world, whole, .. } = ground;
    let mut reader = world.ada.copy();
    reader.link();
    // Login, and the answer to it; then pages of the server's own choice before the right ones.
    let asked = reader.sent.pop_front().unwrap();
    let who = (reader.account, reader.device);
    let response = world.office.answer(who, asked.request);
    reader.reply(asked.id, response);
    for (from, count) in pieces {
        let page = cut(whole, *from, *count);
        reader.push(Push::Events { page });
    }
    while step(&mut world.office, &mut reader) {}
    world.office.unlink(&reader.device);
    reader
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_of_pages_gives_the_same_timeline(pieces in pieces()) {
        let mut ground = GROUND.lock().unwrap();
        let mut reader = read(&mut ground, &pieces);
        prop_assert_eq!(&reader.texts("@bob"), &ground.expected);
        prop_assert!(reader.warnings().is_empty());
    }
}

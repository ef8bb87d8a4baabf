//! Boxes of the archive made one.

use super::person::Person;
use super::room::Room;
use super::world::step;
use crate::engine::packing::PACK_SESSIONS_MIN;
use rand::SeedableRng;
use rand::rngs::StdRng;
use subrosa_proto::{BoxKind, Control, KeyBox, Role, decode};

/// Boxes in the room's log for an account, of one kind.
fn boxes(room: &Room, kind: BoxKind, who: usize) -> usize {
    let account = room.people[who].account;
    let boxes = room.office.logs[&room.conv].events.iter();
    boxes
        .flat_map(|posted| &posted.boxes)
        .filter(|bytes| {
            let key_box: KeyBox = decode(bytes).unwrap();
            key_box.kind == kind && key_box.recipient == account.0
        })
        .count()
}

fn an_hour_passes(room: &mut Room) {
    let hour = 61 * 60 * 1_000;
    room.office.now_ms += hour;
    for person in &mut room.people {
        person.now_ms += hour;
        person.tick();
    }
    room.run();
}

#[test]
fn a_further_device_reads_from_packs() {
    let mut room = Room::new(&["ada", "bob"]);
    room.admit(0, 1, Role::Member);
    let mut said = Vec::new();
    let mut say = |room: &mut Room| {
        let members_add = said.len() % 2 == 0;
        // Each change of the rules ends the sessions.
        room.control(
            0,
            Control::Policy {
                members_add,
                timer: 0,
            },
        );
        let who = said.len() % 2;
        let text = format!("text {}", said.len());
        room.say(who, &text);
        said.push(text);
    };
    for _ in 1..PACK_SESSIONS_MIN {
        say(&mut room);
    }
    an_hour_passes(&mut room);
    assert_eq!(boxes(&room, BoxKind::Pack, 0), 0, "too few");
    say(&mut room);
    an_hour_passes(&mut room);
    for who in 0..2 {
        assert_eq!(boxes(&room, BoxKind::Pack, who), 1);
        assert_eq!(boxes(&room, BoxKind::History, who), 0);
    }
    // What comes later has boxes of its own until there are enough again.
    say(&mut room);
    an_hour_passes(&mut room);
    assert_eq!(boxes(&room, BoxKind::History, 0), 1);

    let now_ms = room.people[0].now_ms;
    let rng = StdRng::seed_from_u64(7);
    let mut laptop = Person::further(rng, &room.people[0], &mut room.office, "laptop", now_ms);
    laptop.link();
    while step(&mut room.office, &mut laptop) {}
    let tally = laptop.engine.archived().unwrap();
    assert_eq!(tally.packed, PACK_SESSIONS_MIN as u64);
    assert_eq!(tally.unopened, 0);
    let read: Vec<String> = laptop
        .texts(&room.name())
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(read, said);
}

//! Who is added to a room starts there and knows as much as the others.

use super::person::Person;
use super::room::{Room, STEPS_MAX};
use super::world::step;
use subrosa_ledger::{body_hash, event_hash};
use subrosa_proto::{
    Absence, Control, Event, Push, Request, Response, Role, TrimmedEvent, decode, encode,
};

/// Proves: C12
#[test]
fn who_is_added_starts_there() {
    let mut room = Room::new(&["ada", "bob", "cy"]);
    // Small answers: everything comes in parts.
    (room.office.page_accounts, room.office.page_controls) = (1, 2);
    room.admit(0, 1, Role::Member);
    room.say(0, "before");
    let (members_add, timer) = (true, 0);
    for _ in 0..4 {
        room.control(0, Control::Policy { members_add, timer });
    }
    room.say(1, "still before");
    room.add(1, 2, Role::Member);
    let name = room.name();
    let notes = room.notes(2);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("bob, who is no contact of yours, asks you into a room of 2 members")
    );
    assert!(room.people[2].texts(&name).is_empty());
    room.agrees(2);
    room.control(2, Control::Accept {});
    room.say(0, "after");
    room.say(2, "from cy");
    for who in 0..3 {
        let all = ["before", "still before", "after", "from cy"];
        let expected = if who == 2 { &all[2..] } else { &all[..] };
        assert_eq!(room.texts(who), expected);
        room.agrees(who);
    }
    assert_eq!(room.people[2].outbox(), 0);
}

/// Proves: C12
#[test]
fn the_chains_of_those_who_left_come_too() {
    let mut room = Room::new(&["ada", "bob", "cy", "dan"]);
    room.office.page_accounts = 1;
    room.admit(0, 1, Role::Admin);
    room.admit(1, 2, Role::Member);
    room.control(2, Control::Leave {});
    room.control(1, Control::Leave {});
    assert!(
        room.people[3]
            .engine
            .people
            .account(&room.people[1].account)
            .is_none()
    );
    room.admit(0, 3, Role::Member);
    room.say(0, "welcome");
    assert_eq!(room.texts(3), ["welcome"]);
    room.agrees(3);
}

#[test]
fn who_comes_back_goes_on_at_the_new_start() {
    for away in [false, true] {
        let mut room = Room::new(&["ada", "bob", "cy"]);
        room.admit(0, 1, Role::Member);
        room.admit(0, 2, Role::Member);
        room.say(0, "one");
        if away {
            room.unlink(1);
        }
        room.remove(1);
        room.say(2, "two");
        room.add(0, 1, Role::Poster);
        if away {
            room.relink(1);
        }
        room.control(1, Control::Accept {});
        room.control(
            0,
            Control::SetRole {
                account: room.people[1].account,
                role: Role::Member,
            },
        );
        room.say(2, "three");
        room.say(1, "four");
        assert_eq!(room.texts(1), ["one", "three", "four"], "away: {away}");
        assert_eq!(room.texts(0), ["one", "two", "three", "four"]);
        room.agrees(1);
    }
}

/// Who was away when it was removed reads up to that, also what came from a device of which it had never heard, though
/// the members are not given to it any more.
/// Proves: C16
#[test]
fn who_was_removed_while_away_reads_what_came_before() {
    let mut room = Room::new(&["ada", "bob", "cy"]);
    room.admit(0, 1, Role::Admin);
    room.admit(0, 2, Role::Member);
    room.say(0, "hello");
    let cy = room.people.pop().unwrap();
    let bob = &room.people[1];
    let late = Person::further(rand::make_rng(), bob, &mut room.office, "late", bob.now_ms);
    room.people.push(late);
    room.people[2].link();
    room.office.unlink(&cy.device);
    room.run();
    room.say(2, "from a device that is new");
    room.say(1, "and one that was known");
    room.people.push(cy);
    room.unlink(3);
    room.remove(3);
    room.say(2, "behind its back");
    room.people[3].lose_link();
    room.relink(3);
    let read = [
        "hello",
        "from a device that is new",
        "and one that was known",
    ];
    assert_eq!(room.texts(3), read);
    let (_, until) = room.office.logs[&room.conv]
        .span(&room.people[3].account)
        .unwrap();
    let no = room.people[3].engine.numbers[&room.conv];
    let talk = &room.people[3].engine.talks[&no];
    assert_eq!(talk.state.head().0, until);
    assert_eq!(talk.halt, None);
}

/// A new device is not given the members of a room that its account has left, and leaves it at that.
#[test]
fn a_new_device_does_not_go_on_asking_for_a_room_that_was_left() {
    let mut room = Room::new(&["ada", "bob"]);
    room.admit(0, 1, Role::Member);
    room.say(0, "while bob was there");
    room.remove(1);
    let bob = &room.people[1];
    let mut late = Person::further(rand::make_rng(), bob, &mut room.office, "late", bob.now_ms);
    late.link();
    let mut asked = 0;
    for _ in 0..10 {
        for _ in 0..STEPS_MAX {
            let people = late.sent.front().map(|sent| &sent.request);
            let of_room = |request: &Request| matches!(request, Request::People { conv, .. } if *conv == room.conv);
            asked += usize::from(people.is_some_and(of_room));
            if !step(&mut room.office, &mut late) {
                break;
            }
        }
        late.now_ms += 60_000;
        late.tick();
    }
    assert_eq!(asked, 1);
    assert!(!late.engine.numbers.contains_key(&room.conv));
    // Added again, it starts there.
    room.admit(0, 1, Role::Member);
    room.say(0, "when bob is back");
    for _ in 0..STEPS_MAX {
        if !step(&mut room.office, &mut late) {
            break;
        }
    }
    assert_eq!(
        late.texts(&room.name()),
        [("ada".to_owned(), "when bob is back".to_owned())]
    );
}

/// A control event without its body says nothing of who is a member: it is not taken.
/// Proves: C12
#[test]
fn a_control_event_without_its_body_is_not_taken() {
    let mut room = Room::new(&["ada", "bob", "cy"]);
    room.admit(0, 1, Role::Member);
    room.admit(0, 2, Role::Member);
    room.unlink(1);
    room.remove(2);
    let conv = room.conv;
    let log = &room.office.logs[&conv];
    let mut page = log.page(&conv, &room.people[1].device, log.events.len() as u64);
    let event: Event = decode(&page.events[0].event).unwrap();
    page.events[0].event = encode(&TrimmedEvent {
        header: event.header,
        body_hash: body_hash(&event.body),
        signature: event.signature,
        why: Absence::Expired,
    });
    let bob = &mut room.people[1];
    bob.link();
    let login = bob.sent.pop_front().unwrap();
    let who = (bob.account, bob.device);
    let response = room.office.answer(who, login.request);
    bob.reply(login.id, response);
    let no = bob.engine.numbers[&conv];
    let before = bob.engine.talks[&no].state.clone();
    bob.push(Push::Events { page });
    assert_eq!(bob.engine.talks[&no].state, before);
    assert!(!bob.leaves.is_empty(), "the connection is given up");
}

/// A server that leaves out a removal shows more members than there are.
/// Proves: C12
#[test]
fn a_history_with_something_left_out_is_refused() {
    let mut room = Room::new(&["ada", "bob", "cy"]);
    room.admit(0, 1, Role::Member);
    room.remove(1);
    room.unlink(2);
    room.add(0, 2, Role::Member);
    let cy = &mut room.people[2];
    room.office.unlink(&cy.device);
    cy.subscribe();
    cy.link();
    for _ in 0..STEPS_MAX {
        let Some(asked) = cy.sent.pop_front() else {
            break;
        };
        let who = (cy.account, cy.device);
        let mut response = room.office.answer(who, asked.request);
        if let Response::ControlHistory { events, .. } = &mut response {
            let left_out = events.iter().rposition(|placed| {
                let event: Event = decode(&placed.event).unwrap();
                matches!(decode(&event.body), Ok(Control::Remove { .. }))
            });
            events.remove(left_out.unwrap());
        }
        cy.reply(asked.id, response);
        for push in room.office.take_pushes(&cy.device) {
            cy.push(push);
        }
    }
    assert!(!cy.engine.numbers.contains_key(&room.conv));
    assert!(
        cy.warnings()
            .iter()
            .any(|warning| warning.contains("members cannot be verified"))
    );
    // What the others go on with is untouched, and an honest answer mends it.
    room.unlink(2);
    room.relink(2);
    room.agrees(2);
    let log = &room.office.logs[&room.conv];
    let last: Event = decode(&log.events.last().unwrap().event).unwrap();
    assert_eq!(log.state.ctl(), event_hash(&last));
}

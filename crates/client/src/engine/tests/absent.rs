//! Messages that came without their bodies, and what the server says about that.

use super::room::Room;
use crate::command::Act;
use subrosa_proto::{Absence, Role};

const NOBODY: &str = "nobody who may has signed that";

/// Ada, Bob and Cy; Bob is away, and Ada has written.
fn while_bob_was_away(texts: &[&str]) -> Room {
    let mut room = Room::new(&["ada", "bob", "cy"]);
    room.admit(0, 1, Role::Member);
    room.admit(0, 2, Role::Member);
    room.unlink(1);
    for text in texts {
        room.say(0, text);
    }
    room
}

fn telling(room: &mut Room, words: &str) -> usize {
    let notes = room.notes(1);
    notes.iter().filter(|note| note.contains(words)).count()
}

/// Proves: C14
#[test]
fn events_without_bodies_hold_their_places() {
    let mut room = while_bob_was_away(&["one", "two", "three", "four"]);
    let why = [Absence::Expired, Absence::Deleted, Absence::Withheld];
    for (text, why) in ["one", "two", "three"].into_iter().zip(why) {
        let position = room.position(2, text);
        room.trim(position, why);
    }
    room.relink(1);
    assert_eq!(room.texts(1), ["four"]);
    // None had a timer or was taken back, and all were for this member: the server gives no true reason for
    // not handing them over.
    assert_eq!(telling(&mut room, "holds it back"), 3);
    assert_eq!(telling(&mut room, NOBODY), 1);
    room.agrees(1);
    assert_eq!(telling(&mut room, "holds it back"), 3, "each is told once");
}

/// Proves: C13
#[test]
fn a_deletion_further_on_in_the_log_proves_the_server_right() {
    for admins in [false, true] {
        let mut room = while_bob_was_away(&[]);
        room.say(2, "rash");
        let position = room.position(0, "rash");
        let deleter = if admins { 0 } else { 2 };
        room.act(deleter, "rash", Act::Delete {});
        room.say(0, "calm");
        room.trim(position, Absence::Deleted);
        room.relink(1);
        assert_eq!(room.texts(1), ["calm"]);
        assert_eq!(telling(&mut room, NOBODY), 0, "admin's: {admins}");
        room.agrees(1);
    }
}

/// Proves: C13
#[test]
fn a_deletion_that_comes_after_the_doubt_settles_it() {
    for admins in [false, true] {
        let mut room = while_bob_was_away(&[]);
        room.say(2, "held back");
        let position = room.position(0, "held back");
        room.trim(position, Absence::Deleted);
        room.relink(1);
        assert_eq!(telling(&mut room, NOBODY), 1);
        room.people[1].subscribe();
        room.act(if admins { 0 } else { 2 }, "held back", Act::Delete {});
        assert_eq!(telling(&mut room, NOBODY), 0);
        let words = if admins {
            "removed by ada"
        } else {
            "deleted by its author"
        };
        assert_eq!(telling(&mut room, words), 1);
        room.agrees(1);
    }
}

/// Proves: C13, C15
#[test]
fn a_deletion_by_somebody_who_may_not_proves_nothing() {
    let mut room = while_bob_was_away(&["hers", "no bodys"]);
    let position = room.position(2, "hers");
    let name = room.name();
    // Cy breaks the rules: the header names what a plain member may not take away.
    room.people[2].slip_removal(&name, "hers", position);
    room.run();
    room.trim(position, Absence::Deleted);
    room.relink(1);
    assert_eq!(room.texts(1), ["no bodys"]);
    assert_eq!(telling(&mut room, NOBODY), 1);
    room.agrees(1);
}

/// What is deleted may have been an edit, which never had a line.
/// Proves: C13
#[test]
fn an_edit_that_another_replaced_leaves_no_line() {
    let mut room = while_bob_was_away(&["first"]);
    let edit = |text: &str| Act::Edit {
        text: text.to_owned(),
    };
    room.act(0, "first", edit("second"));
    let last = room.office.logs[&room.conv].events.len() as u64;
    room.act(0, "second", edit("third"));
    room.trim(last, Absence::Deleted);
    room.relink(1);
    assert_eq!(room.texts(1), ["third"]);
    assert_eq!(telling(&mut room, NOBODY), 0);
    room.agrees(1);
}

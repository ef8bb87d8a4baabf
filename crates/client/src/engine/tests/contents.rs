//! Contents in a room of three: answered, edited, deleted, reacted to, delivered and read.

use super::room::Room;
use crate::command::{Act, Answer, Command, FailureKind};
use crate::engine::turn::CallId;
use crate::randomness;
use crate::view::{RowKind, SendState};
use subrosa_e2e::{Content, Delete, Edit};
use subrosa_proto::{ContentId, Role, limits};

const ADA: usize = 0;
const BOB: usize = 1;
const CY: usize = 2;

/// Ada is the admin; all have joined.
fn three() -> Room {
    let mut room = Room::new(&["ada", "bob", "cy"]);
    room.admit(ADA, BOB, Role::Member);
    room.admit(ADA, CY, Role::Member);
    room
}

fn edit(text: &str) -> Act {
    Act::Edit {
        text: text.to_owned(),
    }
}

fn react(emoji: &str) -> Act {
    Act::React {
        emoji: emoji.to_owned(),
    }
}

impl Room {
    fn kind(&self, who: usize, call: CallId) -> FailureKind {
        self.people[who].failure(call).kind
    }

    /// What somebody is shown of messages that are gone.
    fn gone(&mut self, who: usize) -> Vec<String> {
        let name = self.name();
        let rows = self.people[who].rows(Some(&name)).into_iter();
        rows.filter_map(|row| match row.what {
            RowKind::Gone { cause } => Some(cause),
            _ => None,
        })
        .collect()
    }

    /// Somebody reads all that is there.
    fn reads(&mut self, who: usize) {
        let read = Command::MarkRead {
            conversation: self.name(),
            cursor: u64::MAX,
        };
        let call = self.people[who].call(read);
        assert!(self.people[who].answers[&call].is_ok());
        self.run();
    }

    /// The state of a message, as its author is shown it: as a whole, and of each who can read it.
    fn state(&mut self, who: usize, text: &str) -> (SendState, Vec<(String, SendState)>) {
        let name = self.name();
        let row = self.people[who].row(&name, text);
        let asked = Command::Receipts {
            conversation: name,
            id: row.id,
        };
        let call = self.people[who].call(asked);
        let Some(Ok(Answer::Receipts(receipts))) = self.people[who].answers.remove(&call) else {
            panic!("no receipts of {text}");
        };
        let each = receipts.into_iter();
        let mut each: Vec<_> = each.map(|one| (one.name, one.state)).collect();
        each.sort_by(|a, b| a.0.cmp(&b.0));
        (row.state.unwrap(), each)
    }

    fn timer(&mut self, who: usize, timer: Option<u8>) -> CallId {
        let set = Command::SetTimer {
            conversation: self.name(),
            timer,
        };
        let call = self.people[who].call(set);
        self.run();
        call
    }
}

/// Proves: C14
#[test]
fn what_is_said_about_a_message_reads_the_same_for_all() {
    let mut room = three();
    let name = room.name();
    room.say(BOB, "lunch at one?");
    let reply = Act::Reply {
        text: "@bob sure".to_owned(),
    };
    room.act(CY, "lunch at one?", reply);
    room.act(ADA, "lunch at one?", react("👍"));
    room.act(CY, "lunch at one?", react("👍"));
    room.act(BOB, "lunch at one?", edit("lunch at two?"));
    for who in [ADA, BOB, CY] {
        assert_eq!(room.texts(who), ["lunch at two?", "@bob sure"]);
        let row = room.people[who].row(&name, "lunch at two?");
        assert!(row.beside.edited_ms.is_some());
        let [reaction] = &row.beside.reactions[..] else {
            panic!("{:?}", row.beside);
        };
        let mut from = reaction.from.clone();
        from.sort();
        assert_eq!(
            (reaction.emoji.as_str(), from),
            ("👍", vec!["ada".to_owned(), "cy".to_owned()])
        );
        assert_eq!(reaction.own, who != BOB);
        let answer = room.people[who].row(&name, "@bob sure");
        assert_eq!(answer.beside.names_you, who == BOB);
        let to = answer.beside.reply_to.unwrap();
        assert_eq!(
            (to.from.as_str(), to.excerpt.as_deref()),
            ("bob", Some("lunch at two?"))
        );
    }
    room.act(CY, "lunch at two?", react(""));
    let row = room.people[BOB].row(&name, "lunch at two?");
    assert_eq!(row.beside.reactions[0].from, ["ada"]);
    for who in [ADA, BOB, CY] {
        room.agrees(who);
    }
}

/// Proves: C15
#[test]
fn a_message_is_taken_away_by_its_author_or_an_admin_and_by_nobody_else() {
    let mut room = three();
    room.say(BOB, "one");
    room.say(BOB, "two");
    room.say(ADA, "three");
    // A plain member may not, and nobody edits another's, not even an admin.
    for (who, text, act) in [
        (CY, "one", Act::Delete {}),
        (CY, "three", Act::Delete {}),
        (CY, "one", edit("mine now")),
        (ADA, "one", edit("mine now")),
    ] {
        let call = room.act(who, text, act);
        assert_eq!(room.kind(who, call), FailureKind::NotPermitted);
    }
    room.act(BOB, "one", Act::Delete {});
    room.act(ADA, "two", Act::Delete {});
    for who in [ADA, BOB, CY] {
        assert_eq!(room.texts(who), ["three"]);
        let gone = room.gone(who);
        assert_eq!(
            gone,
            [
                "deleted by its author",
                "removed by ada, an admin of the room"
            ]
        );
    }
    // Somebody who is no admin any more has what was taken away stay away, and takes nothing more.
    room.say(CY, "four");
    let account = room.people[BOB].account;
    let role = Role::Admin;
    room.control(ADA, subrosa_proto::Control::SetRole { account, role });
    let account = room.people[ADA].account;
    let role = Role::Member;
    room.control(BOB, subrosa_proto::Control::SetRole { account, role });
    let call = room.act(ADA, "four", Act::Delete {});
    assert_eq!(room.kind(ADA, call), FailureKind::NotPermitted);
    room.act(BOB, "four", Act::Delete {});
    for who in [ADA, BOB, CY] {
        assert_eq!(room.gone(who).len(), 3);
        room.agrees(who);
    }
}

/// What a client that breaks the rules sends about another's words has no effect.
/// Proves: C15
#[test]
fn a_member_who_breaks_the_rules_changes_nobody_elses_words() {
    let mut room = three();
    let name = room.name();
    room.say(BOB, "bob's words");
    let of = ContentId::from_hex(&room.people[BOB].row(&name, "bob's words").id).unwrap();
    let position = room.position(CY, "bob's words");
    let text = "cy's words".to_owned();
    let rng = &mut randomness::system();
    room.people[CY].slip(&name, &Content::new(Edit { of, text }, 1, rng));
    room.people[CY].slip(&name, &Content::new(Delete { of }, 1, rng));
    room.people[CY].slip_removal(&name, "bob's words", position);
    room.run();
    for who in [ADA, BOB, CY] {
        assert_eq!(room.texts(who), ["bob's words"]);
        assert!(room.gone(who).is_empty());
        room.agrees(who);
    }
}

#[test]
fn a_message_has_come_as_far_as_the_last_of_those_who_can_read_it() {
    use SendState::{Delivered, Read, Sent};
    let mut room = three();
    let each = |bob, cy| vec![("bob".to_owned(), bob), ("cy".to_owned(), cy)];
    room.unlink(CY);
    room.say(ADA, "news");
    assert_eq!(room.state(ADA, "news"), (Sent, each(Delivered, Sent)));
    room.reads(BOB);
    assert_eq!(room.state(ADA, "news"), (Sent, each(Read, Sent)));
    room.relink(CY);
    assert_eq!(room.state(ADA, "news"), (Delivered, each(Read, Delivered)));
    room.reads(CY);
    assert_eq!(room.state(ADA, "news"), (Read, each(Read, Read)));
    // Who was removed is waited for no longer; who comes later never had it.
    room.say(ADA, "more");
    room.reads(BOB);
    assert_eq!(room.state(ADA, "more").0, Delivered);
    room.remove(CY);
    room.say(ADA, "without cy");
    room.reads(BOB);
    assert_eq!(
        room.state(ADA, "without cy"),
        (Read, vec![("bob".to_owned(), Read)])
    );
    // Nobody is told how far another's message has come.
    let name = room.name();
    let id = room.people[BOB].row(&name, "news").id;
    let asked = Command::Receipts {
        conversation: name,
        id,
    };
    let call = room.people[BOB].call(asked);
    assert_eq!(room.kind(BOB, call), FailureKind::User);
}

#[test]
fn in_a_room_of_more_than_twenty_nobody_is_told_what_was_read() {
    let names: Vec<String> = (0..=limits::READ_RECEIPT_ACCOUNTS_MAX)
        .map(|number| format!("n{number:02}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut room = Room::new(&names);
    for who in 1..names.len() {
        room.admit(ADA, who, Role::Member);
    }
    let all_read = |room: &mut Room, of: usize| {
        for who in 1..of {
            room.reads(who);
        }
    };
    room.say(ADA, "to twenty others");
    all_read(&mut room, names.len());
    let (state, each) = room.state(ADA, "to twenty others");
    assert_eq!((state, each.len()), (SendState::Delivered, 20));
    assert!(each.iter().all(|(_, state)| *state == SendState::Delivered));
    // With one less they are few enough.
    room.remove(names.len() - 1);
    room.say(ADA, "to nineteen others");
    all_read(&mut room, names.len() - 1);
    let (state, each) = room.state(ADA, "to nineteen others");
    assert_eq!((state, each.len()), (SendState::Read, 19));
}

#[test]
fn a_rooms_timer_is_a_rule_of_its_admins() {
    let mut room = three();
    let name = room.name();
    let timer = |room: &Room, who: usize, call: CallId| match room.people[who].answers.get(&call) {
        Some(Ok(Answer::Timer { timer })) => *timer,
        other => panic!("{other:?}"),
    };
    room.control(
        ADA,
        subrosa_proto::Control::Policy {
            members_add: true,
            timer: 0,
        },
    );
    let call = room.timer(ADA, Some(5));
    assert_eq!(timer(&room, ADA, call), 5);
    let call = room.timer(CY, None);
    assert_eq!(timer(&room, CY, call), 5);
    let call = room.timer(CY, Some(0));
    let failure = room.people[CY].failure(call);
    assert_eq!(failure.kind, FailureKind::NotPermitted);
    assert!(failure.sentence.contains("only admins"), "{failure}");
    // The other rule stays as it was, and all are told both.
    assert!(room.office.logs[&room.conv].state.members_add());
    let told =
        "ada changed the rules: members may add people, messages disappear 1 day after they arrive";
    assert!(
        room.notes(BOB).contains(&told.to_owned()),
        "{:?}",
        room.notes(BOB)
    );
    room.say(BOB, "for a day");
    for who in [ADA, BOB, CY] {
        let row = room.people[who].row(&name, "for a day");
        let life = row.beside.expires_ms.unwrap() - row.time_ms;
        assert_eq!(life, limits::DAY_MS);
    }
    // When its time has run out it goes, with what was said about it, for everybody.
    room.act(CY, "for a day", react("👍"));
    room.office.now_ms += limits::DAY_MS;
    for person in &mut room.people {
        person.now_ms += limits::DAY_MS;
        person.tick();
    }
    room.run();
    for who in [ADA, BOB, CY] {
        assert!(room.texts(who).is_empty());
        assert_eq!(room.gone(who), ["disappeared"]);
    }
    let call = room.timer(ADA, Some(0));
    assert_eq!(timer(&room, ADA, call), 0);
}

//! Messages that disappear, and those that an earlier build could not read.

use super::person::Person;
use super::world::{World, step};
use crate::command::{Act, Answer, Command, FailureKind};
use crate::engine::{fact, rows};
use crate::randomness;
use crate::store::Entry;
use crate::view::{Notice, RowKind};
use subrosa_e2e::{Body, Content, ContentRef, Reaction, Text};
use subrosa_proto::{ContentId, Event, Header, MessageFields, decode, encode, timer_ms};

const HOUR_STEP: u8 = 3;
const HOUR_MS: u64 = 3_600_000;

fn timer(to: &str, step: Option<u8>) -> Command {
    Command::SetTimer {
        conversation: to.to_owned(),
        timer: step,
    }
}

/// Ada and Bob, whose messages last an hour.
fn hasty() -> World {
    let mut world = World::new();
    world.bob.send("@ada", "this one stays");
    world.run();
    let call = world.ada.call(timer("@bob", Some(HOUR_STEP)));
    world.run();
    assert!(matches!(
        world.ada.answers[&call],
        Ok(Answer::Timer { timer: HOUR_STEP })
    ));
    world
}

fn gone(person: &mut Person, with: &str) -> usize {
    let rows = person.rows(Some(with));
    let is_gone =
        |what: &RowKind| matches!(what, RowKind::Gone { cause } if cause == "disappeared");
    rows.iter().filter(|row| is_gone(&row.what)).count()
}

#[test]
fn a_message_disappears_on_both_sides_with_all_that_was_said_about_it() {
    let mut world = hasty();
    world.ada.send("@bob", "soon gone");
    world.run();
    world.ada.act(
        "@bob",
        "soon gone",
        Act::Edit {
            text: "very soon".to_owned(),
        },
    );
    world.bob.act(
        "@ada",
        "soon gone",
        Act::React {
            emoji: "👍".to_owned(),
        },
    );
    world.run();
    let arrived = world.office.now_ms;
    let row = world.bob.row("@ada", "very soon");
    assert_eq!(row.beside.expires_ms, Some(arrived + HOUR_MS));
    assert_eq!(
        world.ada.row("@bob", "very soon").beside.expires_ms,
        row.beside.expires_ms
    );
    world.bob.subscribe();
    world.pass(HOUR_MS - 1);
    assert_eq!(gone(&mut world.bob, "@ada"), 0);
    world.pass(1);
    for (person, with) in [(&mut world.ada, "@bob"), (&mut world.bob, "@ada")] {
        assert_eq!(gone(person, with), 1);
        person.row(with, "this one stays");
    }
    let told = world.bob.notices.iter();
    let told = told.filter(
        |notice| matches!(notice, Notice::Changed(changed) if changed.cursor == row.cursor),
    );
    assert_eq!(told.count(), 1);
    let (no, author) = (
        world.bob.engine.conversation_no("@ada").unwrap(),
        world.ada.account,
    );
    let of = ContentRef {
        account: author,
        id: ContentId::from_hex(&row.id).unwrap(),
    };
    world
        .bob
        .store
        .transaction(|desk| {
            assert_eq!(&desk.line(row.cursor)?.unwrap().body[..], b"disappeared");
            assert!(desk.amendments(no, &of)?.is_empty());
            Ok::<_, crate::store::StoreError>(())
        })
        .unwrap();
    // The server was told in the clear header when each body can go.
    let conv = world.direct();
    let steps: Vec<u8> = world.office.logs[&conv]
        .events
        .iter()
        .filter_map(|posted| {
            let event: Event = decode(&posted.event).unwrap();
            let header: Header = decode(&event.header).unwrap();
            (header.kind == 3).then(|| decode::<MessageFields>(&header.fields).unwrap().timer)
        })
        .collect();
    assert_eq!(steps, [0, HOUR_STEP, HOUR_STEP, HOUR_STEP]);
}

#[test]
fn what_is_about_a_message_that_stays_stays_with_it() {
    let mut world = hasty();
    world.ada.act(
        "@bob",
        "this one stays",
        Act::React {
            emoji: "👍".to_owned(),
        },
    );
    world.run();
    world.pass(2 * HOUR_MS);
    assert_eq!(
        world
            .bob
            .row("@ada", "this one stays")
            .beside
            .reactions
            .len(),
        1
    );
}

#[test]
fn a_device_that_was_off_does_not_show_what_has_had_its_time() {
    let mut world = hasty();
    world.office.unlink(&world.bob.device);
    world.bob.lose_link();
    world.ada.send("@bob", "too late");
    while step(&mut world.office, &mut world.ada) {}
    world.pass(HOUR_MS);
    world.bob.subscribe();
    world.bob.link();
    world.run();
    assert_eq!(gone(&mut world.bob, "@ada"), 1);
    let shown = world.bob.notices.iter();
    assert_eq!(shown.filter(|notice| matches!(notice, Notice::Row(row) if matches!(row.what, RowKind::Text { .. }))).count(), 0);
    let call = world.bob.call(Command::Conversations {});
    assert!(
        matches!(&world.bob.answers[&call], Ok(Answer::Conversations(views)) if views[0].unread == 0)
    );
}

#[test]
fn a_process_that_starts_later_shows_nothing_either() {
    let mut world = hasty();
    world.ada.send("@bob", "soon gone");
    world.run();
    world.bob.now_ms += HOUR_MS;
    world.bob.restart();
    assert_eq!(gone(&mut world.bob, "@ada"), 1);
    // And it wakes by itself when it is time.
    world.ada.restart();
    world.ada.rows(None);
    let at = world.office.now_ms + HOUR_MS;
    assert!(world.ada.wakes.contains(&at), "{:?}", world.ada.wakes);
}

#[test]
fn a_message_whose_key_never_came_disappears_too() {
    let mut world = hasty();
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    world.pass(subrosa_proto::limits::DAY_MS + 1);
    world.bob.send("@ada", "no key for this");
    while step(&mut world.office, &mut world.bob) {}
    let conv = world.direct();
    for posted in &mut world.office.logs.get_mut(&conv).unwrap().events {
        posted.boxes.clear();
    }
    // Nor does Bob have it any more.
    let forget = |desk: &crate::store::Desk<'_>| desk.forget_raw(u64::MAX >> 1);
    world.bob.store.transaction(forget).unwrap();
    world.ada.link();
    world.run();
    let waits = |world: &mut World| {
        let rows = world.ada.rows(Some("@bob"));
        rows.iter()
            .filter(|row| matches!(row.what, RowKind::WaitingForKey { .. }))
            .count()
    };
    assert_eq!(waits(&mut world), 1);
    world.pass(HOUR_MS);
    assert_eq!((waits(&mut world), gone(&mut world.ada, "@bob")), (0, 1));
    let owed = world
        .ada
        .store
        .transaction(|desk| desk.first_owed(2))
        .unwrap();
    assert_eq!(owed, None);
}

#[test]
fn a_timer_is_shown_told_and_switched_off() {
    let mut world = hasty();
    let told = world.bob.notes("@ada").pop().unwrap();
    assert!(
        told.contains("ada set messages to disappear 1 hour after"),
        "{told}"
    );
    let call = world.bob.call(timer("@ada", None));
    assert!(matches!(
        world.bob.answers[&call],
        Ok(Answer::Timer { timer: HOUR_STEP })
    ));
    // Either may switch it off; what comes first at the server counts, and a stale one is made anew.
    let bob = world.bob.call(timer("@ada", Some(0)));
    let ada = world.ada.call(timer("@bob", Some(5)));
    world.run();
    assert!(matches!(world.bob.answers[&bob], Ok(Answer::Timer { .. })));
    assert!(matches!(
        world.ada.answers[&ada],
        Ok(Answer::Timer { timer: 5 })
    ));
    world.bob.send("@ada", "later");
    world.run();
    let expires = world.ada.row("@bob", "later").beside.expires_ms;
    let state = &world.ada.engine.talks[&2].state;
    assert_eq!(
        expires,
        timer_ms(state.timer()).map(|ms| world.office.now_ms + ms)
    );
    for (to, step, kind) in [
        ("@ada", 1, FailureKind::User),
        ("@bob", 99, FailureKind::User),
        ("@eve", 1, FailureKind::User),
    ] {
        let call = world.ada.call(timer(to, Some(step)));
        assert_eq!(world.ada.failure(call).kind, kind, "{to}");
    }
    world.ada.lose_link();
    let call = world.ada.call(timer("@bob", Some(1)));
    assert_eq!(world.ada.failure(call).kind, FailureKind::Network);
}

#[test]
fn what_an_earlier_build_could_not_read_is_read_after_an_upgrade() {
    let mut world = World::new();
    world.bob.send("@ada", "hello");
    world.run();
    let to = ContentRef {
        account: world.bob.account,
        id: ContentId::from_hex(&world.ada.row("@bob", "hello").id).unwrap(),
    };
    let (no, author) = (
        world.ada.engine.conversation_no("@bob").unwrap(),
        world.bob.account,
    );
    let unknown = |kind, fields| Body::Unknown { kind, fields };
    // As a build has stored them that knows neither texts nor reactions; and one that nobody knows.
    let bodies = [
        unknown(
            1,
            encode(&Text {
                text: "known now".to_owned(),
            }),
        ),
        unknown(
            5,
            encode(&Reaction {
                to,
                emoji: "🎉".to_owned(),
            }),
        ),
        unknown(999, bytes::Bytes::from_static(b"\x80")),
    ];
    world
        .ada
        .store
        .transaction(|desk| {
            for (position, body) in (20..).zip(bodies) {
                let content = Content::new(body, 7, &mut randomness::system());
                desk.add_line(&Entry {
                    conversation: no,
                    position: Some(position),
                    account: author,
                    content: Some(content.id),
                    author_ms: 7,
                    arrived_ms: Some(7),
                    kind: rows::LINE_UNKNOWN,
                    body: &content.encode().unwrap(),
                    state: None,
                })?;
            }
            desk.set_fact(fact::CONTENT_VERSION, &0_u64)
        })
        .unwrap();
    for _ in 0..2 {
        world.ada.restart();
        world.ada.row("@bob", "known now");
        let reactions = world.ada.row("@bob", "hello").beside.reactions;
        assert_eq!(reactions[0].emoji, "🎉");
        let rows = world.ada.rows(Some("@bob"));
        let newer: Vec<_> = rows
            .iter()
            .filter(|row| matches!(row.what, RowKind::Newer { .. }))
            .collect();
        assert!(
            matches!(newer[..], [row] if row.what == RowKind::Newer { number: 999 }),
            "{newer:?}"
        );
        assert_eq!(rows.iter().filter(|row| !row.id.is_empty()).count(), 3);
    }
}

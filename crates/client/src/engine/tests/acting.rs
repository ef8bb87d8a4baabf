//! Replies, edits, deletions and reactions, from one engine to the other.

use super::person::{Person, act_command};
use super::world::{World, step, to_append};
use crate::command::{Act, Answer, FailureKind};
use crate::engine::inbox::Spot;
use crate::engine::{EngineError, Turn};
use crate::randomness;
use crate::view::{Notice, Row, RowKind, SendState};
use subrosa_e2e::{Body, Content, ContentRef, Delete, Edit, Reaction, Reply, Text};
use subrosa_proto::{ContentId, ErrorCode, Event, Header, MessageFields, Response, decode};

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

/// Ada has written to Bob, and both have it.
fn written(text: &str) -> World {
    let mut world = World::new();
    world.ada.send("@bob", text);
    world.run();
    world
}

fn only(person: &mut Person, with: &str) -> Row {
    let mut rows = person.rows(Some(with));
    rows.retain(|row| !row.id.is_empty());
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn content(body: impl Into<Body>) -> Content {
    Content::new(body, 1, &mut randomness::system())
}

fn changed(person: &Person) -> Vec<&Row> {
    let notices = person.notices.iter();
    notices
        .filter_map(|notice| match notice {
            Notice::Changed(row) => Some(row),
            _ => None,
        })
        .collect()
}

fn gone(row: &Row) -> Option<&str> {
    match &row.what {
        RowKind::Gone { cause } => Some(cause),
        _ => None,
    }
}

#[test]
fn a_reply_an_edit_and_a_reaction_reach_the_other() {
    let mut world = written("lunch at one?");
    world.bob.subscribe();
    let reply = Act::Reply {
        text: "@ada sure".to_owned(),
    };
    let call = world.bob.act("@ada", "lunch at one?", reply);
    world.bob.act("@ada", "lunch at one?", react("👍"));
    world.run();
    assert_eq!(world.bob.sent_state(call), Some(SendState::Sent));
    let answered = world.ada.row("@bob", "@ada sure");
    assert!(answered.beside.names_you && !world.bob.row("@ada", "@ada sure").beside.names_you);
    let to = answered.beside.reply_to.unwrap();
    assert_eq!(
        (to.from.as_str(), to.excerpt.as_deref()),
        ("ada", Some("lunch at one?"))
    );
    world.bob.notices.clear();
    let call = world
        .ada
        .act("@bob", "lunch at one?", edit("lunch at two?"));
    world.run();
    let row = world.bob.row("@ada", "lunch at two?");
    assert!(row.beside.edited_ms.is_some());
    assert_eq!(changed(&world.bob), [&row], "told once");
    let [reaction] = &row.beside.reactions[..] else {
        panic!("{row:?}");
    };
    assert_eq!((reaction.emoji.as_str(), reaction.own), ("👍", true));
    // The answer names the message that reads otherwise now.
    assert!(matches!(&world.ada.answers[&call], Ok(Answer::Sent { id, .. }) if *id == row.id));
    let to = world.ada.row("@bob", "@ada sure").beside.reply_to.unwrap();
    assert_eq!(to.excerpt.as_deref(), Some("lunch at two?"));
}

// Proves: C15
#[test]
fn what_is_deleted_is_wiped_on_both_sides_and_the_server_is_told_where_it_stands() {
    let mut world = written("the secret is 1234");
    world
        .ada
        .act("@bob", "the secret is 1234", edit("the secret is 5678"));
    world.run();
    world.bob.act("@ada", "the secret is 5678", react("😮"));
    world.run();
    let position = world.ada.row("@bob", "the secret is 5678").position;
    world.ada.act("@bob", "the secret is 5678", Act::Delete {});
    world.run();
    let author = world.ada.account;
    for (person, with) in [(&mut world.ada, "@bob"), (&mut world.bob, "@ada")] {
        let row = only(person, with);
        assert_eq!(gone(&row), Some("deleted by its author"));
        assert_eq!(*row.beside, Default::default());
        // Wiped, and not only hidden: nothing about it is left.
        let no = person.engine.conversation_no(with).unwrap();
        let of = ContentRef {
            account: author,
            id: ContentId::from_hex(&row.id).unwrap(),
        };
        let (line, about) = person
            .store
            .transaction(|desk| {
                let line = desk.line(row.cursor)?.unwrap();
                Ok::<_, crate::store::StoreError>((line, desk.amendments(no, &of)?))
            })
            .unwrap();
        assert_eq!(&line.body[..], b"deleted by its author");
        assert!(about.is_empty());
    }
    // The clear headers name the edit and the message, so that the server can drop both bodies.
    let conv = world.direct();
    let deleted: Vec<u64> = world.office.logs[&conv]
        .events
        .iter()
        .filter_map(|posted| {
            let event: Event = decode(&posted.event).unwrap();
            let header: Header = decode(&event.header).unwrap();
            let fields: MessageFields = (header.kind == 3).then(|| decode(&header.fields))?.ok()?;
            fields.deletes
        })
        .collect();
    assert_eq!(deleted.len(), 2);
    assert!(deleted.contains(&position.unwrap()));
}

// Proves: C15
#[test]
fn nobody_edits_or_deletes_what_another_wrote() {
    let mut world = written("mine");
    for act in [edit("yours"), Act::Delete {}] {
        let call = world.bob.act("@ada", "mine", act);
        assert_eq!(world.bob.failure(call).kind, FailureKind::NotPermitted);
        assert!(world.bob.failure(call).sentence.contains("ada's"));
    }
    // A client that does it all the same says something about nothing.
    let of = ContentId::from_hex(&world.ada.row("@bob", "mine").id).unwrap();
    let text = "yours".to_owned();
    world.bob.slip("@ada", &content(Edit { of, text }));
    world.bob.slip("@ada", &content(Delete { of }));
    world.run();
    for (person, with) in [(&mut world.ada, "@bob"), (&mut world.bob, "@ada")] {
        let row = only(person, with);
        assert_eq!(
            row.what,
            RowKind::Text {
                text: "mine".to_owned()
            }
        );
        assert_eq!(row.beside.edited_ms, None);
    }
}

// Proves: C15
#[test]
fn a_header_takes_away_the_authors_own_only() {
    let mut world = written("mine");
    let row = world.bob.row("@ada", "mine");
    world.bob.send("@ada", "hers");
    world.run();
    let own = world.bob.row("@ada", "hers").position.unwrap();
    for (position, stays) in [(row.position.unwrap(), true), (own, false)] {
        // Only the clear header says what is meant: inside is a text.
        let caller = format!("slip {position}");
        let text = content(Text {
            text: caller.clone(),
        });
        world
            .bob
            .store
            .transaction(|desk| {
                let mut turn = Turn {
                    now_ms: 1,
                    desk,
                    rng: &mut randomness::system(),
                    effects: Vec::new(),
                };
                let no = world.bob.engine.conversation_no("@ada").unwrap();
                let line = turn.desk.line(row.cursor)?.unwrap();
                let deletion = content(Delete { of: text.id });
                world.bob.engine.talks.get_mut(&no).unwrap().not_before_ms = u64::MAX;
                world.bob.engine.enqueue_about(
                    &mut turn,
                    &caller,
                    &line,
                    &deletion,
                    Some(position),
                )?;
                world.bob.engine.talks.get_mut(&no).unwrap().not_before_ms = 0;
                Ok::<_, EngineError>(())
            })
            .unwrap();
        world.bob.tick();
        world.run();
        let shown = world.ada.texts("@bob");
        assert_eq!(
            shown
                .iter()
                .any(|(_, text)| text == if stays { "mine" } else { "hers" }),
            stays,
            "{shown:?}"
        );
    }
}

#[test]
fn the_last_reaction_of_an_account_counts_and_an_empty_one_takes_it_back() {
    let mut world = written("well?");
    let shown = |world: &mut World| -> Vec<(String, Vec<String>)> {
        let row = world.ada.row("@bob", "well?");
        let reactions = row.beside.reactions.into_iter();
        reactions.map(|there| (there.emoji, there.from)).collect()
    };
    world.bob.act("@ada", "well?", react("👍"));
    world.ada.act("@bob", "well?", react("👍"));
    world.run();
    let both = world.ada.row("@bob", "well?").beside.reactions;
    assert!(
        both.len() == 1 && both[0].own && both[0].from.len() == 2,
        "{both:?}"
    );
    world.bob.act("@ada", "well?", react("👎"));
    world.run();
    assert_eq!(
        shown(&mut world),
        [
            ("👍".to_owned(), vec!["ada".to_owned()]),
            ("👎".to_owned(), vec!["bob".to_owned()])
        ]
    );
    world.bob.act("@ada", "well?", react(""));
    world.ada.act("@bob", "well?", react(""));
    world.run();
    assert!(shown(&mut world).is_empty());
    // Of what is not there nothing is shown.
    let to = ContentRef {
        account: world.ada.account,
        id: ContentId([7; 16]),
    };
    world.bob.slip(
        "@ada",
        &content(Reaction {
            to,
            emoji: "👍".to_owned(),
        }),
    );
    world.bob.slip(
        "@ada",
        &content(Reply {
            to,
            text: "to nothing".to_owned(),
        }),
    );
    world.run();
    let to = world.ada.row("@bob", "to nothing").beside.reply_to.unwrap();
    assert_eq!(to.excerpt, None);
}

#[test]
fn what_is_named_wrongly_is_refused_with_the_reason() {
    let mut world = written("one");
    let id = world.ada.row("@bob", "one").id;
    let of = ContentId::from_hex(&id).unwrap();
    let mut alike = content(Text {
        text: "alike".to_owned(),
    });
    alike.id = of;
    alike.id.0[15] ^= 1;
    world.bob.slip("@ada", &alike);
    world.run();
    let mut told = |id: &str, act: Act| {
        let call = world.ada.call(act_command("@bob", id, act));
        let failure = world.ada.failure(call);
        (failure.kind, failure.sentence.clone())
    };
    assert!(told(&id[..30], edit("two")).1.contains("several messages"));
    assert!(
        told("00000000", edit("two"))
            .1
            .contains("no message in @bob")
    );
    assert!(told("xyz", edit("two")).1.contains("is no id"));
    assert!(told(&id, edit(" ")).1.contains("empty"));
    assert!(told(&id, react("two words")).1.contains("one emoji"));
    let call = world.ada.call(act_command("@bob", &id, edit("two")));
    world.run();
    assert_eq!(world.ada.sent_state(call), Some(SendState::Sent));
    world.ada.act("@bob", "two", Act::Delete {});
    world.run();
    let call = world.ada.call(act_command("@bob", &id, edit("three")));
    assert!(world.ada.failure(call).sentence.contains("gone"));
}

#[test]
fn an_edit_that_meets_a_changed_conversation_is_sent_again_once() {
    let mut world = written("one");
    world.ada.act("@bob", "one", edit("two"));
    // Shown as if it were there already, also by the next process.
    world.ada.row("@bob", "two");
    world.ada.restart();
    world.ada.row("@bob", "two");
    world.relink_ada();
    let asked = to_append(&mut world.office, &mut world.ada);
    let conv = world.direct();
    let ctl = world.office.logs[&conv].state.ctl();
    world.ada.reply(asked.id, Response::Stale { ctl });
    let before = world.office.logs[&conv].events.len();
    world.bob.subscribe();
    world.run();
    assert_eq!(
        world.office.logs[&conv].events.len(),
        before + 2,
        "a key, and the edit once"
    );
    assert_eq!(changed(&world.bob).len(), 1);
    world.bob.row("@ada", "two");
    assert_eq!(world.ada.outbox(), 0);
}

#[test]
fn an_act_that_the_server_refuses_for_good_is_undone() {
    let mut world = written("one");
    for act in [edit("two"), Act::Delete {}, react("👍")] {
        let call = world.ada.act("@bob", "one", act);
        let shown = only(&mut world.ada, "@bob");
        let asked = to_append(&mut world.office, &mut world.ada);
        world
            .ada
            .reply(asked.id, super::office::refused(ErrorCode::NotPermitted, 0));
        assert_eq!(world.ada.failure(call).kind, FailureKind::NotPermitted);
        let row = world.ada.row("@bob", "one");
        assert_ne!(row, shown);
        assert_eq!(*row.beside, Default::default());
        // What it refuses once more would be left alone for a while.
        world.relink_ada();
        world.run();
    }
}

#[test]
fn what_has_not_left_is_deleted_without_a_trace() {
    let mut world = written("first");
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    world.ada.unreachable();
    world.ada.subscribe();
    let send = world.ada.send("@bob", "never mind");
    world.ada.act("@bob", "never mind", edit("never you mind"));
    let call = world.ada.act("@bob", "never you mind", Act::Delete {});
    assert!(matches!(world.ada.answers[&call], Ok(Answer::Sent { .. })));
    assert!(world.ada.answers.contains_key(&send));
    assert_eq!(world.ada.outbox(), 0);
    assert!(
        world.ada.warnings().is_empty(),
        "{:?}",
        world.ada.warnings()
    );
    assert_eq!(
        gone(changed(&world.ada).last().unwrap()),
        Some("deleted before it was sent")
    );
    world.ada.link();
    world.run();
    assert_eq!(world.bob.texts("@ada").len(), 1);
    assert_eq!(world.ada.texts("@bob").len(), 1);
}

/// Contents of one account at these positions, taken in in this order.
fn taken(order: &[usize], contents: &[(u64, Content)]) -> Vec<Row> {
    let mut world = World::new();
    let (author, device) = (world.ada.account, world.ada.device);
    let no = world.bob.engine.conversation_no("@ada").unwrap();
    let talk = world.bob.engine.talks.remove(&no).unwrap();
    for at in order {
        let (position, content) = &contents[*at];
        let spot = Spot {
            position: 10 + *position,
            arrived_ms: 1,
            author,
            device,
            expires_ms: None,
        };
        let engine = &mut world.bob.engine;
        world
            .bob
            .store
            .transaction(|desk| {
                let mut turn = Turn {
                    now_ms: 1,
                    desk,
                    rng: &mut randomness::system(),
                    effects: Vec::new(),
                };
                if content.amends() {
                    engine.amend(&mut turn, &talk, &spot, content)
                } else {
                    let body = content.encode().unwrap();
                    engine.show_content(&mut turn, &talk, &spot, content, &body)
                }
            })
            .unwrap();
    }
    world.bob.engine.talks.insert(no, talk);
    let mut rows = world.bob.rows(Some("@ada"));
    rows.retain(|row| !row.id.is_empty());
    // Worlds differ in their ids, and orders in their cursors.
    for row in &mut rows {
        row.cursor = 0;
        row.conv.clear();
    }
    rows
}

// Proves: C15
#[test]
fn keys_that_come_late_change_nothing_about_the_outcome() {
    let first = content(Text {
        text: "zero".to_owned(),
    });
    let second = content(Text {
        text: "other".to_owned(),
    });
    let of = first.id;
    let to_edit = |text: &str| {
        content(Edit {
            of,
            text: text.to_owned(),
        })
    };
    let edits = [to_edit("one"), to_edit("two")];
    let early = content(Edit {
        of: second.id,
        text: "too early".to_owned(),
    });
    let contents = vec![
        (1, early),
        (2, first),
        (3, edits[0].clone()),
        (4, second.clone()),
        (5, edits[1].clone()),
        (6, content(Delete { of: second.id })),
    ];
    let expected = taken(&[0, 1, 2, 3, 4, 5], &contents);
    assert!(
        matches!(&expected[0].what, RowKind::Text { text } if text == "two"),
        "{expected:?}"
    );
    assert_eq!(gone(&expected[1]), Some("deleted by its author"));
    for order in [
        [5, 4, 3, 2, 1, 0],
        [4, 2, 1, 5, 0, 3],
        [0, 2, 4, 5, 3, 1],
        [1, 4, 2, 3, 5, 0],
    ] {
        assert_eq!(taken(&order, &contents), expected, "{order:?}");
    }
}

#[test]
fn the_first_content_with_an_id_counts() {
    let mut world = written("one");
    let of = ContentId::from_hex(&world.ada.row("@bob", "one").id).unwrap();
    // An edit that calls itself what the message is called.
    let mut twice = content(Edit {
        of,
        text: "two".to_owned(),
    });
    twice.id = of;
    world.ada.slip("@bob", &twice);
    while step(&mut world.office, &mut world.ada) {}
    world.run();
    world.bob.row("@ada", "one");
}

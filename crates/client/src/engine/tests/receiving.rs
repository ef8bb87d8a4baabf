use super::world::{World, step};
use crate::command::{Answer, Command};
use crate::view::{Notice, RowKind, SendState};
use subrosa_e2e::Keyring;
use subrosa_proto::{ErrorCode, EventKind, Page, Push, Request};

fn page(world: &World, first: u64) -> Page {
    let conv = world.direct();
    world.office.logs[&conv].page(&conv, &world.ada.device, first)
}

/// Bob has written three messages while Ada was away; Ada is back and has not been given them.
fn away() -> World {
    let mut world = World::new();
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    for number in 0..3 {
        world.bob.send("@ada", &format!("{number}"));
    }
    while step(&mut world.office, &mut world.bob) {}
    world.ada.link();
    while world
        .ada
        .sent
        .iter()
        .all(|sent| !matches!(sent.request, Request::Follow { .. }))
    {
        let asked = world.ada.sent.pop_front().unwrap();
        let who = (world.ada.account, world.ada.device);
        let response = world.office.answer(who, asked.request);
        world.ada.reply(asked.id, response);
    }
    world
        .ada
        .intercept(|request| matches!(request, Request::Follow { .. }));
    world
}

fn follow_from(world: &mut World) -> Option<u64> {
    let asked = world
        .ada
        .intercept(|request| matches!(request, Request::Follow { .. }))?;
    match asked.request {
        Request::Follow { cursors } => Some(cursors[0].next),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_missing_in_between_is_asked_for() {
    let mut world = away();
    let whole = page(&world, 2);
    let mut late = whole.clone();
    late.first += 2;
    late.events.drain(..2);
    world.ada.push(Push::Events { page: late });
    assert!(world.ada.texts("@bob").is_empty());
    assert_eq!(follow_from(&mut world), Some(2), "from where it has all");
    world.ada.push(Push::Events { page: whole });
    assert_eq!(world.ada.texts("@bob").len(), 3);
}

#[test]
fn a_server_that_always_leaves_something_out_is_left() {
    let mut world = away();
    let mut late = page(&world, 2);
    late.first += 1;
    late.events.drain(..1);
    for _ in 0..20 {
        world.ada.push(Push::Events { page: late.clone() });
    }
    assert!(!world.ada.leaves.is_empty());
    let asked = world.ada.sent.iter();
    assert!(
        asked
            .filter(|sent| matches!(sent.request, Request::Follow { .. }))
            .count()
            < 12
    );
}

#[test]
fn a_page_that_was_there_already_changes_nothing() {
    let mut world = away();
    let whole = page(&world, 2);
    world.ada.push(Push::Events {
        page: whole.clone(),
    });
    let before = world.ada.rows(None);
    world.ada.subscribe();
    world.ada.notices.clear();
    world.ada.push(Push::Events { page: whole });
    assert_eq!(world.ada.rows(None), before);
    assert!(
        !world
            .ada
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::Row(_)))
    );
}

/// Ada is away while Bob opens a session, and the server loses her box of it.
fn lost_box() -> World {
    let mut world = World::new();
    world.bob.send("@ada", "first");
    world.run();
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    world.pass(subrosa_proto::limits::DAY_MS + 1);
    world.bob.send("@ada", "no key for this");
    while step(&mut world.office, &mut world.bob) {}
    let conv = world.direct();
    for posted in &mut world.office.logs.get_mut(&conv).unwrap().events {
        posted.boxes.clear();
    }
    world
}

fn waiting(world: &mut World) -> usize {
    let rows = world.ada.rows(Some("@bob")).into_iter();
    rows.filter(|row| matches!(row.what, RowKind::WaitingForKey { .. }))
        .count()
}

fn states_at_bob(world: &mut World) -> Vec<SendState> {
    let rows = world.bob.rows(Some("@ada"));
    rows.iter().filter_map(|row| row.state).collect()
}

#[test]
fn a_message_without_its_key_is_a_row_with_its_cause_and_is_not_called_delivered() {
    let mut world = lost_box();
    // Bob does not have it any more either.
    let forget = |desk: &crate::store::Desk<'_>| desk.forget_raw(u64::MAX >> 1);
    world.bob.store.transaction(forget).unwrap();
    world.ada.link();
    world.run();
    world.bob.send("@ada", "nor for this");
    world.run();
    assert_eq!(world.ada.texts("@bob").len(), 1);
    assert_eq!(waiting(&mut world), 2);
    let states = states_at_bob(&mut world);
    assert_eq!(
        states,
        [SendState::Delivered, SendState::Sent, SendState::Sent]
    );
}

// Proves: C14
#[test]
fn a_box_that_was_lost_is_asked_for_and_given_once_more() {
    for dies in [false, true] {
        let mut world = lost_box();
        world.office.unlink(&world.bob.device);
        world.bob.lose_link();
        world.ada.link();
        while step(&mut world.office, &mut world.ada) {}
        assert_eq!(waiting(&mut world), 1, "bob is away");
        if dies {
            // The question was lost with the process that asked; the next one asks again.
            world.office.asked.clear();
            world.office.take_pushes(&world.bob.device);
            world.ada.restart();
            world.office.unlink(&world.ada.device);
            world.ada.link();
            while step(&mut world.office, &mut world.ada) {}
        }
        assert_eq!(world.office.asked.len(), 1);
        world.bob.link();
        world.run();
        assert_eq!(waiting(&mut world), 0);
        let texts = world.ada.texts("@bob");
        assert_eq!(texts.last().unwrap().1, "no key for this");
        assert_eq!(states_at_bob(&mut world), [SendState::Delivered; 2]);
        // It is not asked for again, and nobody else is given anything.
        world.relink_ada();
        world.run();
        assert_eq!(world.office.asked.len(), 1);
        let (conv, stranger) = (world.direct(), subrosa_proto::DeviceId([9; 32]));
        let position = (1..)
            .find(|at| world.office.logs[&conv].header(*at).kind == EventKind::Key as u8)
            .unwrap();
        world.bob.push(Push::BoxWanted {
            conv,
            position,
            account: world.ada.account,
            device: stranger,
        });
        let given = |request: &Request| matches!(request, Request::GiveBox { .. });
        assert!(world.bob.intercept(given).is_none());
    }
}

#[test]
fn read_marks_reach_the_author_and_no_further_than_what_was_seen() {
    let mut world = World::new();
    for text in ["one", "two", "three"] {
        world.bob.send("@ada", text);
        world.run();
    }
    let unread = |world: &mut World| {
        let call = world.ada.call(Command::Conversations {});
        match &world.ada.answers[&call] {
            Ok(Answer::Conversations(views)) => views[0].unread,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(unread(&mut world), 3);
    let rows = world.ada.rows(Some("@bob"));
    let two = rows
        .iter()
        .find(|row| matches!(&row.what, RowKind::Text { text } if text == "two"));
    let mark = |cursor| Command::MarkRead {
        conversation: "@bob".to_owned(),
        cursor,
    };
    let cursor = two.unwrap().cursor;
    world.ada.call(mark(cursor));
    world.run();
    assert_eq!(unread(&mut world), 1);
    let states = |world: &mut World| -> Vec<SendState> {
        let rows = world.bob.rows(Some("@ada"));
        rows.iter().filter_map(|row| row.state).collect()
    };
    assert_eq!(
        states(&mut world),
        [SendState::Read, SendState::Read, SendState::Delivered]
    );
    // A cursor beyond the end marks what is there, not what will come.
    world.ada.call(mark(u64::MAX));
    world.run();
    world.bob.send("@ada", "four");
    world.run();
    assert_eq!(unread(&mut world), 1);
    assert_eq!(states(&mut world).last(), Some(&SendState::Delivered));
}

#[test]
fn a_receipt_that_was_lost_is_said_on_the_next_link_and_then_not_again() {
    let mut world = World::new();
    world.bob.send("@ada", "lost receipt");
    while step(&mut world.office, &mut world.bob) {}
    for push in world.office.take_pushes(&world.ada.device) {
        world.ada.push(push);
    }
    assert!(
        world
            .ada
            .intercept(|request| matches!(request, Request::PutReceipt { .. }))
            .is_some()
    );
    world.ada.restart();
    world.relink_ada();
    world.run();
    let states: Vec<_> = world
        .bob
        .rows(Some("@ada"))
        .iter()
        .filter_map(|row| row.state)
        .collect();
    assert_eq!(states, [SendState::Delivered]);
    world.relink_ada();
    while let Some(asked) = world.ada.sent.pop_front() {
        assert!(
            !matches!(asked.request, Request::PutReceipt { .. }),
            "it is known already"
        );
        let who = (world.ada.account, world.ada.device);
        let response = world.office.answer(who, asked.request);
        world.ada.reply(asked.id, response);
    }
}

#[test]
fn members_that_the_server_does_not_give_are_asked_for_with_pauses() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    let conv = world.direct();
    let head = subrosa_proto::HashHead {
        seq: 3,
        hash: subrosa_proto::StatementHash([0; 32]),
    };
    world.ada.push(Push::Chain {
        account: world.bob.account,
        head,
    });
    let call = world.ada.send("@bob", "held up");
    let mut asked = 0;
    for _ in 0..50 {
        let people = |request: &Request| *request == Request::People { conv, after: None };
        let Some(request) = world.ada.intercept(people) else {
            break;
        };
        asked += 1;
        world
            .ada
            .reply(request.id, super::office::refused(ErrorCode::Internal, 0));
    }
    assert!((1..=3).contains(&asked), "{asked} times without a pause");
    assert_eq!(world.ada.sent_state(call), Some(SendState::Queued));
    assert!(!world.ada.wakes.is_empty(), "it is tried again");
    world.pass(60_000);
    world.pass(60_000);
    assert_eq!(world.bob.texts("@ada").len(), 2);
}

#[test]
fn a_long_subscription_comes_in_parts() {
    let mut world = World::new();
    let no = world.ada.engine.conversation_no("@bob").unwrap();
    let author = world.bob.account;
    world
        .ada
        .store
        .transaction(|desk| {
            for number in 0..1_200_u32 {
                let mut id = [0; 16];
                id[..4].copy_from_slice(&number.to_be_bytes());
                desk.add_line(&crate::store::Entry {
                    conversation: no,
                    position: Some(10),
                    account: author,
                    content: Some(subrosa_proto::ContentId(id)),
                    author_ms: 1,
                    arrived_ms: Some(1),
                    kind: 1,
                    body: b"",
                    state: None,
                })?;
            }
            Ok::<_, crate::store::StoreError>(())
        })
        .unwrap();
    let (mut cursor, mut rows, mut ended) = (0, 0, 0);
    loop {
        world.ada.notices.clear();
        world.ada.call(Command::Subscribe {
            conversation: Some("@bob".to_owned()),
            since: Some(cursor),
        });
        for notice in &world.ada.notices {
            if let Notice::Row(row) = notice {
                assert!(row.cursor > cursor);
                cursor = row.cursor;
                rows += 1;
            }
        }
        if world.ada.ended.len() == ended {
            break;
        }
        ended = world.ada.ended.len();
    }
    assert!(rows >= 1_200 && ended >= 2, "{rows} rows in {ended} parts");
}

#[test]
fn sessions_that_are_over_are_forgotten_and_what_they_opened_is_not() {
    let mut world = World::new();
    let day = subrosa_proto::limits::DAY_MS;
    for number in 0..3 {
        world.bob.send("@ada", &format!("{number}"));
        world.run();
        world.pass(day + 1);
    }
    let count = |world: &mut World| {
        world
            .ada
            .store
            .transaction(|desk| desk.session_count())
            .unwrap()
    };
    let before = count(&mut world);
    for _ in 0..8 {
        world.pass(day);
    }
    let after = count(&mut world);
    assert!(after < before, "{before} before, {after} after");
    assert_eq!(world.ada.texts("@bob").len(), 3);
    let conv = world.direct();
    let newest = world
        .ada
        .store
        .transaction(|desk| {
            let people = super::super::people::People::load(desk, world.ada.account)?;
            let lookup = super::super::lookup::Lookup::new(desk, &people, None, true);
            Ok::<_, crate::engine::EngineError>(lookup.newest_session(&conv).is_some())
        })
        .unwrap();
    assert!(newest, "the newest one seals receipts");
    world.bob.send("@ada", "and on");
    world.run();
    assert_eq!(world.ada.texts("@bob").len(), 4);
}

#[test]
fn what_stands_around_a_row_is_read_in_the_order_of_the_log() {
    let mut world = World::new();
    for number in 0..9 {
        let (from, to) = if number % 2 == 0 {
            (&mut world.bob, "@ada")
        } else {
            (&mut world.ada, "@bob")
        };
        from.send(to, &number.to_string());
        world.run();
    }
    let ada = &mut world.ada;
    let rows: Vec<_> = ada.rows(Some("@bob"));
    let text = |row: &crate::view::Row| match &row.what {
        RowKind::Text { text } => text.clone(),
        _ => String::new(),
    };
    let middle = rows.iter().position(|row| text(row) == "4").unwrap();
    let mut around = |cursor, before, behind| {
        let call = ada.call(Command::Around {
            conversation: "@bob".to_owned(),
            cursor,
            before,
            behind,
        });
        match ada.answers.remove(&call) {
            Some(Ok(Answer::Rows(rows))) => rows,
            other => panic!("{other:?}"),
        }
    };
    let cursor = rows[middle].cursor;
    assert_eq!(around(cursor, 2, 3), rows[middle - 2..=middle + 3]);
    assert_eq!(around(cursor, 0, 0), rows[middle..=middle]);
    let last = rows.last().unwrap().cursor;
    assert_eq!(around(last, 1, 9), rows[rows.len() - 2..]);
    assert_eq!(around(u64::MAX >> 1, 2, 9), rows[rows.len() - 2..]);
}

use super::person::{Person, add_device, branch_of};
use super::world::{World, step};
use crate::command::FailureKind;
use subrosa_proto::{ConvHead, HashHead, Push, Request, Response, StatementHash};

fn told_once(person: &mut Person, part: &str) -> bool {
    person
        .notes("@ada")
        .iter()
        .filter(|note| note.contains(part))
        .count()
        == 1
}

// Proves: C13
#[test]
fn an_account_with_two_chains_gets_nothing_and_the_message_waits() {
    let mut world = World::new();
    world.ada.subscribe();
    add_device(&world.bob, &mut world.office, "second");
    let head = world.office.accounts[&world.bob.account].head();
    world.ada.push(Push::Chain {
        account: world.bob.account,
        head,
    });
    world.ada.send("@bob", "before");
    world.run();
    // The identity key of Bob has signed another last statement: the server shows that one now.
    let known = world.office.accounts[&world.bob.account].clone();
    let other = branch_of(&world.bob, &known);
    world.office.accounts.insert(world.bob.account, other);
    let head = HashHead {
        seq: 9,
        hash: StatementHash([0; 32]),
    };
    world.ada.push(Push::Chain {
        account: world.bob.account,
        head,
    });
    let call = world.ada.send("@bob", "to whom?");
    world.run();
    assert_eq!(world.ada.failure(call).kind, FailureKind::Trust);
    assert_eq!(world.ada.outbox(), 1, "nothing is lost");
    assert_eq!(world.bob.texts("@ada").len(), 1, "nothing has left");
    for _ in 0..3 {
        world.pass(120_000);
    }
    let warned = world
        .ada
        .warnings()
        .iter()
        .filter(|text| text.contains("two ways"))
        .count();
    assert_eq!(warned, 1);
    assert!(told_once(&mut world.ada, "two ways"));
    // It is remembered: the server cannot take it back by showing the former chain again.
    world.office.accounts.insert(world.bob.account, known);
    world.ada.restart();
    world.relink_ada();
    world.run();
    assert_eq!(world.ada.outbox(), 1);
    assert_eq!(world.bob.texts("@ada").len(), 1);
}

// Proves: C13
#[test]
fn a_log_that_a_member_saw_otherwise_ends_the_conversation_without_a_loop() {
    let mut world = World::new();
    world.bob.send("@ada", "one");
    world.run();
    // The server drops an event for Ada: Bob goes on, on top of what Ada is not shown.
    let conv = world.direct();
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    for text in ["two", "three"] {
        world.bob.send("@ada", text);
        while step(&mut world.office, &mut world.bob) {}
    }
    let position = world
        .ada
        .engine
        .talks
        .values()
        .find(|talk| talk.id() == conv)
        .unwrap()
        .next();
    world
        .office
        .logs
        .get_mut(&conv)
        .unwrap()
        .events
        .remove(position as usize - 1);
    world.ada.subscribe();
    world.ada.link();
    world.run();
    let stopped = "differently to its members";
    assert_eq!(
        world
            .ada
            .warnings()
            .iter()
            .filter(|text| text.contains(stopped))
            .count(),
        1
    );
    let call = world.ada.send("@bob", "into the fork");
    assert_eq!(world.ada.failure(call).kind, FailureKind::Trust);
    // Every later link meets the same event, stops there, and does not ask round and round.
    world.ada.restart();
    world.ada.subscribe();
    world.office.unlink(&world.ada.device);
    world.ada.link();
    world.run();
    world.pass(60_000);
    assert!(world.ada.sent.is_empty());
    assert!(world.ada.warnings().is_empty(), "said once");
    assert!(told_once(&mut world.ada, stopped));
    let fresh = world.ada.call(crate::Command::Read {
        conversation: None,
        before: None,
        since: None,
        limit: 1,
        fresh: true,
    });
    assert!(world.ada.answers.contains_key(&fresh), "reading goes on");
}

// Proves: C13
#[test]
fn a_server_that_forgot_the_end_of_a_log_is_told_about_and_gets_nothing() {
    let mut world = World::new();
    world.ada.send("@bob", "one");
    world.run();
    let conv = world.direct();
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    world.ada.link();
    let login = world.ada.sent.pop_front().unwrap();
    let who = (world.ada.account, world.ada.device);
    let id = login.id;
    let Response::LoggedIn { mut login } = world.office.answer(who, login.request) else {
        panic!()
    };
    let own = world.own_of(&world.ada);
    login.heads = vec![
        ConvHead {
            conv,
            head: 1,
            trimmed: 0,
        },
        ConvHead {
            conv: own,
            head: 1,
            trimmed: 0,
        },
    ];
    world.ada.reply(id, Response::LoggedIn { login });
    let call = world.ada.send("@bob", "after the restore");
    assert_eq!(world.ada.failure(call).kind, FailureKind::Trust);
    assert_eq!(world.ada.outbox(), 1);
    assert!(
        !world
            .ada
            .sent
            .iter()
            .any(|sent| matches!(sent.request, Request::Append { .. }))
    );
    assert!(told_once(
        &mut world.ada,
        "lost the end of the conversation @bob"
    ));
    // The server has all of it again: what waited leaves.
    world.relink_ada();
    world.run();
    assert_eq!(world.bob.texts("@ada").len(), 2);
}

#[test]
fn a_new_device_of_ones_own_is_told_once() {
    let mut world = World::new();
    world.ada.subscribe();
    let device = add_device(&world.ada, &mut world.office, "stranger\u{202e}");
    let head = world.office.accounts[&world.ada.account].head();
    world.ada.push(Push::Chain {
        account: world.ada.account,
        head,
    });
    world.run();
    let warnings = world.ada.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("stranger") && !warnings[0].contains('\u{202e}'),
        "{warnings:?}"
    );
    assert!(
        world
            .ada
            .engine
            .people
            .account(&world.ada.account)
            .unwrap()
            .certified(&device)
    );
    world.ada.restart();
    world.relink_ada();
    world.run();
    assert!(told_once(&mut world.ada, "a new device"));
}

// Proves: C19
#[test]
fn a_copy_of_this_device_is_noticed_by_its_prekey() {
    let mut world = World::new();
    let mut copy = world.ada.copy();
    copy.now_ms += subrosa_proto::limits::DAY_MS;
    copy.link();
    while step(&mut world.office, &mut copy) {}
    world.office.unlink(&copy.device);
    world.ada.subscribe();
    // Ada's own device asks for the members again and is shown a prekey that it has not made.
    let head = world.office.accounts[&world.bob.account].head();
    world.ada.push(Push::Chain {
        account: world.bob.account,
        head,
    });
    world.ada.send("@bob", "hello");
    world.run();
    assert_eq!(
        world
            .ada
            .warnings()
            .iter()
            .filter(|text| text.contains("exists twice"))
            .count(),
        1
    );
    assert!(told_once(&mut world.ada, "exists twice"));
}

// Proves: C13
#[test]
fn a_chain_that_a_member_has_seen_and_the_server_hides_is_told() {
    let mut world = World::new();
    world.ada.subscribe();
    // Bob sees a new device of Bob's own account; the server shows Ada the chain of before.
    let before = world.office.accounts[&world.bob.account].clone();
    add_device(&world.bob, &mut world.office, "second");
    let head = world.office.accounts[&world.bob.account].head();
    world.bob.push(Push::Chain {
        account: world.bob.account,
        head,
    });
    world.bob.send("@ada", "from a longer chain");
    while step(&mut world.office, &mut world.bob) {}
    world.office.accounts.insert(world.bob.account, before);
    world.run();
    assert_eq!(
        world.ada.texts("@bob").len(),
        1,
        "a quote never makes a message void"
    );
    let hidden = "that the server does not show";
    assert_eq!(
        world
            .ada
            .warnings()
            .iter()
            .filter(|text| text.contains(hidden))
            .count(),
        1
    );
}

#[test]
fn a_chain_that_is_only_late_is_no_reason_for_alarm() {
    let mut world = World::new();
    world.ada.subscribe();
    add_device(&world.bob, &mut world.office, "second");
    let head = world.office.accounts[&world.bob.account].head();
    world.bob.push(Push::Chain {
        account: world.bob.account,
        head,
    });
    world.bob.send("@ada", "from a longer chain");
    world.run();
    assert_eq!(world.ada.texts("@bob").len(), 1);
    assert!(
        world.ada.warnings().is_empty(),
        "{:?}",
        world.ada.warnings()
    );
    let known = world.ada.engine.people.account(&world.bob.account).unwrap();
    assert_eq!(known.head(), head);
}

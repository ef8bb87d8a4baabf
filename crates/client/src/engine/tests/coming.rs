//! Sends that wait for their recipients, messages that disappear by themselves, and consumers.

use super::person::{Person, send_command};
use super::world::{World, step};
use crate::command::{Act, Answer, Command, Failure, Wait};
use crate::consumer::{ConsumerCommand, ConsumerView};
use crate::view::{RowKind, SendState};

const HOUR_STEP: u8 = 3;
const HOUR_MS: u64 = 3_600_000;

fn waits(to: &str, text: &str, wait: Wait, within_ms: Option<u64>, timer: Option<u8>) -> Command {
    Command::Send {
        conversation: to.to_owned(),
        text: text.to_owned(),
        wait,
        queue: true,
        within_ms,
        timer,
    }
}

#[test]
fn a_send_waits_until_the_other_has_it_or_has_read_it() {
    let mut world = World::new();
    world.bob.send("@ada", "hello");
    world.run();
    let call = world
        .ada
        .call(waits("@bob", "got it?", Wait::Delivered, None, None));
    // Bob is not there: the server has it, and that is not enough.
    while step(&mut world.office, &mut world.ada) {}
    assert_eq!(world.ada.sent_state(call), None);
    world.run();
    assert_eq!(world.ada.sent_state(call), Some(SendState::Delivered));

    let call = world.ada.call_as(
        "read",
        waits("@bob", "read it?", Wait::Read, Some(HOUR_MS), None),
    );
    world.run();
    assert_eq!(world.ada.sent_state(call), None);
    // Another owner takes over meanwhile; the call is repeated there and waits on.
    world.ada.restart();
    world.ada.link();
    let again = world.ada.call_as(
        "read",
        waits("@bob", "read it?", Wait::Read, Some(HOUR_MS), None),
    );
    world.run();
    assert_eq!(world.ada.sent_state(again), None);
    let cursor = world.bob.row("@ada", "read it?").cursor;
    let conversation = "@ada".to_owned();
    world.bob.call(Command::MarkRead {
        conversation,
        cursor,
    });
    world.run();
    assert_eq!(world.ada.sent_state(again), Some(SendState::Read));
    assert_eq!(world.bob.texts("@ada").len(), 3, "and it was sent once");
}

#[test]
fn a_wait_has_an_end_and_says_how_far_it_has_come() {
    let mut world = World::new();
    world.bob.send("@ada", "hello");
    world.run();
    let call = world
        .ada
        .call(waits("@bob", "read it?", Wait::Read, Some(5_000), None));
    world.run();
    world.pass(4_999);
    assert_eq!(world.ada.sent_state(call), None);
    world.pass(1);
    assert_eq!(world.ada.sent_state(call), Some(SendState::Delivered));
    // Where nobody else is, nobody is waited for.
    let call = world
        .ada
        .call(waits("@ada", "a note", Wait::Read, None, None));
    world.run();
    assert_eq!(world.ada.sent_state(call), Some(SendState::Read));
    let command = waits("@bob", "x", Wait::Sent, None, Some(99));
    let call = world.ada.call(command);
    assert!(world.ada.failure(call).sentence.contains("no such timer"));
}

#[test]
fn a_message_may_disappear_by_itself_and_no_later_than_its_conversation_says() {
    let mut world = World::new();
    world.bob.send("@ada", "this one stays");
    world.run();
    world
        .ada
        .call(waits("@bob", "an hour", Wait::Sent, None, Some(HOUR_STEP)));
    world.run();
    let arrived = world.office.now_ms;
    let expires =
        |person: &mut Person, with: &str, text: &str| person.row(with, text).beside.expires_ms;
    assert_eq!(
        expires(&mut world.bob, "@ada", "an hour"),
        Some(arrived + HOUR_MS)
    );
    assert_eq!(
        expires(&mut world.ada, "@bob", "an hour"),
        Some(arrived + HOUR_MS)
    );
    assert_eq!(expires(&mut world.bob, "@ada", "this one stays"), None);
    // A reply too; and its own reply to it is not bound by that.
    let id = world.ada.row("@bob", "an hour").id;
    let reply = Command::ActOn {
        conversation: "@bob".to_owned(),
        id,
        act: Act::Reply {
            text: "so long".to_owned(),
        },
        wait: Wait::Sent,
        queue: true,
        within_ms: None,
        timer: Some(1),
    };
    world.ada.call(reply);
    world.run();
    assert_eq!(
        expires(&mut world.bob, "@ada", "so long"),
        Some(arrived + 30_000)
    );
    world.pass(HOUR_MS);
    let rows = world.bob.rows(Some("@ada"));
    let gone = rows
        .iter()
        .filter(|row| matches!(row.what, RowKind::Gone { .. }));
    assert_eq!(gone.count(), 2);
    world.bob.row("@ada", "this one stays");

    let conversation = "@bob".to_owned();
    world.ada.call(Command::SetTimer {
        conversation,
        timer: Some(HOUR_STEP),
    });
    world.run();
    world
        .ada
        .call(waits("@bob", "a week?", Wait::Sent, None, Some(6)));
    world.run();
    let arrived = world.office.now_ms;
    assert_eq!(
        expires(&mut world.bob, "@ada", "a week?"),
        Some(arrived + HOUR_MS)
    );
}

fn ask(person: &mut Person, command: ConsumerCommand) -> Result<Answer, Failure> {
    let call = person.call(Command::Consumer(command));
    person.answers[&call].clone()
}

fn open(person: &mut Person, conversation: Option<&str>, own: bool) -> ConsumerView {
    let command = ConsumerCommand::Open {
        name: "ci".to_owned(),
        conversation: conversation.map(ToOwned::to_owned),
        own,
    };
    match ask(person, command) {
        Ok(Answer::Consumer(view)) => view,
        other => panic!("{other:?}"),
    }
}

/// The texts that are still to be done, with their cursors.
fn pending(person: &mut Person) -> Vec<(u64, String)> {
    let command = ConsumerCommand::Pending {
        name: "ci".to_owned(),
        since: 0,
        limit: 2,
    };
    let rows = match ask(person, command) {
        Ok(Answer::Rows(rows)) => rows,
        other => panic!("{other:?}"),
    };
    let text = |what| match what {
        RowKind::Text { text } => text,
        other => panic!("{other:?}"),
    };
    rows.into_iter()
        .map(|row| (row.cursor, text(row.what)))
        .collect()
}

fn done(person: &mut Person, cursor: u64) {
    let name = "ci".to_owned();
    let answer = ask(person, ConsumerCommand::Done { name, cursor });
    assert_eq!(answer, Ok(Answer::Done {}));
}

fn texts(pending: &[(u64, String)]) -> Vec<&str> {
    pending.iter().map(|(_, text)| text.as_str()).collect()
}

#[test]
fn a_consumer_gets_what_comes_after_its_start_until_it_is_done() {
    let mut world = World::new();
    world.bob.send("@ada", "before");
    world.run();
    assert_eq!(open(&mut world.ada, Some("@bob"), false).pending, 0);
    world.bob.send("@ada", "one");
    world.bob.send("@ada", "two");
    world.ada.send("@bob", "my own");
    world.run();
    let there = pending(&mut world.ada);
    assert_eq!(texts(&there), ["one", "two"]);
    // It stays so until it is done, whoever owns the home.
    world.ada.restart();
    world.ada.link();
    world.run();
    assert_eq!(pending(&mut world.ada), there);
    done(&mut world.ada, there[0].0);
    done(&mut world.ada, there[0].0);
    assert_eq!(texts(&pending(&mut world.ada)), ["two"]);
    assert_eq!(
        open(&mut world.ada, Some("@bob"), true).pending,
        1,
        "it has come back"
    );
    world.ada.send("@bob", "my own again");
    world.run();
    assert_eq!(texts(&pending(&mut world.ada)), ["two", "my own again"]);

    world.bob.act("@ada", "two", Act::Delete {});
    world.run();
    assert_eq!(
        texts(&pending(&mut world.ada)),
        ["my own again"],
        "what was taken back is nobody's business"
    );
    let name = "ci".to_owned();
    assert_eq!(
        ask(&mut world.ada, ConsumerCommand::Forget { name }),
        Ok(Answer::Done {})
    );
    let name = "ci".to_owned();
    let gone = ask(
        &mut world.ada,
        ConsumerCommand::Pending {
            name,
            since: 0,
            limit: 2,
        },
    );
    assert!(gone.unwrap_err().sentence.contains("--list"));
    assert_eq!(
        ask(&mut world.ada, ConsumerCommand::List {}),
        Ok(Answer::Consumers(vec![]))
    );
}

#[test]
fn an_errand_is_written_with_its_message_or_not_at_all() {
    let mut world = World::new();
    world.bob.send("@ada", "before");
    world.run();
    open(&mut world.ada, None, false);
    world.bob.send("@ada", "told twice");
    while step(&mut world.office, &mut world.bob) {}
    let pushes = world.office.take_pushes(&world.ada.device);
    assert!(!pushes.is_empty());
    for push in &pushes {
        let message =
            subrosa_proto::encode(&subrosa_proto::FromServer::Push { push: push.clone() });
        world.ada.die_of(crate::engine::Input::Frame { message });
    }
    assert!(
        pending(&mut world.ada).is_empty(),
        "nothing of the turn is there"
    );
    world.relink_ada();
    world.run();
    assert_eq!(texts(&pending(&mut world.ada)), ["told twice"]);
    assert_eq!(world.ada.texts("@bob").len(), 2);
}

#[test]
fn a_history_that_comes_later_is_no_errand() {
    let mut world = World::new();
    for text in ["one", "two"] {
        world.bob.send("@ada", text);
    }
    world.run();
    let call = world.ada.call(send_command("@bob", "three", true));
    world.run();
    assert_eq!(world.ada.sent_state(call), Some(SendState::Sent));
    open(&mut world.ada, None, true);
    // What was read before is read again by somebody who lost it: still before the start.
    assert!(pending(&mut world.ada).is_empty());
    world.bob.send("@ada", "four");
    world.run();
    assert_eq!(texts(&pending(&mut world.ada)), ["four"]);
}

use super::office::refused;
use super::person::send_command;
use super::world::{World, to_append};
use crate::command::{Answer, Command, FailureKind};
use crate::engine::Input;
use crate::view::{LinkState, RowKind, SendState};
use subrosa_proto::{ErrorCode, Request, Response};

fn pair(author: &str, text: &str) -> (String, String) {
    (author.to_owned(), text.to_owned())
}

#[test]
fn two_people_talk() {
    let mut world = World::new();
    world.ada.subscribe();
    let call = world.bob.send("@ada", "hello ada");
    world.run();
    assert_eq!(world.bob.sent_state(call), Some(SendState::Sent));
    let call = world.ada.send("bob", "hello bob");
    world.run();
    assert_eq!(world.ada.sent_state(call), Some(SendState::Sent));
    let expected = [pair("bob", "hello ada"), pair("ada", "hello bob")];
    assert_eq!(world.ada.texts("@bob"), expected);
    assert_eq!(world.bob.texts("@ada"), expected);
    let last = world.ada.rows(Some("@bob")).pop().unwrap();
    assert_eq!(last.state, Some(SendState::Delivered));
    assert!(
        world.ada.warnings().is_empty(),
        "{:?}",
        world.ada.warnings()
    );
}

#[test]
fn a_stale_message_is_sealed_anew_and_arrives_once() {
    let mut world = World::new();
    let conv = world.direct();
    let call = world.bob.send("@ada", "once");
    let first = to_append(&mut world.office, &mut world.bob);
    let ctl = world.office.logs[&conv].state.ctl();
    world.bob.reply(first.id, Response::Stale { ctl });
    world.run();
    assert_eq!(world.bob.sent_state(call), Some(SendState::Sent));
    assert_eq!(world.ada.texts("@bob"), [pair("bob", "once")]);
    let Request::Append { events, .. } = first.request else {
        panic!()
    };
    let stored = &world.office.logs[&conv].events;
    assert!(
        stored.iter().all(|posted| !events.contains(&posted.event)),
        "the bytes that were refused are not sent again"
    );
}

#[test]
fn a_stale_message_waits_for_the_control_event_that_made_it_so() {
    let mut world = World::new();
    let call = world.bob.send("@ada", "in flight");
    let append = to_append(&mut world.office, &mut world.bob);
    let ctl = subrosa_proto::EventHash([8; 32]);
    world.bob.reply(append.id, Response::Stale { ctl });
    let sent = |world: &World| {
        let appends = world.bob.sent.iter();
        appends
            .filter(|sent| matches!(sent.request, Request::Append { .. }))
            .count()
    };
    world.run();
    assert_eq!(
        sent(&world),
        0,
        "it does not go out on top of what it does not know"
    );
    assert_eq!(world.bob.sent_state(call), None);
    world.pass(3_000);
    assert_eq!(world.bob.sent_state(call), Some(SendState::Sent));
}

// Proves: C26
#[test]
fn when_the_outcome_is_unknown_the_same_bytes_go_out_again() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    world.ada.send("@bob", "unknown");
    let first = world.ada.intercept_append();
    world.relink_ada();
    world.office.now_ms += 60_000;
    let mut again = None;
    while again.is_none() {
        assert!(
            super::world::step(&mut world.office, &mut world.ada),
            "it was not sent again"
        );
        again = world
            .ada
            .sent
            .iter()
            .find(|sent| matches!(sent.request, Request::Append { .. }))
            .cloned();
    }
    assert_eq!(again.unwrap().request, first.request, "counter and bytes");
    world.run();
    assert_eq!(
        world.bob.texts("@ada"),
        [pair("ada", "before"), pair("ada", "unknown")]
    );
}

#[test]
fn a_message_whose_answer_was_lost_is_found_in_the_log() {
    let mut world = World::new();
    let call = world.ada.send("@bob", "stored, not answered");
    let append = to_append(&mut world.office, &mut world.ada);
    world
        .office
        .answer((world.ada.account, world.ada.device), append.request);
    world.relink_ada();
    world.run();
    assert_eq!(world.ada.sent_state(call), Some(SendState::Sent));
    assert_eq!(world.ada.texts("@bob").len(), 1);
    assert_eq!(world.bob.texts("@ada").len(), 1);
    assert_eq!(world.ada.outbox(), 0);
}

#[test]
fn after_a_week_without_an_answer_the_log_is_looked_at_first() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    world.ada.send("@bob", "long ago");
    let first = world.ada.intercept_append();
    for person in [&mut world.ada, &mut world.bob] {
        person.now_ms += 8 * subrosa_proto::limits::DAY_MS;
    }
    world.office.now_ms = world.ada.now_ms;
    world.relink_ada();
    world.run();
    let Request::Append { events, .. } = first.request else {
        panic!()
    };
    let stored = &world.office.logs[&world.direct()].events;
    assert!(stored.iter().all(|posted| !events.contains(&posted.event)));
    assert_eq!(world.ada.outbox(), 0);
    assert_eq!(world.ada.texts("@bob").len(), 2);
}

#[test]
fn out_of_reach_a_message_is_queued_or_not_kept_as_was_asked() {
    let mut world = World::new();
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    world.ada.unreachable();
    let kept = world.ada.send("@bob", "kept");
    assert_eq!(world.ada.dials, 1, "somebody asks: it is tried at once");
    assert_eq!(world.ada.sent_state(kept), None);
    world.ada.unreachable();
    assert_eq!(world.ada.sent_state(kept), Some(SendState::Queued));
    let dropped = world.ada.call(send_command("@bob", "dropped", false));
    world.ada.unreachable();
    let failure = world.ada.failure(dropped);
    assert_eq!(failure.kind, FailureKind::Network);
    assert!(failure.sentence.contains("not kept"), "{failure}");
    assert_eq!(world.ada.texts("@bob"), [pair("ada", "kept")]);
    world.ada.link();
    world.run();
    assert_eq!(world.bob.texts("@ada"), [pair("ada", "kept")]);
    assert_eq!(world.ada.outbox(), 0);
}

#[test]
fn a_server_that_asks_to_wait_is_left_alone_for_that_long() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    let call = world.ada.send("@bob", "too fast");
    let first = world.ada.intercept_append();
    world
        .ada
        .reply(first.id, refused(ErrorCode::RateLimited, 700));
    assert!(world.ada.wakes.contains(&(world.ada.now_ms + 700)));
    world.ada.now_ms += 699;
    world.ada.tick();
    world.run();
    assert_eq!(world.ada.sent_state(call), None);
    assert!(
        world.ada.wakes.contains(&(world.ada.now_ms + 1)),
        "it is woken in time"
    );
    world.ada.now_ms += 1;
    world.ada.tick();
    let again = world.ada.intercept_append();
    assert_eq!(
        again.request, first.request,
        "nothing was stored, so the same may go out"
    );
    world
        .ada
        .reply(again.id, refused(ErrorCode::RateLimited, u64::MAX));
    assert!(
        world
            .ada
            .wakes
            .iter()
            .all(|at| *at <= world.ada.now_ms + 60 * 60_000),
        "no server can silence a home for long"
    );
}

#[test]
fn a_server_that_cannot_store_delays_and_never_loses() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    let call = world.ada.send("@bob", "disk full");
    let taken_back = world
        .ada
        .call(send_command("@bob", "not to be kept", false));
    let first = world.ada.intercept_append();
    world
        .ada
        .reply(first.id, refused(ErrorCode::StorageFull, 0));
    assert_eq!(world.ada.sent_state(call), Some(SendState::Queued));
    assert_eq!(world.ada.failure(taken_back).kind, FailureKind::Network);
    world.run();
    assert_eq!(world.ada.outbox(), 1);
    world.pass(120_000);
    assert_eq!(
        world.bob.texts("@ada"),
        [pair("ada", "before"), pair("ada", "disk full")]
    );
}

#[test]
fn a_conflict_never_drops_a_message() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    let call = world.ada.send("@bob", "again and again");
    for _ in 0..3 {
        while world
            .ada
            .sent
            .iter()
            .all(|sent| !matches!(sent.request, Request::Append { .. }))
        {
            if !super::world::step(&mut world.office, &mut world.ada) {
                world.ada.now_ms += 120_000;
                world.office.now_ms += 120_000;
                world.ada.tick();
            }
        }
        let append = world.ada.intercept_append();
        world.ada.reply(append.id, refused(ErrorCode::Conflict, 0));
    }
    assert_eq!(world.ada.sent_state(call), Some(SendState::Queued));
    world.pass(120_000);
    assert_eq!(
        world.bob.texts("@ada").last(),
        Some(&pair("ada", "again and again"))
    );
}

#[test]
fn what_may_not_be_written_is_given_up_and_said() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    for (code, kind) in [
        (ErrorCode::NotPermitted, FailureKind::NotPermitted),
        (ErrorCode::TooLarge, FailureKind::User),
    ] {
        let call = world.ada.send("@bob", "refused");
        let append = world.ada.intercept_append();
        world.ada.reply(append.id, refused(code, 0));
        assert_eq!(world.ada.failure(call).kind, kind);
        assert_eq!(world.ada.outbox(), 0);
        world.run();
    }
    assert_eq!(world.ada.texts("@bob").len(), 1, "its row is gone too");
}

#[test]
fn a_process_that_takes_over_answers_the_same_call_once() {
    let mut world = World::new();
    let command = || send_command("@bob", "by two processes", true);
    world.ada.call_as("one caller", command());
    world.ada.restart();
    world.office.unlink(&world.ada.device);
    world.ada.link();
    // The guest that took over repeats its command before anything has come.
    let early = world.ada.call_as("one caller", command());
    world.run();
    assert_eq!(world.ada.sent_state(early), Some(SendState::Sent));
    // Another repetition, after it is done.
    let late = world.ada.call_as("one caller", command());
    assert_eq!(world.ada.sent_state(late), Some(SendState::Sent));
    world.run();
    assert_eq!(world.bob.texts("@ada").len(), 1);
    assert_eq!(world.ada.texts("@bob").len(), 1);
}

#[test]
fn contents_arrive_in_the_order_in_which_they_were_written() {
    let mut world = World::new();
    for number in 0..7 {
        world.ada.send("@bob", &format!("{number}"));
    }
    world.run();
    let expected: Vec<_> = (0..7)
        .map(|number| pair("ada", &number.to_string()))
        .collect();
    assert_eq!(world.bob.texts("@ada"), expected);
    assert_eq!(world.ada.texts("@bob"), expected);
}

#[test]
fn a_drain_ends_when_only_somebody_else_could_go_on() {
    let mut world = World::new();
    // Nobody called carol answers: she is found, and has not accepted.
    let (carol, founded) = super::person::Person::found("carol", world.ada.now_ms, |_, _| Ok(()));
    world.office.accounts.insert(carol.account, founded.account);
    world.office.prekeys.insert(carol.device, founded.prekey);
    let call = world.ada.send("@carol", "hello carol");
    world.run();
    assert_eq!(world.ada.sent_state(call), Some(SendState::Queued));
    let answer = &world.ada.answers[&call];
    assert!(
        matches!(answer, Ok(Answer::Sent { waits_for: Some(name), .. }) if name == "carol"),
        "{answer:?}"
    );
    let unkept = world.ada.call(send_command("@carol", "only now", false));
    assert!(
        world
            .ada
            .failure(unkept)
            .sentence
            .contains("has not accepted")
    );
    let drain = world.ada.call(Command::Drain {});
    world.run();
    assert!(matches!(
        world.ada.answers[&drain],
        Ok(Answer::Outbox { waiting: 1 })
    ));
}

#[test]
fn a_request_is_accepted_once_however_the_answer_fares() {
    let mut world = World::new();
    let (mut carol, founded) =
        super::person::Person::found("carol", world.ada.now_ms, |_, _| Ok(()));
    world.office.accounts.insert(carol.account, founded.account);
    world.office.prekeys.insert(carol.device, founded.prekey);
    world.ada.send("@carol", "hello carol");
    world.run();
    carol.link();
    while super::world::step(&mut world.office, &mut carol) {}
    let refused = carol.send("@ada", "too early");
    assert_eq!(carol.failure(refused).kind, FailureKind::NotPermitted);
    let accept = || Command::Accept {
        conversation: "@ada".to_owned(),
    };
    // The first is stale, the second gets lost with its answer, which nobody may take for a yes.
    let first = carol.call(accept());
    let asked = carol.intercept_append();
    let conv = *world
        .office
        .logs
        .iter()
        .find(|(_, log)| {
            log.state.member(&carol.account).is_some() && log.state.peer(&carol.account).is_some()
        })
        .unwrap()
        .0;
    let ctl = world.office.logs[&conv].state.ctl();
    carol.reply(asked.id, Response::Stale { ctl });
    assert!(
        !carol.answers.contains_key(&first),
        "nothing was stored yet"
    );
    world.office.unlink(&carol.device);
    carol.lose_link();
    carol.link();
    while super::world::step(&mut world.office, &mut carol) {}
    assert!(matches!(carol.answers[&first], Ok(Answer::Done {})));
    world.run();
    while super::world::step(&mut world.office, &mut carol) {}
    assert_eq!(carol.texts("@ada"), [pair("ada", "hello carol")]);
    let again = carol.call(accept());
    assert!(matches!(carol.answers[&again], Ok(Answer::Done {})));
}

#[test]
fn a_login_that_is_refused_for_good_is_not_tried_again_by_itself() {
    let mut world = World::new();
    world.ada.subscribe();
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    world.ada.link();
    let login = world.ada.sent.pop_back().unwrap();
    world.ada.reply(login.id, refused(ErrorCode::Revoked, 0));
    assert_eq!(world.ada.leaves, [None]);
    world.ada.give(Input::Lost);
    assert!(matches!(
        world.ada.engine.link.state,
        LinkState::Refused { .. }
    ));
    // Another login would end as this one did, so nothing waits for it.
    let call = world.ada.send("@bob", "from a revoked device");
    assert_eq!(world.ada.dials, 0);
    let failure = world.ada.failure(call);
    assert_eq!(failure.kind, FailureKind::NotPermitted, "{failure}");
    assert!(failure.sentence.contains("was revoked"), "{failure}");
    assert_eq!(world.ada.outbox(), 0);
}

#[test]
fn a_device_that_the_server_does_not_know_tries_when_it_is_asked_to() {
    let mut world = World::new();
    world.ada.subscribe();
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    let unknown = |world: &mut World| {
        world.ada.link();
        let login = world.ada.sent.pop_back().unwrap();
        world
            .ada
            .reply(login.id, refused(ErrorCode::NotAuthenticated, 0));
    };
    unknown(&mut world);
    assert_eq!(world.ada.leaves, [None]);
    // A send is tried once more and then answered: nobody hangs.
    let call = world.ada.send("@bob", "to a server that forgot");
    assert_eq!(world.ada.dials, 1);
    unknown(&mut world);
    let failure = world.ada.failure(call).clone();
    assert_eq!(failure.kind, crate::command::FailureKind::Network);
    assert!(failure.sentence.contains("`subrosa devices merge`"));
    assert_eq!(world.ada.outbox(), 1, "it is kept");
    let invite = world.ada.call(Command::Invite {});
    world.ada.link();
    let login = world.ada.sent.pop_back().unwrap();
    world
        .ada
        .reply(login.id, refused(ErrorCode::RateLimited, 9_000));
    assert!(world.ada.failure(invite).sentence.contains("wait"));
    assert_eq!(
        world.ada.leaves.last(),
        Some(&Some(9_000)),
        "as long as the server asks"
    );
}

#[test]
fn a_message_to_oneself_is_a_note() {
    let mut world = World::new();
    let call = world.ada.send("@ada", "milk");
    world.run();
    assert_eq!(world.ada.sent_state(call), Some(SendState::Sent));
    assert!(
        matches!(&world.ada.rows(Some("@ada"))[0].what, RowKind::Text { text } if text == "milk")
    );
}

//! What a hostile server can send changes nothing that it must not, and stops nothing.

use super::office::refused;
use super::world::{World, to_append};
use crate::command::Command;
use crate::engine::Input;
use bytes::Bytes;
use proptest::prelude::*;
use subrosa_proto::{
    ConvHead, Delivered, ErrorCode, HashHead, LoggedIn, Page, Push, Request, Response,
    StatementHash,
};

// Proves: C21
#[test]
fn numbers_without_measure_are_survived() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    let conv = world.direct();
    let nothing = Delivered {
        time_ms: u64::MAX,
        event: Bytes::from_static(b"no event"),
        boxes: vec![Bytes::from_static(b"no box")],
    };
    for first in [0, 1, 2, u64::MAX - 1, u64::MAX] {
        for head in [0, u64::MAX] {
            let events = vec![nothing.clone(), nothing.clone()];
            let page = Page {
                conv,
                first,
                events,
                head,
            };
            world.ada.push(Push::Events { page });
        }
    }
    let head = HashHead {
        seq: u64::MAX,
        hash: StatementHash([1; 32]),
    };
    for account in [world.ada.account, world.bob.account] {
        world.ada.push(Push::Chain { account, head });
    }
    world.relink_ada();
    world.run();
    let call = world.ada.send("@bob", "far away");
    let append = to_append(&mut world.office, &mut world.ada);
    let first = u64::MAX;
    world.ada.reply(
        append.id,
        Response::Appended {
            first,
            time_ms: u64::MAX,
        },
    );
    assert!(world.ada.answers.contains_key(&call));
    world.relink_ada();
    let login = world.ada.sent.pop_front().unwrap();
    let login = (
        login.id,
        LoggedIn {
            incarnation: world.office.incarnation,
            time_ms: u64::MAX,
            hosts: "not;a;host".repeat(99),
            chain: head,
            heads: vec![ConvHead {
                conv,
                head: u64::MAX,
                trimmed: u64::MAX,
            }],
            more: true,
        },
    );
    world
        .ada
        .reply(login.0, Response::LoggedIn { login: login.1 });
    world.ada.tick();
    world.relink_ada();
    world.run();
    world.ada.now_ms = u64::MAX;
    world.ada.tick();
    assert_eq!(world.ada.texts("@bob").len(), 2);
}

// Proves: C21
#[test]
fn an_answer_that_does_not_fit_its_question_ends_the_link() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    world.ada.send("@bob", "asked");
    let append = world.ada.intercept_append();
    let chain = Response::Chain {
        statements: Vec::new(),
    };
    world.ada.reply(append.id, chain);
    assert_eq!(world.ada.leaves.len(), 1);
    world.ada.reply(append.id, Response::Done {});
    assert_eq!(world.ada.leaves.len(), 2, "an answer to nothing");
    world.ada.give(Input::Frame {
        message: Bytes::from_static(b"\xff"),
    });
    assert_eq!(world.ada.leaves.len(), 3);
    assert_eq!(world.ada.outbox(), 1);
    world.relink_ada();
    world.run();
    assert_eq!(world.bob.texts("@ada").len(), 2);
}

#[test]
fn a_server_that_does_not_answer_is_left() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    world.ada.send("@bob", "unanswered");
    world.ada.sent.clear();
    world.ada.now_ms += 60_000;
    world.ada.tick();
    assert!(world.ada.leaves.is_empty());
    world.ada.now_ms += 60_000;
    world.ada.tick();
    assert_eq!(world.ada.leaves, [Some(0)]);
}

#[derive(Debug, Clone)]
enum Stroke {
    Frame(Vec<u8>),
    /// Answers whatever is asked with a refusal.
    Refuse(u8, u64),
    /// …or with something.
    Answer(u8),
    Push(u8),
    Lost,
    Linked,
    Tick(u32),
    Send,
    Read,
}

fn stroke() -> impl Strategy<Value = Stroke> {
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..64).prop_map(Stroke::Frame),
        4 => (1..15_u8, any::<u64>()).prop_map(|(code, retry)| Stroke::Refuse(code, retry)),
        6 => (0..8_u8).prop_map(Stroke::Answer),
        3 => (0..4_u8).prop_map(Stroke::Push),
        2 => Just(Stroke::Lost),
        4 => Just(Stroke::Linked),
        3 => (0..200_000_u32).prop_map(Stroke::Tick),
        3 => Just(Stroke::Send),
        1 => Just(Stroke::Read),
    ]
}

fn code(number: u8) -> ErrorCode {
    const CODES: [ErrorCode; 14] = [
        ErrorCode::Malformed,
        ErrorCode::OutOfTurn,
        ErrorCode::NotAuthenticated,
        ErrorCode::InviteInvalid,
        ErrorCode::NameTaken,
        ErrorCode::NotFound,
        ErrorCode::NotPermitted,
        ErrorCode::Conflict,
        ErrorCode::RateLimited,
        ErrorCode::TooLarge,
        ErrorCode::StorageFull,
        ErrorCode::Internal,
        ErrorCode::Revoked,
        ErrorCode::Closing,
    ];
    CODES[usize::from(number - 1)]
}

fn strike(world: &mut World, stroke: Stroke) {
    let conv = world.direct();
    match stroke {
        Stroke::Frame(bytes) => world.ada.give(Input::Frame {
            message: bytes.into(),
        }),
        Stroke::Refuse(number, retry_ms) => {
            if let Some(asked) = world.ada.sent.pop_front() {
                world.ada.reply(asked.id, refused(code(number), retry_ms));
            }
        }
        Stroke::Answer(kind) => {
            let Some(asked) = world.ada.sent.pop_front() else {
                return;
            };
            let who = (world.ada.account, world.ada.device);
            let response = match kind {
                0 => Response::Done {},
                1 => Response::Stale {
                    ctl: subrosa_proto::EventHash([3; 32]),
                },
                2 => Response::Appended {
                    first: 1,
                    time_ms: 0,
                },
                _ => world.office.answer(who, asked.request),
            };
            world.ada.reply(asked.id, response);
        }
        Stroke::Push(0) => {
            let page = world.office.logs[&conv].page(&conv, &world.ada.device, 1);
            world.ada.push(Push::Events { page });
        }
        Stroke::Push(1) => world.ada.push(Push::Joined { conv }),
        Stroke::Push(2) => world.ada.push(Push::Closing {}),
        Stroke::Push(_) => {
            let pushes = world.office.take_pushes(&world.ada.device);
            pushes.into_iter().for_each(|push| world.ada.push(push));
        }
        Stroke::Lost => world.ada.lose_link(),
        Stroke::Linked => {
            world.ada.sent.clear();
            world.office.unlink(&world.ada.device);
            world.ada.link();
        }
        Stroke::Tick(ms) => {
            world.ada.now_ms += u64::from(ms);
            world.office.now_ms = world.ada.now_ms;
            world.ada.tick();
        }
        Stroke::Send => {
            world.ada.send("@bob", "whatever comes");
        }
        Stroke::Read => {
            world.ada.call(Command::Read {
                conversation: None,
                before: None,
                since: None,
                limit: 10,
                fresh: true,
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the server did: what was not refused for good arrives, once and in order, when the
    /// server is honest again, and every call has an answer.
    #[test]
    fn after_any_weather_everything_arrives_once(
        strokes in prop::collection::vec(stroke(), 0..40)
    ) {
        let mut world = World::new();
        for stroke in strokes {
            strike(&mut world, stroke);
            prop_assert!(world.ada.sent.len() < 1_000, "requests pile up");
        }
        world.relink_ada();
        world.run();
        for _ in 0..4 {
            world.pass(700_000);
        }
        let contents = |person: &mut super::person::Person, name| -> Vec<String> {
            let rows = person.rows(Some(name)).into_iter();
            rows.filter(|row| !row.id.is_empty()).map(|row| row.id).collect()
        };
        let (of_ada, of_bob) = (contents(&mut world.ada, "@bob"), contents(&mut world.bob, "@ada"));
        let alone: Vec<_> = of_ada.iter().filter(|id| !of_bob.contains(id)).collect();
        // A lying `Appended` is believed: nothing shows that the message is not in the log.
        let waiting = world.ada.outbox();
        prop_assert_eq!(waiting, 0, "something waits for ever");
        let shared: Vec<_> = of_ada.iter().filter(|id| of_bob.contains(id)).cloned().collect();
        prop_assert_eq!(shared, of_bob, "{:?}", alone);
        let unanswered = !world.ada.engine.sends.is_empty() || !world.ada.engine.waiting.is_empty();
        prop_assert!(!unanswered, "somebody waits for ever");
    }
}

#[test]
fn a_page_of_a_conversation_that_nobody_wanted_is_ignored() {
    let mut world = World::new();
    let page = Page {
        conv: subrosa_proto::ConvId([5; 32]),
        first: 7,
        events: Vec::new(),
        head: 9,
    };
    world.ada.push(Push::Events { page });
    assert!(
        world
            .ada
            .sent
            .iter()
            .all(|sent| matches!(sent.request, Request::Ping {}))
    );
}

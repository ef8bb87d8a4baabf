//! The same random requests to an engine and to the model, with the same answers. Revisions are
//! each store's own: they are compared only within a store.

use super::{DAY_MS, Engine, NOW, all, idem, key, log, recipient};
use crate::storage::memory::MemoryStore;
use crate::storage::{
    Append, Appended, Attach, Commit, Committed, Day, Guard, NewEvent, Page, Record, RecordKey,
    Release, Revision, SideRead, SideRow, Stage, StageKey, StageTotal, Staged, Store, StoreError,
    Write,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Which revision a request expects, seen from what the store has.
#[derive(Debug, Clone, Copy)]
enum Expect {
    Current,
    Absent,
    Stale,
}

#[derive(Debug, Clone)]
struct Change {
    guards: Vec<(u8, Expect)>,
    writes: Vec<(u8, Expect, Option<u8>)>,
}

/// Recipients, with the days that their row is kept.
type Rows = Vec<(u8, Option<u8>)>;
/// Side rows of an event, and the session and recipients of its staged ones.
type Event = (Rows, Option<(u8, Vec<u8>)>);

#[derive(Debug, Clone)]
struct Events {
    log: u8,
    idem: (u8, u64),
    events: Vec<Event>,
    attach: Vec<(u8, u8)>,
    change: Change,
}

#[derive(Debug, Clone)]
enum Op {
    Commit(Option<(u8, u64)>, Change),
    Append(Events),
    Stage { session: u8, rows: Rows },
    Trim { log: u8, percent: u8 },
    Release(u8, u8, u8, u8),
    Sweep,
    Days(u8),
    Restart,
}

fn expect() -> impl Strategy<Value = Expect> {
    prop_oneof![8 => Just(Expect::Current), 1 => Just(Expect::Absent), 1 => Just(Expect::Stale)]
}

fn change(writes: std::ops::Range<usize>) -> impl Strategy<Value = Change> {
    let guards = prop::collection::vec((0..5_u8, expect()), 0..2);
    let write = (0..5_u8, expect(), prop::option::weighted(0.8, any::<u8>()));
    (guards, prop::collection::vec(write, writes))
        .prop_map(|(guards, writes)| Change { guards, writes })
}

fn side() -> impl Strategy<Value = Rows> {
    prop::collection::vec((0..4_u8, prop::option::of(0..6_u8)), 0..4)
}

fn request() -> impl Strategy<Value = (u8, u64)> {
    (0..3_u8, 0..25_u64)
}

fn events() -> impl Strategy<Value = Events> {
    let staged = prop::option::weighted(0.3, (0..3_u8, prop::collection::vec(0..4_u8, 0..3)));
    let event = (side(), staged);
    let attach = prop::collection::vec((0..4_u8, 0..4_u8), 0..2);
    (
        0..3_u8,
        request(),
        prop::collection::vec(event, 0..4),
        attach,
        change(0..2),
    )
        .prop_map(|(log, idem, events, attach, change)| Events {
            log,
            idem,
            events,
            attach,
            change,
        })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (prop::option::of(request()), change(0..3)).prop_map(|(idem, change)| Op::Commit(idem, change)),
        10 => events().prop_map(Op::Append),
        4 => (0..3_u8, side()).prop_map(|(session, rows)| Op::Stage { session, rows }),
        1 => (0..3_u8, 0..=110_u8).prop_map(|(log, percent)| Op::Trim { log, percent }),
        2 => (0..4_u8, 0..3_u8, 0..12_u8, 0..4_u8).prop_map(|(a, b, c, d)| Op::Release(a, b, c, d)),
        1 => Just(Op::Sweep),
        1 => (1..6_u8).prop_map(Op::Days),
        1 => Just(Op::Restart),
    ]
}

/// Everything that an answer says apart from revisions.
#[derive(Debug, PartialEq)]
enum Said {
    Committed(bool),
    Appended(u64, u64, u64, bool),
    Staged(StageTotal),
    Done,
}

fn record_key(n: u8) -> RecordKey {
    key(1 + n % 2, &format!("record {n}"))
}

async fn resolve(store: &impl Store, n: u8, expect: Expect) -> Revision {
    let current = super::revision(store, &record_key(n)).await;
    match expect {
        Expect::Current => current,
        Expect::Absent => Revision::ABSENT,
        Expect::Stale => Revision(current.0 + 1_000_000),
    }
}

async fn conditions(store: &impl Store, change: &Change) -> (Vec<Guard>, Vec<Write>) {
    let (mut guards, mut writes) = (Vec::new(), Vec::new());
    for (n, expect) in &change.guards {
        guards.push(Guard {
            key: record_key(*n),
            expected: resolve(store, *n, *expect).await,
        });
    }
    for (n, expect, value) in &change.writes {
        let value = value.map(|byte| vec![byte; 1 + byte as usize * 40].into());
        writes.push(Write {
            key: record_key(*n),
            expected: resolve(store, *n, *expect).await,
            value,
        });
    }
    (guards, writes)
}

fn side_row(n: u8, days: Option<u8>, now_ms: u64, text: String) -> SideRow {
    let last_day = days.map(|days| Day::of_ms(now_ms).plus(u32::from(days)));
    SideRow {
        recipient: recipient(n),
        last_day,
        bytes: text.into(),
    }
}

fn stage_key(session: u8) -> StageKey {
    StageKey {
        owner: [session / 2; 32],
        session: [session; 32],
    }
}

async fn append(store: &impl Store, wanted: &Events, now_ms: u64) -> Result<Appended, StoreError> {
    let Events {
        log: n,
        idem: (device, counter),
        events,
        attach,
        change,
    } = wanted;
    let event = |(i, (side, staged)): (usize, &Event)| {
        let text = format!("{device} {counter} {i}");
        let side = side
            .iter()
            .map(|(n, days)| side_row(*n, *days, now_ms, format!("{text} {n}")));
        let staged = staged.as_ref().map(|(session, recipients)| Staged {
            key: stage_key(*session),
            recipients: recipients.iter().map(|n| recipient(*n)).collect(),
        });
        NewEvent {
            bytes: text.clone().into(),
            side: side.collect(),
            staged,
        }
    };
    let attach = attach.iter().map(|(position, n)| Attach {
        position: u64::from(*position),
        row: side_row(*n, None, now_ms, format!("late {counter}")),
    });
    let (guards, writes) = conditions(store, change).await;
    let append = Append {
        log: log(*n),
        idem: idem(*device, *counter),
        now_ms,
        guards,
        first: None,
        events: events.iter().enumerate().map(event).collect(),
        attach: attach.collect(),
        writes,
    };
    store.append(append).await
}

async fn carry_out(store: &impl Store, op: &Op, now_ms: u64) -> Result<Said, StoreError> {
    match op {
        Op::Commit(name, change) => {
            let (guards, writes) = conditions(store, change).await;
            let idem = name.map(|(device, counter)| idem(device, counter));
            let done = store
                .commit(Commit {
                    idem,
                    now_ms,
                    guards,
                    writes,
                })
                .await;
            done.map(|Committed { repeated, .. }| Said::Committed(repeated))
        }
        Op::Append(events) => append(store, events, now_ms).await.map(|done| {
            let Appended {
                first,
                count,
                time_ms,
                repeated,
                ..
            } = done;
            Said::Appended(first, count, time_ms, repeated)
        }),
        Op::Stage { session, rows } => {
            let text = |n: u8| format!("staged {session} {n} {now_ms}");
            let rows = rows
                .iter()
                .map(|(n, days)| side_row(*n, *days, now_ms, text(*n)))
                .collect();
            let stage = Stage {
                key: stage_key(*session),
                now_ms,
                rows,
                rows_max: 5,
                bytes_max: 200,
            };
            store.stage(stage).await.map(Said::Staged)
        }
        Op::Trim { log: n, percent } => {
            let head = store.heads(vec![log(*n)]).await?[0];
            store
                .trim(log(*n), head * u64::from(*percent) / 100)
                .await
                .map(|()| Said::Done)
        }
        Op::Release(kind, of, position, whose) => {
            let (log, position, recipient) = (log(*of), u64::from(*position), recipient(*whose));
            let release = match kind {
                0 => Release::Row {
                    log,
                    position,
                    recipient,
                },
                1 => Release::UpTo {
                    log,
                    position,
                    recipient,
                },
                2 => Release::Recipient(recipient),
                _ => Release::Stage(stage_key(*of)),
            };
            store.release(release).await.map(|()| Said::Done)
        }
        Op::Sweep => store.sweep(now_ms).await.map(|()| Said::Done),
        Op::Days(_) | Op::Restart => Ok(Said::Done),
    }
}

/// All that can be read, without revisions.
type Content = (
    Vec<(RecordKey, bytes::Bytes)>,
    Vec<Page>,
    Vec<Vec<(u64, SideRow)>>,
    Vec<u64>,
);

async fn content(store: &impl Store) -> Content {
    let mut records = Vec::new();
    for kind in [1, 2] {
        let found = store
            .scan(RecordKey::new(kind, &[]), None, 100)
            .await
            .unwrap();
        records.extend(
            found
                .into_iter()
                .map(|(key, Record { value, .. })| (key, value)),
        );
    }
    let (mut pages, mut sides) = (Vec::new(), Vec::new());
    for n in 0..3 {
        let recipients = (0..4).map(recipient).collect();
        pages.push(store.read(all(log(n), recipients)).await.unwrap());
        for whose in 0..4 {
            let (log, recipient) = (log(n), recipient(whose));
            let read = SideRead {
                log,
                recipient,
                after: 0,
                count: 1_000,
                bytes: 1 << 20,
            };
            sides.push(store.side(read).await.unwrap());
        }
    }
    let heads = store.heads((0..4).map(log).collect()).await.unwrap();
    (records, pages, sides, heads)
}

/// One long sequence, so that requests meet a store with a history.
pub async fn behaves_like_the_model(engine: impl Engine) {
    // A fixed seed: a failure is repeated by running the test again.
    let config = Config {
        rng_seed: RngSeed::Fixed(20_261_123),
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let sequence = prop::collection::vec(op(), 600);
    let ops = sequence.new_tree(&mut runner).unwrap().current();
    let model = MemoryStore::new();
    let mut store = engine.open();
    let mut now_ms = NOW;
    let mut said = [0_u32; 2];
    for (step, op) in ops.iter().enumerate() {
        match op {
            Op::Days(days) => now_ms += u64::from(*days) * DAY_MS,
            Op::Restart => {
                engine.close(store).await;
                store = engine.open();
            }
            _ => {}
        }
        let expected = carry_out(&model, op, now_ms).await;
        let answer = carry_out(&store, op, now_ms).await;
        assert_eq!(answer, expected, "step {step}: {op:?}");
        said[usize::from(answer.is_ok())] += 1;
        if step % 8 == 0 {
            assert_eq!(
                content(&store).await,
                content(&model).await,
                "after step {step}: {op:?}"
            );
        }
    }
    assert_eq!(content(&store).await, content(&model).await);
    assert!(
        said.iter().all(|n| *n > 50),
        "both kinds of answers: {said:?}"
    );
    engine.close(store).await;
}

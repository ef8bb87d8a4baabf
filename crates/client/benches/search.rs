//! How long a search takes among 1,000,000 messages, warm and on a fresh connection, what the index adds to the store, and what
//! taking a message in costs. The store is made once, below the target folder, and used again.
//!
//! `cargo bench -p subrosa-client --bench search -- 1000000`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that meets the unexpected has failed"
)]

#[path = "filled/mod.rs"]
mod filled;

use filled::{Filled, ROWS};
use rand_core::UnwrapErr;
use std::time::{Duration, Instant};
use subrosa_client::engine::{CallId, Effect, Engine, EngineError, Input, Turn};
use subrosa_client::store::Store;
use subrosa_client::{Answer, Caller, Command, SearchView};

const ROUNDS: usize = 15;

/// What is asked, and how it is called in the table.
const QUERIES: &[(&str, &str)] = &[
    ("beginning of 2, common", "th*"),
    ("beginning of 3, common", "con*"),
    ("beginning of 4", "stra*"),
    ("beginning of 6", "prosti*"),
    ("beginning that nothing has", "zzqx*"),
    ("beginning of 1", "s*"),
    ("common word", "the"),
    ("two common words", "the and"),
    ("phrase of common words", "\"the and\""),
    ("from somebody, common", "from:me con*"),
    ("in a conversation, common", "in:#room-7 th*"),
    ("in a time", "con* after:2025-01 before:2025-02"),
    ("all of a day", "on:2025-01-15"),
];

fn handle(store: &mut Store, engine: &mut Engine, input: Input) -> Vec<Effect> {
    let mut rng = UnwrapErr(getrandom::SysRng);
    store
        .transaction(|desk| {
            let mut turn = Turn {
                now_ms: filled::NOW_MS,
                desk,
                rng: &mut rng,
                effects: Vec::new(),
            };
            engine.handle(&mut turn, input)?;
            Ok::<_, EngineError>(turn.effects)
        })
        .unwrap()
}

fn search(store: &mut Store, engine: &mut Engine, call: CallId, query: &str) -> SearchView {
    let input = Input::Command {
        call,
        caller: Caller(call.to_string()),
        command: Command::Search {
            query: query.to_owned(),
            conversation: None,
            before: None,
            limit: 20,
            zone_s: 0,
        },
        subscribes: false,
    };
    let effects = handle(store, engine, input);
    let answer = effects.into_iter().find_map(|effect| match effect {
        Effect::Answer(_, answer) => Some(answer),
        _ => None,
    });
    match answer.unwrap().unwrap() {
        Answer::Found(view) => view,
        other => panic!("{other:?}"),
    }
}

fn middle(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

fn main() {
    let rows = std::env::args().find_map(|argument| argument.parse().ok());
    let filled = Filled::ready(rows.unwrap_or(ROWS));
    let before = filled.megabytes();
    let mut store = filled.open();
    let started = Instant::now();
    let mut engine = store.transaction(Engine::load).unwrap();
    println!(
        "rebuild the engine {:8.2} ms",
        started.elapsed().as_secs_f64() * 1e3
    );
    index(&filled, &mut store, &mut engine, before);
    println!(
        "\n{:28} {:>6} {:>10} {:>22}",
        "", "hits", "warm, ms", "fresh connection, ms"
    );
    let mut call = 1;
    for (what, query) in QUERIES {
        let (mut warm, mut fresh, mut hits) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let started = Instant::now();
            hits = search(&mut store, &mut engine, call, query).hits.len();
            warm.push(started.elapsed());
            call += 1;
        }
        for _ in 0..ROUNDS / 3 {
            let started = Instant::now();
            let mut store = filled.open();
            let mut engine = store.transaction(Engine::load).unwrap();
            search(&mut store, &mut engine, call, query);
            fresh.push(started.elapsed());
            store.close();
            call += 1;
        }
        println!(
            "{what:28} {hits:6} {:10.2} {:22.2}",
            middle(warm),
            middle(fresh)
        );
    }
    store.close();
}

/// Takes in what is not in the index yet; a store that was used before has it all.
fn index(filled: &Filled, store: &mut Store, engine: &mut Engine, before: u64) {
    let started = Instant::now();
    let mut longest = Duration::ZERO;
    let mut steps = 0_u32;
    while engine.index_waits() {
        let step = Instant::now();
        handle(store, engine, Input::Idle);
        longest = longest.max(step.elapsed());
        steps += 1;
    }
    if steps > 1 {
        let rows = filled.rows as f64;
        println!(
            "index of {} messages: {:.1} s, {:.1} µs a message, {steps} steps, the longest {:.1} ms; the store grows from {before} to {} MB",
            filled.rows,
            started.elapsed().as_secs_f64(),
            started.elapsed().as_secs_f64() * 1e6 / rows,
            longest.as_secs_f64() * 1e3,
            filled.megabytes(),
        );
    } else {
        println!("the store with its index has {before} MB");
    }
}

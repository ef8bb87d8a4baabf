//! The server as a process of its own over loopback TCP, on the embedded database, durable before
//! each answer. Printed: time from exec to listening, resident memory at start and for each idle
//! connection, and for direct conversations the deliveries each second and the server's own
//! processor time for each.
//!
//! `cargo bench -p subrosa-server --bench post_office`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    reason = "a measurement that meets the unexpected has failed; modules shared with the tests"
)]

#[path = "../tests/post_office/ground.rs"]
mod ground;
#[path = "../tests/post_office/person.rs"]
mod person;
#[path = "../tests/post_office/process.rs"]
mod process;
#[path = "../tests/post_office/wire.rs"]
mod wire;

use ground::Ground;
use person::{Pair, Person};
use process::Process;
use std::path::Path;
use std::time::{Duration, Instant};
use subrosa_proto::*;
use wire::Client;

const IDLE: usize = 2_000;
const PAIRS: usize = 50;
const WINDOW: u64 = 16;
const SECONDS: Duration = Duration::from_secs(5);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("serve"), Some(folder)) => runtime.block_on(process::serve(Path::new(&folder))),
        _ => runtime.block_on(measure()),
    }
}

async fn log_in(process: &Process, key: [u8; 32], person: &Person) -> Client {
    let mut client = Client::try_connect(process.address, key).await.unwrap();
    person.log_in(&mut client).await;
    client
}

async fn measure() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("server");
    let mut ground = Ground::at(&folder).await;
    let key = ground.server().address().key;
    let mut cast = Vec::new();
    for n in 0..PAIRS {
        let mut pair = Pair::named(&ground, &format!("a{n}"), &format!("b{n}")).await;
        pair.bob_opens(b"begin").await;
        cast.push(pair);
    }
    ground.stop().await;
    let process = Process::start(&folder);
    println!(
        "exec to listening: {:.1} ms",
        process.started.as_secs_f64() * 1e3
    );
    let empty = process.resident();
    println!("resident at start: {:.1} MB", empty as f64 / 1024.0);
    let before = process.busy();
    let mut idle = Vec::new();
    for n in 0..IDLE {
        idle.push(log_in(&process, key, &cast[n % PAIRS].ada).await);
    }
    let spent = process.busy() - before;
    tokio::time::sleep(Duration::from_millis(200)).await;
    println!(
        "{IDLE} idle connections: {:.2} KB each",
        (process.resident() - empty) as f64 / IDLE as f64
    );
    println!(
        "handshake and login: {:.0} us of the server each",
        spent.as_secs_f64() * 1e6 / IDLE as f64
    );
    drop(idle);
    talk(&process, key, cast).await;
    println!(
        "resident after it: {:.1} MB",
        process.resident() as f64 / 1024.0
    );
}

/// One says as much as the window lets him, the other reads; both durable.
async fn talk(process: &Process, key: [u8; 32], cast: Vec<Pair>) {
    let mut pairs = Vec::new();
    for pair in cast {
        let bob = log_in(process, key, &pair.bob).await;
        let mut ada = log_in(process, key, &pair.ada).await;
        let cursors = vec![Cursor {
            conv: pair.bob_view.conv,
            next: pair.bob_view.n + 1,
        }];
        ada.done(Request::Follow { cursors }).await;
        pairs.push((pair, ada, bob));
    }
    let (before, begun) = (process.busy(), Instant::now());
    let end = begun + SECONDS;
    let mut tasks = Vec::new();
    for (mut pair, mut ada, mut bob) in pairs {
        let (said, mut total) = tokio::sync::watch::channel(u64::MAX);
        tasks.push(tokio::spawn(async move {
            let (mut sent, mut answered) = (std::collections::VecDeque::new(), 0_u64);
            loop {
                while (sent.len() as u64) < WINDOW && Instant::now() < end {
                    if pair.bob_view.index >= 999 {
                        // A new session would be due; the same index again is judged alike.
                        pair.bob_view.index = 0;
                    }
                    let event = pair.bob.message_event(&mut pair.bob_view, &[7; 232]);
                    let (counter, conv) = (pair.bob.counter(), pair.bob_view.conv);
                    let request = Request::Append {
                        counter,
                        conv,
                        events: vec![event.clone()],
                    };
                    sent.push_back((bob.send(request).await, event));
                }
                let Some((id, event)) = sent.pop_front() else {
                    break;
                };
                assert!(matches!(
                    bob.answer(id).await,
                    Some(Response::Appended { .. })
                ));
                pair.bob_view.see(&event);
                answered += 1;
            }
            said.send_replace(answered);
            answered
        }));
        tasks.push(tokio::spawn(async move {
            let mut heard = 0;
            while heard < *total.borrow_and_update() {
                tokio::select! {
                    page = ada.page() => heard += page.events.len() as u64,
                    changed = total.changed() => drop(changed),
                }
            }
            heard
        }));
    }
    let (mut answered, mut heard) = (0, 0);
    for (n, task) in tasks.into_iter().enumerate() {
        let count = task.await.unwrap();
        if n % 2 == 0 {
            answered += count
        } else {
            heard += count
        }
    }
    let spent = process.busy() - before;
    assert_eq!(
        answered, heard,
        "every event that was answered was delivered"
    );
    println!(
        "{PAIRS} pairs, window {WINDOW}: {:.0} deliveries/s",
        heard as f64 / SECONDS.as_secs_f64()
    );
    println!(
        "server: {:.1} us of processor time for each",
        spent.as_secs_f64() * 1e6 / heard as f64
    );
}

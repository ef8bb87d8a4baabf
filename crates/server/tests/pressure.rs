//! Past the limit: readers that stop reading, writers that do not take their answers, and one who sends as much as goes. The
//! server is a process of its own over loopback TCP, so that the memory measured is its alone. Everything that is waited for
//! is a condition.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    reason = "a test; modules shared with other tests"
)]

#[path = "post_office/ground.rs"]
mod ground;
#[path = "post_office/person.rs"]
mod person;
#[path = "post_office/process.rs"]
mod process;
#[path = "post_office/wire.rs"]
mod wire;

use ground::Ground;
use person::{Pair, Person};
use process::Process;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use subrosa_proto::*;
use wire::Client;

/// Connections that stop reading.
const STALLED: usize = 24;
/// What is written to each of them, far more than a socket's buffers hold.
const MESSAGES: u64 = 800;
static BODY: [u8; 32 * 1024] = [7; 32 * 1024];
/// Pages that are asked for on a connection that does not read them, of 256 KiB each.
const PAGES: usize = 64;
/// What a stalled connection may hold in the server: its queue, a page on its way into it, and what has come from it.
const KIB_EACH: u64 = 1_024;
/// What all of them may share: the last events, SQLite's cache, the allocator's reserve.
const KIB_SHARED: u64 = 24 * 1_024;
/// Messages that one connection has under way, as the server allows.
const WINDOW: usize = 16;
/// Connections of the one who floods.
const FLOODING: usize = 8;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let (Some("serve"), Some(folder)) = (arguments.next().as_deref(), arguments.next()) {
        return runtime.block_on(process::serve(Path::new(&folder)));
    }
    runtime.block_on(async {
        stalled_connections_take_no_memory_and_hold_nobody_up().await;
        who_floods_leaves_others_their_share().await;
    });
}

/// A server with people who have opened a session for one another.
struct Scene {
    _data: tempfile::TempDir,
    process: Process,
    key: [u8; 32],
    pairs: Vec<Pair>,
}

impl Scene {
    async fn of(names: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("server");
        let mut ground = Ground::at(&folder).await;
        let key = ground.server().address().key;
        let mut pairs = Vec::new();
        for (ada, bob) in names {
            let mut pair = Pair::named(&ground, ada, bob).await;
            pair.bob_opens(b"begin").await;
            pairs.push(pair);
        }
        ground.stop().await;
        Self {
            process: Process::start(&folder),
            _data: data,
            key,
            pairs,
        }
    }

    async fn online(&self, person: &Person) -> Client {
        let mut client = Client::try_connect(self.process.address, self.key)
            .await
            .unwrap();
        person.log_in(&mut client).await;
        client
    }
}

async fn follow(client: &mut Client, conv: ConvId, next: u64) {
    let cursors = vec![Cursor { conv, next }];
    client.done(Request::Follow { cursors }).await;
}

async fn stalled_connections_take_no_memory_and_hold_nobody_up() {
    let mut scene = Scene::of(&[("ada", "bob")]).await;
    let mut pair = scene.pairs.remove(0);
    let (conv, next) = (pair.bob_view.conv, pair.bob_view.n + 1);
    let mut bob = scene.online(&pair.bob).await;
    let mut reader = scene.online(&pair.ada).await;
    follow(&mut reader, conv, next).await;
    // What one message of this size, and one connection of each kind, take anyway.
    pair.bob.say(&mut bob, &mut pair.bob_view, &BODY).await;
    assert_eq!(reader.page().await.events.len(), 1);
    let mut stalled = Vec::new();
    for _ in 0..STALLED / 2 {
        let mut client = scene.online(&pair.ada).await;
        follow(&mut client, conv, next).await;
        stalled.push(client);
    }
    let mut asking = Vec::new();
    for _ in 0..STALLED / 2 {
        asking.push(scene.online(&pair.ada).await);
    }
    let before = scene.process.resident();

    // Half of them are handed what is new and do not read it; half ask for pages and do not read those.
    let heard = tokio::spawn(async move {
        let mut heard = 1;
        while heard < MESSAGES {
            heard += reader.page().await.events.len() as u64;
        }
        heard
    });
    for written in 1..MESSAGES {
        if written == MESSAGES / 2 {
            for client in &mut asking {
                for _ in 0..PAGES {
                    let (from, count) = (next, 500);
                    client.send(Request::Read { conv, from, count }).await;
                }
            }
        }
        pair.bob.say(&mut bob, &mut pair.bob_view, &BODY).await;
    }
    assert_eq!(heard.await.unwrap(), MESSAGES, "who reads misses nothing");
    let grown = scene.process.resident().saturating_sub(before);
    let allowed = STALLED as u64 * KIB_EACH + KIB_SHARED;
    let kept_whole = STALLED as u64 * PAGES as u64 * 256;
    assert!(
        grown <= allowed,
        "{grown} KiB for {STALLED} stalled connections, {allowed} are allowed"
    );
    assert!(
        allowed < kept_whole / 4,
        "less than what was written to them"
    );
    // Whoever reads again has missed nothing, unless the server had lost patience.
    if let Some(client) = stalled.first_mut() {
        let mut expected = next;
        while expected <= pair.bob_view.n
            && let Some(push) = client.push().await
        {
            if let Push::Events { page } = push {
                assert_eq!(page.first, expected, "pages follow one another");
                expected += page.events.len() as u64;
            }
        }
    }
    println!("stalled connections take no memory and hold nobody up: {grown} KiB for {STALLED}");
}

async fn who_floods_leaves_others_their_share() {
    let mut scene = Scene::of(&[("ada", "bob"), ("carol", "dan")]).await;
    let (mut quiet, loud) = (scene.pairs.remove(0), scene.pairs.remove(0));
    let stored = Arc::new(AtomicU64::new(0));
    let enough = Arc::new(AtomicU64::new(0));
    let mut floods = Vec::new();
    // One event again and again, under new numbers: it is judged like any other and refused, or stored once.
    for number in 0..FLOODING as u64 {
        let mut client = scene.online(&loud.bob).await;
        let (stored, enough) = (stored.clone(), enough.clone());
        let mut view = loud.bob_view.clone();
        view.index += number as u32 * 100;
        let conv = view.conv;
        let events: Vec<_> = (0..100)
            .map(|_| loud.bob.message_event(&mut view, b"as much as goes"))
            .collect();
        floods.push(tokio::spawn(async move {
            let mut open = VecDeque::new();
            let counters = (number + 1) << 32..;
            for (counter, event) in counters.zip(events.iter().cycle()) {
                if enough.load(Ordering::Relaxed) > 0 {
                    break;
                }
                if open.len() == WINDOW {
                    client.answer(open.pop_front().unwrap()).await.unwrap();
                    stored.fetch_add(1, Ordering::Relaxed);
                }
                let events = vec![event.clone()];
                let append = Request::Append {
                    counter,
                    conv,
                    events,
                };
                open.push_back(client.send(append).await);
            }
        }));
    }
    let mut bob = scene.online(&quiet.bob).await;
    let mut waits = Vec::new();
    for _ in 0..50 {
        let before = stored.load(Ordering::Relaxed);
        quiet
            .bob
            .say(&mut bob, &mut quiet.bob_view, b"and I?")
            .await;
        waits.push(stored.load(Ordering::Relaxed) - before);
    }
    enough.store(1, Ordering::Relaxed);
    for flood in floods {
        flood.await.unwrap();
    }
    waits.sort_unstable();
    let middle = waits[waits.len() / 2];
    // A message waits behind those under way, not behind all that will come.
    let allowed = (FLOODING * WINDOW) as u64;
    assert!(
        middle <= allowed,
        "{middle} of the others' went first, {allowed} are allowed: {waits:?}"
    );
    let flooded = stored.load(Ordering::Relaxed);
    assert!(flooded > 0, "somebody flooded");
    println!(
        "who floods leaves others their share: {middle} of {flooded} went before each message"
    );
}

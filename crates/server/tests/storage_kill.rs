//! kill -9 in the middle of writing: every append that was answered is there afterwards, once,
//! at the position the answer named, and the next one follows without a gap. The process that is
//! killed is this file's own program, hence the `main` in place of the usual harness.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints its outcome"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use subrosa_server::storage::sqlite::{SqliteStore, Tuning};
use subrosa_server::storage::{Append, Idem, LogId, NewEvent, Read, Store};

/// First argument of the process that is killed.
const CHILD: &str = "child";
/// The one test of this file, by the name that test runners list and ask for.
const TEST: &str = "nothing_answered_is_lost_or_doubled";
const ROUNDS: u64 = 20;
const CLIENTS: u8 = 16;
const NOW: u64 = 1_795_420_000_000;

fn log(client: u8) -> LogId {
    LogId([client % 5; 32])
}

fn append(client: u8, counter: u64) -> Append {
    let idem = Idem {
        device: [client; 32],
        counter,
    };
    let text = format!("{client} {counter}");
    Append::new(log(client), idem, NOW, vec![NewEvent::plain(text)])
}

/// The process that is killed: appends from a first counter on until it dies, and prints
/// `answered client counter position` for every answer.
async fn child(first: u64, folder: &str) {
    let store = Arc::new(SqliteStore::open(Path::new(folder), Tuning::default()).unwrap());
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for counter in first.. {
                    let done = store.append(append(client, counter)).await.unwrap();
                    // One write, so that a line is printed whole or not at all.
                    let line = format!("answered {client} {counter} {}\n", done.first);
                    if std::io::stdout().write_all(line.as_bytes()).is_err() {
                        break;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn start(folder: &Path, first: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([CHILD, &first.to_string()])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn nothing_answered_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut answered: BTreeMap<(u8, u64), u64> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = start(folder.path(), round * 1_000_000);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard = 0;
        while let Some(Ok(line)) = lines.next() {
            let mut parts = line.split(' ');
            if parts.next() != Some("answered") {
                continue;
            }
            let mut number = || parts.next().unwrap().parse::<u64>().unwrap();
            let (client, counter, position) = (number() as u8, number(), number());
            answered.insert((client, counter), position);
            heard += 1;
            // Killed at another moment each round; what is still in the pipe counts as well.
            if heard == 40 + 13 * round {
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(heard >= 40 + 13 * round);
        examine(folder.path(), &answered, round).await;
    }
    assert!(answered.len() as u64 > 40 * ROUNDS);
}

async fn examine(folder: &Path, answered: &BTreeMap<(u8, u64), u64>, round: u64) {
    let store = SqliteStore::open(folder, Tuning::default()).unwrap();
    let mut stored: BTreeMap<(u8, u64), u64> = BTreeMap::new();
    for n in 0..5 {
        let (mut from, mut head) = (1, 1);
        while from <= head {
            let read = Read {
                log: log(n),
                from,
                count: 500,
                bytes: 1 << 20,
                recipients: Vec::new(),
            };
            let page = store.read(read).await.unwrap();
            head = page.head;
            for event in page.events {
                assert_eq!(event.position, from);
                from += 1;
                let text = String::from_utf8(event.bytes.to_vec()).unwrap();
                let (client, counter) = text.split_once(' ').unwrap();
                let name = (client.parse().unwrap(), counter.parse().unwrap());
                assert_eq!(
                    stored.insert(name, event.position),
                    None,
                    "{name:?} is there twice"
                );
            }
        }
    }
    for (name, position) in answered {
        assert_eq!(stored.get(name), Some(position), "{name:?} was answered");
    }
    // What was answered is known under its idem; what the kill left open is settled by a retry.
    for client in 0..CLIENTS {
        let last = answered
            .keys()
            .filter(|name| name.0 == client)
            .map(|name| name.1)
            .max();
        for counter in last.into_iter().flat_map(|last| [last, last + 1]) {
            let there = stored.contains_key(&(client, counter));
            let done = store.append(append(client, counter)).await.unwrap();
            assert_eq!(
                done.repeated, there,
                "client {client} counter {counter} round {round}"
            );
        }
    }
    store.close().await;
}

/// Understands what test runners pass on: `--list`, and the names of the tests wanted.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [kind, first, folder] = &arguments[..]
        && kind == CHILD
    {
        return child(first.parse().unwrap(), folder).await;
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mut names = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .peekable();
    let wanted = names.peek().is_none() || names.any(|name| TEST.contains(name.as_str()));
    if !wanted || has("--ignored") {
        return;
    }
    if has("--list") {
        return println!("{TEST}: test");
    }
    nothing_answered_is_lost_or_doubled().await;
    println!("test {TEST} ... ok");
}

//! Durable appends per second of the SQLite engine: 300-byte events, spread over 100,000 logs, each
//! client waiting for its answer before it asks again. Also: bytes per event, reads of 50 events,
//! and resident memory. Printed as it is measured; the ratio between rows says more than a figure.

#![allow(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use subrosa_server::storage::sqlite::{SqliteStore, Tuning};
use subrosa_server::storage::{
    Append, Commit, Guard, Idem, LogId, NewEvent, Read, RecordKey, Revision, Store, Write,
};

const EVENT_BYTES: usize = 300;
const LOGS: u64 = 100_000;
const TIME: Duration = Duration::from_secs(4);
const NOW: u64 = 1_795_420_000_000;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let number = self.next().to_be_bytes();
            chunk.copy_from_slice(number.get(..chunk.len()).unwrap_or(&[]));
        }
        bytes
    }
}

fn log(n: u64) -> LogId {
    LogId(Numbers(n % LOGS).bytes())
}

/// Appends until the time is over; the time that each answer took.
async fn client(
    store: Arc<SqliteStore>,
    device: u64,
    guard: Option<Guard>,
) -> Outcome<Vec<Duration>> {
    let mut numbers = Numbers(device << 32);
    let device = numbers.bytes();
    let (started, mut taken) = (Instant::now(), Vec::new());
    while started.elapsed() < TIME {
        let idem = Idem {
            device,
            counter: taken.len() as u64,
        };
        let event = NewEvent::plain(numbers.bytes::<EVENT_BYTES>().to_vec());
        let mut append = Append::new(log(numbers.next()), idem, NOW, vec![event]);
        append.guards.extend(guard.clone());
        let asked = Instant::now();
        store.append(append).await?;
        taken.push(asked.elapsed());
    }
    Ok(taken)
}

async fn appends(folder: &Path, clients: u64, guarded: bool) -> Outcome<()> {
    let store = Arc::new(SqliteStore::open(folder, Tuning::default())?);
    let key = RecordKey::new(1, &[b"control head"]);
    let value = Some(vec![0; 40].into());
    let write = Write {
        key: key.clone(),
        expected: Revision::ABSENT,
        value,
    };
    let commit = Commit {
        idem: None,
        now_ms: NOW,
        guards: Vec::new(),
        writes: vec![write],
    };
    let expected = store.commit(commit).await?.revision;
    let guard = guarded.then_some(Guard { key, expected });
    fill(&store).await?;
    let (before, cpu_before, len_before) =
        (store.work_done(), cpu_seconds(), bytes_on_disk(folder));
    let tasks: Vec<_> = (1..=clients)
        .map(|n| tokio::spawn(client(Arc::clone(&store), n, guard.clone())))
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await??);
    }
    taken.sort_unstable();
    let at = |percent: usize| {
        taken
            .get(taken.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    let (done, cpu, resident) = (store.work_done(), cpu_seconds() - cpu_before, resident_mb());
    store.close().await;
    let events = taken.len() as f64;
    println!(
        "{clients:>5} clients{} {:>7.0} appends/s   p50 {:>6.2} ms   p99 {:>6.2} ms   {:>6.1} a transaction   {:>5.1} us CPU each   {resident} MB resident   {:>4.0} bytes an event",
        if guarded { ", guarded" } else { "         " },
        events / TIME.as_secs_f64(),
        at(50).as_secs_f64() * 1e3,
        at(99).as_secs_f64() * 1e3,
        (done.requests - before.requests) as f64 / (done.transactions - before.transactions) as f64,
        cpu * 1e6 / events,
        (bytes_on_disk(folder) - len_before) as f64 / events,
    );
    Ok(())
}

/// One event in each log, by 2,000 devices, so that the measurement does not pay for new logs.
async fn fill(store: &Arc<SqliteStore>) -> Outcome<()> {
    let tasks: Vec<_> = (0..2_000)
        .map(|n| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for counter in 0..LOGS / 2_000 {
                    let idem = Idem {
                        device: Numbers(!n).bytes(),
                        counter,
                    };
                    let event = NewEvent::plain(vec![7; EVENT_BYTES]);
                    store
                        .append(Append::new(log(n * 50 + counter), idem, NOW, vec![event]))
                        .await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

fn bytes_on_disk(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("subrosa.db")).map_or(0, |file| file.len())
}

/// User and system time of this process, load generator included.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // Fields 14 and 15 of proc(5), in ticks of a hundredth of a second; the state is field 3.
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|tick| tick.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// 1,000 logs of 100 events, written in turns, read 50 at a time by 4 readers.
async fn reads(folder: &Path) -> Outcome<()> {
    let store = Arc::new(SqliteStore::open(folder, Tuning::default())?);
    for turn in 0..10 {
        for n in 0..1_000 {
            let events = (0..10)
                .map(|_| NewEvent::plain(vec![7; EVENT_BYTES]))
                .collect();
            let idem = Idem {
                device: [1; 32],
                counter: turn * 1_000 + n,
            };
            store.append(Append::new(log(n), idem, NOW, events)).await?;
        }
    }
    let started = Instant::now();
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let (store, mut numbers) = (Arc::clone(&store), Numbers(n));
            tokio::spawn(async move {
                let mut pages = 0_u64;
                while started.elapsed() < TIME {
                    let (log, recipients) = (log(numbers.next() % 1_000), vec![]);
                    let read = Read {
                        log,
                        from: 26,
                        count: 50,
                        bytes: 1 << 20,
                        recipients,
                    };
                    store.read(read).await?;
                    pages += 1;
                }
                Outcome::Ok(pages)
            })
        })
        .collect();
    let mut pages = 0;
    for task in tasks {
        pages += task.await??;
    }
    println!(
        "reads of 50 events, 4 readers: {:.0} pages/s",
        pages as f64 / TIME.as_secs_f64()
    );
    store.close().await;
    Ok(())
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// Takes a folder on the disk to be measured as its argument, or uses the temporary folder.
#[tokio::main]
async fn main() -> Outcome<()> {
    let place = std::env::args()
        .nth(1)
        .filter(|argument| !argument.starts_with('-'));
    let place = place.map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(place)?;
    let started = Instant::now();
    let store = SqliteStore::open(&folder.path().join("empty"), Tuning::default())?;
    let (opened, resident) = (started.elapsed(), resident_mb());
    println!(
        "new database opened in {:.1} ms, {resident} MB resident",
        opened.as_secs_f64() * 1e3
    );
    store.close().await;
    for clients in [1, 64, 1_024] {
        for guarded in [false, true] {
            appends(
                &folder.path().join(format!("{clients} {guarded}")),
                clients,
                guarded,
            )
            .await?;
        }
    }
    reads(&folder.path().join("reads")).await
}

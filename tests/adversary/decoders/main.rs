//! Every decoder that hostile bytes reach, over a small corpus and some thousands of mutations: no panic, bounded time
//! and memory, and one way to write what is taken. `just fuzz` goes on for longer, with other mutations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that meets the unexpected has failed"
)]

mod mutation;
mod seeds;
mod targets;

use mutation::Mutator;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use targets::{TARGETS, Target};

/// What the whole run may add to the process's memory. A decoder that believes a length field asks for far more.
const MEMORY_KIB: u64 = 96 * 1024;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

/// The checked-in seeds of a target, in the order of their names.
fn read(target: &Target) -> Vec<Vec<u8>> {
    let folder = corpus(target.name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; write the seeds with `just fuzz-seeds`",
            folder.display()
        )
    });
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Runs a target on bytes; those that break it are kept.
fn run(target: &Target, bytes: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).unwrap_or_else(|_| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(target.name);
        std::fs::write(&path, bytes).unwrap();
        panic!("{} breaks on the bytes in {}", target.name, path.display())
    })
}

/// Seeds are taken, so that mutations of them reach what is behind the first check.
fn seeds_of(target: &Target) -> Vec<Vec<u8>> {
    let seeds = read(target);
    assert!(
        seeds.iter().any(|seed| run(target, seed)),
        "{}: no seed is taken, so nothing behind the first check is reached",
        target.name
    );
    seeds
}

// Proves: C21
#[test]
fn every_decoder_survives_its_corpus_and_mutations_of_it() {
    if std::env::var_os("SUBROSA_WRITE_SEEDS").is_some() {
        seeds::write(corpus);
    }
    // What the targets need is made before anything is measured.
    let all: Vec<_> = TARGETS
        .iter()
        .map(|target| (target, seeds_of(target)))
        .collect();
    let before = peak_kib();
    for (number, (target, seeds)) in all.iter().enumerate() {
        let mut mutator = Mutator::new(number as u64);
        let refused = (0..target.rounds)
            .filter(|_| !run(target, &mutator.mutate(seeds)))
            .count();
        assert!(refused > 0, "{}: everything is taken", target.name);
    }
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        assert!(
            after - before < MEMORY_KIB,
            "the decoders made the process grow by {} KiB",
            after - before
        );
    }
    if let Ok(seconds) = std::env::var("SUBROSA_FUZZ_SECONDS") {
        go_on(&all, Duration::from_secs(seconds.parse().unwrap()));
    }
}

/// Other mutations than those of the short run, as long as there is time; the beginning is told, so that it can be repeated.
fn go_on(all: &[(&Target, Vec<Vec<u8>>)], time: Duration) {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = since.unwrap().as_nanos() as u64;
    let (started, mut runs) = (Instant::now(), 0_u64);
    let mut mutator = Mutator::new(seed);
    while started.elapsed() < time {
        for (target, seeds) in all {
            for _ in 0..target.rounds / 20 {
                run(target, &mutator.mutate(seeds));
                runs += 1;
            }
        }
    }
    eprintln!("{runs} runs of {} decoders, seed {seed}", all.len());
}

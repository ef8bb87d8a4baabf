//! Every decoder that hostile bytes reach, over a small corpus and some thousands of mutations: no panic, bounded time
//! and memory, and one way to write what is taken. `just fuzz` runs the same functions under libFuzzer for longer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected has failed"
)]

mod mutation;
mod seeds;
mod targets;

use std::path::{Path, PathBuf};
use targets::{TARGETS, Target};

/// What the whole run may add to the process's memory. A decoder that believes a length field asks for far more.
const MEMORY_KIB: u64 = 96 * 1024;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
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

// Proves: C21
#[test]
fn every_decoder_survives_its_corpus_and_mutations_of_it() {
    if std::env::var_os("SUBROSA_WRITE_SEEDS").is_some() {
        seeds::write(corpus);
    }
    // What the targets need is made before anything is measured.
    for target in TARGETS {
        let seeds = read(target);
        assert!(
            seeds.iter().any(|seed| (target.run)(seed)),
            "{}: no seed is taken, so nothing behind the first check is reached",
            target.name
        );
    }
    let before = peak_kib();
    for (number, target) in TARGETS.iter().enumerate() {
        let seeds = read(target);
        let mut mutator = mutation::Mutator::new(number as u64);
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..target.rounds {
            let bytes = mutator.mutate(&seeds);
            if (target.run)(&bytes) {
                taken += 1;
            } else {
                refused += 1;
            }
        }
        assert!(refused > 0, "{}: everything is taken ({taken})", target.name);
    }
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        assert!(
            after - before < MEMORY_KIB,
            "the decoders made the process grow by {} KiB",
            after - before
        );
    }
}

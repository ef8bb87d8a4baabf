//! The real binary, as people and programs use it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking, and say what they measured"
)]

mod agent;
mod bench;
mod beside;
mod bots;
mod contents;
mod crowd;
mod demo;
mod each;
mod errors;
mod keeping;
mod kills;
mod locking;
mod machine;
mod memory;
mod notify;
mod pipes;
/// The search is that of the adversary, who may be named by no crate.
#[path = "../../../../tests/adversary/stage/remains.rs"]
mod remains;
mod restored;
mod rooms;
mod running;
mod screen;
mod searching;
mod secrets;
mod servers;
mod streams;
mod talking;
mod terminals;
mod tmux;
mod transcripts;
mod trust;
mod verbs;
mod viewing;

//! A scripted server that lies, against real clients: it speaks the real protocol, with a real post office and a real
//! database behind it, up to the lie. docs/attacks.md lists what is tried. Every test shows that the lie was told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected has failed"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod accounts;
mod branches;
mod directory;
mod log;
mod memory;
mod splits;

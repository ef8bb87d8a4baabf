//! A scripted client that lies, against a real server and real clients: it holds real keys and says with them what no
//! client of ours would. docs/attacks.md lists what is tried. Every test shows that the same is taken when it is true.
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
mod contents;
mod members;
mod rooms;

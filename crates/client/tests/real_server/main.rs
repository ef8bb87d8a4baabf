//! Clients at a real server, over TCP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::items_after_statements,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod conversation;
mod cutter;
mod enrolment;
mod locking;
mod proxy;
mod rooms;
mod secrets;
mod world;

//! The whole server over real TCP, spoken to by a small scripted client that knows the protocol
//! and no end-to-end encryption: bodies and boxes are bytes to it, as they are to the server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected has failed"
)]

mod accounts;
mod adding;
mod bodies;
mod bots;
mod conversations;
mod delivery;
mod former;
mod ground;
mod joining;
mod killing;
mod large;
mod limits;
mod operating;
mod person;
mod restored;
mod secrets;
mod viewing;
mod window;
mod wire;

//! One folder, one account, one owner at a time (ARCHITECTURE.md, "One home, one owner").
//!
//! The process that holds the lock of a home is its owner: the only one that opens its store
//! and connects as its device. It listens on a socket of the same user. Any other process is a
//! guest: it sends the same commands over that socket. When an owner ends, also by kill -9, the
//! kernel frees the lock; a guest takes over and repeats what was not answered, under the same
//! [`crate::Caller`], so that nothing happens twice.

mod build;
mod conversing;
mod folder;
mod guest;
mod owner;
mod seat;
mod wire;

pub(crate) use folder::Lock;
pub use folder::{Home, HomeError};
pub use seat::{Client, Start, Starting};

#[cfg(test)]
mod tests;

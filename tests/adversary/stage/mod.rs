//! What both test crates play on: a real server that a script can make lie, and people with real homes.

#![allow(dead_code, reason = "each of the two crates uses a part of it")]

pub mod caller;
pub mod entrance;
pub mod liar;
pub mod line;
pub mod members;
pub mod people;
pub mod puppet;
pub mod remains;
pub mod script;

use std::time::Duration;

/// Longest wait for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn rng() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand_core::Rng::fill_bytes(&mut rng(), &mut bytes);
    bytes
}

//! The operating system's random numbers. The only file that names `getrandom`.

use rand_core::{Rng, UnwrapErr};

/// The system's generator. It fails only where the system has none, and then nothing else can go on either.
pub(crate) fn system() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

/// Fresh random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    system().fill_bytes(&mut bytes);
    bytes
}

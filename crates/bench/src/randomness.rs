//! The operating system's random numbers. The only file that names `getrandom`.

use rand_core::{Rng, UnwrapErr};

pub(crate) type System = UnwrapErr<getrandom::SysRng>;

pub(crate) const fn system() -> System {
    UnwrapErr(getrandom::SysRng)
}

pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    system().fill_bytes(&mut bytes);
    bytes
}

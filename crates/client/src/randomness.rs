//! The operating system's random numbers. The only file that names `getrandom`.

use rand_core::UnwrapErr;

/// The system gives no random numbers.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system gives no random numbers")]
pub(crate) struct NoRandomness;

/// The system's generator. It fails only where the system has none, and then nothing else can go
/// on either.
pub(crate) const fn system() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

/// Fills a buffer with fresh random bytes.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(bytes).map_err(|_| NoRandomness)
}

/// A name that nobody else chooses: hexadecimal of `N` fresh random bytes.
pub(crate) fn name<const N: usize>() -> Result<String, NoRandomness> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

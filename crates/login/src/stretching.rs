//! The key stretching inside OPAQUE: Argon2id with constant parameters, docs/spec/login.md §1.1.
//!
//! It runs at the client only. The parameters are part of the protocol version and are never negotiated, so a server
//! cannot talk a client into a weaker stretching.

use argon2::{Algorithm, Argon2, Params, Version};

/// Memory of one Argon2id call in KiB.
pub const ARGON2_MEMORY_KIB: u32 = 64 * 1024;
/// Passes over the memory.
pub const ARGON2_PASSES: u32 = 3;
/// Lanes; they are part of the function's definition and are computed here one after the other.
pub const ARGON2_LANES: u32 = 4;

/// The salt is constant because the input is the output of the OPRF, which is already salted by a key per account
/// that only the server has, as in the configurations that RFC 9807 recommends.
const SALT: [u8; 16] = [0; 16];

/// The memory for Argon2 could not be had.
#[derive(Debug)]
pub(crate) struct StretchError;

/// Argon2id (RFC 9106, version 0x13) of `input` into the whole of `output`.
pub(crate) fn stretch(input: &[u8], output: &mut [u8]) -> Result<(), StretchError> {
    let params = Params::new(
        ARGON2_MEMORY_KIB,
        ARGON2_PASSES,
        ARGON2_LANES,
        Some(output.len()),
    )
    .map_err(|_| StretchError)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(input, &SALT, output)
        .map_err(|_| StretchError)
}

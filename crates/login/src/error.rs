//! The errors of registration and login: docs/spec/login.md §8.

use thiserror::Error;

/// Why a step of a registration or login failed. Safe to log: nothing in it depends on a secret but the fact itself.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LoginError {
    /// The password, the name, the server's identity, the channel or a message was not the right one. One error for
    /// all of them, so that none can be told from another.
    #[error("the name or the password is wrong, or the two ends are not on the same channel")]
    Refused,
    /// A message of the wrong length, or one that encodes no group element; seen without any secret.
    #[error("a login or registration message is malformed")]
    Malformed,
    /// A record in the server's store is not one that registration accepts.
    #[error("a stored password record is damaged")]
    DamagedRecord,
    /// The 64 MiB for stretching the password could not be had.
    #[error("there is not enough memory to stretch the password: 64 MiB are needed")]
    Memory,
    /// A computation failed that fails for about one input in 2^252.
    #[error("the login computation failed")]
    Computation,
}

//! What the server stores for a credential: docs/spec/login.md §5.2.

use core::fmt;

use zeroize::Zeroizing;

use crate::error::LoginError;
use crate::suite::{self, RECORD_LEN};

/// A registered credential, 192 bytes: client public key (32), masking key (64), envelope nonce (32) and tag (64).
/// It is no password, but with the server's seed it allows guessing; so it is wiped on drop and not printed.
pub struct Record(Zeroizing<[u8; RECORD_LEN]>);

impl Record {
    /// Checks what a client uploads at the end of a registration.
    pub fn from_upload(upload: &[u8]) -> Result<Self, LoginError> {
        let bytes = <[u8; RECORD_LEN]>::try_from(upload).map_err(|_| LoginError::Malformed)?;
        suite::check_record(&bytes)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// Takes a record from the server's store. It is checked when it is used, at a login, and not here: a check here
    /// would cost time for known names only.
    pub fn from_store(stored: &[u8; RECORD_LEN]) -> Self {
        Self(Zeroizing::new(*stored))
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8; RECORD_LEN] {
        &self.0
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record(..)")
    }
}

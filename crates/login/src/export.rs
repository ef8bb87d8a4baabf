//! What a registration or login leaves in the hands of its two ends: docs/spec/login.md §6.

use core::fmt;

use zeroize::Zeroizing;

use crate::derivation::{hkdf, hmac, label};
use crate::suite::OutputKey;

/// OPAQUE's export key, 64 bytes: the same at the registration and at every later login with that secret, and never
/// seen by the server. Wiped on drop; boxed, so that a move leaves no copy behind.
pub struct ExportKey(OutputKey);

impl ExportKey {
    pub(crate) fn new(bytes: OutputKey) -> Self {
        Self(bytes)
    }

    /// Takes over 64 bytes from elsewhere: for test vectors.
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        let mut own = Box::new(Zeroizing::new([0; 64]));
        own.copy_from_slice(bytes);
        Self(own)
    }

    /// The 32 bytes from which the key pair of this secret's vault slot is derived.
    pub fn slot_seed(&self) -> Box<Zeroizing<[u8; 32]>> {
        Box::new(hkdf(self.0.as_slice(), label::SLOT_KEY))
    }

    /// The 32 bytes that stand in front of the vault slot: only the secret registered for exactly this account gives
    /// them, so a server cannot answer a login with the vault of another account.
    pub fn anchor(&self, account_id: &[u8; 32]) -> [u8; 32] {
        let key = hkdf(self.0.as_slice(), label::ANCHOR);
        hmac(&key, &[account_id])
    }
}

impl fmt::Debug for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportKey(..)")
    }
}

/// OPAQUE's session key, 64 bytes, equal at both ends after a login. Wiped on drop; boxed as [`ExportKey`] is.
///
/// The channel has its own keys and does not need it; that both ends hold the same is what a login has proved.
pub struct SessionKey(OutputKey);

impl SessionKey {
    pub(crate) fn new(bytes: OutputKey) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::cases;

    #[test]
    fn vectors() {
        for case in cases(include_str!("../tests/vectors/export-key.txt")) {
            let key = ExportKey::from_bytes(&case.array("export_key"));
            assert_eq!(**key.slot_seed(), case.array("slot_seed"));
            assert_eq!(key.anchor(&case.array("account")), case.array("anchor"));
        }
    }
}

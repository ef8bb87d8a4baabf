//! What follows from the 16 secret bytes of an invite line: docs/spec/login.md §7.

use core::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::derivation::{hkdf, hmac, label, sha256};

/// The secret of an invite line, 16 bytes. Wiped on drop.
pub struct InviteSecret(Zeroizing<[u8; 16]>);

impl InviteSecret {
    /// A fresh secret.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 16]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The secret out of an invite line.
    pub fn from_bytes(bytes: &[u8; 16]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes that go into the invite line.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// What the joiner shows to the server.
    pub fn code(&self) -> InviteCode {
        InviteCode(hkdf(self.0.as_slice(), label::INVITE_CODE))
    }

    /// The key under which the note for the joiner is sealed.
    pub fn note_key(&self) -> Zeroizing<[u8; 32]> {
        hkdf(self.0.as_slice(), label::INVITE_NOTE)
    }

    /// The joiner's proof towards the author's devices that it holds the line.
    pub fn mac(&self, author: &[u8; 32], new_account: &[u8; 32]) -> [u8; 32] {
        let key = hkdf(self.0.as_slice(), label::INVITE_MAC);
        hmac(&key, &[label::INVITE_MAC, author, new_account])
    }

    /// Whether `mac` is the joiner's proof; compared in constant time.
    pub fn verify_mac(&self, author: &[u8; 32], new_account: &[u8; 32], mac: &[u8; 32]) -> bool {
        self.mac(author, new_account).ct_eq(mac).into()
    }
}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteSecret(..)")
    }
}

/// The invite code, 32 bytes, shown to the server once. Wiped on drop.
pub struct InviteCode(Zeroizing<[u8; 32]>);

impl InviteCode {
    /// A code as received.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes to send.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of the 32 bytes: all that the server stores, so that its disk gives no usable code.
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_slice())
    }
}

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode(..)")
    }
}

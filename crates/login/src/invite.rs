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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::cases;

    #[test]
    fn vectors() {
        for case in cases(include_str!("../tests/vectors/invite.txt")) {
            let secret = InviteSecret::from_bytes(&case.array("secret"));
            assert_eq!(*secret.code().as_bytes(), case.array("code"));
            assert_eq!(secret.code().hash(), case.array("code_hash"));
            assert_eq!(
                InviteCode::from_bytes(&case.array("code")).hash(),
                case.array("code_hash")
            );
            assert_eq!(*secret.note_key(), case.array("note_key"));
            let [author, new_account, mac] =
                ["author", "new_account", "mac"].map(|name| case.array(name));
            assert_eq!(secret.mac(&author, &new_account), mac);
        }
    }

    #[test]
    fn mac_is_of_exactly_this_pair() {
        let secret = InviteSecret::generate(&mut rand_core::UnwrapErr(getrandom::SysRng));
        let (author, joiner) = ([1; 32], [2; 32]);
        let mac = secret.mac(&author, &joiner);
        assert!(secret.verify_mac(&author, &joiner, &mac));
        assert!(!secret.verify_mac(&joiner, &author, &mac));
        assert!(!secret.verify_mac(&author, &[3; 32], &mac));
        assert!(!InviteSecret::from_bytes(&[0; 16]).verify_mac(&author, &joiner, &mac));
        for bit in 0..256 {
            let mut changed = mac;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!secret.verify_mac(&author, &joiner, &changed));
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secret = InviteSecret::from_bytes(&[1; 16]);
        assert_eq!(
            format!("{secret:?} {:?}", secret.code()),
            "InviteSecret(..) InviteCode(..)"
        );
    }
}

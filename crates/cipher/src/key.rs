//! Keys: 32 secret bytes that carry their purpose in their type (`docs/spec/cipher.md` §2).

use core::fmt;
use core::marker::PhantomData;

use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::primitives::{Aes256, Aes256Encryption, HmacSha256, hkdf_sha256};
use crate::purpose::Purpose;
use crate::seal::SealKey;

/// A key of 32 bytes for one purpose. Wiped from memory when dropped; neither cloned nor compared nor shown.
pub struct Key<P: Purpose> {
    bytes: Zeroizing<[u8; 32]>,
    purpose: PhantomData<fn() -> P>,
}

impl<P: Purpose> Key<P> {
    /// Takes 32 bytes that are already uniformly random or the output of a key derivation.
    ///
    /// The array is copied in: a caller that holds it in a variable wipes that variable itself.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let key = Self {
            bytes: Zeroizing::new(bytes),
            purpose: PhantomData,
        };
        bytes.zeroize();
        key
    }

    /// Draws a fresh key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut key = Self {
            bytes: Zeroizing::new([0; 32]),
            purpose: PhantomData,
        };
        rng.fill_bytes(key.bytes.as_mut_slice());
        key
    }

    /// Expands the key by its purpose's label: the MAC key, the encryption key and the IV key, ready for use
    /// (`docs/spec/cipher.md` §2).
    pub fn prepare(&self) -> SealKey<P> {
        let expanded = hkdf_sha256::<96>(&*self.bytes, P::LABEL);
        let mut subkeys = [const { [0u8; 32] }; 3].map(Zeroizing::new);
        for (subkey, bytes) in subkeys.iter_mut().zip(expanded.chunks_exact(32)) {
            subkey.copy_from_slice(bytes);
        }
        let [mac, encryption, iv] = &subkeys;
        SealKey::new(
            HmacSha256::new(mac),
            Aes256::new(encryption),
            Aes256Encryption::new(iv),
        )
    }

    /// The bytes, for the places that seal a key inside another text or derive its successor.
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl<P: Purpose> fmt::Debug for Key<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key<{}>(redacted)", P::NAME)
    }
}

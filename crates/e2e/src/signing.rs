//! Ed25519 signing keys (RFC 8032). This is the only file that names `ed25519-dalek`; signatures are checked by
//! `subrosa_ledger` alone.

use crate::secret::Secret;
use ed25519_dalek::{Signer, SigningKey};
use rand_core::CryptoRng;

/// A key pair for signatures. Wiped when dropped; boxed, so that a move leaves no copy behind.
pub(crate) struct SignatureKey(Box<SigningKey>);

impl SignatureKey {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_seed(&Secret::generate(rng))
    }

    pub(crate) fn from_seed(seed: &Secret) -> Self {
        Self(Box::new(SigningKey::from_bytes(seed.expose())))
    }

    pub(crate) fn seed(&self) -> Secret {
        Secret::copy_of(self.0.as_bytes())
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text).to_bytes()
    }
}

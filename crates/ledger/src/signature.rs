//! Verification of signatures (docs/spec/ledger.md §3.1). The only file that names Ed25519.

use ed25519_dalek::{Signature, VerifyingKey};

/// A signature does not fit its key and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature does not verify")]
pub struct BadSignature;

/// A key made ready for many verifications: as a point on the curve, which takes a tenth of a
/// verification to compute from its bytes. Bytes that are no key verify nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PreparedKey(Option<VerifyingKey>);

impl PreparedKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(VerifyingKey::from_bytes(key).ok())
    }

    /// Verifies an Ed25519 signature as [`verify`] does.
    pub(crate) fn verify(&self, text: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        let key = self.0.as_ref().ok_or(BadSignature)?;
        key.verify_strict(text, &Signature::from_bytes(signature))
            .map_err(|_| BadSignature)
    }
}

/// Verifies an Ed25519 signature (RFC 8032) in the strict way: S is reduced, and neither the
/// key nor R is a point of small order. So one signature has one verdict in every
/// implementation, and no key verifies texts that it never signed.
///
/// # Errors
/// [`BadSignature`], also for bytes that are no key.
pub fn verify(key: &[u8; 32], text: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
    PreparedKey::new(key).verify(text, signature)
}

//! Verification of signatures (docs/spec/ledger.md §3.1). The only file that names Ed25519.

use ed25519_dalek::{Signature, VerifyingKey};

/// A signature does not fit its key and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature does not verify")]
pub struct BadSignature;

/// Verifies an Ed25519 signature (RFC 8032) in the strict way: S is reduced, and neither the
/// key nor R is a point of small order. So one signature has one verdict in every
/// implementation, and no key verifies texts that it never signed.
///
/// # Errors
/// [`BadSignature`], also for bytes that are no key.
pub fn verify(key: &[u8; 32], text: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(text, &Signature::from_bytes(signature)))
        .map_err(|_| BadSignature)
}

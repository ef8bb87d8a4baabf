//! The few hashes that the server computes itself; what clients must compute alike comes from the
//! ledger. The only file that names `sha2`, `hkdf` and `subtle`.

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// SHA-256 over the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Whether two secret values are the same, in the same time whatever they are.
pub(crate) fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.ct_eq(b).into()
}

/// 32 bytes derived from the seed by HKDF-SHA-256 (RFC 5869), empty salt, `info` = label.
pub(crate) fn derive(seed: &[u8; 32], label: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let expanded = Hkdf::<Sha256>::new(None, seed).expand(label, key.as_mut_slice());
    // The only error is a length over 255 hashes.
    debug_assert!(expanded.is_ok());
    key
}

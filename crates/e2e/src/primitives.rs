//! SHA-256, SHA-512 (FIPS 180-4), HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869) as this crate uses them
//! (`docs/spec/e2e.md` §1.1). This is the only file that names their crates.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// SHA-256 of the joined parts.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// SHA-512 of the joined parts.
pub(crate) fn sha512(parts: &[&[u8]]) -> [u8; 64] {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// HMAC-SHA-256 of the joined parts.
pub(crate) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    // RFC 2104 §2 fills a short key with zeros to the block of the hash. Done here, the constructor cannot fail.
    let mut block = Zeroizing::new([0_u8; 64]);
    let (head, _) = block.split_at_mut(32);
    head.copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// 32 bytes of HKDF-SHA-256 with the empty salt; `info` are the joined parts.
pub(crate) fn hkdf(ikm: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let (mut prk, hkdf) = hkdf::Hkdf::<Sha256>::extract(None, ikm);
    prk.as_mut_slice().zeroize();
    let mut okm = Zeroizing::new([0; 32]);
    let expanded = hkdf.expand_multi_info(info, okm.as_mut_slice());
    // The only error is an output of more than 255 hashes (RFC 5869 §2.3); this is one.
    debug_assert!(expanded.is_ok());
    okm
}

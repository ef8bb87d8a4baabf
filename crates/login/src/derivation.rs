//! HKDF-SHA-256, HMAC-SHA-256 and SHA-256 as this crate uses them, and its labels: docs/spec/login.md §1.2.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// The labels of docs/spec/login.md §1.2: ASCII and one zero byte.
pub(crate) mod label {
    pub(crate) const OPAQUE: &[u8] = b"subrosa/1 opaque\0";
    pub(crate) const OPAQUE_OPRF: &[u8] = b"subrosa/1 opaque-oprf\0";
    pub(crate) const OPAQUE_AKE: &[u8] = b"subrosa/1 opaque-ake\0";
    pub(crate) const OPAQUE_DUMMY: &[u8] = b"subrosa/1 opaque-dummy\0";
    pub(crate) const SLOT_KEY: &[u8] = b"subrosa/1 slot-key\0";
    pub(crate) const ANCHOR: &[u8] = b"subrosa/1 anchor\0";
    pub(crate) const INVITE_CODE: &[u8] = b"subrosa/1 invite-code\0";
    pub(crate) const INVITE_NOTE: &[u8] = b"subrosa/1 invite-note\0";
    pub(crate) const INVITE_MAC: &[u8] = b"subrosa/1 invite-mac\0";
}

/// HKDF-SHA-256 (RFC 5869) with an empty salt and `info` = label.
pub(crate) fn hkdf<const N: usize>(ikm: &[u8], label: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "the most that HKDF-SHA-256 gives") };
    let mut okm = Zeroizing::new([0; N]);
    let expanded = Hkdf::<Sha256>::new(None, ikm).expand(label, okm.as_mut_slice());
    // The only error is an N over the limit, which does not compile.
    debug_assert!(expanded.is_ok());
    okm
}

/// HMAC-SHA-256 (RFC 2104) over the parts, one after the other.
pub(crate) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC fills a short key up with zeros to the block of 64 bytes; done here, the call cannot fail.
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    block.zeroize();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// SHA-256 (FIPS 180-4).
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

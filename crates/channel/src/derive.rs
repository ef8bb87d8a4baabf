//! Keys that the channel derives for itself, beside Noise's own (`docs/spec/channel.md` §2.3, §3.3). The only file
//! that names the crates of HMAC (RFC 2104), HKDF (RFC 5869) and SHA-256 (FIPS 180-4).

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::kem::{Ciphertext, EncapsulationKeyBytes};

const PSK_LABEL: &[u8] = b"subrosa/1 psk\0";
const REKEY_LABEL: &[u8] = b"subrosa/1 rekey\0";

/// The pre-shared key of the Noise pattern: bound to the ML-KEM shared secret and to the very key and ciphertext that
/// carried it, so that neither can be exchanged below an equal secret.
pub(crate) fn psk(
    shared_secret: &[u8; 32],
    encapsulation_key: &EncapsulationKeyBytes,
    ciphertext: &Ciphertext,
) -> Zeroizing<[u8; 32]> {
    // RFC 2104 §2 fills a short key with zeros to the block of the hash; done here, the constructor cannot fail.
    let mut block = Zeroizing::new([0u8; 64]);
    let (head, _) = block.split_at_mut(32);
    head.copy_from_slice(shared_secret);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(PSK_LABEL);
    mac.update(encapsulation_key);
    mac.update(ciphertext);
    let mut tag = mac.finalize().into_bytes();
    let psk = Zeroizing::new(tag.into());
    tag.zeroize();
    psk
}

/// The record key that follows `key` after [`REKEY_RECORDS`](crate::REKEY_RECORDS) records.
pub(crate) fn next_record_key(key: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let (mut prk, hkdf) = Hkdf::<Sha256>::extract(None, key);
    prk.as_mut_slice().zeroize();
    let mut next = Zeroizing::new([0; 32]);
    #[expect(
        clippy::expect_used,
        reason = "fails only above 255 blocks of output (RFC 5869 §2.3), and this is one"
    )]
    hkdf.expand(REKEY_LABEL, next.as_mut_slice())
        .expect("32 bytes are within the limit");
    next
}

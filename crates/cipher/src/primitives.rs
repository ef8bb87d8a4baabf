//! The primitives under [`Seal`](crate::SealKey), each from its own crate and used in the one way that
//! `docs/spec/cipher.md` §1 names: AES-256 (FIPS 197), CBC (SP 800-38A) with PKCS#7 padding (RFC 5652 §6.3),
//! HMAC-SHA-256 (RFC 2104, FIPS 180-4), HKDF-SHA-256 (RFC 5869).
//!
//! This is the only file that names these crates. Their `zeroize` features are on, so that key schedules and MAC states are
//! wiped when they are dropped.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use hmac::Mac;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of an AES block, and so of an IV.
pub const BLOCK: usize = 16;
/// Bytes of an HMAC-SHA-256 tag, which is never shortened.
pub const TAG_LEN: usize = 32;

/// HKDF-SHA-256 with the empty salt (RFC 5869 §2.2, §2.3).
pub(crate) fn hkdf_sha256<const LEN: usize>(ikm: &[u8], info: &[u8]) -> Zeroizing<[u8; LEN]> {
    const { assert!(LEN <= 255 * 32, "RFC 5869 §2.3 sets this limit") };
    let (mut prk, hkdf) = hkdf::Hkdf::<Sha256>::extract(None, ikm);
    prk.as_mut_slice().zeroize();
    let mut okm = Zeroizing::new([0; LEN]);
    #[expect(
        clippy::expect_used,
        reason = "the length is the only cause of an error and is checked at compile time"
    )]
    hkdf.expand(info, okm.as_mut_slice())
        .expect("LEN is within the limit");
    okm
}

/// A keyed HMAC-SHA-256 that has not seen a message yet.
pub(crate) struct HmacSha256(hmac::Hmac<Sha256>);

impl HmacSha256 {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // RFC 2104 §2 fills a short key with zeros to the block of the hash. Doing that here leaves a constructor
        // that cannot fail.
        let mut block = Zeroizing::new([0u8; 64]);
        let (head, _) = block.split_at_mut(32);
        head.copy_from_slice(key);
        Self(hmac::Hmac::new((&*block).into()))
    }

    fn over(&self, parts: &[&[u8]]) -> hmac::Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }

    /// The tag of the joined parts.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; TAG_LEN] {
        self.over(parts).finalize().into_bytes().into()
    }

    /// Whether `tag` is the tag of the joined parts, in a time that does not depend on where they differ.
    pub(crate) fn verify(&self, parts: &[&[u8]], tag: &[u8; TAG_LEN]) -> bool {
        self.over(parts).verify(tag.into()).is_ok()
    }
}

/// AES-256 in the encrypting direction only.
pub(crate) struct Aes256Encryption(aes::Aes256Enc);

impl Aes256Encryption {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(aes::Aes256Enc::new(key.into()))
    }

    /// One block, on its own.
    pub(crate) fn block(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = block.into();
        self.0.encrypt_block(&mut block);
        block.into()
    }
}

/// AES-256 with both key schedules, for CBC.
pub(crate) struct Aes256(aes::Aes256);

impl Aes256 {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(aes::Aes256::new(key.into()))
    }

    /// Pads by PKCS#7, encrypts, appends the ciphertext to `out`.
    pub(crate) fn cbc_encrypt(&self, iv: &[u8; BLOCK], plaintext: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + (plaintext.len() / BLOCK + 1) * BLOCK, 0);
        // From slice to slice. A copy in `out`, encrypted in place, would leave plaintext there if this stopped half-way;
        // and copying some kilobytes at once is slow enough on some processors to cost a quarter of the speed of CBC.
        let (_, buffer) = out.split_at_mut(start);
        let encryptor = cbc::Encryptor::inner_iv_init(&self.0, iv.into());
        #[expect(
            clippy::expect_used,
            reason = "a buffer that is too short is the only cause of an error"
        )]
        encryptor
            .encrypt_padded_b2b::<Pkcs7>(plaintext, buffer)
            .expect("the buffer has room for the padded plaintext");
    }

    /// Decrypts, checks and strips the PKCS#7 padding, appends the plaintext to `out`. `None`, and `out` as it
    /// was, where the length is not a whole number of blocks or the padding is wrong.
    pub(crate) fn cbc_decrypt(
        &self,
        iv: &[u8; BLOCK],
        ciphertext: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let start = out.len();
        out.resize(start + ciphertext.len(), 0);
        let (_, buffer) = out.split_at_mut(start);
        let decryptor = cbc::Decryptor::inner_iv_init(&self.0, iv.into());
        let stripped = decryptor
            .decrypt_padded_b2b::<Pkcs7>(ciphertext, buffer)
            .map(<[u8]>::len);
        if stripped.is_err() {
            buffer.zeroize();
        }
        out.truncate(start + stripped.unwrap_or(0));
        stripped.ok().map(|_| ())
    }
}

#[cfg(test)]
mod tests;

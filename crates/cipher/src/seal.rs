//! Seal and its inverse (`docs/spec/cipher.md` §3): CBC under an IV made from the text's number, then a MAC over
//! number, associated data, IV and ciphertext.

use core::fmt;
use core::marker::PhantomData;

use thiserror::Error;

use crate::primitives::{Aes256, Aes256Encryption, BLOCK, HmacSha256, TAG_LEN};
use crate::purpose::Purpose;

/// Bytes of the sealed form of a plaintext of `plain_len` bytes: padded to whole blocks, always by at least one byte,
/// and the tag.
pub const fn sealed_len(plain_len: usize) -> usize {
    (plain_len / BLOCK + 1) * BLOCK + TAG_LEN
}

/// The sealed data is not what this key sealed with this number and these associated data.
///
/// There is one error for every cause, and it tells nobody which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the sealed data is not authentic")]
pub struct OpenError;

/// A [`Key`](crate::Key) expanded for use: AES key schedules and MAC state are computed once and kept. Wiped from
/// memory when dropped.
pub struct SealKey<P: Purpose> {
    mac: HmacSha256,
    encryption: Aes256,
    iv: Aes256Encryption,
    purpose: PhantomData<fn() -> P>,
}

impl<P: Purpose> SealKey<P> {
    pub(crate) fn new(mac: HmacSha256, encryption: Aes256, iv: Aes256Encryption) -> Self {
        Self {
            mac,
            encryption,
            iv,
            purpose: PhantomData,
        }
    }

    /// Seals `plaintext` as text number `n` together with the associated data `aad`, which are authenticated and not
    /// part of the output. Appends [`sealed_len`] bytes to `out`: ciphertext, then tag.
    ///
    /// The same `n` must never be used for two different texts under one key; the output is a function of the
    /// arguments, so sealing the very same text again gives the very same bytes.
    pub fn seal(&self, n: u64, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.reserve(sealed_len(plaintext.len()));
        let iv = self.iv_of(n);
        self.encryption.cbc_encrypt(&iv, plaintext, out);
        let (_, ciphertext) = out.split_at(start);
        let tag = self
            .mac
            .tag(&[&n.to_be_bytes(), aad, &iv, ciphertext, &aad_bits(aad)]);
        out.extend_from_slice(&tag);
    }

    /// Opens what [`seal`](Self::seal) made from the same `n` and `aad`, and appends the plaintext to `out`.
    ///
    /// # Errors
    /// [`OpenError`] for anything else; `out` is then as it was. The tag is compared in constant time before any
    /// block is decrypted.
    pub fn open(
        &self,
        n: u64,
        aad: &[u8],
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(OpenError)?;
        let iv = self.iv_of(n);
        if !self.mac.verify(
            &[&n.to_be_bytes(), aad, &iv, ciphertext, &aad_bits(aad)],
            tag,
        ) {
            return Err(OpenError);
        }
        self.encryption
            .cbc_decrypt(&iv, ciphertext, out)
            .ok_or(OpenError)
    }

    fn iv_of(&self, n: u64) -> [u8; BLOCK] {
        self.iv.block(u128::from(n).to_be_bytes())
    }
}

/// The length in bits of `A`, which is the eight bytes of the number and the associated data. It closes the input of
/// the MAC, so that no byte can change sides between `A` and the ciphertext.
fn aad_bits(aad: &[u8]) -> [u8; 8] {
    // A slice has at most 2^63 - 1 bytes in theory and far less in any memory, so nothing wraps.
    (aad.len() as u64)
        .wrapping_add(8)
        .wrapping_mul(8)
        .to_be_bytes()
}

impl<P: Purpose> fmt::Debug for SealKey<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey<{}>(redacted)", P::NAME)
    }
}

//! Seal and its inverse (`docs/spec/cipher.md` §3): CBC under an IV made from the text's number, then a MAC over
//! number, associated data, IV and ciphertext.

use core::fmt;
use core::marker::PhantomData;

use thiserror::Error;

use crate::lanes::{self, Follower, LANES, Tagging};
use crate::primitives::{Aes256, Aes256Encryption, BLOCK, CbcChain, HmacSha256, TAG_LEN};
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

/// One of many texts for [`SealKey::seal_many`].
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// Its number, which has not been used before.
    pub n: u64,
    /// Associated data.
    pub aad: &'a [u8],
    /// What stands before the sealed text in the output, as it is.
    pub lead: &'a [u8],
    /// The first byte of the plaintext, where it is not in one piece with the rest.
    pub first: Option<u8>,
    /// The plaintext, or what follows `first`.
    pub plaintext: &'a [u8],
}

impl Text<'_> {
    const fn plain_len(&self) -> usize {
        self.first.is_some() as usize + self.plaintext.len()
    }
}

/// One of many sealed texts for [`SealKey::verify_many`].
#[derive(Clone, Copy)]
pub struct Sealed<'a> {
    /// The number under which it was sealed.
    pub n: u64,
    /// Associated data.
    pub aad: &'a [u8],
    /// Ciphertext and tag.
    pub sealed: &'a [u8],
}

/// A sealed text whose tag was right: only this can be decrypted.
pub struct Authentic<'k, 'a, P: Purpose> {
    key: &'k SealKey<P>,
    iv: [u8; BLOCK],
    ciphertext: &'a [u8],
}

impl<P: Purpose> Authentic<'_, '_, P> {
    /// Appends the plaintext to `out`.
    ///
    /// # Errors
    /// [`OpenError`] if whoever holds the key padded it wrongly; `out` is then as it was.
    pub fn decrypt(self, out: &mut Vec<u8>) -> Result<(), OpenError> {
        self.key
            .encryption
            .cbc_decrypt(&self.iv, self.ciphertext, out)
            .ok_or(OpenError)
    }

    /// Appends the plaintext to `out` except for its first byte, which is returned if there is one.
    ///
    /// # Errors
    /// Like [`decrypt`](Self::decrypt).
    pub fn decrypt_behind_first(self, out: &mut Vec<u8>) -> Result<Option<u8>, OpenError> {
        self.key
            .encryption
            .cbc_decrypt_behind_first(&self.iv, self.ciphertext, out)
            .ok_or(OpenError)
    }
}

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
        self.seal_many(
            &[Text {
                n,
                aad,
                lead: &[],
                first: None,
                plaintext,
            }],
            out,
        );
    }

    /// Seals each text as [`seal`](Self::seal) does, several of them at once. Appends to `out` what leads it and its
    /// sealed form, one text behind the other.
    pub fn seal_many(&self, texts: &[Text<'_>], out: &mut Vec<u8>) {
        let len: usize = texts
            .iter()
            .map(|text| text.lead.len() + sealed_len(text.plain_len()))
            .sum();
        let start = out.len();
        out.resize(start + len, 0);
        let (_, mut places) = out.split_at_mut(start);
        let mut lanes = texts.iter().map(|text| {
            let len = text.lead.len() + sealed_len(text.plain_len());
            let (place, rest) = std::mem::take(&mut places).split_at_mut(len);
            places = rest;
            self.lane(text, place)
        });
        match (lanes.next(), texts) {
            (Some((chain, tagging)), [_]) => lanes::seal_one(&self.encryption, chain, tagging),
            (first, _) => lanes::seal_all(&self.encryption, first.into_iter().chain(lanes)),
        }
    }

    fn lane<'a>(&self, text: &Text<'a>, place: &'a mut [u8]) -> (CbcChain<'a>, Tagging<'a>) {
        let (lead, place) = place.split_at_mut(text.lead.len());
        lead.copy_from_slice(text.lead);
        let (ciphertext, tag) = place.split_at_mut(place.len().saturating_sub(TAG_LEN));
        let iv = self.iv_of(text.n);
        (
            CbcChain::new(iv, text.first, text.plaintext, ciphertext),
            (Follower::new(self.mac.begin(), text.n, text.aad, &iv), tag),
        )
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
        self.verify(Sealed { n, aad, sealed })?.decrypt(out)
    }

    /// Compares the tag of one sealed text.
    ///
    /// # Errors
    /// [`OpenError`] if it is not the one of this number and associated data.
    pub fn verify<'a>(&self, one: Sealed<'a>) -> Result<Authentic<'_, 'a, P>, OpenError> {
        let (ciphertext, tag) = one.sealed.split_last_chunk().ok_or(OpenError)?;
        let iv = self.iv_of(one.n);
        let follower = Follower::new(self.mac.begin(), one.n, one.aad, &iv);
        if !follower.verify(ciphertext, tag) {
            return Err(OpenError);
        }
        Ok(Authentic {
            key: self,
            iv,
            ciphertext,
        })
    }

    /// Compares the tags of several sealed texts. Those before the first that is not authentic can then be decrypted,
    /// in the order of the arguments: if fewer come back than were given, the next one is refused.
    pub fn verify_many<'a>(&self, all: &[Sealed<'a>]) -> Vec<Authentic<'_, 'a, P>> {
        let mut authentic = Vec::with_capacity(all.len());
        for some in all.chunks(LANES) {
            let ivs: Vec<_> = some.iter().map(|one| self.iv_of(one.n)).collect();
            let mut followers: Vec<_> = some
                .iter()
                .zip(&ivs)
                .map(|(one, iv)| {
                    let ciphertext = one.sealed.split_last_chunk::<TAG_LEN>();
                    (
                        Follower::new(self.mac.begin(), one.n, one.aad, iv),
                        ciphertext.map_or(&[][..], |(ciphertext, _)| ciphertext),
                    )
                })
                .collect();
            lanes::follow_all(&mut followers);
            for ((one, iv), (follower, ciphertext)) in some.iter().zip(ivs).zip(followers) {
                let Some(tag) = one.sealed.last_chunk() else {
                    return authentic;
                };
                if !follower.verify(ciphertext, tag) {
                    return authentic;
                }
                authentic.push(Authentic {
                    key: self,
                    iv,
                    ciphertext,
                });
            }
        }
        authentic
    }

    fn iv_of(&self, n: u64) -> [u8; BLOCK] {
        self.iv.block(u128::from(n).to_be_bytes())
    }
}

impl<P: Purpose> fmt::Debug for SealKey<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey<{}>(redacted)", P::NAME)
    }
}

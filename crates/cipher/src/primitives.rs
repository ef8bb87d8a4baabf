//! The primitives under [`Seal`](crate::SealKey), each from its own crate and used in the one way that
//! `docs/spec/cipher.md` §1 names: AES-256 (FIPS 197), CBC (SP 800-38A) with PKCS#7 padding (RFC 5652 §6.3),
//! HMAC-SHA-256 (RFC 2104, FIPS 180-4), HKDF-SHA-256 (RFC 5869).
//!
//! This is the only file that names these crates. Their `zeroize` features are on, so that key schedules and MAC states are
//! wiped when they are dropped.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::consts::U16;
use cbc::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockModeDecrypt,
    BlockSizeUser, InnerIvInit, KeyInit,
};
use hmac::Mac as _;
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

    /// A MAC of which nothing has come yet.
    pub(crate) fn begin(&self) -> Mac {
        Mac(self.0.clone())
    }
}

/// An HMAC-SHA-256 in the middle of a message.
pub(crate) struct Mac(hmac::Hmac<Sha256>);

impl Mac {
    /// Goes on with these bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn tag(self) -> [u8; TAG_LEN] {
        self.0.finalize().into_bytes().into()
    }

    /// Whether `tag` is the tag of all that came, in a time that does not depend on where they differ.
    pub(crate) fn verify(self, tag: &[u8; TAG_LEN]) -> bool {
        self.0.verify(tag.into()).is_ok()
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

    /// Goes on with up to `blocks` blocks of every chain in lock-step. The blocks of a chain wait for one another, those
    /// of different chains do not, so a processor works on many at once.
    pub(crate) fn cbc_advance(&self, chains: &mut [CbcChain<'_>], blocks: usize) {
        self.0.encrypt_with_backend(LockStep { chains, blocks });
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

    /// Like [`cbc_decrypt`](Self::cbc_decrypt), but the first byte of the plaintext is given back instead of appended.
    /// There is none if the plaintext is empty.
    pub(crate) fn cbc_decrypt_behind_first(
        &self,
        iv: &[u8; BLOCK],
        ciphertext: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Option<u8>> {
        let (start, rest) = ciphertext.split_first_chunk::<BLOCK>()?;
        // All at once: the first block alone would ask for memory that the rest then outgrows.
        out.reserve(ciphertext.len());
        let mut head = Zeroizing::new([0; BLOCK]);
        let mut decryptor = cbc::Decryptor::inner_iv_init(&self.0, iv.into());
        if rest.is_empty() {
            let plaintext = decryptor
                .decrypt_padded_b2b::<Pkcs7>(start, &mut *head)
                .ok()?;
            let Some((first, plaintext)) = plaintext.split_first() else {
                return Some(None);
            };
            out.extend_from_slice(plaintext);
            return Some(Some(*first));
        }
        decryptor.decrypt_block_b2b(start.into(), (&mut *head).into());
        let (first, plaintext) = head.split_first()?;
        let before = out.len();
        out.extend_from_slice(plaintext);
        if self.cbc_decrypt(start, rest, out).is_none() {
            out.truncate(before);
            return None;
        }
        Some(Some(*first))
    }
}

/// One CBC encryption with PKCS#7 padding under way, from a text into a buffer. The buffer never holds plaintext, so
/// nothing of it is left there if the work stops half-way.
pub(crate) struct CbcChain<'a> {
    last: [u8; BLOCK],
    /// The first block where it is not all of the text: a byte that comes before it, and the text's start.
    head: Option<Zeroizing<[u8; BLOCK]>>,
    body: &'a [[u8; BLOCK]],
    /// What is left of the text, padded.
    end: Zeroizing<[u8; BLOCK]>,
    out: &'a mut [[u8; BLOCK]],
    done: usize,
}

impl<'a> CbcChain<'a> {
    /// Encrypts `first`, if there is one, joined with `text`. As many whole blocks as padding makes of both have to fit
    /// in `out`.
    pub(crate) fn new(
        iv: [u8; BLOCK],
        first: Option<u8>,
        text: &'a [u8],
        out: &'a mut [u8],
    ) -> Self {
        let mut before = first.as_slice();
        let (mut head, mut text) = (None, text);
        if !before.is_empty()
            && let Some((start, rest)) = text.split_at_checked(BLOCK - before.len())
        {
            head = Some(padded(before, start));
            (before, text) = (&[], rest);
        }
        let (body, rest) = text.as_chunks();
        Self {
            last: iv,
            head,
            body,
            end: padded(before, rest),
            out: out.as_chunks_mut().0,
            done: 0,
        }
    }

    /// The ciphertext so far.
    pub(crate) fn ciphertext(&self) -> &[u8] {
        let (done, _) = self.out.split_at(self.done);
        done.as_flattened()
    }

    /// Blocks that are still to come.
    pub(crate) const fn left(&self) -> usize {
        self.out.len() - self.done
    }

    /// The next block of the plaintext, mixed with the block before it, and where its ciphertext belongs.
    #[inline(always)]
    fn advance(&mut self, encrypt: impl FnOnce(&mut [u8; BLOCK])) {
        let Some(out) = self.out.get_mut(self.done) else {
            return;
        };
        let heads = usize::from(self.head.is_some());
        let plaintext = match (self.body.get(self.done.wrapping_sub(heads)), &self.head) {
            (Some(block), _) => block,
            (None, Some(head)) if self.done == 0 => head,
            (None, _) => &self.end,
        };
        let mut block = self.last;
        for (byte, with) in block.iter_mut().zip(plaintext) {
            *byte ^= with;
        }
        encrypt(&mut block);
        *out = block;
        self.last = block;
        self.done += 1;
    }
}

/// One block of both parts, which have 16 bytes at most, filled up by PKCS#7.
fn padded(start: &[u8], rest: &[u8]) -> Zeroizing<[u8; BLOCK]> {
    let missing = BLOCK.saturating_sub(start.len() + rest.len());
    let mut block = Zeroizing::new([missing as u8; BLOCK]);
    for (to, from) in block.iter_mut().zip(start.iter().chain(rest)) {
        *to = *from;
    }
    block
}

struct LockStep<'s, 'a> {
    chains: &'s mut [CbcChain<'a>],
    blocks: usize,
}

impl BlockSizeUser for LockStep<'_, '_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for LockStep<'_, '_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        for _ in 0..self.blocks {
            for chain in &mut *self.chains {
                chain.advance(|block| backend.encrypt_block_inplace(block.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests;

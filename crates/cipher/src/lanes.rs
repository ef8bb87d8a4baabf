//! Many texts at once, in lock-step (`docs/spec/cipher.md` §3): the output is that of sealing or opening one after the
//! other, byte for byte.
//!
//! The blocks of one CBC chain wait for each other, and so do those of one SHA-256. Up to [`LANES`] texts advance
//! together by a strip of 64 bytes, first all their chains and then all their MACs: a processor that executes out of
//! order then finds independent work next to what has to wait.

use crate::primitives::{Aes256, BLOCK, CbcChain, Mac, TAG_LEN};

/// Texts that advance together. More would gain little and leave the processor's nearest cache.
pub const LANES: usize = 16;

/// Bytes by which each lane advances: one block of SHA-256.
const STRIP: usize = 64;

/// A MAC that follows a ciphertext in steps of whole blocks of its hash.
pub(crate) struct Follower {
    mac: Mac,
    /// Bytes of the ciphertext that the MAC has seen, and up to where it takes the next piece.
    seen: usize,
    next: usize,
    aad_bits: [u8; 8],
}

impl Follower {
    pub(crate) fn new(mut mac: Mac, n: u64, aad: &[u8], iv: &[u8; BLOCK]) -> Self {
        let n = n.to_be_bytes();
        for part in [&n[..], aad, iv] {
            mac.update(part);
        }
        let before = n.len() + aad.len() + iv.len();
        Self {
            mac,
            seen: 0,
            next: STRIP - before % STRIP,
            aad_bits: aad_bits(aad),
        }
    }

    /// Takes the next piece, if all of it is there.
    #[inline(always)]
    fn follow(&mut self, ciphertext: &[u8]) {
        if let Some(piece) = ciphertext.get(self.seen..self.next) {
            self.mac.update(piece);
            self.seen = self.next;
            self.next += STRIP;
        }
    }

    /// The MAC of the whole ciphertext.
    fn end(mut self, ciphertext: &[u8]) -> Mac {
        self.mac
            .update(ciphertext.get(self.seen..).unwrap_or_default());
        self.mac.update(&self.aad_bits);
        self.mac
    }

    /// Whether `tag` belongs to `ciphertext`.
    pub(crate) fn verify(self, ciphertext: &[u8], tag: &[u8; TAG_LEN]) -> bool {
        self.end(ciphertext).verify(tag)
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

/// What belongs to a chain: the MAC over it and the place of its tag.
pub(crate) type Tagging<'a> = (Follower, &'a mut [u8]);

/// Encrypts one chain to its end and writes its tag.
pub(crate) fn seal_one(aes: &Aes256, chain: CbcChain<'_>, (follower, tag): Tagging<'_>) {
    let blocks = chain.left();
    let mut chains = [chain];
    aes.cbc_advance(&mut chains, blocks);
    let [chain] = &chains;
    tag.copy_from_slice(&follower.end(chain.ciphertext()).tag());
}

/// Encrypts all chains, up to [`LANES`] at a time, and writes their tags.
pub(crate) fn seal_all<'a>(
    aes: &Aes256,
    texts: impl IntoIterator<Item = (CbcChain<'a>, Tagging<'a>)>,
) {
    let mut waiting = texts.into_iter();
    let (mut chains, mut taggings): (Vec<_>, Vec<_>) = waiting.by_ref().take(LANES).unzip();
    while !chains.is_empty() {
        aes.cbc_advance(&mut chains, STRIP / BLOCK);
        for (chain, (follower, _)) in chains.iter().zip(&mut taggings) {
            follower.follow(chain.ciphertext());
        }
        while let Some(done) = chains.iter().position(|chain| chain.left() == 0) {
            let chain = chains.swap_remove(done);
            let (follower, tag) = taggings.swap_remove(done);
            tag.copy_from_slice(&follower.end(chain.ciphertext()).tag());
            if let Some((chain, tagging)) = waiting.next() {
                chains.push(chain);
                taggings.push(tagging);
            }
        }
    }
}

/// Runs the MACs of all ciphertexts side by side, so that little is left for [`Follower::verify`] of each.
pub(crate) fn follow_all(lanes: &mut [(Follower, &[u8])]) {
    for lanes in lanes.chunks_mut(LANES) {
        let longest = lanes.iter().map(|(_, ciphertext)| ciphertext.len()).max();
        for _ in 0..longest.unwrap_or_default() / STRIP {
            for (follower, ciphertext) in &mut *lanes {
                follower.follow(ciphertext);
            }
        }
    }
}

//! Randomness for tests: bytes that are known beforehand, and bytes that a seed determines.
#![allow(dead_code, reason = "each test binary takes what it needs")]

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

/// First the given bytes, then hashes of a counter.
pub struct Script {
    bytes: Vec<u8>,
    blocks: u64,
}

impl Script {
    /// These bytes first.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            blocks: 0,
        }
    }

    /// Other bytes for each seed.
    pub fn seed(seed: u64) -> Self {
        Self {
            bytes: Vec::new(),
            blocks: seed << 32,
        }
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        while self.bytes.len() < dest.len() {
            self.blocks += 1;
            self.bytes
                .extend_from_slice(&Sha256::digest(self.blocks.to_be_bytes()));
        }
        let later = self.bytes.split_off(dest.len());
        dest.copy_from_slice(&self.bytes);
        self.bytes = later;
        Ok(())
    }
}

impl TryCryptoRng for Script {}

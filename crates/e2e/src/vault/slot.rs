//! The two slots of a bundle: the vault's key, sealed once to the password and once to the recovery code
//! (`docs/spec/e2e.md` §3.3).

use crate::encapsulation::{ENCAPSULATION_LEN, PUBLIC_KEY_LEN};
use crate::sealed_box::{BadBox, BoxKey, seal_box};
use crate::secret::Secret;
use bytes::Bytes;
use core::fmt;
use rand_core::CryptoRng;
use subrosa_cipher::{purpose, sealed_len};
use subrosa_proto::AccountId;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a slot: anchor and box.
pub(crate) const SLOT_LEN: usize = 32 + ENCAPSULATION_LEN + sealed_len(32);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The password's.
    Password = 0,
    /// The recovery code's.
    Recovery = 1,
}

/// What follows from the export key of a password or recovery code, for one account (docs/spec/login.md §6).
pub struct SlotSecret {
    /// From which the slot's key pair is derived. Boxed, so that a move leaves no copy behind.
    pub seed: Box<Zeroizing<[u8; 32]>>,
    /// Stands in front of the slot: only the secret that was registered for this account gives it.
    pub anchor: [u8; 32],
}

impl fmt::Debug for SlotSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlotSecret(redacted)")
    }
}

/// A password or recovery code that is being registered.
#[derive(Debug)]
pub struct Credential<'a> {
    /// What opens its slot.
    pub secret: &'a SlotSecret,
    /// Its OPAQUE record, for the bundle.
    pub record: Bytes,
}

/// A slot's public half, kept in the vault so that a change by one secret can re-seal for the other.
pub(crate) struct SlotKey {
    pub(crate) public: Bytes,
    pub(crate) anchor: [u8; 32],
}

impl SlotSecret {
    pub(crate) fn key(&self) -> BoxKey {
        BoxKey::from_seed(Secret::copy_of(&self.seed))
    }

    pub(crate) fn public_half(&self) -> SlotKey {
        SlotKey {
            public: self.key().public(),
            anchor: self.anchor,
        }
    }

    /// The vault's key. `None` when the anchor is another, which is a question of its own: the secret is then not that of
    /// this account.
    pub(crate) fn open(
        &self,
        slot: Slot,
        account: AccountId,
        version: u64,
        bytes: &[u8],
    ) -> Option<Result<Secret, BadBox>> {
        let (anchor, sealed) = bytes.split_first_chunk::<32>()?;
        if !bool::from(anchor.ct_eq(&self.anchor)) {
            return None;
        }
        let opened = self
            .key()
            .open::<purpose::Slot>(&context(slot, account, version), sealed);
        Some(opened.and_then(|key| key.as_array().map(Secret::copy_of).ok_or(BadBox)))
    }
}

impl SlotKey {
    /// From the public key in a vault and the slot beside it.
    pub(crate) fn from_parts(public: Bytes, slot: &[u8]) -> Option<Self> {
        let anchor = *slot.first_chunk::<32>()?;
        (public.len() == PUBLIC_KEY_LEN).then_some(Self { public, anchor })
    }

    pub(crate) fn seal(
        &self,
        slot: Slot,
        account: AccountId,
        version: u64,
        vault_key: &Secret,
        rng: &mut impl CryptoRng,
    ) -> Result<Bytes, BadBox> {
        let sealed = seal_box::<purpose::Slot>(
            &self.public,
            &context(slot, account, version),
            vault_key.expose(),
            rng,
        )?;
        Ok([&self.anchor[..], &sealed].concat().into())
    }
}

fn context(slot: Slot, account: AccountId, version: u64) -> Vec<u8> {
    let slot = slot as u64;
    [
        &account.as_bytes()[..],
        &version.to_be_bytes(),
        &slot.to_be_bytes(),
    ]
    .concat()
}

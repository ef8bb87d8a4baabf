//! The plaintext of a vault and the writing of a bundle (`docs/spec/e2e.md` §3.2, §3.4).

use super::slot::{Slot, SlotKey};
use crate::encapsulation::PUBLIC_KEY_LEN;
use crate::sealed_box::BadBox;
use crate::secret::{Secret, decode, encode};
use bytes::Bytes;
use rand_core::CryptoRng;
use subrosa_cipher::{Key, OpenError, purpose};
use subrosa_proto::{AccountId, Bundle, CodecError, HashHead, record};
use zeroize::Zeroizing;

record! {
    /// What a vault holds. Secrets in it are wiped when dropped.
    pub(crate) struct VaultContents {
        /// Seed of the Ed25519 identity key.
        pub identity_seed: Secret,
        /// Seeds of all generations of the history key, rising.
        pub history: Vec<HistorySeed>,
        /// The chain head when the vault was written.
        pub head: HashHead,
        /// Public key of the password's slot.
        pub password_slot_key: Bytes,
        /// Public key of the recovery code's slot.
        pub recovery_slot_key: Bytes,
    }
}

record! {
    /// One generation of the history key.
    pub(crate) struct HistorySeed {
        /// Number of the generation, from 1.
        pub generation: u64,
        /// Seed of its X-Wing key pair.
        pub seed: Secret,
    }
}

/// Why the inside of a bundle is refused.
pub(crate) enum ContentsError {
    Sealed,
    Codec(CodecError),
}

impl From<OpenError> for ContentsError {
    fn from(_: OpenError) -> Self {
        Self::Sealed
    }
}

impl From<CodecError> for ContentsError {
    fn from(error: CodecError) -> Self {
        Self::Codec(error)
    }
}

/// One slot of a bundle that is being written, with the OPAQUE record beside it.
pub(crate) struct SlotEntry {
    pub(crate) key: SlotKey,
    pub(crate) record: Bytes,
}

impl VaultContents {
    fn room(&self) -> usize {
        256 + 2 * PUBLIC_KEY_LEN + self.history.len() * 64
    }

    /// Seals a new bundle under a fresh vault key.
    pub(crate) fn seal(
        &self,
        account: AccountId,
        version: u64,
        password: SlotEntry,
        recovery: SlotEntry,
        rng: &mut impl CryptoRng,
    ) -> Result<Bundle, BadBox> {
        let vault_key = Secret::generate(rng);
        let mut vault = Vec::new();
        Key::<purpose::Vault>::from_bytes(*vault_key.expose())
            .prepare()
            .seal(
                version,
                account.as_bytes(),
                &encode(self, self.room()),
                &mut vault,
            );
        let mut slot =
            |which, entry: &SlotEntry| entry.key.seal(which, account, version, &vault_key, rng);
        Ok(Bundle {
            version,
            vault: vault.into(),
            password_slot: slot(Slot::Password, &password)?,
            recovery_slot: slot(Slot::Recovery, &recovery)?,
            password_record: password.record,
            recovery_record: recovery.record,
        })
    }

    /// Opens the vault of a bundle.
    pub(crate) fn open(
        account: AccountId,
        bundle: &Bundle,
        vault_key: &Secret,
    ) -> Result<Self, ContentsError> {
        let mut text = Zeroizing::new(Vec::with_capacity(bundle.vault.len()));
        Key::<purpose::Vault>::from_bytes(*vault_key.expose())
            .prepare()
            .open(bundle.version, account.as_bytes(), &bundle.vault, &mut text)?;
        Ok(decode(text)?)
    }
}

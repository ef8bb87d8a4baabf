//! An opened vault: checked against the account chain, good for statements of the account (`docs/spec/e2e.md` §3.5).

use super::contents::{ContentsError, HistorySeed, SlotEntry, VaultContents};
use super::founding::Chain;
use super::history::HistoryOpener;
use super::slot::{Credential, SLOT_LEN, Slot, SlotKey, SlotSecret};
use crate::identity::Identity;
use crate::sealed_box::{BadBox, BoxKey};
use crate::secret::Secret;
use bytes::Bytes;
use core::fmt;
use rand_core::CryptoRng;
use subrosa_ledger::{Account, bundle_hash};
use subrosa_proto::{
    AccountId, Bundle, CodecError, DeviceId, Signed, StatementOp, decode, encode, limits,
};

/// Why a vault does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The bundle is not one.
    #[error("the account's vault is malformed: {0}")]
    Malformed(#[from] CodecError),
    /// The bundle is not the one that the account's chain certifies: parts were mixed, or it is old or new against the chain.
    #[error("the account's vault does not belong to its chain of statements")]
    NotCertified,
    /// The slot was registered for another account or with another secret.
    #[error("this password or recovery code is not that of this account")]
    OtherAccount,
    /// A sealed part does not open.
    #[error("the account's vault does not open")]
    Sealed,
    /// What is inside contradicts the chain: another identity, another history key, or a chain that was cut back.
    #[error("the account's vault contradicts its chain of statements")]
    Contradiction,
}

impl From<BadBox> for VaultError {
    fn from(_: BadBox) -> Self {
        Self::Sealed
    }
}

impl From<ContentsError> for VaultError {
    fn from(error: ContentsError) -> Self {
        match error {
            ContentsError::Sealed => Self::Sealed,
            ContentsError::Codec(error) => Self::Malformed(error),
        }
    }
}

/// The account's secrets, wiped when dropped, and boxed, so that a move leaves no copy of them behind. Keep it no longer than
/// the work that needs it takes.
pub struct OpenedVault {
    identity: Identity,
    pub(super) contents: Box<VaultContents>,
    bundle: Bundle,
}

/// What is to be changed in one step (`docs/spec/e2e.md` §3.4).
#[derive(Debug, Default)]
pub struct SecretChange<'a> {
    /// A new password.
    pub password: Option<Credential<'a>>,
    /// A new recovery code.
    pub recovery: Option<Credential<'a>>,
    /// A device that is certified with it, and its label.
    pub device: Option<(DeviceId, &'a str)>,
}

/// Statements and the bundle that the last of them certifies, to be appended in one step.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// device_add if a device was named; history_key, vault.
    pub statements: Vec<Signed>,
    /// The encoded bundle.
    pub bundle: Bytes,
}

/// Opens a bundle by one of its slots and checks it against the account's chain.
///
/// # Errors
/// [`VaultError`]; nothing of the inside leaves with it.
pub fn open_vault(
    bytes: &Bytes,
    slot: Slot,
    secret: &SlotSecret,
    account: &Account,
) -> Result<OpenedVault, VaultError> {
    if bytes.len() > limits::BUNDLE_BYTES_MAX {
        return Err(VaultError::NotCertified);
    }
    let bundle: Bundle = decode(bytes)?;
    if account.vault() != Some((bundle.version, bundle_hash(bytes))) {
        return Err(VaultError::NotCertified);
    }
    let sealed = match slot {
        Slot::Password => &bundle.password_slot,
        Slot::Recovery => &bundle.recovery_slot,
    };
    if sealed.len() != SLOT_LEN {
        return Err(VaultError::Sealed);
    }
    let vault_key = secret
        .open(slot, account.id(), bundle.version, sealed)
        .ok_or(VaultError::OtherAccount)??;
    let contents = Box::new(VaultContents::open(account.id(), &bundle, &vault_key)?);
    let identity = Identity::from_seed(&contents.identity_seed);
    check(&contents, &identity, account)?;
    Ok(OpenedVault {
        identity,
        contents,
        bundle,
    })
}

fn check(
    contents: &VaultContents,
    identity: &Identity,
    account: &Account,
) -> Result<(), VaultError> {
    let is_own = identity.id() == account.id();
    let continues = account.hash_at(contents.head.seq) == Some(contents.head.hash);
    let rising = contents
        .history
        .iter()
        .zip(contents.history.iter().skip(1))
        .all(|(earlier, later)| earlier.generation < later.generation);
    let certified = contents.history.iter().all(|history| {
        let key = BoxKey::from_seed(Secret::copy_of(history.seed.expose())).public();
        account.history_key_of(history.generation) == Some(&key)
    });
    // The newest generation certified must be here, else this device could not read what others seal to it.
    let newest = contents.history.last().map(|history| history.generation)
        == account.history_key().map(|(generation, _)| generation);
    if is_own && continues && rising && certified && newest {
        Ok(())
    } else {
        Err(VaultError::Contradiction)
    }
}

impl OpenedVault {
    /// The account.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.identity.id()
    }

    /// Certifies a device: the statement to append to `account`.
    #[must_use]
    pub fn add_device(&self, account: &Account, device: DeviceId, label: &str) -> Signed {
        self.state(
            account,
            StatementOp::DeviceAdd {
                device,
                label: label.to_owned(),
            },
        )
    }

    /// Ends a device for good: the statement to append to `account`, and to carry into every conversation.
    #[must_use]
    pub fn revoke_device(&self, account: &Account, device: DeviceId) -> Signed {
        self.state(account, StatementOp::DeviceRevoke { device })
    }

    /// Joins another branch of the account's chain to `account`: the statement to append behind those of the branch.
    #[must_use]
    pub fn merge(&self, account: &Account, branch: &Account) -> Signed {
        let other = branch.head().hash;
        self.state(account, StatementOp::Merge { other })
    }

    fn state(&self, account: &Account, op: StatementOp) -> Signed {
        self.identity.sign_statement(Some(account.head()), op)
    }

    /// Keys that open this account's archived boxes; the identity key is not among them.
    #[must_use]
    pub fn history_opener(&self) -> HistoryOpener {
        HistoryOpener::new(self.account(), &self.contents.history)
    }

    /// Replaces the password, the recovery code, or both, and certifies a device with it if one is named: a new slot for each
    /// new secret under a fresh vault key, the other slot sealed anew, and a new generation of the history key, so that the
    /// old secrets open nothing that is sealed from now on. The statements are appended in one step or not at all.
    ///
    /// # Errors
    /// [`VaultError`] when the public key of a slot that stays is not one.
    pub fn change(
        &self,
        account: &Account,
        change: SecretChange<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Rewritten, VaultError> {
        let generation = account.generation().saturating_add(1);
        let history = BoxKey::generate(rng);
        let mut chain = Chain::after(&self.identity, account.head());
        if let Some((device, label)) = change.device {
            chain.append(StatementOp::DeviceAdd {
                device,
                label: label.to_owned(),
            });
        }
        let head = chain.append(StatementOp::HistoryKey {
            generation,
            key: history.public(),
        });
        let bundle = &self.bundle;
        let password = entry(
            change.password,
            &self.contents.password_slot_key,
            &bundle.password_slot,
            &bundle.password_record,
        )?;
        let recovery = entry(
            change.recovery,
            &self.contents.recovery_slot_key,
            &bundle.recovery_slot,
            &bundle.recovery_record,
        )?;
        let version = account.vault().map_or(0, |(version, _)| version);
        let version = version.max(bundle.version).saturating_add(1);
        let contents = VaultContents {
            identity_seed: self.identity.seed(),
            history: self.generations_and(generation, &history),
            head,
            password_slot_key: password.key.public.clone(),
            recovery_slot_key: recovery.key.public.clone(),
        };
        let bundle = encode(&contents.seal(self.account(), version, password, recovery, rng)?);
        chain.append(StatementOp::Vault {
            version,
            hash: bundle_hash(&bundle),
        });
        Ok(Rewritten {
            statements: chain.statements,
            bundle,
        })
    }

    fn generations_and(&self, generation: u64, key: &BoxKey) -> Vec<HistorySeed> {
        let known = self.contents.history.iter();
        known
            .map(|history| (history.generation, history.seed.expose()))
            .chain([(generation, key.seed().expose())])
            .map(|(generation, seed)| HistorySeed {
                generation,
                seed: Secret::copy_of(seed),
            })
            .collect()
    }
}

/// A slot of the next bundle: of the new secret, or of the one that stays.
fn entry(
    new: Option<Credential<'_>>,
    public: &Bytes,
    sealed: &Bytes,
    record: &Bytes,
) -> Result<SlotEntry, VaultError> {
    match new {
        Some(new) => Ok(SlotEntry {
            key: new.secret.public_half(),
            record: new.record,
        }),
        None => Ok(SlotEntry {
            key: SlotKey::from_parts(public.clone(), sealed).ok_or(VaultError::Sealed)?,
            record: record.clone(),
        }),
    }
}

impl fmt::Debug for OpenedVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedVault({:?}, secrets redacted)", self.account())
    }
}

//! Account chains (docs/spec/ledger.md §4): the statements by which an identity key says which
//! devices, history keys and vault an account has.

use crate::{BadSignature, account_id, statement_hash, text, verify};
use bytes::Bytes;
use std::collections::BTreeMap;
use subrosa_proto::{
    AccountId, CodecError, DeviceId, HashHead, Name, Signed, Statement, StatementHash, StatementOp,
    decode, limits,
};

/// Length of an X-Wing public key.
pub const PUBLIC_KEY_BYTES: usize = 1_216;
/// Longest label of a device, in bytes of UTF-8.
pub const LABEL_BYTES_MAX: usize = 64;

/// Why a statement is not the next one of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The body is not the encoding of a statement.
    #[error("a statement is malformed: {0}")]
    Malformed(#[from] CodecError),
    /// It speaks for another account.
    #[error("a statement belongs to another account")]
    Foreign,
    /// The identity key did not sign it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The first statement is no genesis of this account, or a later one is a genesis.
    #[error("a chain has one genesis, in front, whose identity key hashes to the account id")]
    Genesis,
    /// Statements are missing in between.
    #[error("statement {found} arrived where {expected} was due")]
    Gap {
        /// The number due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// It follows on another statement than the last one of this chain.
    #[error("a statement does not follow on the one before")]
    Prev,
    /// It is in the chain already. Nothing is wrong and nothing changed.
    #[error("statement {seq} is in the chain already")]
    Known {
        /// Its number.
        seq: u64,
    },
    /// The account signed two statements with one number.
    #[error("the chain has forked at statement {}", .0.seq)]
    Fork(Box<ChainFork>),
    /// A served chain ends before one that was seen earlier.
    #[error("a chain of {served} statements was served, {known} were known")]
    Shorter {
        /// Statements known.
        known: u64,
        /// Statements served.
        served: u64,
    },
    /// The chain has its largest length.
    #[error("the chain is full")]
    Full,
    /// A device's label is too long.
    #[error("a device's label is too long")]
    Label,
    /// The device is in the chain already, live or revoked: a revocation is final.
    #[error("the device was added before")]
    DeviceKnown,
    /// A device is revoked that is not live.
    #[error("the device is not live")]
    DeviceNotLive,
    /// As many devices are live as one account may have.
    #[error("the account has too many devices")]
    TooManyDevices,
    /// A history key of another length, or its generation does not rise.
    #[error("a history key has the wrong length or its generation does not rise")]
    HistoryKey,
    /// The vault's version does not rise.
    #[error("the version of the vault does not rise")]
    VaultVersion,
    /// A merge names a statement of its own chain, or a branch that no merge names is absorbed.
    #[error("a merge names the head of another branch of the same chain")]
    Merge,
}

/// Two signed statements of one account with one number: proof that its chain was forked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFork {
    /// Their number.
    pub seq: u64,
    /// The one in the known chain.
    pub ours: Signed,
    /// The other.
    pub theirs: Signed,
}

/// A device that a chain certifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its Ed25519 key, which is its name.
    pub id: DeviceId,
    /// What its owner calls it. Not fit to be shown as it is: it may hold any characters.
    pub label: String,
    /// The statement that added it.
    pub added: u64,
    /// The statement that revoked it.
    revoked: Option<Signed>,
}

impl Device {
    /// Whether no statement has revoked it.
    #[must_use]
    pub const fn live(&self) -> bool {
        self.revoked.is_none()
    }
}

/// A verified account chain. It only ever grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    id: AccountId,
    name: Name,
    identity: [u8; 32],
    statements: Vec<Signed>,
    /// Of each statement.
    hashes: Vec<StatementHash>,
    devices: BTreeMap<DeviceId, Device>,
    history: BTreeMap<u64, Bytes>,
    vault: Option<(u64, [u8; 32])>,
    /// Heads of other branches that a merge names and [`Account::absorb`] has not taken in.
    unhealed: Vec<StatementHash>,
    /// The newest vault of all branches taken in.
    absorbed_vault: Option<(u64, [u8; 32])>,
}

impl Account {
    /// Begins a chain with its genesis (§4.3).
    ///
    /// # Errors
    /// Any rule that a genesis breaks.
    pub fn open(genesis: &Signed) -> Result<Self, ChainError> {
        let statement: Statement = decode(&genesis.body)?;
        let StatementOp::Genesis { identity, name } = statement.op else {
            return Err(ChainError::Genesis);
        };
        let id = account_id(&identity);
        if statement.account != id || statement.seq != 0 || statement.prev != StatementHash::NONE {
            return Err(ChainError::Genesis);
        }
        verify(
            &identity,
            &text::statement(&genesis.body),
            &genesis.signature,
        )?;
        Ok(Self {
            id,
            name,
            identity,
            statements: vec![genesis.clone()],
            hashes: vec![statement_hash(genesis)],
            devices: BTreeMap::new(),
            history: BTreeMap::new(),
            vault: None,
            unhealed: Vec::new(),
            absorbed_vault: None,
        })
    }

    /// Reads a whole chain.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn from_chain(statements: &[Signed]) -> Result<Self, ChainError> {
        let (genesis, rest) = statements.split_first().ok_or(ChainError::Genesis)?;
        let mut account = Self::open(genesis)?;
        for statement in rest {
            account.append(statement)?;
        }
        Ok(account)
    }

    /// Appends one statement. After an error the chain is as before.
    ///
    /// # Errors
    /// The rule broken; [`ChainError::Known`] for a statement that is there already and
    /// [`ChainError::Fork`] for another one in its place.
    pub fn append(&mut self, signed: &Signed) -> Result<(), ChainError> {
        let statement: Statement = decode(&signed.body)?;
        if statement.account != self.id {
            return Err(ChainError::Foreign);
        }
        verify(
            &self.identity,
            &text::statement(&signed.body),
            &signed.signature,
        )?;
        let hash = statement_hash(signed);
        self.placed(&statement, signed, hash)?;
        self.permitted(&statement.op)?;
        self.take(statement, signed);
        self.statements.push(signed.clone());
        self.hashes.push(hash);
        Ok(())
    }

    /// Compares a chain that was served, from its genesis on, with this one and appends what is
    /// new. Statements in front of one that breaks a rule are kept. The number appended.
    ///
    /// # Errors
    /// [`ChainError::Shorter`] when the served chain ends too early, [`ChainError::Fork`] when
    /// it is another branch, or the rule that a new statement breaks.
    pub fn advance(&mut self, served: &[Signed]) -> Result<usize, ChainError> {
        let mut known = 0_u64;
        for statement in served.iter().take(self.statements.len()) {
            if self.statements.get(known as usize) != Some(statement) {
                // The same number with another content: a fork, if the account signed it.
                return match self.append(statement) {
                    Ok(()) | Err(ChainError::Known { .. }) => Err(ChainError::Prev),
                    refused => refused.map(|()| 0),
                };
            }
            known += 1;
        }
        if known < self.next() {
            return Err(ChainError::Shorter {
                known: self.next(),
                served: known,
            });
        }
        let new = served.get(self.statements.len()..).unwrap_or_default();
        for statement in new {
            self.append(statement)?;
        }
        Ok(new.len())
    }

    /// Takes in another branch of this chain, whose head a `merge` of this one names (§4.5):
    /// its revocations count, and so does its vault if that is newer.
    ///
    /// # Errors
    /// [`ChainError::Merge`] when no merge names that head.
    pub fn absorb(&mut self, branch: &Self) -> Result<(), ChainError> {
        let head = branch.head().hash;
        let named = self.unhealed.iter().position(|other| *other == head);
        let Some(named) = named.filter(|_| branch.id == self.id) else {
            return Err(ChainError::Merge);
        };
        self.unhealed.remove(named);
        for device in self.devices.values_mut() {
            if device.live() {
                device.revoked = branch.revoked(&device.id).cloned();
            }
        }
        self.absorbed_vault = newest(self.absorbed_vault, branch.vault());
        Ok(())
    }

    /// Whether the statement stands in the next place.
    fn placed(
        &self,
        statement: &Statement,
        signed: &Signed,
        hash: StatementHash,
    ) -> Result<(), ChainError> {
        let seq = statement.seq;
        if let Some(ours) = self.hash_at(seq) {
            let ours = (ours != hash).then(|| self.statements.get(seq as usize).cloned());
            return Err(match ours.flatten() {
                None => ChainError::Known { seq },
                Some(ours) => ChainError::Fork(Box::new(ChainFork {
                    seq,
                    ours,
                    theirs: signed.clone(),
                })),
            });
        }
        if seq != self.next() {
            return Err(ChainError::Gap {
                expected: self.next(),
                found: seq,
            });
        }
        if seq >= limits::CHAIN_STATEMENTS_MAX {
            return Err(ChainError::Full);
        }
        if statement.prev != self.head().hash {
            return Err(ChainError::Prev);
        }
        Ok(())
    }

    /// Whether the chain so far allows what the statement says (§4.4).
    fn permitted(&self, op: &StatementOp) -> Result<(), ChainError> {
        let refused = match op {
            StatementOp::Genesis { .. } => Some(ChainError::Genesis),
            StatementOp::DeviceAdd { device, label } => {
                if label.len() > LABEL_BYTES_MAX {
                    Some(ChainError::Label)
                } else if self.devices.contains_key(device) {
                    Some(ChainError::DeviceKnown)
                } else {
                    (self.devices().count() >= limits::ACCOUNT_DEVICES_MAX)
                        .then_some(ChainError::TooManyDevices)
                }
            }
            StatementOp::DeviceRevoke { device } => {
                // What a merged branch revoked may be revoked here too, so the statement that
                // counts is the one of this chain's own.
                let own = self.devices.get(device).is_some_and(|d| {
                    d.revoked
                        .as_ref()
                        .is_none_or(|r| !self.statements.contains(r))
                });
                (!own).then_some(ChainError::DeviceNotLive)
            }
            StatementOp::HistoryKey { generation, key } => {
                let last = self.history_key().map_or(0, |(generation, _)| generation);
                (*generation <= last || key.len() != PUBLIC_KEY_BYTES)
                    .then_some(ChainError::HistoryKey)
            }
            StatementOp::Vault { version, .. } => {
                let last = self.vault.map_or(0, |(version, _)| version);
                (*version <= last).then_some(ChainError::VaultVersion)
            }
            StatementOp::Merge { other } => {
                self.hashes.contains(other).then_some(ChainError::Merge)
            }
        };
        refused.map_or(Ok(()), Err)
    }

    /// Takes over a statement that is permitted.
    fn take(&mut self, statement: Statement, signed: &Signed) {
        match statement.op {
            StatementOp::Genesis { .. } => {}
            StatementOp::DeviceAdd { device, label } => {
                self.devices.insert(
                    device,
                    Device {
                        id: device,
                        label,
                        added: statement.seq,
                        revoked: None,
                    },
                );
            }
            StatementOp::DeviceRevoke { device } => {
                if let Some(device) = self.devices.get_mut(&device) {
                    device.revoked = Some(signed.clone());
                }
            }
            StatementOp::HistoryKey { generation, key } => {
                self.history.insert(generation, key);
            }
            StatementOp::Vault { version, hash } => self.vault = Some((version, hash)),
            StatementOp::Merge { other } => self.unhealed.push(other),
        }
    }

    /// The account's id.
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.id
    }
    /// The account's name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }
    /// The Ed25519 identity key.
    #[must_use]
    pub const fn identity(&self) -> &[u8; 32] {
        &self.identity
    }
    /// The statements, as they were received.
    #[must_use]
    pub fn statements(&self) -> &[Signed] {
        &self.statements
    }
    /// The number that the next statement will have.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.statements.len() as u64
    }
    /// The last statement.
    #[must_use]
    pub fn head(&self) -> HashHead {
        HashHead {
            seq: self.next().saturating_sub(1),
            hash: self.hashes.last().copied().unwrap_or(StatementHash::NONE),
        }
    }
    /// The hash of a statement.
    #[must_use]
    pub fn hash_at(&self, seq: u64) -> Option<StatementHash> {
        self.hashes.get(usize::try_from(seq).ok()?).copied()
    }
    /// The devices that are live by this chain, in the order of their ids.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values().filter(|device| device.live())
    }
    /// A device of the chain, live or revoked.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.get(id)
    }
    /// Whether a statement added the device, even if a later one revoked it.
    #[must_use]
    pub fn certified(&self, id: &DeviceId) -> bool {
        self.devices.contains_key(id)
    }
    /// The statement that revoked the device.
    #[must_use]
    pub fn revoked(&self, id: &DeviceId) -> Option<&Signed> {
        self.devices.get(id)?.revoked.as_ref()
    }
    /// The newest history key: its generation and X-Wing public key.
    #[must_use]
    pub fn history_key(&self) -> Option<(u64, &Bytes)> {
        self.history
            .last_key_value()
            .map(|(generation, key)| (*generation, key))
    }
    /// The history key of a generation.
    #[must_use]
    pub fn history_key_of(&self, generation: u64) -> Option<&Bytes> {
        self.history.get(&generation)
    }
    /// Version and hash of the current bundle, over all branches taken in.
    #[must_use]
    pub fn vault(&self) -> Option<(u64, [u8; 32])> {
        newest(self.vault, self.absorbed_vault)
    }
    /// Heads of other branches that a merge names and that [`Account::absorb`] awaits.
    #[must_use]
    pub fn unhealed(&self) -> &[StatementHash] {
        &self.unhealed
    }
}

/// Of two vaults the one with the higher version; the first of equal ones.
fn newest(a: Option<(u64, [u8; 32])>, b: Option<(u64, [u8; 32])>) -> Option<(u64, [u8; 32])> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 > a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

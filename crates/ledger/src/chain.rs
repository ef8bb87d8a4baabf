//! How account chains grow (docs/spec/ledger.md §4.3-§4.5): the statements by which an identity
//! key says which devices, history keys and vault an account has.

use crate::scope::warrant_of;
use crate::signature::PreparedKey;
use crate::{Account, ChainError, ChainFork, Device, account_id, statement_hash, text, verify};
use std::collections::BTreeMap;
use subrosa_proto::{Signed, Statement, StatementHash, StatementOp, decode, limits};

/// Length of an X-Wing public key.
pub const PUBLIC_KEY_BYTES: usize = 1_216;
/// Longest label of a device, in bytes of UTF-8.
pub const LABEL_BYTES_MAX: usize = 64;

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
            places: vec![0],
            devices: BTreeMap::new(),
            history: BTreeMap::new(),
            vault: None,
            merges: Vec::new(),
            unhealed: Vec::new(),
            branches: Vec::new(),
            warrant: None,
            absorbed_vault: None,
            absorbed_generation: 0,
        })
    }

    /// Reads a whole chain.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn from_chain(statements: &[Signed]) -> Result<Self, ChainError> {
        let (genesis, rest) = statements.split_first().ok_or(ChainError::Genesis)?;
        let mut account = Self::open(genesis)?;
        account.extend(rest)?;
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
        self.take(statement, signed, hash);
        Ok(())
    }

    /// Compares a chain that was served, from its genesis on, with this one and appends what is
    /// new. Statements in front of one that breaks a rule are kept. The number appended.
    ///
    /// # Errors
    /// [`ChainError::Shorter`] when the served chain ends too early, [`ChainError::Fork`] when
    /// it is another branch, or the rule that a new statement breaks.
    pub fn advance(&mut self, served: &[Signed]) -> Result<usize, ChainError> {
        let mut known = 0;
        for (statement, ours) in served.iter().zip(&self.statements) {
            if ours != statement {
                // The same number with another content: a fork, if the account signed it.
                return match self.append(statement) {
                    Ok(()) | Err(ChainError::Known { .. }) => Err(ChainError::Prev),
                    refused => refused.map(|()| 0),
                };
            }
            known += 1;
        }
        let all = self.statements.len();
        if known < all {
            return Err(ChainError::Shorter {
                known: all as u64,
                served: known as u64,
            });
        }
        let new = served.get(all..).unwrap_or_default();
        self.extend(new)?;
        Ok(new.len())
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
            let ours = (ours != hash).then(|| self.at(seq).cloned());
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
        if self.statements.len() as u64 >= limits::CHAIN_STATEMENTS_MAX {
            return Err(ChainError::Full);
        }
        if statement.prev != self.head().hash {
            return Err(ChainError::Prev);
        }
        Ok(())
    }

    /// Whether the chain so far allows what the statement says (§4.4).
    fn permitted(&self, op: &StatementOp) -> Result<(), ChainError> {
        self.fits_a_bot(op)?;
        let refused = match op {
            StatementOp::Genesis { .. } => Some(ChainError::Genesis),
            StatementOp::Bot { warrant } => {
                let good = self.next() == 1 && warrant_of(warrant, self.id).is_some();
                (!good).then_some(ChainError::Bot)
            }
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
                        .is_none_or(|r| !self.hashes.contains(&statement_hash(r)))
                });
                (!own).then_some(ChainError::DeviceNotLive)
            }
            StatementOp::HistoryKey { generation, key } => (*generation <= self.generation()
                || key.len() != PUBLIC_KEY_BYTES)
                .then_some(ChainError::HistoryKey),
            StatementOp::Vault { version, .. } => {
                let last = self.vault().map_or(0, |(version, _)| version);
                (*version <= last).then_some(ChainError::VaultVersion)
            }
            StatementOp::Merge { other } => {
                let named = self.merges.iter().any(|(_, named)| named == other);
                (named || self.knows(other)).then_some(ChainError::Merge)
            }
        };
        refused.map_or(Ok(()), Err)
    }

    /// A bot has one device, ever, and nothing that a password would open: whoever finds its line
    /// later can make a fork of its chain at most, and that shows.
    fn fits_a_bot(&self, op: &StatementOp) -> Result<(), ChainError> {
        let fits = match op {
            _ if self.warrant.is_none() => true,
            StatementOp::DeviceAdd { .. } => self.devices.is_empty(),
            StatementOp::DeviceRevoke { .. } => true,
            _ => false,
        };
        fits.then_some(()).ok_or(ChainError::Bot)
    }

    /// Takes over a statement that is permitted.
    pub(crate) fn take(&mut self, statement: Statement, signed: &Signed, hash: StatementHash) {
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
                        key: PreparedKey::new(device.as_bytes()),
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
            StatementOp::Merge { other } => {
                self.merges.push((statement.seq, other));
                self.unhealed.push(other);
            }
            StatementOp::Bot { warrant } => {
                self.warrant = warrant_of(&warrant, self.id).map(|read| (read, warrant));
            }
        }
        self.places.push(self.statements.len());
        self.statements.push(signed.clone());
        self.hashes.push(hash);
    }
}

//! An account as its chain describes it (docs/spec/ledger.md §4).

use crate::merging::Branch;
use crate::signature::PreparedKey;
use bytes::Bytes;
use std::collections::BTreeMap;
use subrosa_proto::{AccountId, DeviceId, HashHead, Name, Signed, StatementHash, Warrant};

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
    pub(crate) revoked: Option<Signed>,
    /// The id as a key, for the signatures of its events.
    pub(crate) key: PreparedKey,
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
    pub(crate) id: AccountId,
    pub(crate) name: Name,
    pub(crate) identity: [u8; 32],
    /// As they are handed around: in front of a merge those of the branch that it took in.
    pub(crate) statements: Vec<Signed>,
    /// Of each statement of this chain.
    pub(crate) hashes: Vec<StatementHash>,
    /// Where each statement of this chain is among all.
    pub(crate) places: Vec<usize>,
    pub(crate) devices: BTreeMap<DeviceId, Device>,
    pub(crate) history: BTreeMap<u64, Bytes>,
    pub(crate) vault: Option<(u64, [u8; 32])>,
    /// All merges, by their numbers, and what they name.
    pub(crate) merges: Vec<(u64, StatementHash)>,
    /// Heads of other branches that a merge names and [`Account::absorb`] has not taken in.
    pub(crate) unhealed: Vec<StatementHash>,
    /// Those that were taken in.
    pub(crate) branches: Vec<Branch>,
    /// Of a bot, with the owner's signature.
    pub(crate) warrant: Option<(Warrant, Signed)>,
    /// The newest vault of all branches taken in.
    pub(crate) absorbed_vault: Option<(u64, [u8; 32])>,
    /// The newest generation of a history key in all branches taken in.
    pub(crate) absorbed_generation: u64,
}

impl Account {
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
    /// The statements as they are handed around: in front of a merge those of the branch that it took in.
    #[must_use]
    pub fn statements(&self) -> &[Signed] {
        &self.statements
    }
    /// The number that the next statement will have.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.hashes.len() as u64
    }
    /// The statements up to a number, as they are handed around.
    #[must_use]
    pub fn beginning(&self, seq: u64) -> &[Signed] {
        let place = usize::try_from(seq)
            .ok()
            .and_then(|seq| self.places.get(seq));
        let beginning = place.and_then(|place| self.statements.get(..=*place));
        beginning.unwrap_or(&self.statements)
    }
    /// The largest number up to `upto` of statements, as they are handed around, at which the list can be parted behind
    /// `from`: not between a branch and its merge. If there is none, the next one.
    #[must_use]
    pub fn parting(&self, from: usize, upto: usize) -> usize {
        let mut whole = self.places.iter().map(|place| place + 1);
        let below = whole.clone().rfind(|end| (from + 1..=upto).contains(end));
        below
            .or_else(|| whole.find(|end| *end > from))
            .unwrap_or(from)
    }
    /// A statement of this chain.
    pub(crate) fn at(&self, seq: u64) -> Option<&Signed> {
        let place = self.places.get(usize::try_from(seq).ok()?)?;
        self.statements.get(*place)
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
    /// All devices that the chain ever certified, revoked ones too, in the order of their ids.
    pub fn all_devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
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
    /// The newest generation that any history key had, in branches taken in too.
    #[must_use]
    pub fn generation(&self) -> u64 {
        let own = self.history_key().map_or(0, |(generation, _)| generation);
        own.max(self.absorbed_generation)
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
pub(crate) fn newest(
    a: Option<(u64, [u8; 32])>,
    b: Option<(u64, [u8; 32])>,
) -> Option<(u64, [u8; 32])> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 > a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

//! Chains that were forked and are joined again (docs/spec/ledger.md §4.5): a merge takes in the branch that it
//! names, and wherever the chain goes the branch goes with it.

use crate::account::newest;
use crate::{Account, ChainError};
use subrosa_proto::{Signed, StatementHash, decode, limits};

/// A branch that a merge has taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Number of the last statement that the chain and the branch have in common.
    common: u64,
    /// Hashes of the branch's own statements, from the next number on.
    hashes: Vec<StatementHash>,
}

impl Account {
    /// Appends statements as they are handed around: in front of a merge, those of the branch that it names. Statements
    /// in front of one that breaks a rule are kept.
    ///
    /// # Errors
    /// The rule broken; [`ChainError::Fork`] for statements of a branch that no merge follows.
    pub fn extend(&mut self, list: &[Signed]) -> Result<(), ChainError> {
        let mut rest = list;
        while let Some((first, more)) = rest.split_first() {
            rest = match self.append(first) {
                Ok(()) => more,
                Err(ChainError::Fork(fork)) => match self.join(fork.seq, rest) {
                    Some(taken) => rest.get(taken..).unwrap_or_default(),
                    None => return Err(ChainError::Fork(fork)),
                },
                Err(error) => return Err(error),
            };
        }
        Ok(())
    }

    /// Reads a branch from a number on, and the merge behind it. How many statements that were.
    fn join(&mut self, seq: u64, list: &[Signed]) -> Option<usize> {
        let mut branch = self.until(seq)?;
        let of_branch = |signed: &&Signed| branch.append(signed).is_ok();
        let taken = list.iter().take_while(of_branch).count();
        let mut joined = self.clone();
        joined.append(list.get(taken)?).ok()?;
        joined.absorb(&branch).ok()?;
        *self = joined;
        Some(taken + 1)
    }

    /// The chain as it was in front of a number. All of it was verified.
    fn until(&self, seq: u64) -> Option<Self> {
        let mut before = Self::open(self.at(0)?).ok()?;
        for n in 1..seq {
            let signed = self.at(n)?;
            before.take(decode(&signed.body).ok()?, signed, self.hash_at(n)?);
        }
        Some(before)
    }

    /// Takes in another branch of this chain, whose head a `merge` of this one names (§4.5):
    /// its revocations count, and so does its vault if that is newer. Its statements are in front of the merge from
    /// then on.
    ///
    /// # Errors
    /// [`ChainError::Merge`] when no merge names that head, when the branch names others that are not here, or when the
    /// chain has taken in as many as it can; [`ChainError::Full`] when it would be longer than it can be.
    pub fn absorb(&mut self, branch: &Self) -> Result<(), ChainError> {
        let head = branch.head().hash;
        let named = self.unhealed.iter().position(|other| *other == head);
        let named = named.filter(|_| branch.id == self.id);
        let common = self.common(branch);
        let at = self.merge_of(&head);
        let (Some(named), Some(common), Some(at)) = (named, common, at) else {
            return Err(ChainError::Merge);
        };
        let full = self.branches.len() >= limits::CHAIN_BRANCHES_MAX;
        if full || !branch.merges.iter().all(|(_, other)| self.knows(other)) {
            return Err(ChainError::Merge);
        }
        let own = common + 1..branch.next();
        let statements: Vec<Signed> = own.clone().filter_map(|n| branch.at(n)).cloned().collect();
        if (self.statements.len() + statements.len()) as u64 > limits::CHAIN_STATEMENTS_MAX {
            return Err(ChainError::Full);
        }
        let hashes: Vec<_> = own.filter_map(|n| branch.hash_at(n)).collect();
        let place = self.places.iter().skip(at as usize).copied().next();
        let place = place.ok_or(ChainError::Merge)?;
        let later = self.places.iter_mut().skip(at as usize);
        later.for_each(|place| *place += statements.len());
        self.statements.splice(place..place, statements);
        self.unhealed.remove(named);
        self.branches.push(Branch { common, hashes });
        for device in self.devices.values_mut() {
            if device.live() {
                device.revoked = branch.revoked(&device.id).cloned();
            }
        }
        self.absorbed_vault = newest(self.absorbed_vault, branch.vault());
        self.absorbed_generation = self.absorbed_generation.max(branch.generation());
        Ok(())
    }

    /// Number of the last statement that both chains have.
    fn common(&self, other: &Self) -> Option<u64> {
        let pairs = self.hashes.iter().zip(&other.hashes);
        let same = pairs.take_while(|(ours, theirs)| ours == theirs).count() as u64;
        same.checked_sub(1)
    }

    /// Number of the merge that names a head and awaits it.
    fn merge_of(&self, head: &StatementHash) -> Option<u64> {
        let mut merges = self.merges.iter();
        merges.find(|(_, other)| other == head).map(|(at, _)| *at)
    }

    /// Whether a statement is part of this chain or of a branch that it has taken in.
    #[must_use]
    pub fn knows(&self, hash: &StatementHash) -> bool {
        let mut taken_in = self.branches.iter();
        self.hashes.contains(hash) || taken_in.any(|branch| branch.hashes.contains(hash))
    }

    /// Whether all that another chain of the account says is said by this one too: it is the beginning of this chain, or
    /// of a branch that was taken in.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let is_beginning = |of: &mut dyn Iterator<Item = &StatementHash>| {
            let mut pairs = other.hashes.iter().map(|hash| of.next() == Some(hash));
            pairs.all(|same| same)
        };
        is_beginning(&mut self.hashes.iter())
            || self.branches.iter().any(|branch| {
                let shared = self.hashes.iter().take(branch.common as usize + 1);
                is_beginning(&mut shared.chain(&branch.hashes))
            })
    }

    /// The last statement of this chain that somebody had seen who had seen a statement of it or of a branch.
    #[must_use]
    pub fn seen_by(&self, hash: &StatementHash) -> Option<u64> {
        let own = self.hashes.iter().position(|own| own == hash);
        let of_branch = || {
            let mut taken_in = self.branches.iter();
            let branch = taken_in.find(|branch| branch.hashes.contains(hash))?;
            Some(branch.common)
        };
        own.map(|seq| seq as u64).or_else(of_branch)
    }

    /// Number of the last merge whose branch was taken in.
    #[must_use]
    pub fn last_merge(&self) -> Option<u64> {
        let healed = |(_, other): &&(u64, StatementHash)| !self.unhealed.contains(other);
        self.merges.iter().rev().find(healed).map(|(at, _)| *at)
    }

    /// Number of the first statement that only one of two chains has.
    #[must_use]
    pub fn parts_from(&self, other: &Self) -> u64 {
        self.common(other).map_or(0, |common| common + 1)
    }

    /// The statements of this chain from where another one of the account parts from it; none if it does not.
    #[must_use]
    pub fn apart_from(&self, other: &Self) -> Vec<Signed> {
        (self.parts_from(other)..self.next())
            .filter_map(|n| self.at(n))
            .cloned()
            .collect()
    }
}

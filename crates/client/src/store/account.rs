//! Accounts that this home knows, and the prekeys seen of their devices.

use super::{Desk, StoreError};
use crate::view::Trust;
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, DeviceId, Signed, StatementHash, decode, encode};

/// An account as this home knows it.
pub struct Known {
    /// Its verified chain.
    pub account: Account,
    /// What is known of the person.
    pub trust: Trust,
    /// Head of another chain of the same account, once one was seen.
    pub branch: Option<StatementHash>,
}

impl Desk<'_> {
    /// All accounts that this home knows.
    ///
    /// # Errors
    /// The store fails or holds another shape.
    pub fn accounts(&self) -> Result<Vec<Known>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT chain, trust, branch FROM account")?;
        let rows = statement.query_map([], |row| {
            let branch = row.get::<_, Option<[u8; 32]>>(2)?;
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?, branch))
        })?;
        rows.map(|row| {
            let (chain, trust, branch) = row?;
            let chain: Vec<Signed> =
                decode(&chain.into()).map_err(|_| StoreError::Shape("account chain"))?;
            let account =
                Account::from_chain(&chain).map_err(|_| StoreError::Shape("account chain"))?;
            Ok(Known {
                account,
                trust: trust_of(trust),
                branch: branch.map(StatementHash),
            })
        })
        .collect()
    }

    /// Keeps an account's chain as verified.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_account(&self, account: &Account) -> Result<(), StoreError> {
        let chain = encode(&account.statements().to_vec());
        let mut statement = self.sql.prepare_cached(
            "INSERT INTO account (id, name, chain) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET chain = excluded.chain",
        )?;
        statement.execute((account.id().as_bytes(), account.name().as_str(), &chain[..]))?;
        Ok(())
    }

    /// Writes what is known of the person behind an account.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_trust(&self, account: &AccountId, trust: Trust) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE account SET trust = ?2 WHERE id = ?1")?;
        statement.execute((account.as_bytes(), trust_number(trust)))?;
        Ok(())
    }

    /// The newest prekeys seen, each with its account.
    ///
    /// # Errors
    /// The store fails or holds another shape.
    pub fn prekeys(&self) -> Result<Vec<(AccountId, Signed)>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT account, signed FROM prekey")?;
        let rows = statement.query_map([], |row| {
            Ok((AccountId(row.get(0)?), row.get::<_, Vec<u8>>(1)?))
        })?;
        rows.map(|row| {
            let (account, signed) = row?;
            Ok((
                account,
                decode(&signed.into()).map_err(|_| StoreError::Shape("prekey"))?,
            ))
        })
        .collect()
    }

    /// Remembers a device's newest prekey.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_prekey(
        &self,
        device: &DeviceId,
        account: &AccountId,
        signed: &Signed,
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR REPLACE INTO prekey (device, account, signed) VALUES (?1, ?2, ?3)",
        )?;
        statement.execute((device.as_bytes(), account.as_bytes(), &encode(signed)[..]))?;
        Ok(())
    }

    /// Notes the head of another chain of this account: a branch, from which nobody knows yet which
    /// of the two counts.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_branch(&self, account: &AccountId, head: &StatementHash) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE account SET branch = ?2 WHERE id = ?1")?;
        statement.execute((account.as_bytes(), head.as_bytes()))?;
        Ok(())
    }
}

const fn trust_number(trust: Trust) -> i64 {
    match trust {
        Trust::Unverified => 0,
        Trust::Invited => 1,
        Trust::Verified => 2,
    }
}

const fn trust_of(number: i64) -> Trust {
    match number {
        2 => Trust::Verified,
        1 => Trust::Invited,
        _ => Trust::Unverified,
    }
}

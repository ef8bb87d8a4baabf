//! Accounts that this home knows, and the prekeys seen of their devices.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use crate::trust_view::Standing;
use crate::view::Trust;
use rusqlite::OptionalExtension;
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, DeviceId, Signed, StatementHash, decode, encode};

/// An account as this home knows it.
pub struct Known {
    /// Its verified chain.
    pub account: Account,
    /// What is known of the person.
    pub trust: Trust,
    /// How it stands to its name.
    pub standing: Standing,
    /// Heads of other chains of the same account that were seen and are not joined to it.
    pub branches: Vec<StatementHash>,
    /// The account was met with its last merge in it.
    pub met_merged: bool,
}

impl Desk<'_> {
    /// All accounts that this home knows.
    ///
    /// # Errors
    /// The store fails or holds another shape.
    pub fn accounts(&self) -> Result<Vec<Known>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT chain, trust, branch, standing FROM account")?;
        let rows = statement.query_map([], |row| {
            let branches = row.get::<_, Option<Vec<u8>>>(2)?;
            let standing = row.get::<_, i64>(3)?;
            Ok((
                row.get::<_, Vec<u8>>(0)?,
                row.get::<_, i64>(1)?,
                branches.unwrap_or_default(),
                standing,
            ))
        })?;
        rows.map(|row| {
            let (chain, trust, branches, standing) = row?;
            let chain: Vec<Signed> =
                decode(&chain.into()).map_err(|_| StoreError::Shape("account chain"))?;
            let account =
                Account::from_chain(&chain).map_err(|_| StoreError::Shape("account chain"))?;
            let met_merged = match met(&account) {
                Some(what) => self.was_told(&what)?,
                None => false,
            };
            let (branches, _) = branches.as_chunks::<32>();
            Ok(Known {
                account,
                trust: trust_of(trust),
                standing: standing_of(standing),
                branches: branches.iter().copied().map(StatementHash).collect(),
                met_merged,
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

    /// Writes how an account stands to its name.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_standing(&self, account: &AccountId, standing: Standing) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE account SET standing = ?2 WHERE id = ?1")?;
        statement.execute((account.as_bytes(), standing_number(standing)))?;
        Ok(())
    }

    /// Notes that an account's devices were seen to change.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_changed(&self, account: &AccountId, now_ms: u64) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE account SET changed_ms = ?2 WHERE id = ?1")?;
        statement.execute((account.as_bytes(), signed(now_ms)))?;
        Ok(())
    }

    /// When an account's devices were last seen to change.
    ///
    /// # Errors
    /// The store fails.
    pub fn changed(&self, account: &AccountId) -> Result<Option<u64>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT changed_ms FROM account WHERE id = ?1")?;
        let changed = statement
            .query_row([account.as_bytes()], |row| row.get::<_, Option<i64>>(0))
            .optional()?;
        Ok(changed.flatten().map(unsigned))
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

    /// Notes the heads of other chains of this account: branches, of which nobody knows yet which counts.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_branches(
        &self,
        account: &AccountId,
        heads: &[StatementHash],
    ) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE account SET branch = ?2 WHERE id = ?1")?;
        let heads: Vec<u8> = heads.iter().flat_map(|head| head.0).collect();
        statement.execute((account.as_bytes(), (!heads.is_empty()).then_some(heads)))?;
        Ok(())
    }

    /// Notes that an account was met as it is: what it has joined before was never seen apart here.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_met(&self, account: &Account) -> Result<(), StoreError> {
        match met(account) {
            Some(what) => self.tell_once(&what).map(drop),
            None => Ok(()),
        }
    }
}

/// Under which name it is kept that an account was met with its last merge.
fn met(account: &Account) -> Option<String> {
    let merge = account.hash_at(account.last_merge()?)?;
    Some(format!("met/{}/{merge}", account.id()))
}

const fn standing_number(standing: Standing) -> i64 {
    match standing {
        Standing::Holder => 0,
        Standing::Newcomer => 1,
        Standing::Former => 2,
        Standing::Refused => 3,
    }
}

const fn standing_of(number: i64) -> Standing {
    match number {
        1 => Standing::Newcomer,
        2 => Standing::Former,
        3 => Standing::Refused,
        _ => Standing::Holder,
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

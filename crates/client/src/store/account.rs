//! Accounts that this home knows, the prekeys seen of their devices, and this account's invites.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use crate::view::Trust;
use rusqlite::OptionalExtension;
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, DeviceId, Signed, decode, encode};

/// An account as this home knows it.
pub struct Known {
    /// Its verified chain.
    pub account: Account,
    /// What is known of the person.
    pub trust: Trust,
}

impl Desk<'_> {
    /// All accounts that this home knows.
    ///
    /// # Errors
    /// The store fails or holds another shape.
    pub fn accounts(&self) -> Result<Vec<Known>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT chain, trust FROM account")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?))
        })?;
        rows.map(|row| {
            let (chain, trust) = row?;
            let chain: Vec<Signed> =
                decode(&chain.into()).map_err(|_| StoreError::Shape("account chain"))?;
            let account =
                Account::from_chain(&chain).map_err(|_| StoreError::Shape("account chain"))?;
            Ok(Known {
                account,
                trust: trust_of(trust),
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

    /// Keeps the secret of an invite of this account. `caller` is its command, absent when it came
    /// from another device.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_invite(
        &self,
        secret: &[u8; 16],
        caller: Option<&str>,
        created_ms: u64,
        expires_ms: u64,
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR IGNORE INTO invite (secret, caller, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute((secret, caller, signed(created_ms), signed(expires_ms)))?;
        Ok(())
    }

    /// The invite that a command made before: its secret and end.
    ///
    /// # Errors
    /// The store fails.
    pub fn invite_of(&self, caller: &str) -> Result<Option<([u8; 16], u64)>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT secret, expires_ms FROM invite WHERE caller = ?1")?;
        Ok(statement
            .query_row([caller], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))
            .optional()?)
    }

    /// The secrets of invites that nobody has used yet.
    ///
    /// # Errors
    /// The store fails.
    pub fn open_invites(&self) -> Result<Vec<[u8; 16]>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT secret FROM invite WHERE used_by IS NULL")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes who came by an invite.
    ///
    /// # Errors
    /// The store fails.
    pub fn invite_used(&self, secret: &[u8; 16], by: &AccountId) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE invite SET used_by = ?2 WHERE secret = ?1")?;
        statement.execute((secret, by.as_bytes()))?;
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

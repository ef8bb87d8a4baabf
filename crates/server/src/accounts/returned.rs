//! What clients bring back to a server that was restored from a copy: account chains, bundles and
//! prekeys (docs/spec/ledger.md §14.2). All of it is signed by whom it is about, so it does not
//! matter who brings it.

use super::{Known, registration};
use crate::hash;
use crate::office::Office;
use crate::records::{self, AccountRow};
use crate::refused::{Outcome, Refused};
use crate::storage::{Commit, Recipient, Release, Revision, Store, StoreError, Write};
use bytes::Bytes;
use std::sync::Arc;
use subrosa_ledger::{Account, ChainError};
use subrosa_proto::{
    AccountId, DeviceId, ErrorCode, Prekey, Response, Signed, Statement, encode, limits,
};

const VOUCHER: &[u8] = b"subrosa/1 voucher\0";
/// For how long after a restore things are taken back.
const OPEN_MS: u64 = limits::DEVICE_BOX_MS;

impl<S: Store> Office<S> {
    /// When the newest event of the copy had arrived that this server was restored from, as long as
    /// what came later is taken back.
    pub(crate) fn takes_back(&self) -> Option<u64> {
        let restored = self.restored?;
        let open = self.now_ms().saturating_sub(restored.at_ms) < OPEN_MS;
        open.then_some(restored.copy_ms)
    }

    /// By which an account shows that this server had it, whatever a copy has of that: 32 bytes
    /// that follow from the seed.
    fn voucher(&self, id: &AccountId) -> [u8; 32] {
        *hash::derive(&self.registrar, &[VOUCHER, &id.0].concat())
    }

    /// What a device keeps so that a restored server can be healed.
    pub(crate) async fn keepsake(&self, id: &AccountId) -> Outcome<Response> {
        let bundle = self.record(records::bundle(id)).await?;
        Ok(Response::Keepsake {
            bundle: bundle.map(|record| record.value),
            voucher: self.voucher(id),
        })
    }

    /// Whether an account that is not here may bring itself back.
    pub(crate) fn vouched(&self, id: &AccountId, voucher: &[u8; 32]) -> Outcome<()> {
        if self.takes_back().is_none() {
            return Err(ErrorCode::NotPermitted.into());
        }
        if hash::equal(&self.voucher(id), voucher) {
            Ok(())
        } else {
            Err(ErrorCode::NotAuthenticated.into())
        }
    }

    /// Takes statements back that follow on those that are here, the bundle that the last vault
    /// statement names, and prekeys. What is here already is passed over. Without a bundle, an
    /// account whose vault changed is without password login until one is brought.
    pub(crate) async fn return_chain(
        &self,
        statements: &[Signed],
        bundle: Option<Bytes>,
        prekeys: Vec<Signed>,
    ) -> Outcome<()> {
        if self.takes_back().is_none() {
            return Err(ErrorCode::NotPermitted.into());
        }
        let many = 4 * limits::ACCOUNT_DEVICES_MAX;
        if statements.len() as u64 > limits::CHAIN_STATEMENTS_MAX || prekeys.len() > many {
            return Err(ErrorCode::TooLarge.into());
        }
        let first = statements.first().ok_or(ErrorCode::Malformed)?;
        let first: Statement =
            subrosa_proto::decode(&first.body).map_err(|_| ErrorCode::Malformed)?;
        let known = self.account(&first.account).await?;
        let account = grown(known.as_deref(), statements)?;
        self.keep_returned(known, account, bundle).await?;
        for signed in prekeys {
            self.return_prekey(&first.account, signed).await?;
        }
        Ok(())
    }

    async fn keep_returned(
        &self,
        known: Option<Arc<Known>>,
        account: Account,
        bundle: Option<Bytes>,
    ) -> Outcome<()> {
        let id = account.id();
        let before = known
            .as_ref()
            .map_or(0, |known| known.account.statements().len());
        let mut writes = self
            .returned_bundle(known.as_deref(), &account, bundle)
            .await?;
        if account.statements().len() == before && writes.is_empty() {
            return Ok(());
        }
        writes.extend(self.returned_row(known.as_deref(), &account).await?);
        let more = account.statements().iter().skip(before);
        writes.extend((before as u64..).zip(more).map(|(place, signed)| Write {
            key: records::statement(&id, place),
            expected: Revision::ABSENT,
            value: Some(encode(signed)),
        }));
        let revoked = self.newly_revoked(known.as_deref(), &account);
        for device in &revoked {
            let key = records::prekey(&id, device);
            if let Some(record) = self.record(key.clone()).await? {
                writes.push(Write {
                    key,
                    expected: record.revision,
                    value: None,
                });
            }
        }
        let commit = Commit {
            idem: None,
            now_ms: self.now_ms(),
            guards: Vec::new(),
            writes,
        };
        let committed = match self.store.commit(commit).await {
            Err(StoreError::Conflict { key }) if key == records::name(account.name()) => {
                return Err(ErrorCode::NameTaken.into());
            }
            Err(StoreError::Conflict { .. }) => return Err(ErrorCode::Conflict.into()),
            other => other?,
        };
        let head = account.head();
        tracing::info!(account = ?id, seq = head.seq, "an account chain was brought back");
        self.accounts.keep(Known {
            account,
            revision: committed.revision,
        });
        for device in &revoked {
            self.store
                .release(Release::Recipient(Recipient(device.0)))
                .await?;
            self.delivery.cut(device);
        }
        self.announce_chain(&id, head).await
    }

    /// The account's own record, and its name if it is not here.
    async fn returned_row(&self, known: Option<&Known>, account: &Account) -> Outcome<Vec<Write>> {
        let id = account.id();
        let head = account.head();
        let Some(known) = known else {
            let row = AccountRow {
                name: account.name().clone(),
                head,
                since_ms: self.now_ms(),
            };
            let new = |key, value| Write {
                key,
                expected: Revision::ABSENT,
                value: Some(value),
            };
            return Ok(vec![
                new(records::name(account.name()), encode(&id)),
                new(records::account(&id), encode(&row)),
            ]);
        };
        let record = self.record(records::account(&id)).await?;
        let row: AccountRow = match record {
            Some(record) if record.revision == known.revision => records::decode(&record.value)?,
            _ => return Err(ErrorCode::Conflict.into()),
        };
        Ok(vec![Write {
            key: records::account(&id),
            expected: known.revision,
            value: Some(encode(&AccountRow { head, ..row })),
        }])
    }

    /// The bundle that was brought, if it is wanted; or the old one goes, since the chain names
    /// another: an old password opens nothing any more.
    async fn returned_bundle(
        &self,
        known: Option<&Known>,
        account: &Account,
        bundle: Option<Bytes>,
    ) -> Outcome<Vec<Write>> {
        let id = account.id();
        let present = self.record(records::bundle(&id)).await?;
        let fits = |bytes: &Bytes| {
            account.vault().map(|(_, hash)| hash) == Some(subrosa_ledger::bundle_hash(bytes))
        };
        if present.as_ref().is_some_and(|record| fits(&record.value)) {
            return Ok(Vec::new());
        }
        if let Some(bundle) = bundle {
            return registration::bundle_writes(self, account, &bundle).await;
        }
        if known.is_some_and(|known| known.account.vault() == account.vault()) {
            return Ok(Vec::new());
        }
        let keys = vec![
            records::bundle(&id),
            records::login(&id, 0),
            records::login(&id, 1),
        ];
        self.removals(keys).await
    }

    fn newly_revoked(&self, known: Option<&Known>, account: &Account) -> Vec<DeviceId> {
        let live = known.map(|known| known.account.devices().map(|device| device.id));
        live.into_iter()
            .flatten()
            .filter(|device| account.revoked(device).is_some())
            .collect()
    }

    /// A prekey or a logout that is newer than the one here.
    async fn return_prekey(&self, id: &AccountId, signed: Signed) -> Outcome<()> {
        let prekey: Prekey =
            subrosa_proto::decode(&signed.body).map_err(|_| ErrorCode::Malformed)?;
        match self.put_prekey(id, &prekey.device, signed).await {
            // Older than the one here, or over: nothing is lost.
            Err(Refused::Code(ErrorCode::Conflict | ErrorCode::Malformed)) => Ok(()),
            other => other,
        }
    }
}

/// The chain that is here, continued by what was brought.
fn grown(known: Option<&Known>, brought: &[Signed]) -> Outcome<Account> {
    let Some(known) = known else {
        return Account::from_chain(brought).map_err(|_| ErrorCode::Malformed.into());
    };
    let here = known.account.statements();
    // From where it is known here, it has to be the same as far as this goes.
    let at = brought
        .first()
        .and_then(|first| here.iter().position(|signed| signed == first));
    let already = here.get(at.unwrap_or(here.len())..).unwrap_or_default();
    let new = if brought.starts_with(already) {
        brought.get(already.len()..).unwrap_or_default()
    } else if already.starts_with(brought) {
        &[]
    } else {
        brought
    };
    let mut account = known.account.clone();
    // Two statements of one number: which of them counts is not for the server to say.
    account.extend(new).map_err(|error| match error {
        ChainError::Fork(_) | ChainError::Known { .. } | ChainError::Prev => ErrorCode::Conflict,
        _ => ErrorCode::Malformed,
    })?;
    Ok(account)
}

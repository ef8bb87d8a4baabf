//! Prekeys: the newest of each device, signed by the device.

use crate::office::Office;
use crate::records;
use crate::refused::Outcome;
use crate::storage::{Commit, Recipient, Release, Revision, Store, StoreError, Write};
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, DeviceId, ErrorCode, LOGOUT_ID, Prekey, Signed, encode, limits};

/// A prekey as it was published.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) signed: Signed,
    pub(crate) prekey: Prekey,
}

impl<S: Store> Office<S> {
    /// Checks a prekey that boxes could be sealed to.
    pub(super) fn check_new_prekey(&self, account: &Account, signed: &Signed) -> Outcome<Prekey> {
        let prekey =
            subrosa_ledger::check_prekey(account, signed).map_err(|_| ErrorCode::Malformed)?;
        let now = self.now_ms();
        let latest = now + limits::PREKEY_MS + limits::PREKEY_CLOCK_MS;
        let live = account.devices().any(|device| device.id == prekey.device);
        let good = live
            && prekey.id != LOGOUT_ID
            && prekey.expires_ms > now
            && prekey.expires_ms <= latest;
        if good {
            Ok(prekey)
        } else {
            Err(ErrorCode::Malformed.into())
        }
    }

    /// Publishes the next prekey of a device, or logs the device out for good.
    pub(crate) async fn put_prekey(
        &self,
        id: &AccountId,
        device: &DeviceId,
        signed: Signed,
    ) -> Outcome<()> {
        let known = self.account(id).await?.ok_or(ErrorCode::NotAuthenticated)?;
        let prekey = subrosa_ledger::check_prekey(&known.account, &signed)
            .map_err(|_| ErrorCode::Malformed)?;
        if prekey.device != *device {
            return Err(ErrorCode::NotPermitted.into());
        }
        let logout = prekey.id == LOGOUT_ID;
        if !logout {
            self.check_new_prekey(&known.account, &signed)?;
        }
        let key = records::prekey(id, device);
        let present = self.record(key.clone()).await?;
        let mut expected = Revision::ABSENT;
        if let Some(record) = present {
            expected = record.revision;
            let old: Signed = records::decode(&record.value)?;
            let old_prekey: Prekey = records::decode(&old.body)?;
            if old == signed {
                return Ok(());
            }
            if old_prekey.id >= prekey.id {
                return Err(ErrorCode::Conflict.into());
            }
        }
        let writes = vec![Write {
            key,
            expected,
            value: Some(encode(&signed)),
        }];
        let commit = Commit {
            idem: None,
            now_ms: self.now_ms(),
            guards: Vec::new(),
            writes,
        };
        match self.store.commit(commit).await {
            Err(StoreError::Conflict { .. }) => return Err(ErrorCode::Conflict.into()),
            other => other?,
        };
        if logout {
            self.store
                .release(Release::Recipient(Recipient(device.0)))
                .await?;
            self.delivery.cut(device);
            tracing::info!(account = ?id, "device logged out");
        }
        Ok(())
    }

    /// The newest prekey of each device that has one, logouts included.
    pub(crate) async fn prekeys(&self, id: &AccountId) -> Outcome<Vec<Published>> {
        let page = self
            .store
            .scan(records::prekeys(id), None, 4 * limits::ACCOUNT_DEVICES_MAX)
            .await?;
        let published = page.iter().map(|(_, record)| {
            let signed: Signed = records::decode(&record.value)?;
            let prekey: Prekey = records::decode(&signed.body)?;
            Ok(Published { signed, prekey })
        });
        published.collect()
    }
}

//! The end of an account whose secrets are lost, on the operator's word: its name is free again, and
//! nobody logs in to it any more. Its chain stays, since others' conversations are judged by it.

use crate::office::Office;
use crate::records;
use crate::refused::Outcome;
use crate::storage::{Commit, Store, Write};
use subrosa_proto::{AccountId, Name};

/// Frees a name; whose it was.
pub(crate) async fn release_name<S: Store>(
    store: &S,
    now_ms: u64,
    name: &Name,
) -> Outcome<Option<AccountId>> {
    let key = records::name(name);
    let found = store.get(vec![key.clone()]).await?;
    let Some(record) = found.into_iter().next().flatten() else {
        return Ok(None);
    };
    let holder = records::decode(&record.value)?;
    let write = Write {
        key,
        expected: record.revision,
        value: None,
    };
    let commit = Commit {
        idem: None,
        now_ms,
        guards: Vec::new(),
        writes: vec![write],
    };
    store.commit(commit).await?;
    Ok(Some(holder))
}

impl<S: Store> Office<S> {
    /// The same while the server runs: the account's devices are cut off. False when nobody has
    /// the name.
    pub(crate) async fn release(&self, name: &Name) -> Outcome<bool> {
        let Some(id) = release_name(&self.store, self.now_ms(), name).await? else {
            return Ok(false);
        };
        tracing::info!(account = ?id, "the account's name was released");
        if let Some(known) = self.account(&id).await? {
            for device in known.account.devices() {
                self.delivery.cut(&device.id);
            }
        }
        Ok(true)
    }

    /// Whether an account still has its name.
    pub(super) async fn has_name(&self, id: &AccountId, name: &Name) -> Outcome<bool> {
        let holder = self.record(records::name(name)).await?;
        let holder = holder.map(|record| records::decode::<AccountId>(&record.value));
        Ok(holder.transpose()? == Some(*id))
    }
}

//! Accounts: their chains, which are verified when they are loaded and kept in a bounded cache.

mod bots;
mod chain;
mod device;
mod password;
mod prekeys;
mod registration;
mod release;
mod renewal;
mod returned;

pub(crate) use bots::NewBot;
pub(crate) use password::{OpenLogin, Proven};
pub(crate) use registration::Invited;
pub(crate) use release::release_name;
pub(crate) use renewal::Renewed;

use crate::office::Office;
use crate::records::{self, AccountRow};
use crate::refused::{Outcome, Refused};
use crate::storage::{Revision, Store};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, Signed};

/// An account as of a revision of its record.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) account: Account,
    pub(crate) revision: Revision,
}

/// The accounts that were used last. This process alone changes chains, and puts every change
/// here before it answers.
#[derive(Default)]
pub(crate) struct Accounts {
    known: Mutex<HashMap<AccountId, Arc<Known>>>,
}

impl Accounts {
    const MAX: usize = 4_096;

    fn find(&self, id: &AccountId) -> Option<Arc<Known>> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// Reads it anew when it is next asked for.
    fn forget(&self, id: &AccountId) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
    }

    /// Keeps it, unless a later state is already there.
    fn keep(&self, known: Known) -> Arc<Known> {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let id = known.account.id();
        if let Some(there) = all.get(&id)
            && there.revision > known.revision
        {
            return there.clone();
        }
        if all.len() >= Self::MAX {
            let victim = all.keys().next().copied();
            victim.and_then(|id| all.remove(&id));
        }
        let known = Arc::new(known);
        all.insert(id, known.clone());
        known
    }
}

impl<S: Store> Office<S> {
    /// An account, or nothing if there is none of that id.
    pub(crate) async fn account(&self, id: &AccountId) -> Outcome<Option<Arc<Known>>> {
        if let Some(known) = self.accounts.find(id) {
            return Ok(Some(known));
        }
        // Row and statements are read one after the other; an append in between is noticed and read again.
        for _ in 0..4 {
            let Some(record) = self.record(records::account(id)).await? else {
                return Ok(None);
            };
            let row: AccountRow = records::decode(&record.value)?;
            let chain = self.stored_chain(id, 0, usize::MAX).await?;
            let account = Account::from_chain(&chain)
                .map_err(|_| Refused::Damaged("a stored account chain is not valid"))?;
            if account.head() == row.head {
                return Ok(Some(self.accounts.keep(Known {
                    account,
                    revision: record.revision,
                })));
            }
        }
        Err(Refused::Damaged(
            "an account chain does not end where its record says",
        ))
    }

    /// Statements of a chain from a number on, up to about so many bytes.
    pub(crate) async fn stored_chain(
        &self,
        id: &AccountId,
        from: u64,
        bytes: usize,
    ) -> Outcome<Vec<Signed>> {
        let mut chain = Vec::new();
        let mut after = from.checked_sub(1).map(|seq| records::statement(id, seq));
        let mut left = bytes;
        loop {
            let page = self.store.scan(records::statements(id), after, 128).await?;
            let Some((last, _)) = page.last() else {
                return Ok(chain);
            };
            after = Some(last.clone());
            for (_, record) in &page {
                let Some(rest) = left.checked_sub(record.value.len()) else {
                    return Ok(chain);
                };
                left = rest;
                chain.push(records::decode(&record.value)?);
            }
        }
    }
}

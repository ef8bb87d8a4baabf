//! Growth of an account chain, by compare-and-swap on its head, and what follows from it: a
//! revoked device loses its connection, its prekey and its boxes at once.

use super::{Known, registration};
use crate::office::Office;
use crate::records::{self, AccountRow};
use crate::refused::{Outcome, Refused};
use crate::storage::{Commit, Recipient, Release, Revision, Store, StoreError, Write};
use bytes::Bytes;
use subrosa_ledger::{Account, ChainError};
use subrosa_proto::{
    AccountId, DeviceId, ErrorCode, HashHead, Response, Signed, Statement, StatementOp, encode,
    limits,
};

/// Statements in one request, those of a branch among them: as many as fit into a message.
const STATEMENTS_MAX: usize = 256;

/// What new statements change beside the chain.
#[derive(Default)]
pub(super) struct Changes {
    added: Vec<DeviceId>,
    revoked: Vec<DeviceId>,
    vault: bool,
}

impl<S: Store> Office<S> {
    /// Appends statements. The same statements again are done again.
    pub(crate) async fn chain_append(
        &self,
        id: &AccountId,
        statements: Vec<Signed>,
        bundle: Option<Bytes>,
        prekey: Option<Signed>,
    ) -> Outcome<()> {
        if statements.is_empty() || statements.len() > STATEMENTS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let known = self.account(id).await?.ok_or(ErrorCode::NotAuthenticated)?;
        let decoded = statements
            .iter()
            .map(|signed| subrosa_proto::decode::<Statement>(&signed.body));
        let decoded: Vec<Statement> = decoded
            .collect::<Result<_, _>>()
            .map_err(|_| ErrorCode::Malformed)?;
        if is_repetition(&known.account, &statements) {
            // What follows may have been cut short the first time.
            let changes = Changes::of(&decoded);
            return self.chain_grew(id, &changes, known.account.head()).await;
        }
        let mut account = known.account.clone();
        account
            .extend(&statements)
            .map_err(|error| refusal(&error))?;
        check_size(&account)?;
        let mut changes = Changes::of(appended(&statements, &decoded, &account));
        changes.revoke_by_branches(&known.account, &account);
        if !changes.vault && account.vault() != known.account.vault() {
            // A branch had a newer vault, and the bundle here would be nobody's.
            return Err(ErrorCode::Malformed.into());
        }
        let writes = self
            .chain_writes(&known, &account, &statements, &changes, bundle, prekey)
            .await?;
        let commit = Commit {
            idem: None,
            now_ms: self.now_ms(),
            guards: Vec::new(),
            writes,
        };
        let committed = match self.store.commit(commit).await {
            Ok(committed) => committed,
            Err(error) => {
                // Whether it was carried out is not known: the next one looks.
                self.accounts.forget(id);
                return Err(match error {
                    StoreError::Conflict { .. } => ErrorCode::Conflict.into(),
                    error => error.into(),
                });
            }
        };
        let head = account.head();
        self.accounts.keep(Known {
            account,
            revision: committed.revision,
        });
        tracing::info!(account = ?id, seq = head.seq, "account chain grew");
        self.chain_grew(id, &changes, head).await
    }

    /// What follows from growth, as often as it is asked for: a revoked device is cut off at once, and
    /// those who share a conversation with the account are told.
    pub(super) async fn chain_grew(
        &self,
        id: &AccountId,
        changes: &Changes,
        head: HashHead,
    ) -> Outcome<()> {
        for device in &changes.revoked {
            self.store
                .release(Release::Recipient(Recipient(device.0)))
                .await?;
            self.delivery.cut(device);
        }
        self.announce_chain(id, head).await
    }

    pub(super) async fn chain_writes(
        &self,
        known: &Known,
        account: &Account,
        statements: &[Signed],
        changes: &Changes,
        bundle: Option<Bytes>,
        prekey: Option<Signed>,
    ) -> Outcome<Vec<Write>> {
        let id = &account.id();
        let record = self.record(records::account(id)).await?;
        let row: AccountRow = match record {
            Some(record) if record.revision == known.revision => records::decode(&record.value)?,
            _ => return Err(ErrorCode::Conflict.into()),
        };
        let row = AccountRow {
            head: account.head(),
            ..row
        };
        let mut writes = vec![Write {
            key: records::account(id),
            expected: known.revision,
            value: Some(encode(&row)),
        }];
        let first = known.account.statements().len() as u64;
        writes.extend((first..).zip(statements).map(|(place, signed)| Write {
            key: records::statement(id, place),
            expected: Revision::ABSENT,
            value: Some(encode(signed)),
        }));
        match (changes.vault, bundle) {
            (true, Some(bundle)) => {
                writes.extend(registration::bundle_writes(self, account, &bundle).await?);
            }
            (false, None) => {}
            _ => return Err(ErrorCode::Malformed.into()),
        }
        match (changes.added.as_slice(), prekey) {
            ([], None) => {}
            ([device], Some(signed)) => {
                if self.check_new_prekey(account, &signed)?.device != *device {
                    return Err(ErrorCode::Malformed.into());
                }
                let key = records::prekey(id, device);
                writes.push(Write {
                    key,
                    expected: Revision::ABSENT,
                    value: Some(encode(&signed)),
                });
            }
            _ => return Err(ErrorCode::Malformed.into()),
        }
        for device in changes
            .revoked
            .iter()
            .filter(|device| !changes.added.contains(device))
        {
            let key = records::prekey(id, device);
            if let Some(record) = self.record(key.clone()).await? {
                writes.push(Write {
                    key,
                    expected: record.revision,
                    value: None,
                });
            }
        }
        Ok(writes)
    }

    /// Part of the own chain; ask again from where it ends.
    pub(crate) async fn own_chain(&self, id: &AccountId, from: u64) -> Outcome<Response> {
        let statements = self.stored_chain(id, from, limits::PAGE_BYTES_MAX).await?;
        Ok(Response::Chain { statements })
    }
}

impl Changes {
    pub(super) fn of<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> Self {
        let mut changes = Self::default();
        for statement in statements {
            match &statement.op {
                StatementOp::DeviceAdd { device, .. } => changes.added.push(*device),
                StatementOp::DeviceRevoke { device } => changes.revoked.push(*device),
                StatementOp::Vault { .. } => changes.vault = true,
                StatementOp::Genesis { .. }
                | StatementOp::HistoryKey { .. }
                | StatementOp::Merge { .. }
                | StatementOp::Bot { .. } => {}
            }
        }
        changes
    }

    /// What a branch revoked that a merge takes in is over here, too.
    fn revoke_by_branches(&mut self, before: &Account, after: &Account) {
        let ended = before.devices().map(|device| device.id);
        let ended = ended.filter(|device| after.revoked(device).is_some());
        let ended: Vec<_> = ended
            .filter(|device| !self.revoked.contains(device))
            .collect();
        self.revoked.extend(ended);
    }
}

/// Those that are statements of the chain itself.
fn appended<'a>(
    statements: &'a [Signed],
    decoded: &'a [Statement],
    account: &'a Account,
) -> impl Iterator<Item = &'a Statement> {
    let both = statements.iter().zip(decoded);
    let own = both.filter(|(signed, statement)| {
        account.hash_at(statement.seq) == Some(subrosa_ledger::statement_hash(signed))
    });
    own.map(|(_, statement)| statement)
}

fn is_repetition(account: &Account, statements: &[Signed]) -> bool {
    let mut there = statements.iter();
    there.all(|signed| account.knows(&subrosa_ledger::statement_hash(signed)))
}

/// What does not follow on the head that is here was made for another one.
fn refusal(error: &ChainError) -> ErrorCode {
    match error {
        ChainError::Known { .. }
        | ChainError::Fork(_)
        | ChainError::Gap { .. }
        | ChainError::Prev => ErrorCode::Conflict,
        _ => ErrorCode::Malformed,
    }
}

fn check_size(account: &Account) -> Outcome<()> {
    let long = account.statements().len() as u64 > limits::CHAIN_STATEMENTS_MAX;
    let statements = account.statements().iter();
    let bytes: usize = statements.map(|signed| signed.body.len() + 80).sum();
    if long
        || bytes > limits::CHAIN_BYTES_MAX
        || account.devices().count() > limits::ACCOUNT_DEVICES_MAX
    {
        return Err(Refused::from(ErrorCode::TooLarge));
    }
    Ok(())
}

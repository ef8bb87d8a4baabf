//! Registration: an invite code, a name, two OPAQUE registrations, then the account's chain,
//! bundle and first prekey in one commit (docs/spec/login.md, docs/spec/ledger.md §9).

use super::Known;
use crate::hash;
use crate::invites::Invite;
use crate::limits::Source;
use crate::observer::Seen;
use crate::office::Office;
use crate::records::{self, AccountRow};
use crate::refused::{Outcome, Refused};
use crate::storage::{Commit, Revision, Store, StoreError, Write};
use bytes::Bytes;
use subrosa_ledger::Account;
use subrosa_login::{Credential, CredentialId, Record};
use subrosa_proto::{AccountId, Bundle, ErrorCode, Name, Response, Signed, encode, limits};

/// A connection that has shown a good invite and asked for a name.
#[derive(Debug, Clone)]
pub(crate) struct Invited {
    code_hash: [u8; 32],
    name: Name,
}

/// The parts of a bundle that the server looks at.
struct Records {
    password: Record,
    recovery: Record,
}

impl<S: Store> Office<S> {
    /// First step. A used invite is good for the name that it made, so that a registration whose
    /// end got lost can be taken up again.
    pub(crate) async fn register_start(
        &self,
        code: &[u8; 32],
        source: Source,
        name: Name,
        password: &[u8],
        recovery: &[u8],
    ) -> Outcome<(Invited, Response)> {
        let code_hash = hash::sha256(&[code]);
        let invite = self
            .invite(&code_hash)
            .await?
            .ok_or(ErrorCode::InviteInvalid)?;
        let holder: Option<AccountId> = match self.record(records::name(&name)).await? {
            Some(record) => Some(records::decode(&record.value)?),
            None => None,
        };
        match (invite.row.used_by, holder) {
            (None, None) if invite.row.expires_ms > self.now_ms() => {}
            (None, Some(_)) if invite.row.expires_ms > self.now_ms() => {
                return Err(ErrorCode::NameTaken.into());
            }
            (Some(made), Some(holder)) if made == holder => {}
            _ => return Err(ErrorCode::InviteInvalid.into()),
        }
        // What is answered here serves to test a guess at this name's password as well as a login does.
        self.count_login_attempt(&name, source)
            .map_err(Refused::Later)?;
        let answer = |credential, request: &[u8]| -> Outcome<Bytes> {
            let id =
                CredentialId::new(credential, name.as_str()).map_err(|_| ErrorCode::Malformed)?;
            let response = self
                .setup
                .respond(&id, request)
                .map_err(|_| ErrorCode::Malformed)?;
            Ok(Bytes::copy_from_slice(&response))
        };
        let response = Response::RegisterReply {
            password: answer(Credential::Password, password)?,
            recovery: answer(Credential::Recovery, recovery)?,
            note: invite.row.note,
        };
        Ok((Invited { code_hash, name }, response))
    }

    /// Second step.
    pub(crate) async fn register_finish(
        &self,
        connection: u64,
        invited: &Invited,
        code: &[u8; 32],
        chain: Vec<Signed>,
        bundle: Bytes,
        prekey: Signed,
    ) -> Outcome<()> {
        if hash::sha256(&[code]) != invited.code_hash {
            return Err(ErrorCode::OutOfTurn.into());
        }
        let account = first_chain(&chain, &invited.name)?;
        let stored = check_bundle(&account, &bundle)?;
        let device = account.devices().map(|device| device.id).next();
        let prekey_of = self.check_new_prekey(&account, &prekey)?;
        if device != Some(prekey_of.device) {
            return Err(ErrorCode::Malformed.into());
        }
        let invite = self
            .invite(&invited.code_hash)
            .await?
            .ok_or(ErrorCode::InviteInvalid)?;
        if let Some(made) = invite.row.used_by {
            // The same identity again: the first answer was lost.
            let same = made == account.id() && self.begins_with(&made, &chain).await?;
            return if same {
                Ok(())
            } else {
                Err(ErrorCode::InviteInvalid.into())
            };
        }
        if invite.row.expires_ms <= self.now_ms() {
            return Err(ErrorCode::InviteInvalid.into());
        }
        let writes = self.registration_writes(
            &account, &chain, &invite, invited, &bundle, &stored, &prekey,
        );
        let commit = Commit {
            idem: None,
            now_ms: self.now_ms(),
            guards: Vec::new(),
            writes,
        };
        let committed = match self.store.commit(commit).await {
            Ok(committed) => committed,
            Err(StoreError::Conflict { key }) if key == records::name(&invited.name) => {
                return Err(ErrorCode::NameTaken.into());
            }
            Err(StoreError::Conflict { .. }) => return Err(ErrorCode::InviteInvalid.into()),
            Err(error) => return Err(error.into()),
        };
        self.see(|| Seen::Registered {
            connection,
            name: invited.name.clone(),
            account: account.id(),
            verifier: Bytes::copy_from_slice(stored.password.as_bytes()),
            bundle_bytes: bundle.len(),
        });
        tracing::info!(account = ?account.id(), "account registered");
        self.accounts.keep(Known {
            account,
            revision: committed.revision,
        });
        Ok(())
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of one commit, named one by one"
    )]
    fn registration_writes(
        &self,
        account: &Account,
        chain: &[Signed],
        invite: &Invite,
        invited: &Invited,
        bundle: &Bytes,
        stored: &Records,
        prekey: &Signed,
    ) -> Vec<Write> {
        let id = &account.id();
        let row = AccountRow {
            name: invited.name.clone(),
            head: account.head(),
            since_ms: self.now_ms(),
        };
        let new = |key, value| Write {
            key,
            expected: Revision::ABSENT,
            value: Some(value),
        };
        let mut writes = vec![
            new(records::name(&invited.name), encode(id)),
            new(records::account(id), encode(&row)),
            new(records::bundle(id), bundle.clone()),
            new(
                records::login(id, 0),
                Bytes::copy_from_slice(stored.password.as_bytes()),
            ),
            new(
                records::login(id, 1),
                Bytes::copy_from_slice(stored.recovery.as_bytes()),
            ),
        ];
        writes.extend(
            account
                .devices()
                .map(|device| new(records::prekey(id, &device.id), encode(prekey))),
        );
        let statements = (0..).zip(chain);
        writes.extend(
            statements.map(|(seq, signed)| new(records::statement(id, seq), encode(signed))),
        );
        writes.extend(invite.use_up(&invited.code_hash, id));
        writes
    }

    async fn begins_with(&self, id: &AccountId, chain: &[Signed]) -> Outcome<bool> {
        Ok(self
            .stored_chain(id, 0, limits::MESSAGE_BYTES_MAX)
            .await?
            .starts_with(chain))
    }
}

/// Exactly genesis, device_add, history_key and vault, in this order, for this name.
fn first_chain(chain: &[Signed], name: &Name) -> Outcome<Account> {
    let account = Account::from_chain(chain).map_err(|_| ErrorCode::Malformed)?;
    let whole = chain.len() == 4
        && account.name() == name
        && account.devices().count() == 1
        && account.history_key().is_some()
        && account.vault().is_some();
    if whole {
        Ok(account)
    } else {
        Err(ErrorCode::Malformed.into())
    }
}

/// The bundle is the one that the chain's last vault statement certifies.
fn check_bundle(account: &Account, bytes: &Bytes) -> Outcome<Records> {
    let malformed = || Refused::from(ErrorCode::Malformed);
    if bytes.len() > limits::BUNDLE_BYTES_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let bundle: Bundle = subrosa_proto::decode(bytes).map_err(|_| malformed())?;
    if account.vault() != Some((bundle.version, subrosa_ledger::bundle_hash(bytes))) {
        return Err(malformed());
    }
    let password = Record::from_upload(&bundle.password_record).map_err(|_| malformed())?;
    let recovery = Record::from_upload(&bundle.recovery_record).map_err(|_| malformed())?;
    Ok(Records { password, recovery })
}

/// The writes that put a changed bundle in the place of the present one.
pub(super) async fn bundle_writes<S: Store>(
    office: &Office<S>,
    account: &Account,
    bundle: &Bytes,
) -> Outcome<Vec<Write>> {
    let stored = check_bundle(account, bundle)?;
    let id = &account.id();
    let keys = vec![
        records::bundle(id),
        records::login(id, 0),
        records::login(id, 1),
    ];
    let values = [
        bundle.clone(),
        Bytes::copy_from_slice(stored.password.as_bytes()),
        Bytes::copy_from_slice(stored.recovery.as_bytes()),
    ];
    let present = office.store.get(keys.clone()).await?;
    let revision =
        |record: Option<crate::storage::Record>| record.map_or(Revision::ABSENT, |r| r.revision);
    let parts = keys.into_iter().zip(present).zip(values);
    Ok(parts
        .map(|((key, record), value)| Write {
            key,
            expected: revision(record),
            value: Some(value),
        })
        .collect())
}

//! Login by password or recovery code. An unknown name takes the same path as a known one: the
//! same reads, the same computation, the same bytes (docs/spec/login.md).

use crate::limits::Source;
use crate::observer::Seen;
use crate::office::Office;
use crate::randomness;
use crate::records;
use crate::refused::{Outcome, Refused};
use crate::storage::Store;
use bytes::Bytes;
use subrosa_login::{Bound, Credential, CredentialId, RECORD_LEN, Record, ServerLogin};
use subrosa_proto::{AccountId, ErrorCode, Name, Response, limits};

/// A login between its two steps.
#[derive(Debug)]
pub(crate) struct OpenLogin {
    login: ServerLogin,
    account: AccountId,
}

/// An account whose password or recovery code was proved on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proven(pub(crate) AccountId);

impl<S: Store> Office<S> {
    /// First step; counts as an attempt, since a guess needs no more.
    pub(crate) async fn password_start(
        &self,
        source: Source,
        transcript: &[u8; 32],
        credential: u8,
        name: &Name,
        ke1: &[u8],
    ) -> Outcome<(OpenLogin, Response)> {
        let kind = kind_of(credential)?;
        self.count_login_attempt(name, source)
            .map_err(Refused::Later)?;
        let holder = self.record(records::name(name)).await?;
        let (account, mut known) = match holder {
            Some(record) => (records::decode(&record.value)?, true),
            None => (self.nobody, false),
        };
        let mut stored = self.record(records::login(&account, credential)).await?;
        if known && stored.is_none() {
            // A restored server has the account's chain and not its bundle yet: nobody logs in.
            stored = self
                .record(records::login(&self.nobody, credential))
                .await?;
            known = false;
        }
        let stored = stored.ok_or(Refused::Damaged("a login record is missing"))?;
        let bytes = <[u8; RECORD_LEN]>::try_from(&stored.value[..])
            .map_err(|_| Refused::Damaged("a login record has another length"))?;
        let record = Record::from_store(&bytes);
        let id = CredentialId::new(kind, name.as_str()).map_err(|_| ErrorCode::Malformed)?;
        let bound = Bound::new(id, self.key.public().as_bytes(), transcript);
        let record = known.then_some(&record);
        let started =
            ServerLogin::start(&self.setup, record, bound, ke1, &mut randomness::system());
        let (login, ke2) = started.map_err(|_| ErrorCode::Malformed)?;
        let response = Response::PasswordReply {
            ke2: Bytes::copy_from_slice(&ke2),
        };
        Ok((OpenLogin { login, account }, response))
    }

    /// Second step. The chain is whole if it fits; the rest is asked for with `OwnChain`.
    pub(crate) async fn password_finish(
        &self,
        connection: u64,
        open: OpenLogin,
        ke3: &[u8],
    ) -> Outcome<(Proven, Response)> {
        let OpenLogin { login, account } = open;
        login.finish(ke3).map_err(|_| ErrorCode::NotAuthenticated)?;
        let bundle = self.record(records::bundle(&account)).await?;
        let bundle = bundle.ok_or(Refused::Damaged("a bundle is missing"))?.value;
        let chain = self
            .stored_chain(&account, 0, limits::PAGE_BYTES_MAX)
            .await?;
        self.see(|| Seen::PasswordLogin {
            connection,
            account,
        });
        tracing::info!(connection, account = ?account, "password proved");
        Ok((Proven(account), Response::Opened { chain, bundle }))
    }
}

/// What a credential's number stands for.
pub(super) fn kind_of(credential: u8) -> Outcome<Credential> {
    match credential {
        0 => Ok(Credential::Password),
        1 => Ok(Credential::Recovery),
        _ => Err(ErrorCode::Malformed.into()),
    }
}

//! A new password or recovery code: one more registration under the same credential id, whose
//! record enters with the bundle that names it (docs/spec/login.md §5.2, docs/spec/ledger.md §9.4).

use super::password::{Proven, kind_of};
use crate::office::Office;
use crate::refused::Outcome;
use crate::storage::Store;
use bytes::Bytes;
use subrosa_login::CredentialId;
use subrosa_proto::{ErrorCode, Response};

/// Which secrets a connection has begun to register anew. Each answer helps to test one guess at
/// that secret, so a proved login gets one of each and no more: guessing stays capped by logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Renewed {
    begun: [bool; 2],
}

impl<S: Store> Office<S> {
    /// Answers a registration request of whoever has proved the account.
    pub(crate) async fn secret_start(
        &self,
        proven: &Proven,
        renewed: &mut Renewed,
        credential: u8,
        request: &[u8],
    ) -> Outcome<Response> {
        let kind = kind_of(credential)?;
        let begun = renewed.begun.get_mut(usize::from(credential));
        let begun = begun.ok_or(ErrorCode::Malformed)?;
        if *begun {
            return Err(ErrorCode::OutOfTurn.into());
        }
        *begun = true;
        let known = self
            .account(&proven.0)
            .await?
            .ok_or(ErrorCode::NotAuthenticated)?;
        let id = CredentialId::new(kind, known.account.name().as_str())
            .map_err(|_| ErrorCode::Malformed)?;
        let response = self
            .setup
            .respond(&id, request)
            .map_err(|_| ErrorCode::Malformed)?;
        Ok(Response::SecretReply {
            response: Bytes::copy_from_slice(&response),
        })
    }
}

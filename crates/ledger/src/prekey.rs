//! Prekeys and the signed ends of devices (docs/spec/ledger.md §4.6).

use crate::chain::PUBLIC_KEY_BYTES;
use crate::{Account, BadSignature, text, verify};
use subrosa_proto::{
    AccountId, CodecError, DeviceId, LOGOUT_ID, Prekey, Signed, Statement, StatementOp, decode,
};

/// Why a prekey is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrekeyError {
    /// The body is not the encoding of a prekey.
    #[error("a prekey is malformed: {0}")]
    Malformed(#[from] CodecError),
    /// It names another account.
    #[error("a prekey belongs to another account")]
    Foreign,
    /// The account's chain never added the device.
    #[error("a prekey's device is not certified")]
    NotCertified,
    /// The account's chain revoked the device; only a logout may still stand.
    #[error("a prekey's device is revoked")]
    Revoked,
    /// The key has another length than its id asks for.
    #[error("a prekey's key has the wrong length")]
    KeyLength,
    /// The device did not sign it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

/// Checks a prekey, or a logout, against the chain of its account. Whether it has expired and
/// whether its id has fallen is judged by the caller, who has a clock and a memory.
///
/// # Errors
/// The rule broken.
pub fn check_prekey(account: &Account, signed: &Signed) -> Result<Prekey, PrekeyError> {
    let prekey: Prekey = decode(&signed.body)?;
    if prekey.account != account.id() {
        return Err(PrekeyError::Foreign);
    }
    let device = account
        .device(&prekey.device)
        .ok_or(PrekeyError::NotCertified)?;
    let logout = prekey.id == LOGOUT_ID;
    if !logout && !device.live() {
        return Err(PrekeyError::Revoked);
    }
    if prekey.key.len() != if logout { 0 } else { PUBLIC_KEY_BYTES } {
        return Err(PrekeyError::KeyLength);
    }
    verify(
        prekey.device.as_bytes(),
        &text::prekey(&signed.body),
        &signed.signature,
    )?;
    Ok(prekey)
}

/// Which device of which account a `revoke` control event ends, as its statement claims it:
/// nothing is verified yet.
pub(crate) fn claimed_end(signed: &Signed, logout: bool) -> Option<(AccountId, DeviceId)> {
    if logout {
        let prekey: Prekey = decode(&signed.body).ok()?;
        return (prekey.id == LOGOUT_ID).then_some((prekey.account, prekey.device));
    }
    let statement: Statement = decode(&signed.body).ok()?;
    match statement.op {
        StatementOp::DeviceRevoke { device } => Some((statement.account, device)),
        _ => None,
    }
}

/// Verifies what [`claimed_end`] read: a logout is signed by the device, a revocation by the
/// identity key. The statement need not be in the known chain, which may be older.
pub(crate) fn verify_end(account: &Account, signed: &Signed, logout: bool) -> bool {
    if logout {
        check_prekey(account, signed).is_ok()
    } else {
        let text = text::statement(&signed.body);
        verify(account.identity(), &text, &signed.signature).is_ok()
    }
}

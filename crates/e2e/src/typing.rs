//! Signs of typing: said beside the log, and stored by nobody (`docs/spec/e2e.md` §7.2).

use crate::device::Device;
use crate::keyring::Keyring;
use crate::receipt::{RegisterError, associated, judge, seal_key};
use crate::session::StoredSession;
use rand_core::CryptoRng;
use subrosa_ledger::{Conversation, Record, text};
use subrosa_proto::{AccountId, ConvId, DeviceId, Register, Signed, decode, label};
use zeroize::Zeroizing;

/// A sign of typing as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadTyping {
    /// Who.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// When, by its clock. The reader refuses one that is not later than the last.
    pub at_ms: u64,
    /// Whether it goes on.
    pub typing: bool,
}

/// Writes a sign. `None` when the session is of another conversation.
pub(crate) fn write(
    device: &Device,
    conv: ConvId,
    session: &StoredSession,
    at_ms: u64,
    typing: bool,
    rng: &mut impl CryptoRng,
) -> Option<Signed> {
    if session.conv != conv {
        return None;
    }
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    let mut sealed = Vec::new();
    seal_key(label::TYPING, session, conv, device.id(), &salt)
        .prepare()
        .seal(
            0,
            &associated(device.account(), at_ms),
            &u64::from(typing).to_be_bytes(),
            &mut sealed,
        );
    Some(device.sign_typing(&Register {
        conv,
        account: device.account(),
        device: device.id(),
        at: at_ms,
        session: session.session,
        salt,
        sealed: sealed.into(),
    }))
}

/// Reads a sign of a member's device.
///
/// # Errors
/// [`RegisterError`]. That its time rises and is near the present is left to the caller.
pub fn read_typing(
    signed: &Signed,
    conversation: &Conversation,
    record: &impl Record,
    keyring: &impl Keyring,
) -> Result<ReadTyping, RegisterError> {
    let register: Register = decode(&signed.body)?;
    let text = text::typing(&signed.body);
    let session = judge(
        &register,
        (&text, &signed.signature),
        conversation,
        record,
        keyring,
    )?;
    Ok(ReadTyping {
        account: register.account,
        device: register.device,
        at_ms: register.at,
        typing: open(&register, &session).ok_or(RegisterError::Forged)?,
    })
}

fn open(register: &Register, session: &StoredSession) -> Option<bool> {
    let mut text = Zeroizing::new(Vec::new());
    let (conv, device) = (register.conv, register.device);
    seal_key(label::TYPING, session, conv, device, &register.salt)
        .prepare()
        .open(
            0,
            &associated(register.account, register.at),
            &register.sealed,
            &mut text,
        )
        .ok()?;
    match u64::from_be_bytes(*text.as_array::<8>()?) {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

//! Signs of typing: said beside the log, and stored by nobody (`docs/spec/e2e.md` §7.2).

use crate::device::Device;
use crate::keyring::Keyring;
use crate::receipt::{RegisterError, judge, open, seal};
use crate::session::StoredSession;
use rand_core::CryptoRng;
use subrosa_ledger::{Conversation, Record, text};
use subrosa_proto::{AccountId, ConvId, DeviceId, Register, Signed, decode, label};

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
    let text = u64::from(typing).to_be_bytes();
    let register = seal(label::TYPING, device, (conv, session), (at_ms, &text), rng)?;
    Some(device.sign_typing(&register))
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
        typing: read(&register, &session).ok_or(RegisterError::Forged)?,
    })
}

fn read(register: &Register, session: &StoredSession) -> Option<bool> {
    match u64::from_be_bytes(*open(label::TYPING, register, session)?) {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

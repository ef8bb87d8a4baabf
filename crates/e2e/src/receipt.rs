//! Receipt registers: how far a device has received and its person has read (`docs/spec/e2e.md` §7).

use crate::device::Device;
use crate::keyring::Keyring;
use crate::primitives::hkdf;
use crate::session::StoredSession;
use rand_core::CryptoRng;
use subrosa_cipher::{Key, purpose};
use subrosa_ledger::{Conversation, Record, text, verify};
use subrosa_proto::{AccountId, CodecError, ConvId, DeviceId, Register, Signed, decode, label};
use zeroize::Zeroizing;

/// How far a device has come in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// All messages up to this position have been opened by the device.
    pub delivered_to: u64,
    /// All messages up to this position have been read; never beyond `delivered_to`.
    pub read_to: u64,
}

/// A register as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadRegister {
    /// Whose.
    pub account: AccountId,
    /// Of which device.
    pub device: DeviceId,
    /// The log position that the device had seen. The reader keeps the highest and refuses a lower one.
    pub at: u64,
    /// What it says.
    pub receipt: Receipt,
}

/// Why a register is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Its encoding is damaged.
    #[error("the receipt is malformed: {0}")]
    Malformed(#[from] CodecError),
    /// It is for another conversation, or its session is.
    #[error("the receipt belongs to another conversation")]
    Misplaced,
    /// The author is no member with a live device here.
    #[error("the receipt's author is no member of the conversation")]
    NotMember,
    /// The signature or the seal is wrong, or it says what cannot be.
    #[error("the receipt is forged")]
    Forged,
    /// This device does not hold the session that it is sealed under.
    #[error("the receipt's key is not on this device")]
    NoKey,
}

/// The key of what a device says beside the log, `label` telling what it is.
fn seal_key(
    label: &[u8],
    session: &StoredSession,
    conv: ConvId,
    device: DeviceId,
    salt: &[u8; 16],
) -> Key<purpose::Receipt> {
    let first_key = session.first_key().expose();
    let info = [label, conv.as_bytes(), device.as_bytes(), salt];
    Key::from_bytes(*hkdf(first_key, &info))
}

fn associated(account: AccountId, at: u64) -> Vec<u8> {
    [&account.as_bytes()[..], &at.to_be_bytes()].concat()
}

/// What a device says beside the log, sealed and not yet signed. `None` when the session is of another
/// conversation.
pub(crate) fn seal(
    label: &[u8],
    device: &Device,
    (conv, session): (ConvId, &StoredSession),
    (at, text): (u64, &[u8]),
    rng: &mut impl CryptoRng,
) -> Option<Register> {
    if session.conv != conv {
        return None;
    }
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    let mut sealed = Vec::new();
    seal_key(label, session, conv, device.id(), &salt)
        .prepare()
        .seal(0, &associated(device.account(), at), text, &mut sealed);
    Some(Register {
        conv,
        account: device.account(),
        device: device.id(),
        at,
        session: session.session,
        salt,
        sealed: sealed.into(),
    })
}

/// The text of what was judged. `None` when the seal is wrong, or when it has another length.
pub(crate) fn open<const N: usize>(
    label: &[u8],
    register: &Register,
    session: &StoredSession,
) -> Option<Zeroizing<[u8; N]>> {
    let mut text = Zeroizing::new(Vec::new());
    let (conv, device) = (register.conv, register.device);
    seal_key(label, session, conv, device, &register.salt)
        .prepare()
        .open(
            0,
            &associated(register.account, register.at),
            &register.sealed,
            &mut text,
        )
        .ok()?;
    text.as_array::<N>().copied().map(Zeroizing::new)
}

/// Writes the register of a device. `None` when the session is of another conversation.
pub(crate) fn write(
    device: &Device,
    conv: ConvId,
    session: &StoredSession,
    at: u64,
    receipt: Receipt,
    rng: &mut impl CryptoRng,
) -> Option<Signed> {
    let text = [
        receipt.delivered_to.to_be_bytes(),
        receipt.read_to.to_be_bytes(),
    ]
    .concat();
    let register = seal(label::RECEIPT, device, (conv, session), (at, &text), rng)?;
    Some(device.sign_register(&register))
}

/// Reads the register of a member's device.
///
/// # Errors
/// [`RegisterError`]. That `at` never falls is left to the caller, who knows the last one.
pub fn read_register(
    signed: &Signed,
    conversation: &Conversation,
    record: &impl Record,
    keyring: &impl Keyring,
) -> Result<ReadRegister, RegisterError> {
    let register: Register = decode(&signed.body)?;
    let text = text::register(&signed.body);
    let session = judge(
        &register,
        (&text, &signed.signature),
        conversation,
        record,
        keyring,
    )?;
    let receipt = read(&register, &session).ok_or(RegisterError::Forged)?;
    Ok(ReadRegister {
        account: register.account,
        device: register.device,
        at: register.at,
        receipt,
    })
}

/// Whether a member's device says this here, and the session that it is sealed under.
pub(crate) fn judge(
    register: &Register,
    (text, signature): (&[u8], &[u8; 64]),
    conversation: &Conversation,
    record: &impl Record,
    keyring: &impl Keyring,
) -> Result<StoredSession, RegisterError> {
    if register.conv != conversation.id() {
        return Err(RegisterError::Misplaced);
    }
    let account = record
        .account(&register.account)
        .ok_or(RegisterError::NotMember)?;
    let may_receive = conversation.recipients().any(|id| id == register.account);
    let is_live = account.certified(&register.device)
        && account.revoked(&register.device).is_none()
        && !conversation.dead(&register.account, &register.device);
    if !may_receive || !is_live {
        return Err(RegisterError::NotMember);
    }
    verify(register.device.as_bytes(), text, signature).map_err(|_| RegisterError::Forged)?;
    let session = keyring
        .session(&register.session)
        .ok_or(RegisterError::NoKey)?;
    if session.conv != register.conv {
        return Err(RegisterError::Misplaced);
    }
    Ok(session)
}

fn read(register: &Register, session: &StoredSession) -> Option<Receipt> {
    let text = open::<16>(label::RECEIPT, register, session)?;
    let (delivered_to, read_to) = text.split_at(8);
    let receipt = Receipt {
        delivered_to: u64::from_be_bytes(delivered_to.try_into().ok()?),
        read_to: u64::from_be_bytes(read_to.try_into().ok()?),
    };
    let possible = receipt.read_to <= receipt.delivered_to && receipt.delivered_to <= register.at;
    possible.then_some(receipt)
}

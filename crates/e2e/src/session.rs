//! A sender's session: its first key S0, the commitment to it, the boxes that carry it (`docs/spec/e2e.md` §4.2, §5) and the
//! chain of keys that follows from it (§6.1).

use crate::changes::{Changes, RecordName};
use crate::primitives::{hmac, sha256};
use crate::sealed_box::{BadBox, BoxKey, seal_box};
use crate::secret::{Secret, decode, encode};
use core::fmt;
use rand_core::CryptoRng;
use subrosa_cipher::{Key, purpose};
use subrosa_proto::{
    AccountId, BoxKind, CodecError, ConvId, DeviceId, Event, EventHash, EventKind, Header, KeyBox,
    KeyFields, Nonce, SessionId, label, limits, record,
};
use zeroize::Zeroizing;

/// Room for an encoded [`StoredSession`].
const SESSION_ROOM: usize = 256;

record! {
    /// A session whose first key this device holds: a record of the client's store. The client keeps it under
    /// [`RecordName::Session`] and gives it back through [`Keyring`](crate::Keyring).
    pub struct StoredSession {
        /// The commitment, which names it.
        pub session: SessionId,
        /// The conversation.
        pub conv: ConvId,
        /// Whose session it is.
        pub account: AccountId,
        /// The only device that sends in it.
        pub device: DeviceId,
        /// The control head under which it was opened, and under which alone it is good.
        pub ctl: EventHash,
        /// When it was opened: the server's time of the key event, or the own clock in an own session. Unix milliseconds.
        pub opened_ms: u64,
        first_key: Secret,
    }
}

impl StoredSession {
    /// Reads a record.
    ///
    /// # Errors
    /// [`CodecError`]: the store is damaged.
    pub fn from_record(contents: Zeroizing<Vec<u8>>) -> Result<Self, CodecError> {
        decode(contents)
    }

    /// The session of a key event, from a first key that a pack held for it.
    ///
    /// # Errors
    /// [`BoxError`]: it is not what the event commits to.
    pub fn from_pack(event: &Event, first_key: &[u8], opened_ms: u64) -> Result<Self, BoxError> {
        let first_key = first_key.as_array().ok_or(BoxError::Forged)?;
        KeyEvent::read(event)?.accept(Secret::copy_of(first_key), opened_ms)
    }

    /// This session as its key event has it. A first key that came with an event which was not judged yet is bound by its
    /// commitment, but the rest of what that event said is not.
    ///
    /// # Errors
    /// [`BoxError`]: it is not this event's session.
    pub fn confirmed(&self, event: &Event, opened_ms: u64) -> Result<Self, BoxError> {
        KeyEvent::read(event)?.accept(Secret::copy_of(self.first_key.expose()), opened_ms)
    }

    /// The record to save.
    pub fn to_changes(&self) -> Changes {
        Changes::put(
            RecordName::Session(self.session),
            encode(self, SESSION_ROOM),
        )
    }

    /// Whether the key may be deleted, given whether it is the newest one held in its conversation: `docs/spec/e2e.md` §10.4.
    /// The caller has processed all events up to `now_ms`.
    #[must_use]
    pub fn is_over(&self, newest: bool, own: bool, now_ms: u64) -> bool {
        let kept = if own {
            limits::SESSION_KEPT_MS
        } else {
            limits::SESSION_MS + limits::PREKEY_SUPERSEDED_MS
        };
        !newest && self.opened_ms.saturating_add(kept) < now_ms
    }

    pub(crate) fn first_key(&self) -> &Secret {
        &self.first_key
    }
}

impl fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("session", &self.session)
            .field("conv", &self.conv)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// A sender chain at some index.
pub(crate) struct Chain(Secret);

impl Chain {
    pub(crate) fn start(first_key: &Secret) -> Self {
        Self(Secret::copy_of(first_key.expose()))
    }

    pub(crate) fn from_key(key: &Secret) -> Self {
        Self(Secret::copy_of(key.expose()))
    }

    pub(crate) fn step(&mut self) {
        let next = hmac(self.0.expose(), &[label::NEXT]);
        self.0.replace(&next);
    }

    pub(crate) fn message_key(&self, salt: &[u8; 16]) -> Key<purpose::Message> {
        Key::from_bytes(*hmac(self.0.expose(), &[label::MK, salt]))
    }

    pub(crate) fn into_key(self) -> Secret {
        self.0
    }
}

/// Who opens a session, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opener {
    pub(crate) conv: ConvId,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
}

/// The name of a session: a commitment to its first key, its conversation and the device that sends in it.
pub(crate) fn commitment(first_key: &Secret, opener: &Opener, nonce: &Nonce) -> SessionId {
    SessionId(sha256(&[
        label::SESSION,
        first_key.expose(),
        opener.conv.as_bytes(),
        opener.account.as_bytes(),
        opener.device.as_bytes(),
        nonce.as_bytes(),
    ]))
}

fn box_context(session: &SessionId, kind: BoxKind, recipient: &[u8; 32], key_id: u64) -> Vec<u8> {
    [
        &session.as_bytes()[..],
        &kind.number().to_be_bytes(),
        recipient,
        &key_id.to_be_bytes(),
    ]
    .concat()
}

/// To whom a session's first key is sealed.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(crate) kind: BoxKind,
    pub(crate) recipient: [u8; 32],
    pub(crate) key_id: u64,
    pub(crate) key: bytes::Bytes,
}

/// Seals a first key to one recipient.
pub(crate) fn seal_share(
    session: &SessionId,
    first_key: &Secret,
    to: &Recipient,
    rng: &mut impl CryptoRng,
) -> Result<KeyBox, BadBox> {
    let context = box_context(session, to.kind, &to.recipient, to.key_id);
    let sealed = seal_box::<purpose::Share>(&to.key, &context, first_key.expose(), rng)?;
    Ok(KeyBox {
        kind: to.kind,
        recipient: to.recipient,
        key_id: to.key_id,
        sealed: sealed.into(),
    })
}

/// Why the boxes of a key event give no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoxError {
    /// There is no box for this device or account.
    #[error("the session's key was not sealed to this device")]
    NotAddressed,
    /// The box is for a key that was deleted, or that this device never had.
    #[error("the session's key was sealed to a key that is gone")]
    KeyGone,
    /// No box for this device gives the key that the event commits to.
    #[error("the session's key is forged")]
    Forged,
    /// The event is not a key event, or its encoding is damaged.
    #[error("the key event is malformed: {0}")]
    Malformed(#[from] CodecError),
}

/// A key event taken apart.
pub(crate) struct KeyEvent {
    pub(crate) header: Header,
    pub(crate) fields: KeyFields,
}

impl KeyEvent {
    pub(crate) fn read(event: &Event) -> Result<Self, BoxError> {
        let header: Header = subrosa_proto::decode(&event.header)?;
        if u64::from(header.kind) != EventKind::Key.number() {
            return Err(BoxError::Malformed(CodecError::Shape("key event")));
        }
        let fields = subrosa_proto::decode(&header.fields)?;
        Ok(Self { header, fields })
    }

    /// Tries every box of a kind that is addressed to `recipient`. Anybody may have made them, so one that does not open
    /// takes nothing away from the next.
    pub(crate) fn open_first<'k>(
        &self,
        boxes: &[KeyBox],
        kind: BoxKind,
        recipient: &[u8; 32],
        opened_ms: u64,
        key: impl Fn(u64) -> Option<&'k BoxKey>,
    ) -> Result<StoredSession, BoxError> {
        let mut worst = BoxError::NotAddressed;
        for found in boxes
            .iter()
            .filter(|found| found.kind == kind && found.recipient == *recipient)
        {
            let Some(key) = key(found.key_id) else {
                if worst == BoxError::NotAddressed {
                    worst = BoxError::KeyGone;
                }
                continue;
            };
            match self.open_share(key, found, opened_ms) {
                Ok(session) => return Ok(session),
                Err(error) => worst = error,
            }
        }
        Err(worst)
    }

    fn open_share(
        &self,
        key: &BoxKey,
        found: &KeyBox,
        opened_ms: u64,
    ) -> Result<StoredSession, BoxError> {
        let context = box_context(
            &self.fields.session,
            found.kind,
            &found.recipient,
            found.key_id,
        );
        let text = key
            .open::<purpose::Share>(&context, &found.sealed)
            .map_err(|_| BoxError::Forged)?;
        let first_key = text.as_array().ok_or(BoxError::Forged)?;
        self.accept(Secret::copy_of(first_key), opened_ms)
    }

    /// The session, if `first_key` is the one that the event commits to.
    pub(crate) fn accept(
        &self,
        first_key: Secret,
        opened_ms: u64,
    ) -> Result<StoredSession, BoxError> {
        let opener = Opener {
            conv: self.header.conv,
            account: self.header.account,
            device: self.header.device,
        };
        if commitment(&first_key, &opener, &self.fields.nonce) != self.fields.session {
            return Err(BoxError::Forged);
        }
        Ok(StoredSession {
            session: self.fields.session,
            conv: opener.conv,
            account: opener.account,
            device: opener.device,
            ctl: self.header.ctl,
            opened_ms,
            first_key,
        })
    }
}

/// A session that this device opens now.
pub(crate) fn open_own(
    opener: Opener,
    ctl: EventHash,
    opened_ms: u64,
    rng: &mut impl CryptoRng,
) -> (StoredSession, Nonce) {
    let first_key = Secret::generate(rng);
    let mut nonce = Nonce([0; 16]);
    rng.fill_bytes(&mut nonce.0);
    let session = StoredSession {
        session: commitment(&first_key, &opener, &nonce),
        conv: opener.conv,
        account: opener.account,
        device: opener.device,
        ctl,
        opened_ms,
        first_key,
    };
    (session, nonce)
}

#[cfg(test)]
mod tests;

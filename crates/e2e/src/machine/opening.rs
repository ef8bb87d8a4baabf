//! Opening what others sent, and recognising a copy of a device (`docs/spec/e2e.md` §5.2, §6.3, §10.5).

use super::Machine;
use crate::content::{Content, ContentError};
use crate::keyring::Keyring;
use crate::padding::unpad;
use crate::readings::Readings;
use crate::session::{BoxError, KeyEvent, StoredSession};
use bytes::Bytes;
use subrosa_proto::{
    BoxKind, CodecError, Event, EventKind, Header, KeyBox, MessageFields, SessionId, decode,
};
use zeroize::Zeroizing;

/// A sign that two machines run with the keys of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CopiedDevice {
    /// Two messages stand at one place of a session. Their salts differ, so no key was used twice.
    #[error("the sender's device exists twice: it used one place of a session for two messages")]
    PlaceUsedTwice,
    /// A message of this device that this device has not sent.
    #[error("this device exists twice: a message was sent with its keys elsewhere")]
    NotSentHere,
    /// A prekey of this device that this device has not made.
    #[error("this device exists twice: a prekey was made with its keys elsewhere")]
    PrekeyNotMade,
}

/// An opened message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What it says. A kind of a newer version is kept as [`Body::Unknown`](crate::Body::Unknown).
    pub content: Content,
    /// Its session.
    pub session: SessionId,
    /// Its place in the session.
    pub index: u32,
    /// Its salt, for [`Keyring::salt_used`].
    pub salt: [u8; 16],
    /// To be shown beside the message.
    pub copied: Option<CopiedDevice>,
}

/// Why a message does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// This device does not hold the session's key, or not yet.
    #[error("this device has no key for the message")]
    NoKey(SessionId),
    /// It is not what the session's device sealed for this place in this conversation.
    #[error("the message is forged")]
    Forged,
    /// It is authentic, and its author's client made something that is no content.
    #[error("the message's content is malformed: {0}")]
    Content(#[from] ContentError),
    /// It is not a message event.
    #[error("the event is malformed: {0}")]
    Malformed(#[from] CodecError),
}

impl Machine {
    /// The session of a key event, from the boxes that the server handed to this device. `opened_ms` is the server's time of
    /// the event. The session is to be saved ([`StoredSession::to_changes`]) with the event.
    ///
    /// # Errors
    /// [`BoxError`]. Boxes are unsigned: a forged one says nothing about the author of the event.
    pub fn open_key(
        &self,
        event: &Event,
        boxes: &[KeyBox],
        opened_ms: u64,
    ) -> Result<StoredSession, BoxError> {
        let key_event = KeyEvent::read(event)?;
        let recipient = self.device();
        key_event.open_first(
            boxes,
            BoxKind::Device,
            recipient.as_bytes(),
            opened_ms,
            |id| self.prekeys.key(id),
        )
    }

    /// Opens a message that the ledger has found [valid](subrosa_ledger::Verdict::Valid) at its position: its signature, its
    /// author's right and its session's key event have been judged there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, event: &Event, keyring: &impl Keyring) -> Result<Opened, OpenError> {
        self.open_along(event, &mut Readings::default(), keyring)
    }

    /// [Opens](Self::open) a message of many in the order of the log: `readings` keeps what the next one of its session needs.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_along(
        &self,
        event: &Event,
        readings: &mut Readings,
        keyring: &impl Keyring,
    ) -> Result<Opened, OpenError> {
        let header: Header = decode(&event.header)?;
        if u64::from(header.kind) != EventKind::Message.number() {
            return Err(CodecError::Shape("message event").into());
        }
        let fields: MessageFields = decode(&header.fields)?;
        let reading = readings
            .reading(&fields.session, keyring)
            .ok_or(OpenError::NoKey(fields.session))?;
        let session = &reading.session;
        let belongs = session.session == fields.session
            && session.conv == header.conv
            && session.account == header.account
            && session.device == header.device
            && session.ctl == header.ctl;
        if !belongs {
            return Err(OpenError::Forged);
        }
        let mut text = Zeroizing::new(Vec::new());
        reading
            .message_key(fields.index, &fields.salt)
            .ok_or(OpenError::Forged)?
            .prepare()
            .open(
                u64::from(fields.index),
                &event.header,
                &event.body,
                &mut text,
            )
            .map_err(|_| OpenError::Forged)?;
        let content = unpad(&text).ok_or(CodecError::Shape("padding"))?;
        let content = Content::decode(&Bytes::copy_from_slice(content))?;
        Ok(Opened {
            content,
            session: fields.session,
            index: fields.index,
            salt: fields.salt,
            copied: self.sign_of_copy(&header, &fields, keyring),
        })
    }

    fn sign_of_copy(
        &self,
        header: &Header,
        fields: &MessageFields,
        keyring: &impl Keyring,
    ) -> Option<CopiedDevice> {
        let used = keyring.salt_used(&fields.session, fields.index);
        if used.is_some_and(|salt| salt != fields.salt) {
            return Some(CopiedDevice::PlaceUsedTwice);
        }
        let is_own = header.device == self.device();
        let unsent = self
            .outbound
            .get(&header.conv)
            .is_some_and(|open| open.session == fields.session && open.next <= fields.index);
        (is_own && unsent).then_some(CopiedDevice::NotSentHere)
    }
}

//! Sealing a message, and opening a session for it where the last one is over (`docs/spec/e2e.md` §5, §6, §10).

use super::Machine;
use crate::changes::Changes;
use crate::content::{Content, ContentError};
use crate::outbound::{Outbound, Place};
use crate::padding::pad;
use crate::prekey::PrekeyDirectory;
use crate::recipients::{Recipients, Unknown};
use crate::sealed_box::BadBox;
use crate::session::{self, Opener, seal_share};
use bytes::Bytes;
use rand_core::CryptoRng;
use subrosa_cipher::sealed_len;
use subrosa_ledger::{Conversation, Record};
use subrosa_proto::{
    AccountId, DeviceId, Event, EventKind, KeyBox, KeyFields, MessageFields, SessionId, encode,
    limits,
};

/// What stands in clear beside a message, since the server acts on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageMeta {
    /// Disappears this step after arrival; 0 never.
    pub timer: u8,
    /// Blobs that the server counts as referenced.
    pub blobs: Vec<[u8; 32]>,
    /// Position whose body this deletes.
    pub deletes: Option<u64>,
}

/// A session that was opened for a message. Boxes are staged first; then key event and message are appended in one step.
#[derive(Debug, Clone)]
pub struct OpenedSession {
    /// The key event.
    pub event: Event,
    /// One for each recipient.
    pub boxes: Vec<KeyBox>,
}

/// A sealed message with what has to be saved before it leaves.
#[derive(Debug)]
pub struct Sealed {
    /// Where the message opens a session.
    pub key: Option<OpenedSession>,
    /// The message.
    pub message: Event,
    /// Its session.
    pub session: SessionId,
    /// Its place in the session.
    pub index: u32,
    /// Its salt, for [`Keyring::salt_used`](crate::Keyring::salt_used).
    pub salt: [u8; 16],
    /// Live devices of the members that cannot read it, having logged out or been away for so long that their prekeys ran out.
    pub left_out: Vec<(AccountId, DeviceId)>,
    /// To be saved in the transaction that queues the events, before they leave.
    pub changes: Changes,
}

/// Why a message is not sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The conversation has ended, or this account is not (or not yet) a member.
    #[error("this account cannot write in the conversation")]
    NotMember,
    /// The chain of this member is not at hand.
    #[error("the statements of a member are not known yet")]
    NeedsAccount(AccountId),
    /// A live device's prekey is not at hand. Nothing is sent that would leave it out.
    #[error("the prekey of a member's device is not known yet")]
    NeedsPrekey(AccountId, DeviceId),
    /// A member's chain was forked and its two branches are not joined yet: nothing is sealed to the account.
    #[error("a member's account has two contradicting sets of statements")]
    ForkedAccount(AccountId),
    /// A certified key is not a key.
    #[error("a member's key is unusable")]
    BadKey(#[from] BadBox),
    /// The content breaks a limit.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The sealed event would be longer than an event may be.
    #[error("the message is too long")]
    TooLong,
}

impl From<Unknown> for SealError {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Account(account) => Self::NeedsAccount(account),
            Unknown::Prekey(account, device) => Self::NeedsPrekey(account, device),
            Unknown::Branch(account) => Self::ForkedAccount(account),
        }
    }
}

impl Machine {
    /// Seals a content for the members of a conversation as they are now.
    ///
    /// A content that has to be sent again, because the conversation moved on before it arrived, is sealed again under the same
    /// id.
    ///
    /// # Errors
    /// [`SealError`]; nothing has changed then.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a separate source of truth, held by a different part of the client"
    )]
    pub fn seal(
        &mut self,
        conversation: &Conversation,
        record: &impl Record,
        prekeys: &PrekeyDirectory,
        content: &Content,
        meta: &MessageMeta,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, SealError> {
        let member = conversation.member(&self.account());
        let may_write = member.is_some_and(|member| !member.pending)
            && !conversation.dead(&self.account(), &self.device());
        if conversation.closed() || !may_write {
            return Err(SealError::NotMember);
        }
        let text = pad(&content.encode()?).ok_or(SealError::TooLong)?;
        if sealed_len(text.len()) + header_room(meta) > limits::EVENT_BYTES_MAX {
            return Err(SealError::TooLong);
        }
        let own = (self.account(), self.device());
        let mut recipients = Recipients::find(conversation, record, prekeys, own, now_ms)?;
        let left_out = core::mem::take(&mut recipients.left_out);
        let (ctl, digest) = (conversation.ctl(), recipients.digest());
        let mut changes = Changes::default();
        let key = match self.outbound.get(&conversation.id()) {
            Some(open) if open.is_good(ctl, &digest, now_ms) => None,
            _ => Some(self.open_session(conversation, recipients, now_ms, &mut changes, rng)?),
        };
        let outbound = self
            .outbound
            .get_mut(&conversation.id())
            .ok_or(SealError::NotMember)?;
        let place = outbound.take(rng);
        changes.then(outbound.to_changes(conversation.id()));
        let message = self.seal_text(conversation, &place, meta, &text);
        Ok(Sealed {
            key,
            message,
            session: place.session,
            index: place.index,
            salt: place.salt,
            left_out,
            changes,
        })
    }

    fn open_session(
        &mut self,
        conversation: &Conversation,
        recipients: Recipients,
        now_ms: u64,
        changes: &mut Changes,
        rng: &mut impl CryptoRng,
    ) -> Result<OpenedSession, SealError> {
        let opener = Opener {
            conv: conversation.id(),
            account: self.account(),
            device: self.device(),
        };
        let (session, nonce) = session::open_own(opener, conversation.ctl(), now_ms, rng);
        let digest = recipients.digest();
        let boxes = recipients
            .keys
            .iter()
            .map(|to| seal_share(&session.session, session.first_key(), to, rng))
            .collect::<Result<Vec<_>, _>>()?;
        let fields = encode(&KeyFields {
            session: session.session,
            nonce,
            prekey_id: self.prekeys.newest_id(),
            quotes: recipients.quotes,
        });
        let header = self.header_in(conversation, EventKind::Key, fields);
        let event = self.device.sign_clear(&header, Bytes::new());
        changes.then(session.to_changes());
        self.outbound.insert(
            conversation.id(),
            Outbound::new(
                session.session,
                session.first_key(),
                session.ctl,
                digest,
                boxes.len(),
                now_ms,
            ),
        );
        Ok(OpenedSession { event, boxes })
    }

    fn seal_text(
        &self,
        conversation: &Conversation,
        place: &Place,
        meta: &MessageMeta,
        text: &[u8],
    ) -> Event {
        let fields = encode(&MessageFields {
            session: place.session,
            index: place.index,
            salt: place.salt,
            timer: meta.timer,
            blobs: meta.blobs.clone(),
            deletes: meta.deletes,
        });
        let header = encode(&self.header_in(conversation, EventKind::Message, fields));
        let mut body = Vec::new();
        place
            .key
            .prepare()
            .seal(u64::from(place.index), &header, text, &mut body);
        self.device.sign_event(header, body.into())
    }

    /// Forgets the sending side of a conversation's session, so that the next message opens a new one: after the server
    /// answered `stale`, or when a key event turned out void or was never stored.
    pub fn abandon_session(&mut self, conversation: &Conversation) -> Changes {
        let conv = conversation.id();
        match self.outbound.remove(&conv) {
            Some(_) => Changes::delete(crate::RecordName::Outbound(conv)),
            None => Changes::default(),
        }
    }
}

/// More than the encoding of an event takes beside its body.
fn header_room(meta: &MessageMeta) -> usize {
    512 + meta.blobs.len() * 34
}

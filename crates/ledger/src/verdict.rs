//! What the reducer asks and what it answers (docs/spec/ledger.md §7.4, §7.5).

use crate::{Account, Authentic};
use subrosa_proto::{AccountId, CodecError, Control, EventHash, KeyFields, LogHash, MessageFields};

/// What the reducer may look up while it judges an event.
pub trait Record {
    /// The verified chain of an account, if it is at hand.
    fn account(&self, id: &AccountId) -> Option<&Account>;
    /// Whether that chain is at least as new as the event that is judged: always at the server;
    /// at a client once it has fetched the chain after it received the event. As long as it is
    /// not, a device that the chain does not know is no reason to void an event but to ask.
    fn newest(&self, id: &AccountId) -> bool;
    /// L at a position of this log, `None` where it is not known (before a joiner's start).
    fn log_hash(&self, n: u64) -> Option<LogHash>;
    /// Whether the event of this hash stands at an earlier position of this log, valid or void.
    fn seen(&self, event: &EventHash) -> bool;
    /// The proof that the signature of the event of this hash has been verified already.
    fn authentic(&self, event: &EventHash) -> Option<&Authentic> {
        let _ = event;
        None
    }
}

/// The verdict on an event at its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Valid(Effect),
    /// It counts in the log hash and nowhere else.
    Void(VoidReason),
    /// No verdict yet: fetch this account's chain and apply the event again. Nothing changed.
    NeedsAccount(AccountId),
    /// No verdict: a member quotes another log than this one. Nothing changed.
    Fork(ForkEvidence),
}

/// What a valid event does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The conversation changed.
    Control(Control),
    /// Its author opened a session.
    Key(KeyFields),
    /// A message; its body is for those who hold the session.
    Message(MessageFields),
    /// An event of a newer version, of this kind. It is kept and shown as such.
    Unknown(u8),
}

/// A member's signed event quotes an L that contradicts the log at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkEvidence {
    /// Where the event was delivered.
    pub position: u64,
    /// The position that it quotes.
    pub quoted_n: u64,
    /// L there, as the author saw it.
    pub quoted_log: LogHash,
    /// L there in the log at hand; `None` when the author saw more positions than came before
    /// its event.
    pub own_log: Option<LogHash>,
}

/// Why an event is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum VoidReason {
    /// The event is larger than [`subrosa_proto::limits::EVENT_BYTES_MAX`].
    #[error("the event is too large")]
    TooLarge,
    /// Header, fields or body are not what their kind asks for.
    #[error("the event is malformed")]
    Malformed,
    /// Another suite.
    #[error("the event is of another suite")]
    Suite,
    /// It names another conversation.
    #[error("the event belongs to another conversation")]
    ForeignConversation,
    /// The same event stands at an earlier position.
    #[error("the event stands in the log already")]
    Repeated,
    /// The conversation was closed.
    #[error("the conversation is closed")]
    Closed,
    /// The author's account is no member.
    #[error("the author is no member")]
    NotMember,
    /// A `revoke` before it has ended the author's device.
    #[error("the author's device was revoked in this conversation")]
    DeviceDead,
    /// No statement of the author's account certifies the device.
    #[error("the author's device is not certified by its account")]
    DeviceNotCertified,
    /// The device did not sign exactly this.
    #[error("the signature does not verify")]
    Signature,
    /// It names another control event than the current one.
    #[error("the event was made under an earlier control event")]
    Stale,
    /// It quotes a base before the current control event, or before one that its device quoted.
    #[error("the event quotes an earlier base than its author has seen")]
    Base,
    /// The author was invited and has not accepted.
    #[error("the author has not accepted yet")]
    Pending,
    /// The author's role does not allow it.
    #[error("the author's role does not allow this")]
    Role,
    /// The author is a bot whose warrant does not allow it here.
    #[error("the author is a bot that may not do this here")]
    Scope,
    /// The form of the conversation does not allow it.
    #[error("this form of conversation does not allow this")]
    Form,
    /// It is about an account or device in another condition than it must be.
    #[error("the account or device it is about is not in the condition for this")]
    Target,
    /// It would leave a room without an admin.
    #[error("a room keeps at least one admin")]
    LastAdmin,
    /// The room has as many members as it may have.
    #[error("the room is full")]
    Full,
    /// The statement that a `revoke` carries is not signed as it must be.
    #[error("the carried statement does not verify")]
    Statement,
    /// A control event that this version reserves.
    #[error("this control event is reserved")]
    Reserved,
    /// A key event names a session that is open already.
    #[error("the session is open already")]
    SessionUsed,
    /// A message names no session that its device opened under the current control event.
    #[error("the author has not opened this session under the current control event")]
    SessionUnknown,
    /// A message's index is beyond the longest session.
    #[error("the index is beyond the longest session")]
    Index,
}

/// Why an event is not the beginning of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The author's chain is not at hand or may be too old.
    #[error("the chain of account {0} is needed")]
    NeedsAccount(AccountId),
    /// The event is not valid at position 1.
    #[error(transparent)]
    Void(#[from] VoidReason),
}

/// An event was applied at another position than the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("position {found} was applied where {expected} was due")]
pub struct OutOfOrder {
    /// The position due.
    pub expected: u64,
    /// The position given.
    pub found: u64,
}

/// Why an event in one of its two forms has no place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unplaceable {
    /// It stands elsewhere.
    #[error(transparent)]
    OutOfOrder(#[from] OutOfOrder),
    /// The body of a control event is always there.
    #[error("a control event came without its body")]
    Control,
}

impl From<CodecError> for VoidReason {
    fn from(_: CodecError) -> Self {
        Self::Malformed
    }
}

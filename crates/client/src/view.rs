//! The rows that all faces draw. Names and texts come from other people: a face makes control
//! and bidi characters harmless before it prints them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a message of one's own has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SendState {
    /// In the outbox, on this disk.
    Queued,
    /// On its way.
    Sending,
    /// On the server's disk.
    Sent,
    /// A device of a recipient decrypted it and said so.
    Delivered,
    /// A recipient has read it.
    Read,
}

/// What a row shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RowKind {
    /// A text.
    Text {
        /// As its author wrote it.
        text: String,
    },
    /// Something about the conversation: somebody joined, accepted, a device was revoked.
    Info {
        /// In words.
        text: String,
    },
    /// The key for it is not here.
    WaitingForKey {
        /// Why, and what would bring it.
        cause: String,
    },
    /// Its kind is from a newer version; it is kept and read again after an upgrade.
    Newer {
        /// The number of its kind.
        number: u64,
    },
    /// Its author is blocked.
    Hidden {},
    /// It is void, deleted or has disappeared.
    Gone {
        /// Why.
        cause: String,
    },
}

/// What a reply answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplyView {
    /// Its content id, hexadecimal.
    pub id: String,
    /// Its author's name.
    pub from: String,
    /// How it begins, as it reads now; absent when it is not here or gone.
    pub excerpt: Option<String>,
}

/// An emoji beside a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionView {
    /// The emoji.
    pub emoji: String,
    /// Whose, in the order in which they came.
    pub from: Vec<String>,
    /// Whether this account's is among them.
    pub own: bool,
}

/// What stands beside the text of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Beside {
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyView>,
    /// When its author last changed it, by the author's clock, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_ms: Option<u64>,
    /// Reactions, in the order in which the emojis came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<ReactionView>,
    /// Whether its text names this account, `@name`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub names_you: bool,
    /// When it disappears, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Place in this home's local order: what `since` and `before` speak of.
    pub cursor: u64,
    /// Content id, hexadecimal; empty for rows that are no content.
    pub id: String,
    /// The conversation as people name it, `@bob`.
    pub conversation: String,
    /// Its id, hexadecimal.
    pub conv: String,
    /// Position in the log; absent while it waits in the outbox.
    pub position: Option<u64>,
    /// The author's name.
    pub from: String,
    /// Whether this account wrote it.
    pub own: bool,
    /// The time to show, Unix milliseconds: the author's, or the server's where that is far off.
    pub time_ms: u64,
    /// Whether `time_ms` is the server's time of arrival.
    pub time_of_arrival: bool,
    /// How far it has come, for one's own.
    pub state: Option<SendState>,
    /// It is shown ahead of the history before it: that it stands in the log at this place is still being checked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub checking: bool,
    /// What it shows.
    #[serde(flatten)]
    pub what: RowKind,
    /// Replies, edits, reactions.
    #[serde(flatten)]
    pub beside: Box<Beside>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What is known of the person behind a contact's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// The server named this key; nobody compared it.
    Unverified,
    /// One held the other's invite line.
    Invited,
    /// The safety numbers were compared.
    Verified,
}

/// A conversation in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConversationView {
    /// As people name it.
    pub name: String,
    /// Its id, hexadecimal.
    pub conv: String,
    /// Messages not yet read, 99 at most.
    pub unread: u64,
    /// Whether there may be more: they are not counted further, or not all is here.
    pub unread_more: bool,
    /// How many of the unread ones name this account, `@name`.
    #[serde(default)]
    pub mentions: u64,
    /// Whether its person wants to hear of it only when looking.
    pub muted: bool,
    /// Whether its person has blocked the other: nothing of theirs is shown.
    pub blocked: bool,
    /// Whether the other person has yet to accept, or this one has.
    pub pending: bool,
    /// What is known of the other person.
    pub trust: Trust,
    /// Rows of it are shown ahead of the history before them, which is still being checked.
    #[serde(default)]
    pub checking: bool,
    /// The newest row.
    pub last: Option<Row>,
}

/// How much of what the server has is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryView {
    /// Conversations that the server has named.
    pub conversations: u64,
    /// Of which all is here.
    pub conversations_here: u64,
    /// Events in all of them.
    pub events: u64,
    /// Events that are here and checked.
    pub events_here: u64,
    /// The newest page of each conversation can be read.
    pub readable: bool,
    /// Everything is here.
    pub complete: bool,
    /// The link.
    pub link: LinkState,
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactView {
    /// The account name.
    pub name: String,
    /// Account id, hexadecimal.
    pub account: String,
    /// What is known of the person.
    pub trust: Trust,
    /// 60 digits that both sides see.
    pub safety_number: String,
}

/// How far a message has come with one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptView {
    /// The member's name.
    pub name: String,
    /// Sent, delivered or read.
    pub state: SendState,
}

/// A device of this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceView {
    /// What its owner calls it.
    pub label: String,
    /// Device id, hexadecimal.
    pub device: String,
    /// Whether it is this one.
    pub this: bool,
    /// Whether it was revoked or has logged out.
    pub ended: bool,
}

/// The state of the link to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "link", rename_all = "snake_case")]
pub enum LinkState {
    /// Being made for the first time.
    Connecting,
    /// Logged in.
    Online,
    /// Out of reach; it is tried again by itself.
    Offline {
        /// Why, in one sentence.
        cause: String,
        /// When it is tried again, milliseconds from then.
        retry_ms: u64,
    },
    /// It will not be tried again: revoked, other key, other version.
    Refused {
        /// Why and what mends it, in one sentence.
        cause: String,
    },
}

/// This home's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountView {
    /// The account name.
    pub name: String,
    /// Account id, hexadecimal.
    pub account: String,
    /// Device id, hexadecimal.
    pub device: String,
    /// The server's address line; no secret.
    pub address: String,
    /// The link.
    pub link: LinkState,
    /// Messages not yet on the server's disk.
    pub outbox: u64,
}

/// A fresh invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InviteView {
    /// `subrosa://…`: a secret for one person.
    pub line: String,
    /// When it ends, Unix milliseconds.
    pub expires_ms: u64,
}

/// What arrives unasked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// A new row.
    Row(Row),
    /// A row that was there before reads otherwise now: edited, deleted, reacted to, disappeared.
    Changed(Row),
    /// Somebody types, or has stopped.
    Typing {
        /// The conversation as people name it.
        conversation: String,
        /// Its id, hexadecimal.
        conv: String,
        /// Who.
        from: String,
        /// Whether it goes on; it ends by itself.
        typing: bool,
    },
    /// A row of one's own has come further.
    State {
        /// Its cursor.
        cursor: u64,
        /// Its content id.
        id: String,
        /// How far.
        state: SendState,
        /// Its position in the log, where it has just got it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
    },
    /// A conversation is here that was not before.
    Joined(ConversationView),
    /// What is read of a conversation has changed, here or on another device.
    Unread {
        /// As people name it.
        conversation: String,
        /// Its id, hexadecimal.
        conv: String,
        /// As in [`ConversationView`].
        unread: u64,
        /// Likewise.
        unread_more: bool,
        /// Likewise.
        #[serde(default)]
        mentions: u64,
    },
    /// All rows of a conversation that were shown ahead have been checked.
    Checked {
        /// As people name it.
        conversation: String,
    },
    /// The link has changed.
    Link(LinkState),
    /// Something the person should know once, in one sentence.
    Warning {
        /// The sentence.
        sentence: String,
    },
}

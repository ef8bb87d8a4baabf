//! What faces ask of a client, and what they get back. The same values cross the home's socket
//! as JSON, so a face never knows whether the owner lives in its own process.

use crate::bot::{BotCommand, BotView};
use crate::consumer::{ConsumerCommand, ConsumerView};
use crate::export::ExportSignature;
use crate::loss::{EvidenceView, LossView, OwnChainView};
use crate::room::{RoomCommand, RoomView};
use crate::search::SearchView;
use crate::store::KeyError;
use crate::trust_view::{About, SettingView, TrustView, VerificationView};
use crate::upkeep_view::{HealthView, StorageView, UpkeepCommand, WhyView};
use crate::view::{
    AccountView, ContactView, ConversationView, DeviceView, HistoryView, InviteView, Notice,
    ReceiptView, Row, SendState,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// Names one command of one face, so that its repetition after a change of owner changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Caller(pub String);

/// How long a send waits before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Until it is in the outbox, on this disk.
    Queued,
    /// Until it is on the server's disk, or the server is known to be out of reach.
    #[default]
    Sent,
    /// Until every recipient has it on a device.
    Delivered,
    /// Until every recipient has read it. Who does not tell what they read is waited for in vain.
    Read,
}

/// What is done about something that was written before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Answers it.
    Reply {
        /// With what.
        text: String,
    },
    /// Gives it another text.
    Edit {
        /// The new text.
        text: String,
    },
    /// Takes it back; in a room an admin may take away what others wrote.
    Delete {},
    /// Puts an emoji beside it, in place of the one before.
    React {
        /// The emoji; empty takes it back.
        emoji: String,
    },
}

/// Rows in a page for which no limit is named.
const PAGE_ROWS: u32 = 50;

pub(crate) const fn page_rows() -> u32 {
    PAGE_ROWS
}

pub(crate) const fn yes() -> bool {
    true
}

/// Commands. `conversation` is what people type: `@bob`, `bob`, `#ops`. The words here are also those of the published
/// methods (docs/spec/rpc.md §4): what a command says it is answered by is its method's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "method",
    content = "params",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub enum Command {
    /// Who this home is, and the state of its link. Answered by `Account`.
    Status {},
    /// A new invite line. Answered by `Invite`.
    Invite {},
    /// Sends a text. Answered by `Sent`.
    Send {
        /// To whom.
        conversation: String,
        /// What.
        text: String,
        /// How long to wait.
        #[serde(default)]
        wait: Wait,
        /// Whether it stays in the outbox when the server is out of reach.
        #[serde(default = "yes")]
        queue: bool,
        /// How long it waits for the recipients at most, milliseconds; a minute when absent. The answer then says how
        /// far it has come.
        within_ms: Option<u64>,
        /// The step after which this message disappears (docs/spec/ledger.md §6.6), where that is sooner than its
        /// conversation's.
        timer: Option<u8>,
    },
    /// Does something about a message. Answered by `Sent`, with the id of what is now there: of the reply, or of the
    /// message that was edited, deleted or reacted to.
    ActOn {
        /// In which conversation.
        conversation: String,
        /// The message's content id, or the beginning of it: four digits or more.
        id: String,
        /// What.
        act: Act,
        /// How long to wait.
        #[serde(default)]
        wait: Wait,
        /// Whether it stays in the outbox when the server is out of reach.
        #[serde(default = "yes")]
        queue: bool,
        /// As in `Send`, for a reply.
        within_ms: Option<u64>,
        /// As in `Send`, for a reply.
        timer: Option<u8>,
    },
    /// Who has got and read a message of one's own. Answered by `Receipts`.
    Receipts {
        /// In which conversation.
        conversation: String,
        /// The message's content id, or the beginning of it.
        id: String,
    },
    /// The person types, or has stopped. Answered by `Done`, whether anybody hears of it or not.
    Typing {
        /// In which conversation.
        conversation: String,
        /// Whether it goes on.
        typing: bool,
    },
    /// Messages of a direct conversation disappear so long after their arrival. Answered by `Timer`.
    SetTimer {
        /// In which conversation.
        conversation: String,
        /// The step, 0 for never (docs/spec/ledger.md §6.6); without one, the present step is told.
        timer: Option<u8>,
    },
    /// The newest page, or the one before a row. Answered by `Rows`, oldest first.
    Read {
        /// Of which conversation; of all when absent.
        conversation: Option<String>,
        /// Only rows with a smaller cursor.
        before: Option<u64>,
        /// Only rows with a larger cursor, oldest first.
        since: Option<u64>,
        /// At most so many.
        #[serde(default = "page_rows")]
        limit: u32,
        /// Waits until the local store has what the server had when the command came, if it is in reach.
        #[serde(default)]
        fresh: bool,
    },
    /// What stands around a row, in the order of the log: rows before it, the row itself, rows behind it. Answered
    /// by `Rows`, oldest first.
    Around {
        /// Of which conversation.
        conversation: String,
        /// The row's cursor.
        cursor: u64,
        /// At most so many before it.
        before: u32,
        /// At most so many behind it.
        behind: u32,
    },
    /// What matches a query (docs/guide.md, "Searching"), newest first. Answered by `Found`, also when nothing does; a page may hold
    /// fewer than `limit` though there is a next one.
    Search {
        /// Words, phrases and filters, as people type them.
        query: String,
        /// Only in this conversation.
        conversation: Option<String>,
        /// The page after one whose [`SearchView::next`] this is.
        before: Option<u64>,
        /// At most so many.
        #[serde(default = "page_rows")]
        limit: u32,
        /// Seconds east of UTC of the person's zone: the days in the query are days there.
        #[serde(default)]
        zone_s: i32,
    },
    /// All conversations. Answered by `Conversations`.
    Conversations {},
    /// The account's devices, as the server has them now if it is in reach. Answered by `Devices`.
    Devices {},
    /// This device calls itself so from now on. Answered by `Sent`.
    RenameDevice {
        /// At most 64 bytes.
        label: String,
    },
    /// Tells the other devices that the password was changed from this one. Answered by `Sent`.
    TellPasswordChanged {
        /// Whether the recovery code was renewed with it.
        #[serde(default)]
        code: bool,
    },
    /// Ends this device for good. Answered by `Done`.
    Logout {
        /// Also when messages wait that have not left: they are lost.
        #[serde(default)]
        discard: bool,
    },
    /// Contacts with their trust. Answered by `Contacts`.
    Contacts {},
    /// Accepts a contact request. Answered by `Done`.
    Accept {
        /// From whom.
        conversation: String,
    },
    /// Declines a request: nothing of this account is shown to whoever asked. Answered by `Done`.
    Refuse {
        /// From whom.
        conversation: String,
    },
    /// Where a time lies in the order of arrival here. Answered by `Cursor`.
    CursorAt {
        /// In which conversation; in all when absent.
        conversation: Option<String>,
        /// Unix milliseconds.
        time_ms: u64,
    },
    /// Something about consumers. Answered as each says.
    Consumer(ConsumerCommand),
    /// Something about rooms. Answered as each says.
    Room(RoomCommand),
    /// Something about bots of this account. Answered as each says.
    Bot(BotCommand),
    /// The person has seen everything up to this row. Answered by `Done`.
    MarkRead {
        /// In which conversation.
        conversation: String,
        /// Up to which cursor.
        cursor: u64,
    },
    /// About the home itself. Answered as each says.
    Upkeep(UpkeepCommand),
    /// About people's keys and names, and about settings.
    About {
        /// What.
        ask: About,
    },
    /// What is lost where a restored server went on without what this home has seen. Answered by `Losses`.
    Restored {
        /// Of which conversation; of all when absent.
        conversation: Option<String>,
        /// Accepts it and goes on.
        #[serde(default)]
        go_on: bool,
    },
    /// What proves that the server told two stories. Answered by `Evidence`.
    Evidence {
        /// Of which conversation or person; all when absent.
        about: Option<String>,
    },
    /// This account's list of devices as this home knows it, to be joined with another. Answered by `OwnChain`.
    OwnChain {},
    /// How much of the history is here. Answered by `History`.
    History {},
    /// Locks the home for all that run in it: the store is closed, and its key and all that was read from it are
    /// forgotten. Everything but `unlock` fails then, and subscriptions end. What is sent to the account waits at the
    /// server. Answered by `Done`.
    Lock {
        /// The first passphrase of a home that has none; it is needed from then on whenever the home is opened.
        passphrase: Option<Passphrase>,
    },
    /// Opens a locked home again. Answered by `Done`.
    Unlock {
        /// Of the home.
        passphrase: Passphrase,
    },
    /// Waits until the outbox is empty or the server is out of reach. Answered by `Outbox`.
    Drain {},
    /// Notices from now on, or rows after a cursor first. Answered by `Subscribed`, then notices follow.
    Subscribe {
        /// Of which conversation; of all when absent.
        conversation: Option<String>,
        /// Rows with a larger cursor come first; absent: only what is new.
        since: Option<u64>,
    },
}

/// The passphrase of a home.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ZeroizeOnDrop)]
pub struct Passphrase(String);

impl From<Zeroizing<String>> for Passphrase {
    fn from(mut text: Zeroizing<String>) -> Self {
        Self(std::mem::take(&mut *text))
    }
}

impl Passphrase {
    /// To derive the key from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

/// Answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Done {},
    /// To `Status`.
    Account(AccountView),
    /// To `Invite`.
    Invite(InviteView),
    /// To `Send`.
    Sent {
        /// Content id, hexadecimal.
        id: String,
        /// The conversation as people name it.
        conversation: String,
        /// How far it has come.
        state: SendState,
        /// Who has to accept the conversation before it can leave.
        waits_for: Option<String>,
    },
    /// To `Read`.
    Rows(Vec<Row>),
    /// To `Search`.
    Found(SearchView),
    /// To `Receipts`.
    Receipts(Vec<ReceiptView>),
    /// To `SetTimer`.
    Timer {
        /// The step, 0 for never.
        timer: u8,
    },
    /// To `Conversations`.
    Conversations(Vec<ConversationView>),
    /// To `Devices`.
    Devices(Vec<DeviceView>),
    /// To `Contacts`.
    Contacts(Vec<ContactView>),
    /// To `About`: a safety number.
    Verification(VerificationView),
    /// To `About`: what is known of keys.
    Trust(Vec<TrustView>),
    /// To `About`: the settings.
    Settings(Vec<SettingView>),
    /// To `Restored`.
    Losses(Vec<LossView>),
    /// To `Evidence`.
    Evidence(Vec<EvidenceView>),
    /// To `OwnChain`.
    OwnChain(OwnChainView),
    /// To `Subscribe`: rows with a larger cursor than this will come as notices.
    Subscribed {
        /// In this home's local order.
        cursor: u64,
    },
    /// To `CursorAt`.
    Cursor {
        /// All that came at the time or after it has a larger cursor.
        since: u64,
        /// All that came before the time has a smaller cursor.
        before: u64,
    },
    /// A consumer.
    Consumer(ConsumerView),
    /// All consumers.
    Consumers(Vec<ConsumerView>),
    /// A room.
    Room(RoomView),
    /// All rooms.
    Rooms(Vec<RoomView>),
    /// All bots of this account.
    Bots(Vec<BotView>),
    /// To `History`.
    History(HistoryView),
    /// To `Upkeep`: a message explained.
    Why(WhyView),
    /// To `Upkeep`.
    Health(HealthView),
    /// To `Upkeep`.
    Storage(StorageView),
    /// To `Upkeep`: under an export.
    Signature(ExportSignature),
    /// To `Drain`: how many messages still wait.
    Outbox {
        /// Not yet on the server's disk.
        waiting: u64,
    },
}

/// What kind of failure it is; the faces map it to an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The person can mend it, or nothing matches. Exit 1.
    User,
    /// A defect of Subrosa. Exit 2.
    Defect,
    /// The server or the network. Exit 3.
    Network,
    /// A key is not trusted or has changed. Exit 4.
    Trust,
    /// Too much at once. Exit 5.
    RateLimit,
    /// Not permitted. Exit 6.
    NotPermitted,
}

/// A failure in one sentence: the cause and the next step. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// For the exit code.
    pub kind: FailureKind,
    /// For the person.
    pub sentence: String,
}

impl Failure {
    /// A failure that the person can mend.
    pub fn user(sentence: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::User,
            sentence: sentence.into(),
        }
    }
    /// The home was locked.
    #[must_use]
    pub fn locked() -> Self {
        Self {
            kind: FailureKind::NotPermitted,
            sentence: "this home is locked: `subrosa unlock` or `subrosa chat` opens it with its passphrase"
                .to_owned(),
        }
    }
    /// Whether the home is closed until its passphrase comes.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        *self == Self::locked() || self.sentence == KeyError::Locked.to_string()
    }
    /// There is nothing to lock the home with.
    #[must_use]
    pub fn no_passphrase() -> Self {
        Self::user(
            "this home has no passphrase yet, and nothing to lock it with: `subrosa lock` asks for a first one",
        )
    }
    /// A failure of network or server.
    pub fn network(sentence: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Network,
            sentence: sentence.into(),
        }
    }
    /// A defect.
    pub fn defect(sentence: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Defect,
            sentence: sentence.into(),
        }
    }
}

/// What arrives at a face that has subscribed.
pub type Notices = tokio::sync::mpsc::Receiver<Notice>;

/// A command on its way to whoever owns the home.
#[derive(Debug)]
pub struct Call {
    /// The same when the command is repeated.
    pub caller: Caller,
    /// The command.
    pub command: Command,
    /// Where the answer goes; a caller that has gone away is no error.
    pub reply: tokio::sync::oneshot::Sender<Result<Answer, Failure>>,
    /// Where notices go, with `Subscribe`. A reader that does not keep up makes its owner wait for
    /// nobody: when the queue is full the subscription ends, and the face subscribes again from its last cursor.
    pub notices: Option<tokio::sync::mpsc::Sender<Notice>>,
}

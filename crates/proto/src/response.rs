//! What the server answers (docs/spec/ledger.md §9).

use crate::{AccountId, ConvId, EventHash, HashHead, Incarnation, LogHash, Push, Refusal, Signed};
use bytes::Bytes;

choice! {
    /// A message from the server.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum FromServer {
        /// The answer to the request of that number.
        0 => Answer { id: u64, response: Response },
        /// Unasked.
        1 => Push { push: Push },
    }
}

choice! {
    /// Answers.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Response {
        /// It is done, and durable where that means something.
        0 => Done {},
        /// It is refused; nothing changed.
        1 => Refused { refusal: Refusal },
        /// To `DeviceLogin`.
        2 => LoggedIn { login: LoggedIn },
        /// To `RegisterStart`: two OPAQUE responses; note and author of the invite where it has them.
        3 => RegisterReply { password: Bytes, recovery: Bytes, note: Option<Bytes> },
        /// To `PasswordStart`.
        4 => PasswordReply { ke2: Bytes },
        /// To `PasswordFinish`: the whole chain and the bundle.
        5 => Opened { chain: Vec<Signed>, bundle: Bytes },
        /// To `Lookup` and `Genesis`.
        6 => Account { genesis: Signed },
        /// To `People`: chains, one after another, and the newest prekey of each device; ask again
        /// after the last account while `more`.
        7 => People { chains: Vec<Vec<Signed>>, prekeys: Vec<Signed>, more: bool },
        /// To `Create` and `Append`: the first position and the time of arrival. It is on disk.
        8 => Appended { first: u64, time_ms: u64 },
        /// To `Append`: the control head, or the boxes, no longer fit. Nothing was stored.
        9 => Stale { ctl: EventHash },
        /// To `Read`.
        10 => Page { page: Page },
        /// To `Conversations`; ask again after the last while `more`.
        11 => Conversations { heads: Vec<ConvHead>, more: bool },
        /// To `OwnChain`.
        12 => Chain { statements: Vec<Signed> },
        /// To `ControlHistory`: where the account's start is, and control events before it. With the
        /// last of them come the hashes of the events between the base of the event at the start
        /// and the start.
        13 => ControlHistory { since: u64, events: Vec<Placed>, hashes: Vec<EventHash>, more: bool },
        /// To `Chains`: of the accounts asked for, in their order, as many as fit. To `AuthorChain`:
        /// of the event's author, and of whoever's device it ends.
        14 => Chains { chains: Vec<Vec<Signed>> },
        /// To `SecretStart`: the OPAQUE response. The record goes into the next bundle.
        15 => SecretReply { response: Bytes },
        /// To `Keys`: what there is up to position `to`; ask again from there while `more`.
        16 => Keys { keys: Vec<crate::KeyAt>, to: u64, more: bool },
        /// To `Keepsake`: the sealed bundle, if the server has it, and the voucher.
        18 => Keepsake { bundle: Option<Bytes>, voucher: [u8; 32] },
        /// To `LogAt` and `ReturnEvents`: the last position; L at the position asked for, or at the
        /// last one if that comes first; and when the newest event of the copy had arrived that the
        /// server was restored from, as long as it takes back what came later.
        19 => LogAt { head: u64, at: u64, log: LogHash, copy_ms: Option<u64> },
        /// To `BotStart`: the sealed note and the bot's chain so far.
        20 => BotReply { note: Bytes, chain: Vec<Signed> },
    }
}

record! {
    /// An event and its position.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Placed {
        /// From 1.
        pub position: u64,
        /// Encoded [`crate::Event`].
        pub event: Bytes,
    }
}

record! {
    /// The state of the server when a device has logged in.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LoggedIn {
        /// Which life of its database the server is in.
        pub incarnation: Incarnation,
        /// The server's clock.
        pub time_ms: u64,
        /// The hosts under which the server says it can be reached, as in an address.
        pub hosts: String,
        /// Head of the account's own chain.
        pub chain: HashHead,
        /// The first conversations; the rest by `Conversations`.
        pub heads: Vec<ConvHead>,
        /// Whether there are more.
        pub more: bool,
    }
}

record! {
    /// How far a conversation reaches.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ConvHead {
        /// The conversation.
        pub conv: ConvId,
        /// Its last position.
        pub head: u64,
        /// Positions up to here have lost their bodies.
        pub trimmed: u64,
    }
}

record! {
    /// Consecutive events of one conversation.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Page {
        /// The conversation.
        pub conv: ConvId,
        /// Position of the first event.
        pub first: u64,
        /// The events.
        pub events: Vec<Delivered>,
        /// The conversation's last position at that moment.
        pub head: u64,
    }
}

record! {
    /// An event with what the server adds to it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Delivered {
        /// When it arrived; not signed.
        pub time_ms: u64,
        /// Encoded [`crate::Event`].
        pub event: Bytes,
        /// This recipient's boxes, encoded [`crate::KeyBox`]es.
        pub boxes: Vec<Bytes>,
    }
}

impl Response {
    /// A refusal without a time.
    #[must_use]
    pub const fn refused(code: crate::ErrorCode) -> Self {
        Self::Refused {
            refusal: Refusal { code, retry_ms: 0 },
        }
    }
}

record! {
    /// Who wrote an invite: the plaintext of its note.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct InviteNote {
        /// The author.
        pub account: AccountId,
        /// Head of the author's chain.
        pub head: HashHead,
    }
}

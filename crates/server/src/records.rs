//! What lies under which key in the store. Every key begins with the letter of its kind.

use crate::storage::RecordKey;
use bytes::Bytes;
use subrosa_proto::{
    Absence, AccountId, CodecError, ConvId, DeviceId, HashHead, Incarnation, LogHash, Name, Wire,
    record,
};

/// A stored value that cannot be read.
pub(crate) fn decode<T: Wire>(bytes: &Bytes) -> Result<T, CodecError> {
    subrosa_proto::decode(bytes)
}

record! {
    /// About the server as a whole.
    #[derive(Debug, Clone)]
    pub struct ServerRow {
        /// Which life of the database this is.
        pub incarnation: Incarnation,
        /// Belongs to the seed that belongs to this database.
        pub seed_check: [u8; 32],
        /// An account that nobody has: unknown names take its path.
        pub nobody: AccountId,
        /// The hosts of the address, as of the last start.
        pub hosts: String,
        /// The last restore of this database from a copy, if there was one.
        pub restored: Option<RestoredRow>,
    }
}

record! {
    /// A restore.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RestoredRow {
        /// When it was done.
        pub at_ms: u64,
        /// When the newest event of the copy had arrived: what came later was lost.
        pub copy_ms: u64,
    }
}

record! {
    /// An account; its chain lies statement by statement beside it.
    #[derive(Debug, Clone)]
    pub struct AccountRow {
        /// Its name.
        pub name: Name,
        /// Head of its chain.
        pub head: HashHead,
        /// When it was made.
        pub since_ms: u64,
    }
}

record! {
    /// An invite. Used ones stay, so that a repeated registration is recognised.
    #[derive(Debug, Clone)]
    pub struct InviteRow {
        /// Who left it; the operator's have no author.
        pub author: Option<AccountId>,
        /// Until when it is good.
        pub expires_ms: u64,
        /// For the joiner.
        pub note: Option<Bytes>,
        /// The account it made.
        pub used_by: Option<AccountId>,
    }
}

record! {
    /// An account's place in a conversation.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PlaceRow {
        /// The first position of which it may know.
        pub since: u64,
        /// The last one, after it was removed or has left.
        pub until: Option<u64>,
        /// Where it may read what others wrote: while it has accepted and is no poster.
        pub reads: Vec<Reads>,
    }
}

record! {
    /// Positions that an account may read.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Reads {
        /// The first.
        pub from: u64,
        /// The last, if that is known yet.
        pub to: Option<u64>,
    }
}

record! {
    /// A body that is to be dropped.
    #[derive(Debug, Clone, Copy)]
    pub struct DueRow {
        /// Why.
        pub why: Absence,
    }
}

impl PlaceRow {
    /// Parts of a log that an account may read; of more the oldest are forgotten. Each costs an
    /// admin two control events.
    const READS_MAX: usize = 64;

    /// A place from its first position on.
    pub(crate) const fn new(since: u64) -> Self {
        Self {
            since,
            until: None,
            reads: Vec::new(),
        }
    }

    /// A place where everything may be read from its first position on.
    pub(crate) fn whole(since: u64) -> Self {
        let mut place = Self::new(since);
        place.reading(since, true);
        place
    }

    /// From this position on it may read, or may not.
    pub(crate) fn reading(&mut self, position: u64, reads: bool) {
        let open = self.reads.last_mut().filter(|last| last.to.is_none());
        match (open, reads) {
            (None, true) => self.reads.push(Reads {
                from: position,
                to: None,
            }),
            (Some(last), false) => last.to = Some(position),
            _ => {}
        }
        if self.reads.len() > Self::READS_MAX {
            self.reads.remove(0);
        }
    }

    /// Whether it may read what somebody else wrote at a position.
    pub(crate) fn may_read(&self, position: u64) -> bool {
        self.reads
            .iter()
            .any(|reads| reads.from <= position && reads.to.is_none_or(|to| position <= to))
    }
}

record! {
    /// The state of a conversation as of a position; later events are applied to it when it is loaded.
    #[derive(Debug, Clone)]
    pub struct ConversationRow {
        /// The position.
        pub position: u64,
        /// L there.
        pub log: LogHash,
        /// The ledger's own encoding.
        pub state: Bytes,
    }
}

record! {
    /// A question for a lost box.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AskRow {
        /// The conversation.
        pub conv: ConvId,
        /// Position of the key event.
        pub position: u64,
        /// Whose device asks.
        pub account: AccountId,
        /// Which.
        pub device: DeviceId,
        /// Since when it waits for an answer.
        pub since_ms: u64,
    }
}

pub(crate) fn server() -> RecordKey {
    RecordKey::new(b'!', &[])
}
pub(crate) fn name(name: &Name) -> RecordKey {
    RecordKey::new(b'N', &[name.as_str().as_bytes()])
}
pub(crate) fn names() -> RecordKey {
    RecordKey::new(b'N', &[])
}
pub(crate) fn account(account: &AccountId) -> RecordKey {
    RecordKey::new(b'A', &[&account.0])
}
pub(crate) fn statements(account: &AccountId) -> RecordKey {
    RecordKey::new(b'S', &[&account.0])
}
/// By its place among the statements as they are handed around: in front of a merge stand those of its branch.
pub(crate) fn statement(account: &AccountId, place: u64) -> RecordKey {
    RecordKey::new(b'S', &[&account.0, &place.to_be_bytes()])
}
pub(crate) fn bundle(account: &AccountId) -> RecordKey {
    RecordKey::new(b'B', &[&account.0])
}
pub(crate) fn login(account: &AccountId, credential: u8) -> RecordKey {
    RecordKey::new(b'L', &[&account.0, &[credential]])
}
pub(crate) fn prekey(account: &AccountId, device: &DeviceId) -> RecordKey {
    RecordKey::new(b'K', &[&account.0, &device.0])
}
pub(crate) fn prekeys(account: &AccountId) -> RecordKey {
    RecordKey::new(b'K', &[&account.0])
}
pub(crate) fn all_prekeys() -> RecordKey {
    RecordKey::new(b'K', &[])
}
pub(crate) fn invites() -> RecordKey {
    RecordKey::new(b'I', &[])
}
pub(crate) fn all_open_invites() -> RecordKey {
    RecordKey::new(b'J', &[])
}
pub(crate) fn invite(code_hash: &[u8; 32]) -> RecordKey {
    RecordKey::new(b'I', &[code_hash])
}
pub(crate) fn open_invites(author: &AccountId) -> RecordKey {
    RecordKey::new(b'J', &[&author.0])
}
pub(crate) fn open_invite(author: &AccountId, code_hash: &[u8; 32]) -> RecordKey {
    RecordKey::new(b'J', &[&author.0, code_hash])
}
/// The bots of an account that have not ended.
pub(crate) fn bots(owner: &AccountId) -> RecordKey {
    RecordKey::new(b'O', &[&owner.0])
}
/// A bot, with the hash of its line's code.
pub(crate) fn bot(owner: &AccountId, bot: &AccountId) -> RecordKey {
    RecordKey::new(b'O', &[&owner.0, &bot.0])
}
/// The bot whose line has this code.
pub(crate) fn line_of(code_hash: &[u8; 32]) -> RecordKey {
    RecordKey::new(b'Y', &[code_hash])
}
/// The guest has used an invite of the host.
pub(crate) fn guest(host: &AccountId, guest: &AccountId) -> RecordKey {
    RecordKey::new(b'G', &[&host.0, &guest.0])
}
pub(crate) fn conversation(conv: &ConvId) -> RecordKey {
    RecordKey::new(b'C', &[&conv.0])
}
pub(crate) fn mark_prefix(conv: &ConvId) -> RecordKey {
    RecordKey::new(b'M', &[&conv.0])
}
/// L at a position; one is kept for every [`MARK_STEP`] positions.
pub(crate) fn mark(conv: &ConvId, position: u64) -> RecordKey {
    RecordKey::new(b'M', &[&conv.0, &position.to_be_bytes()])
}
pub(crate) fn controls(conv: &ConvId) -> RecordKey {
    RecordKey::new(b'H', &[&conv.0])
}
/// The control event at a position, as it is in the log: who joins later is given all of them.
pub(crate) fn control(conv: &ConvId, position: u64) -> RecordKey {
    RecordKey::new(b'H', &[&conv.0, &position.to_be_bytes()])
}
pub(crate) fn due() -> RecordKey {
    RecordKey::new(b'X', &[])
}
/// The body of an event that is to be dropped at a time; 0 for at once.
pub(crate) fn due_at(time_ms: u64, conv: &ConvId, position: u64) -> RecordKey {
    RecordKey::new(
        b'X',
        &[&time_ms.to_be_bytes(), &conv.0, &position.to_be_bytes()],
    )
}
/// Time, conversation and position of a body that is to be dropped.
pub(crate) fn due_of(key: &RecordKey) -> Option<(u64, ConvId, u64)> {
    let (_, rest) = key.as_bytes().split_first()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (conv, position) = rest.split_first_chunk::<32>()?;
    let position = position.first_chunk::<8>()?;
    Some((
        u64::from_be_bytes(*time),
        ConvId(*conv),
        u64::from_be_bytes(*position),
    ))
}
pub(crate) fn places(account: &AccountId) -> RecordKey {
    RecordKey::new(b'U', &[&account.0])
}
pub(crate) fn place(account: &AccountId, conv: &ConvId) -> RecordKey {
    RecordKey::new(b'U', &[&account.0, &conv.0])
}
/// The one conversation of two accounts, or of an account with itself.
pub(crate) fn pair(a: &AccountId, b: &AccountId) -> RecordKey {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    RecordKey::new(b'P', &[&low.0, &high.0])
}
pub(crate) fn waiting(account: &AccountId) -> RecordKey {
    RecordKey::new(b'W', &[&account.0])
}
/// The account has not yet accepted the conversation.
pub(crate) fn waiting_in(account: &AccountId, conv: &ConvId) -> RecordKey {
    RecordKey::new(b'W', &[&account.0, &conv.0])
}
pub(crate) fn receipts(conv: &ConvId) -> RecordKey {
    RecordKey::new(b'R', &[&conv.0])
}
pub(crate) fn receipt(conv: &ConvId, device: &DeviceId) -> RecordKey {
    RecordKey::new(b'R', &[&conv.0, &device.0])
}

/// How often an account has packed its boxes in a conversation.
pub(crate) fn packed(account: &AccountId, conv: &ConvId) -> RecordKey {
    RecordKey::new(b'H', &[&account.0, &conv.0])
}
/// Questions for lost boxes, by the device that opened the session.
pub(crate) fn asks() -> RecordKey {
    RecordKey::new(b'Q', &[])
}
pub(crate) fn asks_of(opener: &DeviceId) -> RecordKey {
    RecordKey::new(b'Q', &[&opener.0])
}
pub(crate) fn asks_in(opener: &DeviceId, conv: &ConvId) -> RecordKey {
    RecordKey::new(b'Q', &[&opener.0, &conv.0])
}
pub(crate) fn ask(opener: &DeviceId, conv: &ConvId, position: u64, asker: &DeviceId) -> RecordKey {
    let position = position.to_be_bytes();
    RecordKey::new(b'Q', &[&opener.0, &conv.0, &position, &asker.0])
}

/// Every so many positions the state of a conversation and its L are written down.
pub(crate) const MARK_STEP: u64 = 64;

/// The last 8 bytes of a key: the position that it ends with.
pub(crate) fn last_position(key: &RecordKey) -> Option<u64> {
    key.as_bytes()
        .last_chunk::<8>()
        .map(|bytes| u64::from_be_bytes(*bytes))
}

/// The last 32 bytes of a key: the conversation, account or device that it ends with.
pub(crate) fn last_id(key: &RecordKey) -> Option<[u8; 32]> {
    key.as_bytes().last_chunk::<32>().copied()
}

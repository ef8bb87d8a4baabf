//! One conversation as the engine holds it.

use super::members::Members;
use crate::store::{StoreError, Stored};
use std::collections::{BTreeMap, HashMap};
use subrosa_ledger::Conversation;
use subrosa_proto::{AccountId, ContentId, ConvId, EventHash, Form, Role};

/// Why nothing is sent in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// A member quotes another log than this one. Nothing is taken in any more either.
    Forked,
    /// The log is the same and its members are not: another control event counts elsewhere. As with a
    /// fork nothing is taken in any more.
    Split,
    /// A restored server has another log after this position. The person has to see what is lost.
    Diverged(u64),
    /// The newest page that was shown ahead is not what the log holds.
    Misled,
    /// The server's log ends before this one: it was restored from a copy, or it lies.
    Behind,
}

impl Halt {
    /// Whether nothing is taken in any more either, and nothing mends that.
    pub const fn ends(self) -> bool {
        matches!(self, Self::Forked | Self::Split | Self::Misled)
    }
}

/// The newest page of a conversation whose history is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newest {
    Unasked,
    Asked,
    Here,
}

/// A conversation.
pub(super) struct Talk {
    /// Number in the store.
    pub no: i64,
    /// As people name it.
    pub name: String,
    /// The reducer after the last event applied.
    pub state: Conversation,
    /// Up to which position the person has read, here or elsewhere.
    pub read_to: u64,
    /// The log's end as the server last named it, on this link.
    pub server_head: Option<u64>,
    /// What is asked about the members.
    pub members: Members,
    /// The place in the outbox whose append is under way.
    pub sending: Option<i64>,
    /// The wish whose control event is under way.
    pub deed: Option<i64>,
    /// How often in a row the server did not take the present content.
    pub refusals: u32,
    /// The server has a control event that is not here yet.
    pub awaits_control: bool,
    /// Not before this time again, Unix milliseconds.
    pub not_before_ms: u64,
    /// Why nothing is sent.
    pub halt: Option<Halt>,
    /// Own contents that stand where the server's answer said; the log has the last word.
    pub provisional: HashMap<ContentId, u64>,
    /// Pages in a row that left something out.
    pub gaps: u32,
    /// A receipt may be owed for what was decrypted.
    pub receipt_due: bool,
    /// Places in the outbox whose contents this page has shown in the log.
    pub placed: Vec<i64>,
    /// Own contents that a restored server has lost are looked for once all of it is here.
    pub reopens: bool,
    /// What has to stand at the positions that are shown ahead of the history.
    pub preview: BTreeMap<u64, EventHash>,
    /// The last of them has just been checked.
    pub checked: bool,
    /// The newest page was asked for on this link, and whether it has come.
    pub newest: Newest,
    /// There may be messages called deleted whose deletion has not come.
    pub called_deleted: bool,
    /// Boxes were opened that the server need not keep.
    pub boxes_opened: bool,
}

impl Talk {
    pub fn load(stored: Stored) -> Result<Self, StoreError> {
        let state =
            subrosa_proto::decode(&stored.state).map_err(|_| StoreError::Shape("conversation"))?;
        Ok(Self::new(stored.no, stored.name, state))
    }

    pub fn new(no: i64, name: String, state: Conversation) -> Self {
        Self {
            no,
            name,
            state,
            read_to: 0,
            server_head: None,
            members: Members::default(),
            sending: None,
            deed: None,
            refusals: 0,
            awaits_control: false,
            not_before_ms: 0,
            halt: None,
            provisional: HashMap::new(),
            gaps: 0,
            receipt_due: true,
            placed: Vec::new(),
            reopens: false,
            preview: BTreeMap::new(),
            newest: Newest::Unasked,
            checked: false,
            called_deleted: true,
            boxes_opened: false,
        }
    }

    pub const fn id(&self) -> ConvId {
        self.state.id()
    }

    /// The next position wanted.
    pub const fn next(&self) -> u64 {
        self.state.head().0.saturating_add(1)
    }

    /// Whether all that the server had when it last said so is here.
    pub fn synced(&self) -> bool {
        self.server_head.is_some_and(|head| self.next() > head)
    }

    /// Whether the newest that the server had can be read, be it ahead of the history.
    pub fn readable(&self) -> bool {
        self.settled() || self.newest == Newest::Here
    }

    /// Whether waiting any longer would bring nothing: all is here, or cannot be had now.
    pub fn settled(&self) -> bool {
        self.halt.is_some() || self.synced() || self.members.unanswered()
    }

    /// Whether what waits in the outbox can leave without somebody else doing something first.
    pub fn held_back(&self, own: &AccountId) -> bool {
        self.halt.is_some()
            || self.waits_for_peer(own)
            || self.members.unanswered()
            || self.members.refused.is_some()
            || self.refusals > 1
    }

    /// Whether the other person has yet to accept a direct conversation.
    pub fn waits_for_peer(&self, own: &AccountId) -> bool {
        self.state.form() == Form::Direct
            && self
                .state
                .members()
                .any(|member| member.pending && member.account != *own)
    }

    /// Whether an account is sealed to here.
    pub fn receives(&self, account: &AccountId) -> bool {
        let member = self.state.member(account);
        member.is_some_and(|member| !member.pending && member.role != Role::Poster)
    }

    /// Whether this account has yet to accept.
    pub fn waits_for_own(&self, own: &AccountId) -> bool {
        self.state.member(own).is_some_and(|member| member.pending)
    }

    /// An event has found its place: what was waited for may be here.
    pub fn advanced(&mut self) {
        self.gaps = 0;
        self.members.asks = 0;
        if std::mem::take(&mut self.awaits_control) {
            self.not_before_ms = 0;
        }
    }

    /// What is known of the server's log ends with the link.
    pub fn unlink(&mut self) {
        self.server_head = None;
        self.members.unlink();
        self.sending = None;
        self.deed = None;
        self.refusals = 0;
        self.awaits_control = false;
        self.not_before_ms = 0;
        self.gaps = 0;
        self.newest = Newest::Unasked;
        // The last one may have been lost with the link.
        self.receipt_due = true;
        if self.halt == Some(Halt::Behind) {
            self.halt = None;
        }
    }
}

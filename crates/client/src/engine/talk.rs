//! One conversation as the engine holds it.

use crate::store::{Desk, StoreError, Stored};
use std::cell::RefCell;
use subrosa_e2e::{Keyring, RecordName, StoredSession};
use subrosa_ledger::{Account, Conversation, Record};
use subrosa_proto::{AccountId, ConvId, EventHash, Form, LogHash, SessionId};

use super::people::People;

/// A conversation.
pub(super) struct Talk {
    /// Number in the store.
    pub no: i64,
    /// As people name it.
    pub name: String,
    /// The reducer after the last event applied.
    pub state: Conversation,
    /// Up to which cursor the person has read.
    pub read_cursor: u64,
    /// The log's end as the server last named it, on this link.
    pub server_head: Option<u64>,
    /// Whether chains and prekeys were asked on this link since the members last changed.
    pub people_fresh: bool,
    /// The position of the event that could not be judged for want of its author's chain.
    pub wanting: u64,
    /// Chains were fetched after the events up to this position had arrived: a device that they do
    /// not name did not exist then.
    pub chains_to: u64,
    /// Whether `People` is under way.
    pub people_asked: bool,
    /// The place in the outbox whose append is under way.
    pub sending: Option<i64>,
    /// How often the server called the present content stale.
    pub stale: u32,
    /// Not before this time again, Unix milliseconds.
    pub not_before_ms: u64,
    /// The log contradicts itself: nothing is sent any more.
    pub stopped: bool,
    /// A receipt is owed for what was decrypted.
    pub receipt_due: bool,
    /// Boxes were opened that the server need not keep.
    pub boxes_opened: bool,
}

impl Talk {
    pub fn load(stored: Stored) -> Result<Self, StoreError> {
        let state =
            subrosa_proto::decode(&stored.state).map_err(|_| StoreError::Shape("conversation"))?;
        let mut talk = Self::new(stored.no, stored.name, state);
        talk.read_cursor = stored.read_cursor;
        Ok(talk)
    }

    pub const fn new(no: i64, name: String, state: Conversation) -> Self {
        Self {
            no,
            name,
            state,
            read_cursor: 0,
            server_head: None,
            people_fresh: false,
            wanting: 0,
            chains_to: 0,
            people_asked: false,
            sending: None,
            stale: 0,
            not_before_ms: 0,
            stopped: false,
            receipt_due: false,
            boxes_opened: false,
        }
    }

    pub fn id(&self) -> ConvId {
        self.state.id()
    }

    /// The next position wanted.
    pub fn next(&self) -> u64 {
        self.state.head().0 + 1
    }

    /// Whether all that the server had when it last said so is here.
    pub fn synced(&self) -> bool {
        self.server_head.is_some_and(|head| self.next() > head)
    }

    /// Whether the other person has yet to accept a direct conversation.
    pub fn waits_for_peer(&self, own: &AccountId) -> bool {
        self.state.form() == Form::Direct
            && self
                .state
                .members()
                .any(|member| member.pending && member.account != *own)
    }

    /// Whether this account has yet to accept.
    pub fn waits_for_own(&self, own: &AccountId) -> bool {
        self.state
            .members()
            .any(|member| member.pending && member.account == *own)
    }

    /// What is known of the server's log ends with the link.
    pub fn unlink(&mut self) {
        self.server_head = None;
        self.people_fresh = false;
        self.people_asked = false;
        self.sending = None;
        self.not_before_ms = 0;
    }
}

/// What the reducer may look up, from the store and the people known.
pub(super) struct Lookup<'a> {
    pub desk: &'a Desk<'a>,
    pub people: &'a People,
    /// Number of the conversation; absent for one that is just being opened.
    pub no: Option<i64>,
    /// Whether the members' chains were fetched after the events that are judged had arrived.
    pub newest: bool,
    /// The reducer's questions cannot fail, the store can: the first failure is kept here.
    pub failed: RefCell<Option<StoreError>>,
}

impl<'a> Lookup<'a> {
    pub const fn new(
        desk: &'a Desk<'a>,
        people: &'a People,
        no: Option<i64>,
        newest: bool,
    ) -> Self {
        Self {
            desk,
            people,
            no,
            newest,
            failed: RefCell::new(None),
        }
    }

    /// Whether the store answered all questions.
    pub fn finish(self) -> Result<(), StoreError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    fn kept<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        result
            .map_err(|error| self.failed.borrow_mut().get_or_insert(error).to_string())
            .ok()
    }
}

/// The sessions in the store, for e2e.
impl Keyring for Lookup<'_> {
    fn session(&self, session: &SessionId) -> Option<StoredSession> {
        let record = self
            .kept(self.desk.record(&RecordName::Session(*session)))
            .flatten()?;
        StoredSession::from_record(record).ok()
    }
    fn newest_session(&self, conv: &ConvId) -> Option<StoredSession> {
        let newest = self.kept(self.desk.newest_session(conv)).flatten()?;
        self.session(&newest)
    }
    fn salt_used(&self, session: &SessionId, index: u32) -> Option<[u8; 16]> {
        self.kept(self.desk.place(session, index)).flatten()
    }
}

impl Record for Lookup<'_> {
    fn account(&self, id: &AccountId) -> Option<&Account> {
        self.people.account(id)
    }
    fn newest(&self, _: &AccountId) -> bool {
        self.newest
    }
    fn log_hash(&self, n: u64) -> Option<LogHash> {
        if n == 0 {
            return Some(LogHash::START);
        }
        self.kept(self.desk.log_hash(self.no?, n)).flatten()
    }
    fn seen(&self, event: &EventHash) -> bool {
        self.no
            .is_some_and(|no| self.kept(self.desk.seen(no, event)).unwrap_or(false))
    }
}

//! What the reducer and e2e may look up: the store and the people known.

use super::frame::Proofs;
use super::people::People;
use crate::store::{Desk, StoreError};
use std::cell::RefCell;
use subrosa_e2e::{Keyring, RecordName, StoredSession};
use subrosa_ledger::{Account, Authentic, Record};
use subrosa_proto::{AccountId, ConvId, EventHash, LogHash, SessionId};

/// The look-ups of one judgement.
pub(super) struct Lookup<'a> {
    desk: &'a Desk<'a>,
    people: &'a People,
    /// Number of the conversation; absent for one that is just being opened.
    no: Option<i64>,
    /// Whether the members' chains were fetched after the events that are judged had arrived.
    newest: bool,
    /// Events whose signatures were verified when they arrived.
    proofs: Option<&'a Proofs>,
    /// The reducer's questions cannot fail, the store can: the first failure is kept here.
    failed: RefCell<Option<StoreError>>,
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
            proofs: None,
            failed: RefCell::new(None),
        }
    }

    /// With the signatures that were verified ahead of the judgement.
    pub const fn with_proofs(mut self, proofs: &'a Proofs) -> Self {
        self.proofs = Some(proofs);
        self
    }

    /// Whether the store answered all questions.
    pub fn finish(self) -> Result<(), StoreError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    fn kept<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                None
            }
        }
    }
}

/// The sessions in the store, for e2e.
impl Keyring for Lookup<'_> {
    fn session(&self, session: &SessionId) -> Option<StoredSession> {
        let record = self
            .kept(self.desk.record(&RecordName::Session(*session)))
            .flatten()?;
        self.kept(StoredSession::from_record(record).map_err(|_| StoreError::Shape("session")))
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
    fn authentic(&self, event: &EventHash) -> Option<&Authentic> {
        self.proofs?.of(event)
    }
}

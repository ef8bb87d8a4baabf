//! The client's core without sockets or clocks: inputs in, effects out.
//!
//! What an input changes is written at the [`Desk`] that comes with it, one transaction of the
//! local store; the driver commits it before it carries out any effect. So nothing leaves the
//! machine that is not remembered, and nobody is answered before it is on disk. The engine holds
//! heads, open sessions and what is under way, never history: it is rebuilt from the store at
//! any time.
//!
//! | file | job |
//! |---|---|
//! | `link` | device login, requests under way, what the server answers |
//! | `sync` | events of a conversation, in order, once |
//! | `inbox` | what one event means: keys, contents, notes |
//! | `outbox` | contents sealed when they leave, sent until the outcome is known |
//! | `opening` | conversations and contacts made |
//! | `receipts` | how far devices have come |
//! | `invites` | lines made, and who came by them |
//! | `commands` | what faces ask |
//! | `rows` | what faces see |

mod commands;
mod inbox;
mod invites;
mod link;
mod opening;
mod outbox;
mod people;
mod receipts;
mod rows;
mod sync;
mod talk;
mod turn;

pub use link::{Down, Input};
pub use turn::{CallId, Effect, Turn};

use crate::command::Failure;
use crate::store::{Desk, StoreError};
use crate::view::{LinkState, Notice};
use link::Link;
use people::People;
use std::collections::{BTreeMap, HashMap};
use subrosa_e2e::{HistoryOpener, Machine};
use subrosa_proto::{AccountId, Address, ConvId};
use talk::Talk;

/// Names of the single facts in the store.
pub mod fact {
    /// This account's id.
    pub const ACCOUNT: &str = "account";
    /// The server's address, as a line.
    pub const ADDRESS: &str = "address";
    /// Which life of its database the server was in.
    pub const INCARNATION: &str = "incarnation";
    /// Who invited this account, with the head of their chain as the line's note quotes it.
    pub const INVITER: &str = "inviter";
    /// The last counter of an idem.
    pub const COUNTER: &str = "counter";
}

/// Why an engine cannot go on with what is stored.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secrets of this device.
    #[error(
        "the secrets of this device do not read: {0}; restore the home from a copy, or log in again in another home"
    )]
    Secrets(String),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            error @ EngineError::Secrets(_) => Self::user(error.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            error @ (StoreError::Sqlite(_) | StoreError::Shape(_)) => {
                Self::defect(error.to_string())
            }
            error => Self::user(error.to_string()),
        }
    }
}

/// One account's core on one device.
pub struct Engine {
    account: AccountId,
    address: Address,
    machine: Machine,
    people: People,
    talks: BTreeMap<i64, Talk>,
    numbers: HashMap<ConvId, i64>,
    link: Link,
    /// Sends that wait for their place in the outbox to be done, by that place; and whether each
    /// is to be kept when the server is out of reach.
    sends: HashMap<i64, Vec<(CallId, bool)>>,
    /// Calls that wait for something else.
    waiting: Vec<commands::Waiting>,
    /// Faces that want notices, and of which conversation.
    subscribers: BTreeMap<CallId, Option<i64>>,
    warned_clock: bool,
    /// Opens boxes of the account's history key, while a password has just been given.
    history: Option<HistoryOpener>,
}

impl Engine {
    /// Rebuilds the engine from the store.
    ///
    /// # Errors
    /// The store or the secrets in it do not read.
    pub fn load(desk: &Desk<'_>) -> Result<Self, EngineError> {
        let account = desk
            .fact(fact::ACCOUNT)?
            .ok_or(StoreError::Shape("account"))?;
        let line: String = desk
            .fact(fact::ADDRESS)?
            .ok_or(StoreError::Shape("address"))?;
        let address = Address::parse(&line).map_err(|_| StoreError::Shape("address"))?;
        let machine = Machine::load(desk.records_at_start()?)
            .map_err(|error| EngineError::Secrets(error.to_string()))?;
        let people = People::load(desk, account)?;
        let mut talks = BTreeMap::new();
        for stored in desk.conversations()? {
            let talk = Talk::load(stored)?;
            talks.insert(talk.no, talk);
        }
        let numbers = talks.values().map(|talk| (talk.id(), talk.no)).collect();
        Ok(Self {
            account,
            address,
            machine,
            people,
            talks,
            numbers,
            link: Link::new(),
            sends: HashMap::new(),
            waiting: Vec::new(),
            subscribers: BTreeMap::new(),
            warned_clock: false,
            history: None,
        })
    }

    /// Lets this engine read what was sealed to the account's history key, until it is dropped.
    pub fn with_history(&mut self, opener: HistoryOpener) {
        self.history = Some(opener);
    }

    /// Where the server is.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Takes one input. Effects are in `turn` and hold only once its transaction is committed.
    ///
    /// # Errors
    /// The store fails; then the engine is to be loaded anew.
    pub fn handle(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), EngineError> {
        match input {
            Input::Linked { transcript } => self.linked(turn, &transcript),
            Input::Frame { message } => self.arrived(turn, message),
            Input::Lost => self.lost(turn),
            Input::Unreachable { down } => self.unreachable(turn, down),
            Input::Command {
                call,
                caller,
                command,
                subscribes,
            } => self.command(turn, call, &caller, command, subscribes),
            Input::Gone { call } => {
                self.subscribers.remove(&call);
                Ok(())
            }
            Input::Tick => self.tick(turn),
        }
    }

    /// Tells every subscriber.
    fn tell_all(&self, turn: &mut Turn<'_>, notice: &Notice) {
        for call in self.subscribers.keys() {
            turn.notify(*call, notice.clone());
        }
    }

    fn tell_link(&mut self, turn: &mut Turn<'_>, state: LinkState) {
        self.tell_all(turn, &Notice::Link(state.clone()));
        self.link.state = state;
    }

    fn warn(&self, turn: &mut Turn<'_>, sentence: String) {
        self.tell_all(turn, &Notice::Warning { sentence });
    }
}

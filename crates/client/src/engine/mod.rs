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
//! | `frame` | a message of the server, decoded and checked ahead |
//! | `link`, `answered` | requests under way, what the server answers and pushes |
//! | `login` | the device's login, and the state of the server that comes with it |
//! | `sync` | events of a conversation, in order, once |
//! | `joining` | the start in a log that others began |
//! | `inbox` | what one event means: keys, contents, notes |
//! | `absent` | events that came without their bodies |
//! | `members` | chains and prekeys of those to whom is sealed |
//! | `outbox` | contents that wait, and whoever waits for them to leave |
//! | `posting`, `posted` | sealed when they leave; what the server says to that |
//! | `coming` | sends that wait for their recipients |
//! | `names` | which account a name stands for |
//! | `opening`, `lookups` | conversations and contacts made |
//! | `receipts` | how far devices have come |
//! | `typing` | who types |
//! | `expiring`, `renewing` | contents that disappear, and those that a newer build can read |
//! | `bots`, `warranted` | bots of this account, and this account as one |
//! | `invites` | lines made, and who came by them |
//! | `keepsake`, `returning` | what a server restored from a copy gets back |
//! | `forks` | what proves that two stories were told |
//! | `restored` | what is lost where it went on without that |
//! | `outlook`, `deeds` | changes of who is in a conversation: what there is to do, and doing it |
//! | `rooms`, `requests` | what rooms are called; who asks this account in |
//! | `commands` | what faces ask |
//! | `acting`, `amending`, `shown` | what is said about earlier contents: sent, taken in, shown |
//! | `own_account` | this account's devices and secrets, as its chain and they themselves tell |
//! | `ending` | devices that are over: revoked, logged out, this one |
//! | `alarms` | what the person has to know once |
//! | `archive`, `packing` | the keys of the history, after a password; many of them made one |
//! | `away` | devices that were away for too long, and what is told of it |
//! | `lost_boxes` | boxes that did not come, asked for once more |
//! | `preview` | the newest page, ahead of the history |
//! | `upkeep` | what has to be done from time to time |
//! | `clock` | a clock that is set back |
//! | `settings`, `unread` | what the account's devices agree on, and what follows for the counts |
//! | `indexing` | the index of a search |
//! | `rows`, `room_rows` | what faces see |

mod absent;
mod acting;
mod alarms;
mod amending;
mod answered;
mod archive;
mod away;
mod bots;
mod clock;
mod coming;
mod commands;
mod confirmed;
mod deeds;
mod ending;
mod expiring;
mod forks;
mod frame;
mod inbox;
mod indexing;
mod invites;
mod joining;
mod keepsake;
mod link;
mod login;
mod lookup;
mod lookups;
mod lost_boxes;
mod members;
mod merges;
mod names;
mod opening;
mod outbox;
mod outlook;
mod own_account;
mod packing;
mod people;
mod posted;
mod posting;
mod preview;
mod receipts;
mod renewing;
mod requests;
mod restored;
mod returning;
mod room_rows;
mod rooms;
mod rows;
mod settings;
mod shown;
mod split;
mod sync;
mod talk;
#[cfg(test)]
mod tests;
mod turn;
mod typing;
mod unread;
mod upkeep;
mod warranted;

pub use archive::ArchiveTally;
pub use frame::{Frame, WORTH_BYTES};
pub use link::{Down, Input};
pub use turn::{CallId, Effect, Turn};

use crate::command::Failure;
use crate::store::{Desk, Labels, StoreError};
use crate::view::{LinkState, Notice};
use alarms::Alarm;
use archive::Archive;
use deeds::DeedCall;
use link::Link;
use people::People;
use returning::Returning;
use rooms::Rooms;
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use subrosa_e2e::{CONTENT_VERSION, Machine, Readings};
use subrosa_proto::{AccountId, Address, ConvId, DeviceId, PROTOCOL_MIN, Signed};
use talk::{Halt, Talk};
use typing::Typing;

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
    /// What a bot's rooms are called where its owner is.
    pub const BOT_ROOMS: &str = "bot-rooms";
    /// The last counter of an idem.
    pub const COUNTER: &str = "counter";
    /// The highest protocol version spoken with the server: it is not spoken to in a lower one.
    pub const VERSION: &str = "version";
    /// The life of its database to which a restored server began, until it has what this home can bring back.
    pub const RETURN_DUE: &str = "return-due";
    /// The account's sealed bundle.
    pub const BUNDLE: &str = "bundle";
    /// By which the account shows a restored server that it had it.
    pub const VOUCHER: &str = "voucher";
    /// Number of the newest own prekey that the server is known to have.
    pub const PREKEY: &str = "prekey";
    /// Which kinds of contents the build knew that last read what is stored.
    pub const CONTENT_VERSION: &str = "content_version";
    /// This device's last word, signed, once it was asked to log out.
    pub const LOGOUT: &str = "logout";
    /// The server does not let this device in any more.
    pub const ENDED: &str = "ended";
    /// Since when, by the server's clock, what is written is written for this device too.
    pub const SINCE: &str = "since";
    /// When this device was away for so long that nobody sealed to it.
    pub const AWAY: &str = "away";
}

/// Warnings that are kept while nobody listens.
const UNHEARD_MAX: usize = 16;

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
    pinned: u16,
    machine: Machine,
    people: People,
    talks: BTreeMap<i64, Talk>,
    numbers: HashMap<ConvId, i64>,
    link: Link,
    /// Sends that wait for their place in the outbox to be done, by that place.
    sends: HashMap<i64, Vec<(CallId, outbox::Wanted)>>,
    /// What is known of rooms beside their logs.
    rooms: Rooms,
    /// Calls that wait for changes of who is in a conversation.
    deed_calls: Vec<DeedCall>,
    /// What this account's devices agree on.
    settings: Settings,
    /// Calls that wait for something else.
    waiting: Vec<commands::Waiting>,
    /// Faces that want notices, and of which conversation.
    subscribers: BTreeMap<CallId, Option<i64>>,
    /// This account's devices that the person knows of.
    own_devices: BTreeSet<DeviceId>,
    /// What they call themselves.
    labels: Labels,
    /// Version of the account's vault that the person knows of.
    own_vault: u64,
    /// Conversations into which the end of a device is on its way, or was not taken.
    revoking: BTreeSet<i64>,
    /// This device's last word, once it was asked to log out.
    logout: Option<Signed>,
    /// Why this device is over, once the server has said that it is.
    ended: Option<String>,
    /// What this turn has brought up.
    alarms: Vec<Alarm>,
    /// When keys that are over were last looked for.
    swept_ms: u64,
    /// What this device's clock showed last.
    clock_ms: u64,
    warned_clock: bool,
    /// Warnings that came while nobody listened.
    unheard: Vec<String>,
    /// Who types.
    typing: Typing,
    /// When the next message disappears, if one does; unknown at first.
    next_expiry_ms: Option<u64>,
    /// Contents of kinds that this build may know now are to be read again.
    outdated: bool,
    /// The server was restored and may lack something that is here.
    return_due: bool,
    /// What is being brought back to it.
    returning: Option<Returning>,
    /// When what it did not take is tried again; 0 if there is nothing.
    return_again_ms: u64,
    /// The account has shown its voucher to a server that did not know it.
    introduced: bool,
    /// The server does not know this device.
    unknown_there: bool,
    /// The keys of the history are being fetched, with the history key that a password has opened.
    archive: Option<Archive>,
    /// What came of it.
    archived: Option<ArchiveTally>,
    /// Since when, by the server's clock, what is written is written for this device too.
    since_ms: u64,
    /// Sessions that are being read.
    readings: Readings,
    /// Lines may wait for the index.
    index_waits: bool,
    /// So many lines it takes in one step.
    index_step_lines: u64,
    /// Signatures that were verified ahead, of the message at hand.
    proofs: frame::Proofs,
}

fn load_talks(desk: &Desk<'_>, settings: &Settings) -> Result<BTreeMap<i64, Talk>, EngineError> {
    let mut talks = BTreeMap::new();
    for stored in desk.conversations()? {
        let mut talk = Talk::load(stored)?;
        talk.read_to = settings.read_to(&talk.id());
        talk.halt = desk.divergence(talk.no)?.map(Halt::Diverged);
        talks.insert(talk.no, talk);
    }
    preview::load(desk, &mut talks)?;
    Ok(talks)
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
        let own = people
            .account(&account)
            .ok_or(StoreError::Shape("account"))?;
        let own_devices = own.devices().map(|device| device.id).collect();
        let settings = Settings::load(desk)?;
        let own_vault = own.vault().map_or(0, |(version, _)| version);
        let logout: Option<Signed> = desk.fact(fact::LOGOUT)?;
        let ended = desk.fact::<u64>(fact::ENDED)?;
        let ended = ended.map(|_| ending::sentence(logout.is_some(), own.warrant().is_some()));
        let talks = load_talks(desk, &settings)?;
        let numbers = talks.values().map(|talk| (talk.id(), talk.no)).collect();
        let mut engine = Self {
            account,
            address,
            pinned: desk.fact(fact::VERSION)?.unwrap_or(PROTOCOL_MIN),
            machine,
            people,
            talks,
            numbers,
            link: Link::new(),
            sends: HashMap::new(),
            rooms: Rooms::load(desk, &account)?,
            deed_calls: Vec::new(),
            settings,
            waiting: Vec::new(),
            subscribers: BTreeMap::new(),
            own_devices,
            labels: desk.device_labels()?,
            own_vault,
            revoking: BTreeSet::new(),
            logout,
            ended,
            alarms: Vec::new(),
            swept_ms: 0,
            clock_ms: 0,
            warned_clock: false,
            unheard: Vec::new(),
            typing: Typing::default(),
            next_expiry_ms: Some(0),
            outdated: desk.fact(fact::CONTENT_VERSION)? != Some(CONTENT_VERSION),
            return_due: false,
            returning: None,
            return_again_ms: 0,
            introduced: false,
            unknown_there: false,
            archive: None,
            archived: None,
            since_ms: desk.fact(fact::SINCE)?.unwrap_or(0),
            readings: Readings::default(),
            index_waits: true,
            index_step_lines: indexing::STEP,
            proofs: frame::Proofs::default(),
        };
        engine.heed_decisions();
        Ok(engine)
    }

    /// What the person has compared and decided counts from the start.
    fn heed_decisions(&mut self) {
        for (_, trust) in self.compared().collect::<Vec<_>>() {
            self.people.compared(&trust);
        }
        for setting in self.merges_accepted() {
            self.heed_merge(&setting);
        }
        for name in self.decided_names() {
            let decision = self.decision(&name);
            self.people.decisions.insert(name, decision);
        }
    }

    /// Where the server is.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The highest protocol version spoken with the server.
    #[must_use]
    pub const fn pinned(&self) -> u16 {
        self.pinned
    }

    /// Takes one input. Effects are in `turn` and hold only once its transaction is committed.
    ///
    /// # Errors
    /// The store fails; then the engine is to be loaded anew.
    pub fn handle(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), EngineError> {
        self.heed_clock(turn);
        self.read_again(turn)?;
        self.expire(turn)?;
        self.index_waits |= !matches!(input, Input::Idle | Input::Tick);
        self.take(turn, input)?;
        self.index_due(turn.desk)?;
        self.tell_news(turn)?;
        self.sound_alarms(turn)
    }

    fn take(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), EngineError> {
        match input {
            Input::Linked {
                transcript,
                version,
            } => self.linked(turn, &transcript, version),
            Input::Frame { message } => self.arrived(turn, Frame::plain(&message)),
            Input::Checked { frame } => self.arrived(turn, frame),
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
            Input::Idle => self.index_step(turn),
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

    /// Warns whoever listens, or the first who will.
    fn warn(&mut self, turn: &mut Turn<'_>, sentence: String) {
        if self.subscribers.is_empty() {
            self.unheard.truncate(UNHEARD_MAX - 1);
            self.unheard.push(sentence);
        } else {
            self.tell_all(turn, &Notice::Warning { sentence });
        }
    }
}

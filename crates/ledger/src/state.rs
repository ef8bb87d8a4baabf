//! The state of a conversation and its bytes (docs/spec/ledger.md §7.6).

use subrosa_proto::codec::{CodecError, Reader, Writer};
use subrosa_proto::{
    AccountId, ConvId, DeviceId, EventHash, Form, LogHash, Role, SessionId, Wire, record,
};

/// Changes whenever the fields or the rules that fill them do.
pub const STATE_VERSION: u8 = 1;

record! {
    /// All that the reducer keeps. Server and clients hold the same bytes after the same log.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct State {
        /// [`STATE_VERSION`]; a state of another version is made anew from the log.
        pub version: u8,
        pub id: ConvId,
        pub form: Form,
        pub archive: bool,
        pub creator: AccountId,
        pub invite: Option<[u8; 32]>,
        /// Position of the last event, valid or void.
        pub head: u64,
        /// L there.
        pub log: LogHash,
        /// The last valid control event.
        pub ctl: EventHash,
        pub ctl_position: u64,
        pub members_add: bool,
        pub timer: u8,
        pub closed: bool,
        /// In the order of their accounts.
        pub participants: Vec<Participant>,
    }
}

record! {
    /// An account that is a member, or was one and left dead devices behind.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Participant {
        pub account: AccountId,
        pub standing: Option<Standing>,
        /// Devices that a `revoke` ended, in order.
        pub dead: Vec<DeviceId>,
        /// Devices that posted since the last control event, in order.
        pub active: Vec<ActiveDevice>,
    }
}

record! {
    /// How a member stands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Standing {
        pub role: Role,
        pub pending: bool,
    }
}

record! {
    /// A device since the last control event.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ActiveDevice {
        pub device: DeviceId,
        /// The base of its last valid event.
        pub base: u64,
        /// Its open sessions, oldest first.
        pub sessions: Vec<OpenSession>,
    }
}

record! {
    /// A session and the position of its key event.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OpenSession {
        pub session: SessionId,
        pub position: u64,
    }
}

impl State {
    /// Of an account that is a member.
    pub fn standing(&self, account: &AccountId) -> Option<Standing> {
        self.participant(account)?.standing
    }
    pub fn participant(&self, account: &AccountId) -> Option<&Participant> {
        let at = self.place(account).ok()?;
        self.participants.get(at)
    }
    pub fn participant_mut(&mut self, account: &AccountId) -> Option<&mut Participant> {
        let at = self.place(account).ok()?;
        self.participants.get_mut(at)
    }
    /// Makes an account a member, or changes how it stands.
    pub fn set_standing(&mut self, account: AccountId, standing: Standing) {
        match self.place(&account) {
            Ok(at) => {
                if let Some(participant) = self.participants.get_mut(at) {
                    participant.standing = Some(standing);
                }
            }
            Err(at) => self.participants.insert(
                at,
                Participant {
                    account,
                    standing: Some(standing),
                    dead: Vec::new(),
                    active: Vec::new(),
                },
            ),
        }
    }
    /// Ends a membership. What remains of the account are its dead devices.
    pub fn end_standing(&mut self, account: &AccountId) {
        if let Some(participant) = self.participant_mut(account) {
            participant.standing = None;
        }
        self.participants
            .retain(|p| p.standing.is_some() || !p.dead.is_empty());
    }
    /// Moves to a new control event, under which no session is open and no base was quoted.
    pub fn begin_epoch(&mut self, ctl: EventHash, position: u64) {
        self.ctl = ctl;
        self.ctl_position = position;
        for participant in &mut self.participants {
            participant.active.clear();
        }
    }
    fn place(&self, account: &AccountId) -> Result<usize, usize> {
        self.participants
            .binary_search_by(|participant| participant.account.cmp(account))
    }
}

impl Participant {
    pub fn is_dead(&self, device: &DeviceId) -> bool {
        self.dead.binary_search(device).is_ok()
    }
    pub fn active(&self, device: &DeviceId) -> Option<&ActiveDevice> {
        let at = self
            .active
            .binary_search_by(|a| a.device.cmp(device))
            .ok()?;
        self.active.get(at)
    }
    /// The entry of a device, new if it has not posted since the last control event.
    pub fn activate(&mut self, device: DeviceId) -> Option<&mut ActiveDevice> {
        let found = self.active.binary_search_by(|a| a.device.cmp(&device));
        let at = found.unwrap_or_else(|at| {
            let fresh = ActiveDevice {
                device,
                base: 0,
                sessions: Vec::new(),
            };
            self.active.insert(at, fresh);
            at
        });
        self.active.get_mut(at)
    }
    /// Whether all lists are in order, as every state that was written has them.
    fn in_order(&self) -> bool {
        self.dead.is_sorted_by(|a, b| a < b)
            && self.active.is_sorted_by(|a, b| a.device < b.device)
            && (self.standing.is_some() || !self.dead.is_empty())
    }
}

/// Writes the state; reading also refuses what no reducer wrote.
impl Wire for crate::Conversation {
    fn write(&self, out: &mut Writer) {
        self.state.write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let state = State::read(from)?;
        let ordered = state
            .participants
            .is_sorted_by(|a, b| a.account < b.account)
            && state.participants.iter().all(Participant::in_order);
        if ordered
            && state.version == STATE_VERSION
            && state.ctl_position >= 1
            && state.ctl_position <= state.head
        {
            Ok(Self { state })
        } else {
            Err(CodecError::Shape("conversation"))
        }
    }
}

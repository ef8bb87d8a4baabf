//! The reducer of one log (docs/spec/ledger.md §7, §8): the same code at the server, in the
//! guard of every append, and at each client.

use crate::judgement::{Halt, authentic, open_header};
use crate::prekey::claimed_end;
use crate::scope::may_create;
use crate::sight::Sight;
use crate::state::{STATE_VERSION, Standing, State};
use crate::{
    Account, CreateError, Device, OutOfOrder, Record, Unplaceable, Verdict, VoidReason, next_log,
};
use subrosa_proto::{
    AccountId, Carried, Control, ConvId, DeviceId, Event, EventHash, EventKind, Form, LogHash,
    Role, SessionId, decode,
};

/// A member of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// What it may do.
    pub role: Role,
    /// Whether it was added and has not accepted yet.
    pub pending: bool,
}

/// Who opened a session, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// The control event under which it was opened, which is the current one.
    pub ctl: EventHash,
    /// Position of the key event.
    pub position: u64,
}

/// A conversation after its log up to [`Conversation::head`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub(crate) state: State,
}

impl Conversation {
    /// Begins a conversation with its create event, at position 1 (§7.1).
    ///
    /// # Errors
    /// [`CreateError::NeedsAccount`] when the author's chain is missing, else the rule broken.
    pub fn create(event: &Event, record: &impl Record) -> Result<Self, CreateError> {
        let sight = Sight::whole(event);
        let header = open_header(&sight)?;
        let start = header.conv == ConvId::NONE
            && header.ctl == EventHash::NONE
            && header.base_n == 0
            && header.base_log == LogHash::START
            && header.kind == EventKind::Control as u8
            && header.fields.is_empty();
        let control = decode(&event.body).map_err(VoidReason::from)?;
        let Control::Create {
            form,
            archive,
            peer,
            invite,
            ..
        } = control
        else {
            return Err(VoidReason::Malformed.into());
        };
        if !start {
            return Err(VoidReason::Malformed.into());
        }
        let role = match (form, peer, invite) {
            (Form::Direct, Some(peer), _) if peer == header.account => {
                return Err(VoidReason::Target.into());
            }
            (Form::Direct, Some(_), _) => Role::Member,
            (Form::Own | Form::Room, None, None) => Role::Admin,
            _ => return Err(VoidReason::Malformed.into()),
        };
        let author = authentic(&header, &sight, record)?;
        may_create(author, form, peer.as_ref())?;
        let hash = sight.hash;
        let mut state = State {
            version: STATE_VERSION,
            id: ConvId(hash.0),
            form,
            archive,
            creator: header.account,
            invite,
            head: 1,
            log: next_log(LogHash::START, 1, hash),
            ctl: hash,
            ctl_position: 1,
            members_add: false,
            timer: 0,
            closed: false,
            participants: Vec::new(),
        };
        let pending = false;
        state.set_standing(header.account, Standing { role, pending });
        if let Some(peer) = peer {
            // Whoever gave an invite line away has accepted its holder.
            let pending = invite.is_none();
            state.set_standing(peer, Standing { role, pending });
        }
        Ok(Self { state })
    }

    /// Judges the event at the next position and takes it in (§7.4). After
    /// [`Verdict::NeedsAccount`] and [`Verdict::Fork`] nothing has changed.
    ///
    /// # Errors
    /// [`OutOfOrder`] when `position` is not the next one.
    pub fn apply(
        &mut self,
        position: u64,
        event: &Event,
        record: &impl Record,
    ) -> Result<Verdict, OutOfOrder> {
        self.apply_sight(position, &Sight::whole(event), record)
    }

    /// The same for an event in either form. A control event without its body is no event: what it
    /// says decides who is a member, so nothing may stand in its place.
    ///
    /// # Errors
    /// [`Unplaceable`] says why it has no place here.
    pub fn apply_carried(
        &mut self,
        position: u64,
        event: &Carried,
        record: &impl Record,
    ) -> Result<Verdict, Unplaceable> {
        let control = EventKind::Control as u8;
        if event.whole().is_none() && event.header().is_ok_and(|header| header.kind == control) {
            return Err(Unplaceable::Control);
        }
        Ok(self.apply_sight(position, &Sight::carried(event), record)?)
    }

    fn apply_sight(
        &mut self,
        position: u64,
        event: &Sight<'_>,
        record: &impl Record,
    ) -> Result<Verdict, OutOfOrder> {
        let expected = self.state.head.saturating_add(1);
        if position != expected {
            return Err(OutOfOrder {
                expected,
                found: position,
            });
        }
        let hash = event.hash;
        let verdict = match self.judge(position, hash, event, record) {
            Ok(effect) => Verdict::Valid(effect),
            Err(Halt::Void(reason)) => Verdict::Void(reason),
            Err(Halt::NeedsAccount(account)) => return Ok(Verdict::NeedsAccount(account)),
            Err(Halt::Fork(evidence)) => return Ok(Verdict::Fork(evidence)),
        };
        self.state.head = position;
        self.state.log = next_log(self.state.log, position, hash);
        Ok(verdict)
    }

    /// The conversation's id: the hash of its create event.
    #[must_use]
    pub const fn id(&self) -> ConvId {
        self.state.id
    }
    /// The kind of conversation.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.state.form
    }
    /// Whether keys are sealed to history keys too.
    #[must_use]
    pub const fn archive(&self) -> bool {
        self.state.archive
    }
    /// Who created it.
    #[must_use]
    pub const fn creator(&self) -> AccountId {
        self.state.creator
    }
    /// What the create event says to prove that its author holds the peer's invite line. Only a
    /// device of the peer can check it.
    #[must_use]
    pub const fn invite(&self) -> Option<&[u8; 32]> {
        self.state.invite.as_ref()
    }
    /// The last position n and L_n.
    #[must_use]
    pub const fn head(&self) -> (u64, LogHash) {
        (self.state.head, self.state.log)
    }
    /// The last valid control event, which the next event has to name.
    #[must_use]
    pub const fn ctl(&self) -> EventHash {
        self.state.ctl
    }
    /// Where that stands; no event may quote a base before it.
    #[must_use]
    pub const fn ctl_position(&self) -> u64 {
        self.state.ctl_position
    }
    /// The members, pending ones included, in the order of their accounts.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        self.state.participants.iter().filter_map(|participant| {
            participant.standing.map(|standing| Member {
                account: participant.account,
                role: standing.role,
                pending: standing.pending,
            })
        })
    }
    /// A member by its account.
    #[must_use]
    pub fn member(&self, account: &AccountId) -> Option<Member> {
        self.state.standing(account).map(|standing| Member {
            account: *account,
            role: standing.role,
            pending: standing.pending,
        })
    }
    /// A member's role.
    #[must_use]
    pub fn role_of(&self, account: &AccountId) -> Option<Role> {
        self.state.standing(account).map(|standing| standing.role)
    }
    /// The other account of a direct conversation.
    #[must_use]
    pub fn peer(&self, own: &AccountId) -> Option<AccountId> {
        let other = || self.members().find(|member| member.account != *own);
        match self.state.form {
            Form::Direct => other().map(|member| member.account),
            Form::Own | Form::Room => None,
        }
    }
    /// Whether it was closed for good.
    #[must_use]
    pub const fn closed(&self) -> bool {
        self.state.closed
    }
    /// Whether plain members may add.
    #[must_use]
    pub const fn members_add(&self) -> bool {
        self.state.members_add
    }
    /// The conversation's message timer step, 0 for none.
    #[must_use]
    pub const fn timer(&self) -> u8 {
        self.state.timer
    }
    /// The devices that a `revoke` has ended in this log.
    pub fn dead_devices(&self) -> impl Iterator<Item = (AccountId, DeviceId)> {
        self.state.participants.iter().flat_map(|participant| {
            let account = participant.account;
            participant
                .dead
                .iter()
                .map(move |device| (account, *device))
        })
    }
    /// Whether a `revoke` has ended this device of this account in this log.
    #[must_use]
    pub fn dead(&self, account: &AccountId, device: &DeviceId) -> bool {
        self.state
            .participant(account)
            .is_some_and(|participant| participant.is_dead(device))
    }
    /// The accounts that receive keys: members that have accepted and are no posters.
    pub fn recipients(&self) -> impl Iterator<Item = AccountId> {
        self.members()
            .filter(|member| !member.pending && member.role != Role::Poster)
            .map(|member| member.account)
    }
    /// The devices of an account that receive keys here: those live by its chain and in this
    /// log. None if the account is no recipient, or a bot that may not read here.
    pub fn recipient_devices<'a>(&self, account: &'a Account) -> impl Iterator<Item = &'a Device> {
        let receives = self
            .member(&account.id())
            .is_some_and(|member| !member.pending && member.role != Role::Poster)
            && self.scope(account).read;
        account
            .devices()
            .filter(move |device| receives && !self.dead(&account.id(), &device.id))
    }
    /// The account and device that a control event ends, if it is a `revoke` that reads.
    #[must_use]
    pub fn ended_device(event: &Event) -> Option<(AccountId, DeviceId)> {
        match decode(&event.body).ok()? {
            Control::Revoke {
                account,
                statement,
                logout,
            } => {
                let (_, device) = claimed_end(&statement, logout)?;
                Some((account, device))
            }
            _ => None,
        }
    }
    /// A session that is open under the current control event.
    #[must_use]
    pub fn session(&self, session: &SessionId) -> Option<Session> {
        self.state.participants.iter().find_map(|participant| {
            participant.active.iter().find_map(|active| {
                let found = active.sessions.iter().find(|s| s.session == *session)?;
                Some(Session {
                    account: participant.account,
                    device: active.device,
                    ctl: self.state.ctl,
                    position: found.position,
                })
            })
        })
    }
    /// Whether an edit or deletion by `author` counts for what `target` wrote (§7.7): for one's
    /// own always, and an admin of a room may delete what anybody wrote.
    #[must_use]
    pub fn may_delete(&self, author: &AccountId, target: &AccountId) -> bool {
        // Only rooms have an admin beside others.
        author == target || self.role_of(author) == Some(Role::Admin)
    }
}

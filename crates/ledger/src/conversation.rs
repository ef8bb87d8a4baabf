//! The reducer of one log (docs/spec/ledger.md §7, §8): the same code at the server, in the
//! guard of every append, and at each client.

use crate::membership::Hindrance;
use crate::state::{ActiveDevice, OpenSession, Participant, Standing, State};
use crate::verdict::encoded_len;
use crate::{
    Account, CreateError, Device, Effect, ForkEvidence, OutOfOrder, Record, Verdict, VoidReason,
    event_hash, next_log, text, verify,
};
use subrosa_proto::{
    AccountId, Control, ConvId, DeviceId, Event, EventHash, EventKind, Form, Header, KeyFields,
    LogHash, MessageFields, Role, SUITE, SessionId, decode, limits,
};

/// Sessions that one device may have open; a further one closes its oldest.
pub const SESSIONS_OPEN_MAX: usize = 4;

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
    state: State,
}

/// Why there is no effect yet, or none.
enum Halt {
    Void(VoidReason),
    NeedsAccount(AccountId),
    Fork(ForkEvidence),
}

impl<E: Into<VoidReason>> From<E> for Halt {
    fn from(reason: E) -> Self {
        Self::Void(reason.into())
    }
}

impl Conversation {
    /// Begins a conversation with its create event, at position 1 (§7.1).
    ///
    /// # Errors
    /// [`CreateError::NeedsAccount`] when the author's chain is missing, else the rule broken.
    pub fn create(event: &Event, record: &impl Record) -> Result<Self, CreateError> {
        let header = open_header(event)?;
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
        authentic(&header, event, record).map_err(|halt| match halt {
            Halt::NeedsAccount(account) => CreateError::NeedsAccount(account),
            Halt::Void(reason) => reason.into(),
            Halt::Fork(_) => VoidReason::Base.into(),
        })?;
        let hash = event_hash(event);
        let mut state = State {
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
        let expected = self.state.head.saturating_add(1);
        if position != expected {
            return Err(OutOfOrder {
                expected,
                found: position,
            });
        }
        let hash = event_hash(event);
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

    /// The checks in their order (§7.4). Changes nothing unless it returns `Ok`.
    fn judge(
        &mut self,
        position: u64,
        hash: EventHash,
        event: &Event,
        record: &impl Record,
    ) -> Result<Effect, Halt> {
        let header = open_header(event)?;
        if header.conv != self.state.id {
            return Err(VoidReason::ForeignConversation.into());
        }
        if record.seen(&hash) {
            return Err(VoidReason::Repeated.into());
        }
        if self.state.closed {
            return Err(VoidReason::Closed.into());
        }
        let author = self.state.participant(&header.account);
        let standing = author
            .and_then(|author| author.standing)
            .ok_or(VoidReason::NotMember)?;
        if author.is_some_and(|author| author.is_dead(&header.device)) {
            return Err(VoidReason::DeviceDead.into());
        }
        authentic(&header, event, record)?;
        self.compare_base(position, &header, record)?;
        if header.ctl != self.state.ctl {
            return Err(VoidReason::Stale.into());
        }
        let quoted = author
            .and_then(|author| author.active(&header.device))
            .map_or(0, |active| active.base);
        if header.base_n < self.state.ctl_position.max(quoted) {
            return Err(VoidReason::Base.into());
        }
        self.effect(position, hash, &header, standing, event, record)
    }

    /// Whether the quoted base is part of this log (§8.3).
    fn compare_base(
        &self,
        position: u64,
        header: &Header,
        record: &impl Record,
    ) -> Result<(), Halt> {
        let n = header.base_n;
        let own_log = match n {
            0 => Some(LogHash::START),
            n if n == self.state.head => Some(self.state.log),
            n if n >= position => None,
            n => match record.log_hash(n) {
                Some(own) => Some(own),
                // Not known here, so nothing contradicts it.
                None => return Ok(()),
            },
        };
        if own_log == Some(header.base_log) {
            return Ok(());
        }
        Err(Halt::Fork(ForkEvidence {
            position,
            quoted_n: n,
            quoted_log: header.base_log,
            own_log,
        }))
    }

    /// What an authentic, current event does, by its kind.
    fn effect(
        &mut self,
        position: u64,
        hash: EventHash,
        header: &Header,
        standing: Standing,
        event: &Event,
        record: &impl Record,
    ) -> Result<Effect, Halt> {
        if header.kind == EventKind::Control as u8 {
            let control = open_control(header, event)?;
            let done = self
                .state
                .carry_out(header.account, standing, &control, record);
            done.map_err(|hindrance| match hindrance {
                Hindrance::Void(reason) => Halt::Void(reason),
                Hindrance::NeedsAccount(account) => Halt::NeedsAccount(account),
            })?;
            self.state.begin_epoch(hash, position);
            return Ok(Effect::Control(control));
        }
        if standing.pending {
            return Err(VoidReason::Pending.into());
        }
        let mut opens = None;
        let effect = if header.kind == EventKind::Key as u8 {
            let fields = self.open_key(header, event)?;
            opens = Some(fields.session);
            Effect::Key(fields)
        } else if header.kind == EventKind::Message as u8 {
            Effect::Message(self.open_message(position, header)?)
        } else {
            Effect::Unknown(header.kind)
        };
        let author = self.state.participant_mut(&header.account);
        if let Some(active) = author.and_then(|author| author.activate(header.device)) {
            active.base = header.base_n;
            if let Some(session) = opens {
                active.open(OpenSession { session, position });
            }
        }
        Ok(effect)
    }

    fn open_key(&self, header: &Header, event: &Event) -> Result<KeyFields, VoidReason> {
        let fields: KeyFields = decode(&header.fields)?;
        if !event.body.is_empty() || fields.quotes.len() > limits::QUOTES_MAX {
            return Err(VoidReason::Malformed);
        }
        if self.session(&fields.session).is_some() {
            return Err(VoidReason::SessionUsed);
        }
        Ok(fields)
    }

    fn open_message(&self, position: u64, header: &Header) -> Result<MessageFields, VoidReason> {
        let fields: MessageFields = decode(&header.fields)?;
        let deletes = fields.deletes.is_none_or(|n| n >= 1 && n < position);
        if !deletes || fields.blobs.len() > limits::MESSAGE_BLOBS_MAX {
            return Err(VoidReason::Malformed);
        }
        if fields.index >= limits::SESSION_MESSAGES_LARGE {
            return Err(VoidReason::Index);
        }
        self.session(&fields.session)
            .filter(|by| by.account == header.account && by.device == header.device)
            .map(|_| fields)
            .ok_or(VoidReason::SessionUnknown)
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
        let of = |p: &Participant| {
            p.dead.clone().into_iter().map({
                let account = p.account;
                move |device| (account, device)
            })
        };
        self.state.participants.iter().flat_map(of)
    }
    /// Whether a `revoke` has ended this device in this log.
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
    /// log. None if the account is no recipient.
    pub fn recipient_devices<'a>(&self, account: &'a Account) -> impl Iterator<Item = &'a Device> {
        let receives = self.recipients().any(|id| id == account.id());
        account
            .devices()
            .filter(move |device| receives && !self.dead(&account.id(), &device.id))
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
        let admin = self.state.form == Form::Room && self.role_of(author) == Some(Role::Admin);
        author == target || admin
    }

    pub(crate) const fn state(&self) -> &State {
        &self.state
    }
    pub(crate) const fn from_state(state: State) -> Self {
        Self { state }
    }
}

impl ActiveDevice {
    fn open(&mut self, session: OpenSession) {
        if self.sessions.len() >= SESSIONS_OPEN_MAX {
            self.sessions.remove(0);
        }
        self.sessions.push(session);
    }
}

/// Size, encoding and suite of the header.
fn open_header(event: &Event) -> Result<Header, VoidReason> {
    if encoded_len(event) > limits::EVENT_BYTES_MAX {
        return Err(VoidReason::TooLarge);
    }
    let header: Header = decode(&event.header)?;
    if header.suite == SUITE {
        Ok(header)
    } else {
        Err(VoidReason::Suite)
    }
}

fn open_control(header: &Header, event: &Event) -> Result<Control, VoidReason> {
    if header.fields.is_empty() {
        Ok(decode(&event.body)?)
    } else {
        Err(VoidReason::Malformed)
    }
}

/// Whether a device certified by the author's account signed exactly this.
fn authentic(header: &Header, event: &Event, record: &impl Record) -> Result<(), Halt> {
    let account = record
        .account(&header.account)
        .ok_or(Halt::NeedsAccount(header.account))?;
    if !account.certified(&header.device) {
        return Err(if record.newest(&header.account) {
            VoidReason::DeviceNotCertified.into()
        } else {
            Halt::NeedsAccount(header.account)
        });
    }
    verify(
        header.device.as_bytes(),
        &text::event(&event.header, &event.body),
        &event.signature,
    )
    .map_err(|_| VoidReason::Signature.into())
}

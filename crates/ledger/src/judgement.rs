//! The checks of one event at its position (docs/spec/ledger.md §7.4, §8.3).

use crate::membership::Hindrance;
use crate::sight::Sight;
use crate::state::{ActiveDevice, OpenSession, Standing};
use crate::{Account, Conversation, Effect, ForkEvidence, Record, VoidReason, body_hash, text};
use subrosa_proto::{
    AccountId, Control, EventHash, EventKind, Header, KeyFields, LogHash, MessageFields, SUITE,
    decode, limits,
};

/// Sessions that one device may have open; a further one closes its oldest.
pub const SESSIONS_OPEN_MAX: usize = 4;

/// Why there is no effect yet, or none.
pub enum Halt {
    Void(VoidReason),
    NeedsAccount(AccountId),
    Fork(ForkEvidence),
}

impl From<VoidReason> for Halt {
    fn from(reason: VoidReason) -> Self {
        Self::Void(reason)
    }
}

impl From<Hindrance> for Halt {
    fn from(hindrance: Hindrance) -> Self {
        match hindrance {
            Hindrance::Void(reason) => Self::Void(reason),
            Hindrance::NeedsAccount(account) => Self::NeedsAccount(account),
        }
    }
}

impl Conversation {
    /// The checks in their order (§7.4). Changes nothing unless it returns `Ok`.
    pub(crate) fn judge(
        &mut self,
        position: u64,
        hash: EventHash,
        event: &Sight<'_>,
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
        let account = authentic(&header, event, record)?;
        if account.warrant().is_some() {
            let control: Option<Control> = event.body.and_then(|body| decode(body).ok());
            self.in_scope(account, header.kind, control.as_ref())?;
        }
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
        event: &Sight<'_>,
        record: &impl Record,
    ) -> Result<Effect, Halt> {
        if header.kind == EventKind::Control as u8 {
            let control = open_control(header, event)?;
            self.state
                .carry_out(header.account, standing, &control, record)?;
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

    fn open_key(&self, header: &Header, event: &Sight<'_>) -> Result<KeyFields, VoidReason> {
        let fields: KeyFields = decode(&header.fields)?;
        if event.body_hash != body_hash(&[]) || fields.quotes.len() > limits::QUOTES_MAX {
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
pub fn open_header(event: &Sight<'_>) -> Result<Header, VoidReason> {
    if event.bytes > limits::EVENT_BYTES_MAX {
        return Err(VoidReason::TooLarge);
    }
    let header: Header = decode(event.header)?;
    if header.suite == SUITE {
        Ok(header)
    } else {
        Err(VoidReason::Suite)
    }
}

fn open_control(header: &Header, event: &Sight<'_>) -> Result<Control, VoidReason> {
    match event.body {
        Some(body) if header.fields.is_empty() => Ok(decode(body)?),
        _ => Err(VoidReason::Malformed),
    }
}

/// Whether a device certified by the author's account signed exactly this; that account.
pub fn authentic<'a>(
    header: &Header,
    event: &Sight<'_>,
    record: &'a impl Record,
) -> Result<&'a Account, Hindrance> {
    let account = record
        .account(&header.account)
        .ok_or(Hindrance::NeedsAccount(header.account))?;
    let Some(device) = account.device(&header.device) else {
        return Err(if record.newest(&header.account) {
            VoidReason::DeviceNotCertified.into()
        } else {
            Hindrance::NeedsAccount(header.account)
        });
    };
    let hash = event.hash;
    if record
        .authentic(&hash)
        .is_some_and(|known| known.is_of(&hash))
    {
        // Header, body and signature enter the hash: this very signature was verified before.
        return Ok(account);
    }
    let text = text::trimmed_event(event.header, &event.body_hash);
    device
        .key
        .verify(&text, event.signature)
        .map(|()| account)
        .map_err(|_| VoidReason::Signature.into())
}

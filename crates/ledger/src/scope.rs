//! What a bot may do where: its chain says so, and everybody judges its events by that
//! (docs/spec/ledger.md §4.7, §7.4).

use crate::{Account, Conversation, VoidReason, text, verify};
use subrosa_proto::{AccountId, Control, ConvId, EventKind, Form, Signed, Warrant, decode, limits};

/// What an account may do in one conversation, beside its role there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Whether it may write.
    pub post: bool,
    /// Whether it receives keys.
    pub read: bool,
}

impl Scope {
    /// Of everybody who is no bot.
    pub const FULL: Self = Self {
        post: true,
        read: true,
    };
    /// Of a bot where it has no business.
    pub const NONE: Self = Self {
        post: false,
        read: false,
    };

    /// Whether it may be a member at all.
    #[must_use]
    pub const fn any(self) -> bool {
        self.post || self.read
    }
}

/// Reads the warrant in a chain of which only the genesis is there.
pub(crate) fn warrant_of(signed: &Signed, bot: AccountId) -> Option<Warrant> {
    let warrant: Warrant = decode(&signed.body).ok()?;
    let mut rooms: Vec<ConvId> = warrant.grants.iter().map(|grant| grant.conv).collect();
    rooms.sort_unstable();
    rooms.dedup();
    let each_once = rooms.len() == warrant.grants.len();
    let of_use = warrant.grants.iter().all(|grant| grant.post || grant.read);
    let fits = warrant.grants.len() <= limits::BOT_ROOMS_MAX;
    (warrant.bot == bot && warrant.owner != bot && each_once && of_use && fits).then_some(warrant)
}

impl Account {
    /// The warrant of a bot. What it says of the bot's owner is the bot's word until
    /// [`Account::is_bot_of`] has compared it.
    #[must_use]
    pub const fn warrant(&self) -> Option<&Warrant> {
        match &self.warrant {
            Some((warrant, _)) => Some(warrant),
            None => None,
        }
    }

    /// Whether this account is a bot that a device of `owner` has signed for.
    #[must_use]
    pub fn is_bot_of(&self, owner: &Self) -> bool {
        let Some((warrant, signed)) = &self.warrant else {
            return false;
        };
        warrant.owner == owner.id()
            && owner.certified(&warrant.device)
            && verify(
                warrant.device.as_bytes(),
                &text::warrant(&signed.body),
                &signed.signature,
            )
            .is_ok()
    }

    /// What this account may do in a room.
    #[must_use]
    pub fn scope_in_room(&self, room: &ConvId) -> Scope {
        let Some(warrant) = self.warrant() else {
            return Scope::FULL;
        };
        let grant = warrant.grants.iter().find(|grant| grant.conv == *room);
        grant.map_or(Scope::NONE, |grant| Scope {
            post: grant.post,
            read: grant.read,
        })
    }
}

impl Conversation {
    /// What an account may do here, beside its role.
    #[must_use]
    pub fn scope(&self, account: &Account) -> Scope {
        let Some(warrant) = account.warrant() else {
            return Scope::FULL;
        };
        match self.form() {
            Form::Own => Scope::FULL,
            Form::Direct if self.peer(&account.id()) == Some(warrant.owner) => Scope::FULL,
            Form::Direct => Scope::NONE,
            Form::Room => account.scope_in_room(&self.id()),
        }
    }

    /// Whether the scope of an event's author lets it do this (§7.4, check 9).
    pub(crate) fn in_scope(
        &self,
        author: &Account,
        kind: u8,
        control: Option<&Control>,
    ) -> Result<(), VoidReason> {
        if author.warrant().is_none() || self.form() == Form::Own {
            return Ok(());
        }
        let scope = self.scope(author);
        let may = if kind == EventKind::Control as u8 {
            match control {
                Some(Control::Accept {}) => scope.any(),
                Some(Control::Leave {}) => true,
                Some(Control::Revoke { account, .. }) => *account == author.id(),
                _ => false,
            }
        } else {
            scope.post
        };
        may.then_some(()).ok_or(VoidReason::Scope)
    }
}

/// Whether a create event is one that its author's scope allows.
pub(crate) fn may_create(
    author: &Account,
    form: Form,
    peer: Option<&AccountId>,
) -> Result<(), VoidReason> {
    let Some(warrant) = author.warrant() else {
        return Ok(());
    };
    let may = match form {
        Form::Own => true,
        Form::Direct => peer == Some(&warrant.owner),
        Form::Room => false,
    };
    may.then_some(()).ok_or(VoidReason::Scope)
}

/// Whether a conversation's create event names nobody but a bot's own owner; for those who judge
/// a peer that is a bot.
#[must_use]
pub fn may_be_asked(peer: &Account, author: &AccountId) -> bool {
    peer.warrant()
        .is_none_or(|warrant| warrant.owner == *author)
}

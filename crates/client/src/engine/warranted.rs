//! Accounts that are bots, and this account where it is one: what its warrant lets it do
//! (docs/spec/ledger.md §4.7).

use super::Engine;
use super::bots::not_permitted;
use super::talk::Talk;
use crate::command::{Command, Failure};
use crate::room::RoomCommand;
use subrosa_proto::AccountId;

impl Engine {
    /// Whose bot this home is, if it is one.
    pub(super) fn owner(&self) -> Option<AccountId> {
        let own = self.people.account(&self.account)?;
        own.warrant().map(|warrant| warrant.owner)
    }

    /// Whose bot an account is, as far as that is proved here.
    pub(super) fn bot_of(&self, account: &AccountId) -> Option<String> {
        let bot = self.people.account(account)?;
        let owner = bot.warrant()?.owner;
        let proved = self
            .people
            .account(&owner)
            .is_some_and(|owner| bot.is_bot_of(owner));
        Some(if proved {
            self.people.name_of(&owner)
        } else {
            "somebody who is not known here".to_owned()
        })
    }

    /// Whether this account is a bot that its owner has let into this room.
    pub(super) fn is_granted(&self, talk: &Talk) -> bool {
        let own = self.people.account(&self.account);
        own.is_some_and(|own| own.warrant().is_some() && talk.state.scope(own).any())
    }

    /// Why a bot may not do this, if it may not.
    pub(super) fn beyond_a_bot(&self, command: &Command) -> Option<Failure> {
        let owner = self.owner()?;
        let beyond = match command {
            Command::Invite {}
            | Command::Accept { .. }
            | Command::SetTimer { timer: Some(_), .. } => true,
            Command::Room(room) => !matches!(
                room,
                RoomCommand::List {}
                    | RoomCommand::Show { .. }
                    | RoomCommand::Leave { .. }
                    | RoomCommand::Rename { .. }
            ),
            Command::Send { conversation, .. } if !conversation.starts_with('#') => {
                self.conversation_no(conversation).is_none()
            }
            _ => false,
        };
        beyond.then(|| {
            let owner = self.people.name_of(&owner);
            not_permitted(format!(
                "this home is a bot of @{owner}: it reads and writes where @{owner} lets it, and does nothing else"
            ))
        })
    }

    /// Why a bot does not write here, if it may not.
    pub(super) fn out_of_scope(&self, talk: &Talk) -> Option<Failure> {
        let own = self.people.account(&self.account)?;
        (!talk.state.scope(own).post).then(|| {
            let name = &talk.name;
            not_permitted(format!(
                "this bot may read in {name} and not post there: only a bot made with `--can post:{name}` may"
            ))
        })
    }
}

//! What is wished in a conversation, and what there is to do for it as things stand
//! (docs/spec/ledger.md §7.3).
//!
//! A wish names a purpose, not an event: whatever came in between, the same wish is judged again by
//! the state of that moment. So every race ends in one way: what is fulfilled already is done, what
//! may not be is told, and the rest is made anew.

use crate::command::{Failure, FailureKind};
use subrosa_ledger::Conversation;
use subrosa_proto::{AccountId, Control, Form, Role, choice};

choice! {
    /// A wish.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Wish {
        /// Somebody is a member.
        0 => Add { account: AccountId, role: Role },
        /// Somebody who came by an invite line has been added.
        1 => Guest { account: AccountId },
        /// This account has accepted.
        2 => Accept {},
        /// Somebody is no member.
        3 => Remove { account: AccountId },
        /// A member has this role.
        4 => SetRole { account: AccountId, role: Role },
        /// This account is no member.
        5 => Leave {},
        /// These rules hold; what is absent stays as it is.
        6 => Policy { members_add: Option<bool>, timer: Option<u8> },
        /// The room is closed.
        7 => Close {},
    }
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// Nothing: it is as wished.
    Fulfilled,
    /// This.
    Make(Control),
    /// Nothing: it cannot be.
    Impossible(Failure),
}

/// A conversation with what is needed to speak of it.
pub(super) struct Scene<'a> {
    pub state: &'a Conversation,
    pub own: AccountId,
    /// As people name it.
    pub name: &'a str,
    /// The name of an account.
    pub name_of: &'a dyn Fn(&AccountId) -> String,
    /// Whether the account was added to this conversation at any time that this home has seen.
    pub was_added: &'a dyn Fn(&AccountId) -> bool,
    /// Whether the account is a member at once: it and this one have accepted a direct conversation with each
    /// other, or it is a bot.
    pub is_contact: &'a dyn Fn(&AccountId) -> bool,
}

fn not_permitted(sentence: String) -> Outlook {
    Outlook::Impossible(Failure {
        kind: FailureKind::NotPermitted,
        sentence,
    })
}

fn mistaken(sentence: String) -> Outlook {
    Outlook::Impossible(Failure::user(sentence))
}

impl Scene<'_> {
    /// Judges a wish by the state as it is.
    pub fn outlook(&self, wish: &Wish) -> Outlook {
        let name = self.name;
        let Some(me) = self.state.member(&self.own) else {
            return match wish {
                Wish::Leave {} => Outlook::Fulfilled,
                _ => not_permitted(format!("you are not a member of {name}")),
            };
        };
        match wish {
            Wish::Accept {} if !me.pending => return Outlook::Fulfilled,
            Wish::Close {} if self.state.closed() => return Outlook::Fulfilled,
            _ if self.state.closed() => {
                return not_permitted(format!(
                    "{name} was closed: its history stays, and nothing changes in it any more"
                ));
            }
            Wish::Accept {} => return Outlook::Make(Control::Accept {}),
            Wish::Leave {} => return self.leave(),
            _ if me.pending => {
                return not_permitted(format!(
                    "you have not accepted {name} yet: `subrosa accept '{name}'` joins"
                ));
            }
            _ => {}
        }
        match wish {
            Wish::Policy { members_add, timer } => self.policy(me.role, *members_add, *timer),
            _ if self.state.form() != Form::Room => {
                mistaken(format!("{name} is no room: it has two people, for good"))
            }
            Wish::Add { account, role } => self.add(me.role, account, *role),
            Wish::Guest { account } if (self.was_added)(account) => Outlook::Fulfilled,
            Wish::Guest { account } => self.add(me.role, account, Role::Member),
            Wish::Remove { account } => self.remove(me.role, account),
            Wish::SetRole { account, role } => self.set_role(me.role, account, *role),
            Wish::Close {} if me.role != Role::Admin => self.admins_only("close it"),
            _ => Outlook::Make(Control::Close {}),
        }
    }

    fn admins_only(&self, what: &str) -> Outlook {
        not_permitted(format!(
            "only admins of {0} may {what}: `subrosa room show '{0}'` lists them",
            self.name
        ))
    }

    fn add(&self, mine: Role, account: &AccountId, role: Role) -> Outlook {
        let member_adds = self.state.members_add() && mine == Role::Member && role == Role::Member;
        match self.state.role_of(account) {
            Some(present) if present == role => Outlook::Fulfilled,
            Some(_) => self.set_role(mine, account, role),
            None if mine != Role::Admin && !member_adds => self.admins_only("add people"),
            None => Outlook::Make(Control::Add {
                account: *account,
                role,
                pending: !(self.is_contact)(account),
            }),
        }
    }

    fn remove(&self, mine: Role, account: &AccountId) -> Outlook {
        if *account == self.own {
            return mistaken(format!(
                "to leave, say `subrosa room leave '{}'`",
                self.name
            ));
        }
        if self.state.member(account).is_none() {
            return Outlook::Fulfilled;
        }
        if mine != Role::Admin {
            return self.admins_only("remove people");
        }
        Outlook::Make(Control::Remove { account: *account })
    }

    fn set_role(&self, mine: Role, account: &AccountId, role: Role) -> Outlook {
        match self.state.role_of(account) {
            Some(present) if present == role => return Outlook::Fulfilled,
            None => {
                return mistaken(format!(
                    "{who} is no member of {room}: `subrosa room add '{room}' @{who}` asks them in",
                    who = (self.name_of)(account),
                    room = self.name
                ));
            }
            Some(_) => {}
        }
        if mine != Role::Admin {
            return self.admins_only("change roles");
        }
        if self.is_last_admin(account) {
            return self.last_admin("stay one");
        }
        Outlook::Make(Control::SetRole {
            account: *account,
            role,
        })
    }

    fn leave(&self) -> Outlook {
        if self.state.form() != Form::Room {
            return mistaken(format!(
                "{} is no room: a conversation of two cannot be left",
                self.name
            ));
        }
        if self.is_last_admin(&self.own) {
            return self.last_admin("leave");
        }
        Outlook::Make(Control::Leave {})
    }

    fn last_admin(&self, what: &str) -> Outlook {
        let room = self.name;
        let (first, must) = if what == "leave" {
            (
                "you are its only admin, and a room keeps one",
                "before you leave",
            )
        } else {
            ("it is the only admin, and a room keeps one", "first")
        };
        not_permitted(format!(
            "{first}: `subrosa room promote '{room}' @NAME` makes somebody else admin {must}, `subrosa room close '{room}'` ends {room} for all"
        ))
    }

    fn policy(&self, mine: Role, members_add: Option<bool>, timer: Option<u8>) -> Outlook {
        let present = (self.state.members_add(), self.state.timer());
        let wished = (members_add.unwrap_or(present.0), timer.unwrap_or(present.1));
        if wished == present {
            return Outlook::Fulfilled;
        }
        match self.state.form() {
            Form::Room if mine != Role::Admin => return self.admins_only("change the rules"),
            Form::Own => return mistaken("there are no rules with oneself".to_owned()),
            Form::Direct if wished.0 => {
                return mistaken(format!("nobody can be added to {}", self.name));
            }
            Form::Room | Form::Direct => {}
        }
        Outlook::Make(Control::Policy {
            members_add: wished.0,
            timer: wished.1,
        })
    }

    /// Whether an account is the only admin who has accepted.
    fn is_last_admin(&self, account: &AccountId) -> bool {
        let mut admins = self
            .state
            .members()
            .filter(|member| member.role == Role::Admin && !member.pending)
            .map(|member| member.account);
        admins.next() == Some(*account) && admins.next().is_none()
    }
}

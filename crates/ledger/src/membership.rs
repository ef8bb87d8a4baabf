//! Control events: who may change what (docs/spec/ledger.md §7.2, §7.3).

use crate::prekey::{claimed_end, verify_end};
use crate::state::{Standing, State};
use crate::{CreateError, Record, VoidReason};
use subrosa_proto::{AccountId, Control, Form, Role, Signed, limits};

/// Members and remembered former members of one conversation.
pub const PARTICIPANTS_MAX: usize = 2_000;

/// Why an event has no effect yet, or none.
pub enum Hindrance {
    /// It is void.
    Void(VoidReason),
    /// This account's chain has to be fetched first.
    NeedsAccount(AccountId),
}

impl From<Hindrance> for CreateError {
    fn from(hindrance: Hindrance) -> Self {
        match hindrance {
            Hindrance::Void(reason) => Self::Void(reason),
            Hindrance::NeedsAccount(account) => Self::NeedsAccount(account),
        }
    }
}

impl From<VoidReason> for Hindrance {
    fn from(reason: VoidReason) -> Self {
        Self::Void(reason)
    }
}

impl State {
    /// Carries out a control event of a member. Changes nothing unless it returns `Ok`.
    pub fn carry_out(
        &mut self,
        author: AccountId,
        by: Standing,
        control: &Control,
        record: &impl Record,
    ) -> Result<(), Hindrance> {
        match control {
            // A pending member may do these three.
            Control::Accept {} => self.accept(author, by)?,
            Control::Leave {} => self.leave(author, by)?,
            Control::Revoke {
                account,
                statement,
                logout,
            } => return self.revoke((author, by), *account, statement, *logout, record),
            _ if by.pending => return Err(VoidReason::Pending.into()),
            Control::Add {
                account,
                role,
                pending,
            } => self.add(by, *account, (*role, *pending))?,
            Control::Remove { account } => self.remove(author, by, account)?,
            Control::SetRole { account, role } => self.set_role(by, *account, *role)?,
            Control::Policy { members_add, timer } => self.policy(by, *members_add, *timer)?,
            Control::Close {} => self.close(by)?,
            Control::Create { .. } => return Err(VoidReason::Form.into()),
            Control::Link { .. } => return Err(VoidReason::Reserved.into()),
        }
        Ok(())
    }

    fn accept(&mut self, author: AccountId, by: Standing) -> Result<(), VoidReason> {
        if !by.pending {
            return Err(VoidReason::Target);
        }
        let pending = false;
        self.set_standing(author, Standing { pending, ..by });
        Ok(())
    }

    fn leave(&mut self, author: AccountId, by: Standing) -> Result<(), VoidReason> {
        self.in_room()?;
        if self.is_last_admin(by) {
            return Err(VoidReason::LastAdmin);
        }
        self.end_standing(&author);
        Ok(())
    }

    fn add(
        &mut self,
        by: Standing,
        account: AccountId,
        (role, pending): (Role, bool),
    ) -> Result<(), VoidReason> {
        self.in_room()?;
        let member_adds = self.members_add && by.role == Role::Member && role == Role::Member;
        if by.role != Role::Admin && !member_adds {
            return Err(VoidReason::Role);
        }
        if self.standing(&account).is_some() {
            return Err(VoidReason::Target);
        }
        let members = self.participants.iter().filter(|p| p.standing.is_some());
        if members.count() >= limits::ROOM_DEVICES_MAX
            || self.participants.len() >= PARTICIPANTS_MAX
        {
            return Err(VoidReason::Full);
        }
        self.set_standing(account, Standing { role, pending });
        Ok(())
    }

    fn remove(
        &mut self,
        author: AccountId,
        by: Standing,
        account: &AccountId,
    ) -> Result<(), VoidReason> {
        self.by_admin(by)?;
        if author == *account || self.standing(account).is_none() {
            return Err(VoidReason::Target);
        }
        self.end_standing(account);
        Ok(())
    }

    fn set_role(&mut self, by: Standing, account: AccountId, role: Role) -> Result<(), VoidReason> {
        self.by_admin(by)?;
        let standing = self.standing(&account).ok_or(VoidReason::Target)?;
        if standing.role == role {
            return Err(VoidReason::Target);
        }
        if self.is_last_admin(standing) {
            return Err(VoidReason::LastAdmin);
        }
        self.set_standing(account, Standing { role, ..standing });
        Ok(())
    }

    fn policy(&mut self, by: Standing, members_add: bool, timer: u8) -> Result<(), VoidReason> {
        match self.form {
            Form::Room => self.by_admin(by)?,
            // Two people decide alike, and there is nobody to add.
            Form::Direct if !members_add => {}
            Form::Direct | Form::Own => return Err(VoidReason::Form),
        }
        self.members_add = members_add;
        self.timer = timer;
        Ok(())
    }

    fn close(&mut self, by: Standing) -> Result<(), VoidReason> {
        self.by_admin(by)?;
        self.closed = true;
        Ok(())
    }

    fn revoke(
        &mut self,
        (author, by): (AccountId, Standing),
        account: AccountId,
        statement: &Signed,
        logout: bool,
        record: &impl Record,
    ) -> Result<(), Hindrance> {
        // Who is pending may end its own devices only.
        if by.pending && author != account {
            return Err(VoidReason::Pending.into());
        }
        let (claimed, device) = claimed_end(statement, logout).ok_or(VoidReason::Malformed)?;
        let dead = self
            .participant(&account)
            .filter(|p| p.standing.is_some() && claimed == account)
            .ok_or(VoidReason::Target)?
            .is_dead(&device);
        if dead {
            return Err(VoidReason::Target.into());
        }
        let known = record.account(&account);
        let Some(chain) = known.filter(|chain| chain.certified(&device)) else {
            return Err(if known.is_some() && record.newest(&account) {
                VoidReason::Target.into()
            } else {
                Hindrance::NeedsAccount(account)
            });
        };
        if !verify_end(chain, statement, logout) {
            return Err(VoidReason::Statement.into());
        }
        if let Some(participant) = self.participant_mut(&account)
            && let Err(at) = participant.dead.binary_search(&device)
        {
            participant.dead.insert(at, device);
        }
        Ok(())
    }

    fn in_room(&self) -> Result<(), VoidReason> {
        match self.form {
            Form::Room => Ok(()),
            Form::Own | Form::Direct => Err(VoidReason::Form),
        }
    }

    fn by_admin(&self, by: Standing) -> Result<(), VoidReason> {
        self.in_room()?;
        match by.role {
            Role::Admin => Ok(()),
            Role::Member | Role::Poster => Err(VoidReason::Role),
        }
    }

    /// Whether a member that stands like this is the only admin who has accepted.
    fn is_last_admin(&self, standing: Standing) -> bool {
        let admin = |s: Standing| s.role == Role::Admin && !s.pending;
        let standings = self.participants.iter().filter_map(|p| p.standing);
        admin(standing) && standings.filter(|s| admin(*s)).count() == 1
    }
}

//! Rooms as faces draw them, and what happens in them in words.

use super::commands::life_words;
use super::inbox::Spot;
use super::talk::Talk;
use super::{Engine, EngineError};
use crate::command::{Answer, Failure};
use crate::room::{MemberView, RoomRole, RoomStanding, RoomView};
use crate::store::Desk;
use subrosa_proto::{AccountId, Control, Form, Role};

impl From<Role> for RoomRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
            Role::Poster => Self::Poster,
        }
    }
}

impl From<RoomRole> for Role {
    fn from(role: RoomRole) -> Self {
        match role {
            RoomRole::Admin => Self::Admin,
            RoomRole::Member => Self::Member,
            RoomRole::Poster => Self::Poster,
        }
    }
}

impl Engine {
    pub(super) fn room_answer(
        &self,
        desk: &Desk<'_>,
        no: i64,
    ) -> Result<Result<Answer, Failure>, EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(Err(Failure::defect("a room has gone while it was made")));
        };
        Ok(Ok(Answer::Room(self.room_view(desk, talk)?)))
    }

    /// The rooms that are shown in a list: not those that were refused, not those into which somebody
    /// asks who is blocked, and not left ones of which nothing was ever read.
    pub(super) fn room_views(&self, desk: &Desk<'_>) -> Result<Vec<RoomView>, EngineError> {
        let rooms = self.talks.values().filter(|talk| {
            talk.state.form() == Form::Room
                && !self.rooms.refused(talk.no)
                && !self.is_unwanted(talk)
        });
        rooms.map(|talk| self.room_view(desk, talk)).collect()
    }

    pub(super) fn room_view(&self, desk: &Desk<'_>, talk: &Talk) -> Result<RoomView, EngineError> {
        let title = self.rooms.title(talk.no);
        let mine = talk.state.member(&self.account);
        let added = desk.added(talk.no, &self.account)?;
        let standing = match mine {
            None => RoomStanding::Out,
            Some(mine) if mine.pending => RoomStanding::Asked,
            Some(_) => RoomStanding::In,
        };
        let members = talk.state.members().map(|member| MemberView {
            name: self.people.name_of(&member.account),
            account: member.account.to_string(),
            role: member.role.into(),
            pending: member.pending,
            devices: self.live_devices(talk, &member.account),
            bot_of: self.bot_of(&member.account),
        });
        let mut members: Vec<_> = members.collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let topic = title.as_ref().map(|title| title.topic.clone());
        Ok(RoomView {
            name: talk.name.clone(),
            conv: talk.id().to_string(),
            title: title.map(|title| title.name),
            topic: topic.filter(|topic| !topic.is_empty()),
            standing,
            role: mine.map(|mine| mine.role.into()),
            added_by: added.map(|added| self.people.name_of(&added.adder)),
            archive: talk.state.archive(),
            members_add: talk.state.members_add(),
            timer: talk.state.timer(),
            closed: talk.state.closed(),
            unread: self.unread(desk, talk)?.count,
            members,
        })
    }

    fn live_devices(&self, talk: &Talk, account: &AccountId) -> u64 {
        let Some(known) = self.people.account(account) else {
            return 0;
        };
        let live = known
            .devices()
            .filter(|device| !talk.state.dead(account, &device.id));
        live.count() as u64
    }

    /// What a control event of a room says, in words. `talk` is as it is after the event.
    pub(super) fn room_words(&self, talk: &Talk, spot: &Spot, control: &Control) -> Option<String> {
        let author = self.people.name_of(&spot.author);
        let you = |account: &AccountId| {
            if *account == self.account {
                "you".to_owned()
            } else {
                self.people.name_of(account)
            }
        };
        Some(match control {
            Control::Accept {} => format!("{author} joined"),
            Control::Leave {} => format!("{author} left"),
            Control::Close {} => format!("{author} closed the room: its history stays"),
            Control::Remove { account } => format!("{author} removed {}", you(account)),
            Control::Add { account, .. } if *account == self.account => {
                self.own_add_words(talk, &author, spot)
            }
            Control::Add {
                account,
                role,
                pending,
            } => {
                let how = match role {
                    Role::Admin => " as an admin",
                    Role::Member => "",
                    Role::Poster => " as a poster, who writes and cannot read",
                };
                let asked = if *pending {
                    "; asked, and not in yet"
                } else {
                    ""
                };
                format!("{author} added {}{how}{asked}", you(account))
            }
            Control::SetRole { account, role } => {
                let what = match role {
                    Role::Admin => "an admin",
                    Role::Member => "a plain member",
                    Role::Poster => "a poster, who writes and cannot read",
                };
                format!("{author} made {} {what}", you(account))
            }
            Control::Policy { members_add, timer } => {
                let who = if *members_add {
                    "members"
                } else {
                    "admins only"
                };
                let stay = life_words(*timer).map_or_else(
                    || "messages stay".to_owned(),
                    |life| format!("messages disappear {life} after they arrive"),
                );
                format!("{author} changed the rules: {who} may add people, {stay}")
            }
            Control::Revoke { .. } | Control::Create { .. } | Control::Link { .. } => return None,
        })
    }

    fn own_add_words(&self, talk: &Talk, author: &str, spot: &Spot) -> String {
        if !talk.waits_for_own(&self.account) || self.accepts_by_itself(talk.no, &spot.author) {
            return format!(
                "{author} added you to this room; what was written before is not shown to you"
            );
        }
        let name = &talk.name;
        let people = talk.state.members().count().saturating_sub(1);
        let members = if people == 1 { "member" } else { "members" };
        format!(
            "{author}, who is no contact of yours, asks you into a room of {people} {members}: `subrosa accept '{name}'` joins, `subrosa refuse '{name}'` declines; nobody there learns anything of you before"
        )
    }
}

//! Who asks this account into a conversation, and what is accepted without asking its person.

use super::outlook::Wish;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::command::{Failure, FailureKind};
use subrosa_proto::{AccountId, Form, Role};

/// Lines that are read at once to be told.
const TOLD_AT_ONCE: u32 = 500;

impl Engine {
    /// Accepts what is to be accepted, and adds those who came by lines into rooms.
    pub(super) fn heed_requests(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if !self.settings_here() {
            // Who is blocked may have been said on another device.
            return Ok(());
        }
        self.heed_places(turn)?;
        let asked: Vec<i64> = self
            .talks
            .values()
            .filter(|talk| talk.synced() && talk.waits_for_own(&self.account))
            .map(|talk| talk.no)
            .collect();
        for no in asked {
            let Some((asker, position)) = self.asker(turn, no)? else {
                continue;
            };
            if self.accepts_by_itself(no, &asker) {
                self.accept_by_itself(turn, no, position)?;
            }
        }
        Ok(())
    }

    /// Rooms of which this account was made a member by a contact whom its person has not blocked are
    /// as if it had accepted them. So is whatever it has taken part in before.
    fn heed_places(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for (no, position) in self.rooms.all_unasked() {
            let Some(talk) = self.talks.get(&no) else {
                continue;
            };
            let by_contact = self
                .rooms
                .asker(no)
                .is_some_and(|asker| self.is_contact(&asker) && !self.settings.blocked(&asker));
            if !by_contact && !self.is_granted(talk) && talk.read_to < position {
                continue;
            }
            self.settle_place(turn, no)?;
            self.tell_since(turn, no, position)?;
        }
        Ok(())
    }

    /// Tells what came into a conversation from a position on, of which nobody was told while it was silenced.
    fn tell_since(&self, turn: &mut Turn<'_>, no: i64, position: u64) -> Result<(), EngineError> {
        let first = turn.desk.lines_at(no, position)?;
        let first = first.iter().map(|line| line.cursor).min();
        let (Some(first), Some(talk)) = (first, self.talks.get(&no)) else {
            return Ok(());
        };
        let mut told = first.saturating_sub(1);
        while !self.subscribers.is_empty() {
            let page = turn.desk.lines_since(Some(no), told, TOLD_AT_ONCE)?;
            let Some(last) = page.last() else {
                break;
            };
            told = last.cursor;
            for line in &page {
                self.tell_line(turn, talk, Some(line.cursor))?;
            }
        }
        Ok(())
    }

    /// This account takes part in a room into which it was not asked.
    pub(super) fn settle_place(&mut self, turn: &Turn<'_>, no: i64) -> Result<(), EngineError> {
        if self.rooms.unasked(no) {
            self.rooms.change(turn.desk, no, |room| room.unasked = 0)?;
            if let Some(talk) = self.talks.get_mut(&no) {
                talk.receipt_due = true;
            }
        }
        Ok(())
    }

    /// Whether this account and another have both accepted their direct conversation.
    pub(super) fn is_contact(&self, account: &AccountId) -> bool {
        self.talks.values().any(|talk| {
            talk.state.form() == Form::Direct
                && talk.state.peer(&self.account) == Some(*account)
                && talk.state.members().all(|member| !member.pending)
        })
    }

    /// Both have asked each other at once: the one whose request came second accepts the first.
    pub(super) fn accept_mutual(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
    ) -> Result<(), EngineError> {
        let asked = self.talks.get(&no);
        if asked.is_some_and(|talk| talk.waits_for_own(&self.account) && !self.silenced(talk)) {
            self.accept_by_itself(turn, no, 1)?;
        }
        Ok(())
    }

    fn accept_by_itself(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        position: u64,
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let caller = format!("accept/{}/{position}", talk.id());
        self.rooms.accepting.insert(no);
        self.pursue_by_itself(turn, caller, no, &Wish::Accept {})
    }

    /// Adds those who came by this account's lines into rooms.
    pub(super) fn heed_guests(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for (secret, room, account) in turn.desk.guests()? {
            if let Some(no) = self.numbers.get(&room).copied() {
                let name = secret.map(|byte| format!("{byte:02x}")).concat();
                let wish = Wish::Guest { account };
                self.pursue_by_itself(turn, format!("guest/{name}"), no, &wish)?;
            }
        }
        Ok(())
    }

    /// Who asks this account into a conversation, and at which position.
    pub(super) fn asker(
        &self,
        turn: &Turn<'_>,
        no: i64,
    ) -> Result<Option<(AccountId, u64)>, EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(None);
        };
        Ok(match talk.state.form() {
            Form::Room => turn
                .desk
                .added(no, &self.account)?
                .map(|added| (added.adder, added.position)),
            Form::Direct => Some((talk.state.creator(), 1)),
            Form::Own => None,
        })
    }

    /// Whether a request is accepted without asking the person: of somebody with whom this account
    /// shares a conversation that both have accepted.
    pub(super) fn accepts_by_itself(&self, asked: i64, asker: &AccountId) -> bool {
        if *asker == self.account {
            return true;
        }
        if self.settings.blocked(asker) {
            return false;
        }
        let accepted = |talk: &Talk, who| {
            let member = talk.state.member(who);
            member.is_some_and(|member| !member.pending)
        };
        self.talks.values().any(|talk| {
            talk.no != asked
                && talk.state.form() != Form::Own
                && !talk.state.closed()
                && accepted(talk, &self.account)
                && accepted(talk, asker)
        })
    }

    /// Why this account may not write in a conversation, if so.
    pub(super) fn may_not_write(&self, talk: &Talk) -> Option<Failure> {
        let name = &talk.name;
        let sentence = match talk.state.member(&self.account) {
            _ if talk.state.closed() => {
                format!("{name} was closed: nothing is sent there any more")
            }
            None => format!("you are not a member of {name}: an admin can add you again"),
            Some(member) if member.pending && self.rooms.accepting.contains(&talk.no) => {
                return None;
            }
            Some(member) if member.pending => match talk.state.form() {
                Form::Room => format!(
                    "you were asked into {name} and have not accepted: `subrosa accept '{name}'` joins, `subrosa refuse '{name}'` declines"
                ),
                Form::Direct | Form::Own => {
                    let person = name.trim_start_matches('@');
                    format!(
                        "{name} asks for a conversation: `subrosa accept {person}` accepts it, then you can write there"
                    )
                }
            },
            Some(_) => return self.out_of_scope(talk),
        };
        Some(Failure {
            kind: FailureKind::NotPermitted,
            sentence,
        })
    }

    /// Whether a conversation is a request by somebody whom the person has blocked, or a room of which this
    /// account was made a member by somebody who may not do that.
    pub(super) fn is_unwanted(&self, talk: &Talk) -> bool {
        self.rooms.unasked(talk.no) || talk.waits_for_own(&self.account) && self.silenced(talk)
    }

    /// Why nothing is done in a conversation with somebody whom the person has blocked.
    pub(super) fn blocked_failure(&self, talk: &Talk) -> Failure {
        Failure::user(match (talk.state.form(), self.rooms.asker(talk.no)) {
            (Form::Room, Some(asker)) if !self.settings.blocked(&asker) => {
                let asker = self.people.name_of(&asker);
                format!(
                    "@{asker} has put you into {0} and is no contact of yours; `subrosa room leave '{0}'` leaves it, and accepting a conversation with @{asker} shows it",
                    talk.name
                )
            }
            (Form::Room, Some(asker)) => {
                let asker = self.people.name_of(&asker);
                format!(
                    "@{asker} asks you into {}, and you have blocked @{asker}; `subrosa unblock @{asker}` ends that",
                    talk.name
                )
            }
            _ => format!(
                "you have blocked {0}; `subrosa unblock {0}` ends that",
                talk.name
            ),
        })
    }

    /// Whether a conversation is among those listed: not the own one, none that was left, no request that
    /// was declined or comes from somebody who is blocked.
    pub(super) fn is_listed(&self, talk: &Talk) -> bool {
        talk.state.form() != Form::Own
            && !self.rooms.refused(talk.no)
            && !self.is_unwanted(talk)
            && talk.state.member(&self.account).is_some()
    }

    /// Whether this account may add plain members to a room.
    pub(super) fn may_add(&self, talk: &Talk) -> bool {
        let mine = talk.state.member(&self.account);
        !talk.state.closed()
            && mine.is_some_and(|mine| {
                let member_adds = mine.role == Role::Member && talk.state.members_add();
                !mine.pending && (mine.role == Role::Admin || member_adds)
            })
    }
}

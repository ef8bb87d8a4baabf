//! Calls that wait for their answer.

use crate::command::{Answer, Caller, Command, Failure};
use crate::engine::coming::Coming;
use crate::engine::outbox::Wanted;
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use crate::view::LinkState;
use subrosa_proto::Name;

/// A call that waits.
#[derive(Debug)]
pub(in crate::engine) enum Waiting {
    /// For the link, to make an invite.
    Invite { call: CallId, caller: Caller },
    /// For the link, to look a name up.
    Lookup { call: CallId, name: Name },
    /// For the conversation with somebody who was just looked up.
    Named {
        call: CallId,
        name: Name,
        caller: Caller,
        text: String,
        wanted: Wanted,
    },
    /// For what was sent to come to its recipients.
    Coming { call: CallId, coming: Coming },
    /// For the store to have what the server has.
    Fresh { call: CallId, command: Command },
    /// For the outbox to be empty.
    Drain { call: CallId },
    /// For the store to have what the server has, to know whether a timer was set.
    Timer {
        call: CallId,
        conversation: String,
        timer: u8,
    },
    /// For the link, to list the account's devices.
    Devices { call: CallId },
    /// For this device to be logged out.
    Logout { call: CallId },
    /// For the store to have what the server has, or the server to be known out of reach; then the
    /// command is carried out.
    Again {
        call: CallId,
        caller: Caller,
        command: Command,
    },
}

impl Engine {
    pub(super) fn answer_fresh(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Fresh { call, command } => {
                    self.command(turn, call, &Caller(String::new()), command, false)?
                }
                other => self.waiting.push(other),
            }
        }
        Ok(())
    }

    /// The newest of what the server has can be read.
    pub(in crate::engine) fn answer_readable(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<(), EngineError> {
        self.answer_fresh(turn)
    }

    /// The store has what the server has.
    pub(in crate::engine) fn answer_synced(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<(), EngineError> {
        self.sweep(turn)?;
        self.answer_fresh(turn)?;
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Timer {
                    call,
                    conversation,
                    timer,
                } => {
                    let again = Caller(format!("timer/{call}"));
                    self.set_timer(turn, (call, &again), conversation, Some(timer))?;
                }
                other => self.waiting.push(other),
            }
        }
        self.run_again(turn)?;
        self.heed_guests(turn)?;
        self.reconsider(turn)
    }

    /// Calls that waited for the link or for a conversation are tried again.
    pub(in crate::engine) fn reconsider(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Invite { call, caller } if self.link.online() => {
                    self.new_invite(turn, call, caller)?
                }
                Waiting::Devices { call } if self.link.online() => self.devices(turn, call),
                Waiting::Lookup { call, name } if self.link.online() => {
                    self.look_up(turn, call, name)
                }
                Waiting::Named {
                    call,
                    name,
                    caller,
                    text,
                    wanted,
                } => match self.conversation_no(&format!("@{name}")) {
                    Some(no) => {
                        self.accept_mutual(turn, no)?;
                        self.send_text(turn, (call, &caller), no, text, wanted)?;
                    }
                    None => self.waiting.push(Waiting::Named {
                        call,
                        name,
                        caller,
                        text,
                        wanted,
                    }),
                },
                other => self.waiting.push(other),
            }
        }
        Ok(())
    }

    /// Answers `Drain` when the outbox is empty, or nothing of it can leave now.
    pub(in crate::engine) fn answer_drained(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<(), EngineError> {
        let asked = |waiting: &Waiting| matches!(waiting, Waiting::Drain { .. });
        if !self.waiting.iter().any(asked) {
            return Ok(());
        }
        let count = turn.desk.waiting_count()?;
        let over = match self.link.state {
            LinkState::Offline { .. } | LinkState::Refused { .. } => true,
            LinkState::Connecting => count == 0,
            LinkState::Online if self.carries_an_end() => false,
            LinkState::Online => {
                (count == 0 && !self.settings.waiting())
                    || (self.all_synced() && self.nothing_leaves(turn)?)
            }
        };
        if over {
            self.answer_drains(turn, count);
        }
        Ok(())
    }

    /// Whether all that waits in the outbox waits for somebody else.
    fn nothing_leaves(&self, turn: &Turn<'_>) -> Result<bool, EngineError> {
        let waiting = turn.desk.conversations_waiting()?;
        let held_back = |no: &i64| {
            self.talks
                .get(no)
                .is_none_or(|talk| talk.held_back(&self.account) || self.distrust(talk).is_some())
        };
        Ok(waiting.iter().all(held_back))
    }

    fn answer_drains(&mut self, turn: &mut Turn<'_>, count: u64) {
        self.waiting.retain(|waiting| match waiting {
            Waiting::Drain { call } => {
                turn.answer(*call, Ok(Answer::Outbox { waiting: count }));
                false
            }
            _ => true,
        });
    }

    /// The server is out of reach: what can be said without it is said.
    pub(in crate::engine) fn answer_unreachable(
        &mut self,
        turn: &mut Turn<'_>,
        cause: &Failure,
    ) -> Result<(), EngineError> {
        let dropped = Failure {
            kind: cause.kind,
            sentence: format!("{}; the message was not kept", cause.sentence),
        };
        // It does not get better by waiting: the person has to do something.
        let unknown = self.unknown_there.then(|| Failure {
            kind: cause.kind,
            sentence: format!("{}. What was written waits here", cause.sentence),
        });
        let kept = self.over().or(unknown);
        self.release_sends(turn, None, kept.as_ref(), &dropped)?;
        self.answer_drained(turn)?;
        self.run_again(turn)?;
        self.release_deeds(turn, cause)?;
        self.release_openings(turn, None, cause)?;
        self.answer_fresh(turn)?;
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Invite { call, .. }
                | Waiting::Lookup { call, .. }
                | Waiting::Named { call, .. } => {
                    turn.answer(call, Err(cause.clone()));
                }
                Waiting::Timer { call, .. } => {
                    let unknown = "the server went out of reach while the timer was being set; `subrosa timer` shows whether it was";
                    turn.answer(call, Err(Failure::network(unknown)));
                }
                Waiting::Devices { call } => self.devices(turn, call),
                Waiting::Logout { call } => self.logout_unreachable(turn, call, cause),
                other => self.waiting.push(other),
            }
        }
        Ok(())
    }
}

//! What faces ask.
//!
//! | file | job |
//! |---|---|
//! | `sending` | a text for somebody, known here or not |
//! | `acting` | replies, edits, deletions, reactions |
//! | `reading` | pages of the timeline, subscriptions, read marks |
//! | `searching` | what matches a query |
//! | `consuming` | what is done for each message |
//! | `devices` | the account's devices, and this one's end |
//! | `trusting`, `blocking` | people's keys and names; blocks and settings |
//! | `receipting` | who has got and read what |
//! | `timing` | after what time messages disappear |
//! | `rooms` | rooms |
//! | `requests` | requests of others, accepted or declined |
//! | `upkeep` | the home itself |
//! | `waiting` | calls that wait for their answer |

mod acting;
mod blocking;
mod consuming;
mod devices;
mod reading;
mod receipting;
mod requests;
mod rooms;
mod searching;
mod sending;
mod timing;
mod trusting;
mod upkeep;
mod waiting;

pub(super) use timing::{life_words, timer_words};
pub(super) use waiting::Waiting;

use super::turn::{CallId, Effect, Turn};
use super::{Engine, EngineError};
use crate::command::{Answer, Caller, Command, Failure, FailureKind};
use crate::view::{AccountView, ConversationView};
use subrosa_proto::{ErrorCode, Response};

/// Why an answer is not the one that was hoped for, in words.
pub(super) fn refused(response: &Response, what: &str) -> Failure {
    let Response::Refused { refusal } = response else {
        return Failure::network(format!("{what}: it answered something else than was asked"));
    };
    let (kind, why) = match refusal.code {
        ErrorCode::RateLimited => (
            FailureKind::RateLimit,
            "too much at once; wait a little and try again",
        ),
        ErrorCode::NotPermitted => (FailureKind::NotPermitted, "this account lacks the right"),
        ErrorCode::StorageFull => (
            FailureKind::Network,
            "its disk is full; whoever runs it has to make room",
        ),
        ErrorCode::Conflict => (
            FailureKind::Network,
            "something else came in between; try again",
        ),
        _ => (FailureKind::Network, "it refused; try again later"),
    };
    Failure {
        kind,
        sentence: format!("{what}: {why}"),
    }
}

impl Engine {
    pub(in crate::engine) fn command(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        caller: &Caller,
        command: Command,
        subscribes: bool,
    ) -> Result<(), EngineError> {
        if let Some(failure) = self.beyond_a_bot(&command) {
            turn.answer(call, Err(failure));
            return Ok(());
        }
        self.carry_out(turn, (call, caller), command, subscribes)
    }

    fn carry_out(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        command: Command,
        subscribes: bool,
    ) -> Result<(), EngineError> {
        match command {
            Command::Status {}
            | Command::Conversations {}
            | Command::Contacts {}
            | Command::History {} => self.overview(turn, call, &command)?,
            Command::Invite {} => self.invite(turn, call, caller.clone())?,
            command @ Command::Send { .. } => return self.send(turn, (call, caller), command),
            command @ (Command::ActOn { .. }
            | Command::Receipts { .. }
            | Command::Typing { .. }
            | Command::SetTimer { .. }) => {
                return self.talk_command(turn, (call, caller), command);
            }
            Command::Read { fresh: true, .. } => self.when_fresh(turn, call, command)?,
            Command::Read { .. } | Command::Around { .. } => {
                self.read_page(turn, call, &command)?
            }
            Command::Upkeep(command) => self.upkeep(turn, call, &command)?,
            Command::Search { .. } => self.search(turn, call, &command)?,
            Command::Devices {}
            | Command::RenameDevice { .. }
            | Command::TellPasswordChanged { .. }
            | Command::Logout { .. } => self.about_devices(turn, (call, caller), command)?,
            Command::Accept { .. }
            | Command::Refuse { .. }
            | Command::Room(_)
            | Command::Bot(_) => {
                self.about_people(turn, (call, caller), command)?;
            }
            Command::MarkRead {
                conversation,
                cursor,
            } => self.mark_read(turn, call, &conversation, cursor)?,
            Command::CursorAt {
                conversation,
                time_ms,
            } => {
                let cursors = self.cursors_at(turn, conversation.as_deref(), time_ms)?;
                turn.answer(call, cursors);
            }
            Command::Consumer(command) => self.consumer_command(turn, call, command)?,
            Command::About { ask } => self.about(turn, call, ask)?,
            Command::Restored { .. } | Command::Evidence { .. } | Command::OwnChain {} => {
                self.losses(turn, call, &command)?
            }
            Command::Lock { .. } | Command::Unlock { .. } => {
                let failure = Failure::user("this home is not locked");
                turn.answer(call, Err(failure));
            }
            Command::Drain {} => {
                self.waiting.push(Waiting::Drain { call });
                self.answer_drained(turn)?;
            }
            Command::Subscribe {
                conversation,
                since,
            } => {
                self.subscribe(turn, call, conversation.as_deref(), since, subscribes)?;
            }
        }
        Ok(())
    }

    /// What is known of everything at once, as it is here.
    fn overview(
        &self,
        turn: &mut Turn<'_>,
        call: CallId,
        command: &Command,
    ) -> Result<(), EngineError> {
        let answer = match command {
            Command::Conversations {} => Answer::Conversations(self.conversation_views(turn)?),
            Command::Contacts {} => Answer::Contacts(self.contact_views()),
            Command::History {} => Answer::History(self.history_view()),
            _ => Answer::Account(self.account_view(turn)?),
        };
        turn.answer(call, Ok(answer));
        Ok(())
    }

    fn conversation_views(&self, turn: &Turn<'_>) -> Result<Vec<ConversationView>, EngineError> {
        let talks = self.talks.values();
        talks
            .filter(|talk| self.is_listed(talk))
            .map(|talk| self.conversation_view(turn.desk, talk))
            .collect()
    }

    fn account_view(&self, turn: &Turn<'_>) -> Result<AccountView, EngineError> {
        Ok(AccountView {
            name: self.people.name_of(&self.account),
            account: self.account.to_string(),
            device: self.machine.device().to_string(),
            address: self.address.to_string(),
            link: self.link.state.clone(),
            outbox: turn.desk.waiting_count()?,
        })
    }

    /// The number of a conversation that people name; a name without sign means a person.
    pub(in crate::engine) fn conversation_no(&self, named: &str) -> Option<i64> {
        let exact = self.talks.values().find(|talk| talk.name == named);
        let person = || {
            self.talks
                .values()
                .find(|talk| talk.name.strip_prefix('@') == Some(named))
        };
        exact.or_else(person).map(|talk| talk.no)
    }

    pub(super) fn invite(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        caller: Caller,
    ) -> Result<(), EngineError> {
        if self.link.online() {
            return self.new_invite(turn, call, caller);
        }
        self.waiting.push(Waiting::Invite { call, caller });
        self.try_now(turn);
        Ok(())
    }

    /// Tries to reach the server at once, unless a try is under way; what waits is answered by its outcome.
    pub(in crate::engine) fn try_now(&self, turn: &mut Turn<'_>) {
        // Without a link the next try may be a while off.
        if !self.link.online() {
            turn.effects.push(Effect::DialNow);
        }
    }
}

fn unknown(conversation: &str) -> Failure {
    Failure::user(format!(
        "there is no conversation {conversation} here; `subrosa chat` lists those there are, and `subrosa invite` makes a line for somebody new"
    ))
}

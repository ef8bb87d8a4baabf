//! What faces ask, and the calls that wait for their answer.

use super::link::Asked;
use super::turn::{CallId, Effect, Turn};
use super::{Engine, EngineError};
use crate::command::{Answer, Caller, Command, Failure, FailureKind, Wait};
use crate::view::{AccountView, LinkState, Notice, Row};
use subrosa_proto::{Control, ErrorCode, Form, Name, Request, Response, encode, limits};

/// Rows that one answer carries at most.
const ROWS_MAX: u32 = 1_000;

/// A call that waits.
#[derive(Debug)]
pub(super) enum Waiting {
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
        wait: Wait,
        queue: bool,
    },
    /// For the store to have what the server has.
    Fresh { call: CallId, command: Command },
    /// For the outbox to be empty.
    Drain { call: CallId },
    /// For the link, to know whether the acceptance arrived.
    Accepted { call: CallId },
}

/// `Done`, or the refusal in words.
pub(super) fn done_or(response: &Response, what: &str) -> Result<Answer, Failure> {
    let Response::Refused { refusal } = response else {
        return Ok(Answer::Done {});
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
    Err(Failure {
        kind,
        sentence: format!("{what}: {why}"),
    })
}

impl Engine {
    pub(super) fn command(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        caller: &Caller,
        command: Command,
        subscribes: bool,
    ) -> Result<(), EngineError> {
        match command {
            Command::Status {} => {
                let view = self.account_view(turn)?;
                turn.answer(call, Ok(Answer::Account(view)));
            }
            Command::Invite {} => self.invite(turn, call, caller.clone())?,
            Command::Send {
                conversation,
                text,
                wait,
                queue,
            } => {
                return self.send(turn, (call, caller), &conversation, text, (wait, queue));
            }
            Command::Read { fresh: true, .. } => self.when_fresh(turn, call, command)?,
            Command::Read {
                conversation,
                before,
                since,
                limit,
                ..
            } => {
                let rows = self.read(turn, conversation.as_deref(), (before, since), limit)?;
                turn.answer(call, rows.map(Answer::Rows));
            }
            Command::Conversations {} => {
                let shown = self
                    .talks
                    .values()
                    .filter(|talk| talk.state.form() != Form::Own);
                let views = shown
                    .map(|talk| self.conversation_view(turn.desk, talk))
                    .collect::<Result<_, _>>()?;
                turn.answer(call, Ok(Answer::Conversations(views)));
            }
            Command::Devices {} => turn.answer(call, Ok(Answer::Devices(self.device_views()))),
            Command::Contacts {} => turn.answer(call, Ok(Answer::Contacts(self.contact_views()))),
            Command::Accept { conversation } => self.accept(turn, call, &conversation)?,
            Command::MarkRead {
                conversation,
                cursor,
            } => self.mark_read(turn, call, &conversation, cursor)?,
            Command::Drain {} => {
                self.waiting.push(Waiting::Drain { call });
                if matches!(
                    self.link.state,
                    LinkState::Offline { .. } | LinkState::Refused { .. }
                ) {
                    let waiting = turn.desk.waiting_count()?;
                    self.answer_drains(turn, waiting);
                }
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
    fn conversation_no(&self, named: &str) -> Option<i64> {
        let exact = self.talks.values().find(|talk| talk.name == named);
        let person = || {
            self.talks
                .values()
                .find(|talk| talk.name.strip_prefix('@') == Some(named))
        };
        exact.or_else(person).map(|talk| talk.no)
    }

    fn send(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        conversation: &str,
        text: String,
        (wait, queue): (Wait, bool),
    ) -> Result<(), EngineError> {
        if text.is_empty() {
            turn.answer(
                call,
                Err(Failure::user("there is nothing to send: the text is empty")),
            );
            return Ok(());
        }
        if text.len() > limits::TEXT_BYTES_MAX {
            turn.answer(
                call,
                Err(Failure::user(format!(
                    "the text has {} bytes, a message holds {}; send it as several messages",
                    text.len(),
                    limits::TEXT_BYTES_MAX
                ))),
            );
            return Ok(());
        }
        if let Some(no) = self.conversation_no(conversation) {
            return self.send_text(turn, (call, caller), no, text, (wait, queue));
        }
        match Name::new(conversation.strip_prefix('@').unwrap_or(conversation)) {
            Ok(name) if !conversation.starts_with('#') => {
                let named = Waiting::Named {
                    call,
                    name: name.clone(),
                    caller: caller.clone(),
                    text,
                    wait,
                    queue,
                };
                self.waiting.push(named);
                // The conversation with oneself is on its way by itself since this account exists.
                if name.as_str() != self.people.name_of(&self.account) {
                    self.look_up(turn, call, name);
                }
            }
            _ => turn.answer(call, Err(unknown(conversation))),
        }
        Ok(())
    }

    fn read(
        &self,
        turn: &Turn<'_>,
        conversation: Option<&str>,
        (before, since): (Option<u64>, Option<u64>),
        limit: u32,
    ) -> Result<Result<Vec<Row>, Failure>, EngineError> {
        let no = match conversation {
            None => None,
            Some(named) => match self.conversation_no(named) {
                Some(no) => Some(no),
                None => return Ok(Err(unknown(named))),
            },
        };
        let limit = limit.min(ROWS_MAX);
        let lines = match since {
            Some(since) => turn.desk.lines_since(no, since, limit)?,
            None => turn.desk.lines_before(no, before, limit)?,
        };
        Ok(Ok(lines.iter().filter_map(|line| self.row(line)).collect()))
    }

    fn subscribe(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: Option<&str>,
        since: Option<u64>,
        subscribes: bool,
    ) -> Result<(), EngineError> {
        if !subscribes {
            turn.answer(
                call,
                Err(Failure::defect("notices cannot reach this caller")),
            );
            return Ok(());
        }
        let no = conversation.map(|named| self.conversation_no(named));
        if let (Some(None), Some(named)) = (no, conversation) {
            turn.answer(call, Err(unknown(named)));
            return Ok(());
        }
        let last = turn.desk.last_cursor()?;
        turn.answer(
            call,
            Ok(Answer::Subscribed {
                cursor: since.unwrap_or(last),
            }),
        );
        let mut from = since.unwrap_or(last);
        while from < last {
            let lines = turn.desk.lines_since(no.flatten(), from, ROWS_MAX)?;
            let Some(end) = lines.last().map(|line| line.cursor) else {
                break;
            };
            for row in lines.iter().filter_map(|line| self.row(line)) {
                turn.notify(call, Notice::Row(row));
            }
            from = end;
        }
        turn.notify(call, Notice::Link(self.link.state.clone()));
        self.subscribers.insert(call, no.flatten());
        Ok(())
    }

    fn invite(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        caller: Caller,
    ) -> Result<(), EngineError> {
        match &self.link.state {
            LinkState::Online => self.new_invite(turn, call, caller),
            LinkState::Connecting => {
                self.waiting.push(Waiting::Invite { call, caller });
                Ok(())
            }
            LinkState::Offline { .. } | LinkState::Refused { .. } => {
                self.waiting.push(Waiting::Invite { call, caller });
                turn.effects.push(Effect::DialNow);
                Ok(())
            }
        }
    }

    fn accept(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: &str,
    ) -> Result<(), EngineError> {
        let talk = self
            .conversation_no(conversation)
            .and_then(|no| self.talks.get(&no));
        let Some(talk) = talk else {
            turn.answer(call, Err(unknown(conversation)));
            return Ok(());
        };
        if !talk.waits_for_own(&self.account) {
            turn.answer(call, Ok(Answer::Done {}));
            return Ok(());
        }
        if !self.link.online() {
            turn.answer(
                call,
                Err(Failure::network(
                    "the server is out of reach; accept when it is back",
                )),
            );
            return Ok(());
        }
        let event = encode(&self.machine.control(&talk.state, &Control::Accept {}));
        let request = Request::Append {
            counter: turn.counter()?,
            conv: talk.id(),
            events: vec![event],
        };
        self.ask(turn, request, Asked::Accept { call });
        Ok(())
    }

    fn mark_read(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: &str,
        cursor: u64,
    ) -> Result<(), EngineError> {
        let Some(no) = self.conversation_no(conversation) else {
            turn.answer(call, Err(unknown(conversation)));
            return Ok(());
        };
        turn.desk.set_read(no, cursor)?;
        if let Some(talk) = self.talks.get_mut(&no)
            && talk.read_cursor < cursor
        {
            talk.read_cursor = cursor;
            talk.receipt_due = true;
        }
        turn.answer(call, Ok(Answer::Done {}));
        if self.link.online() {
            self.send_receipts(turn)
        } else {
            Ok(())
        }
    }

    /// Runs a command once the store has what the server has, or the server is out of reach.
    fn when_fresh(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        command: Command,
    ) -> Result<(), EngineError> {
        let command = match command {
            Command::Read {
                conversation,
                before,
                since,
                limit,
                ..
            } => Command::Read {
                conversation,
                before,
                since,
                limit,
                fresh: false,
            },
            other => other,
        };
        self.waiting.push(Waiting::Fresh { call, command });
        match self.link.state {
            LinkState::Online => {
                if self.all_synced() {
                    self.answer_synced(turn)
                } else {
                    Ok(())
                }
            }
            LinkState::Connecting => Ok(()),
            LinkState::Offline { .. } | LinkState::Refused { .. } => self.answer_fresh(turn),
        }
    }

    fn answer_fresh(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
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

    /// The store has what the server has.
    pub(super) fn answer_synced(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        turn.desk.save(&self.machine.expire_prekeys(turn.now_ms))?;
        self.answer_fresh(turn)?;
        self.reconsider(turn)
    }

    /// Calls that waited for the link or for a conversation are tried again.
    pub(super) fn reconsider(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Invite { call, caller } if self.link.online() => {
                    self.new_invite(turn, call, caller)?
                }
                Waiting::Lookup { call, name } if self.link.online() => {
                    self.look_up(turn, call, name)
                }
                Waiting::Accepted { call } if self.link.online() => {
                    turn.answer(call, Ok(Answer::Done {}))
                }
                Waiting::Named {
                    call,
                    name,
                    caller,
                    text,
                    wait,
                    queue,
                } => match self.conversation_no(&format!("@{name}")) {
                    Some(no) => self.send_text(turn, (call, &caller), no, text, (wait, queue))?,
                    None => self.waiting.push(Waiting::Named {
                        call,
                        name,
                        caller,
                        text,
                        wait,
                        queue,
                    }),
                },
                other => self.waiting.push(other),
            }
        }
        Ok(())
    }

    /// The call that waits for somebody by name fails.
    pub(super) fn fail_named(&mut self, turn: &mut Turn<'_>, call: CallId, failure: Failure) {
        self.waiting.retain(
            |waiting| !matches!(waiting, Waiting::Named { call: other, .. } if *other == call),
        );
        turn.answer(call, Err(failure));
    }

    /// Everybody who waits for a conversation with this name fails.
    pub(super) fn answer_unopened(&mut self, turn: &mut Turn<'_>, name: &str, failure: &Failure) {
        let calls: Vec<CallId> = self
            .waiting
            .iter()
            .filter_map(|waiting| match waiting {
                Waiting::Named {
                    call, name: other, ..
                } if other.as_str() == name => Some(*call),
                _ => None,
            })
            .collect();
        for call in calls {
            self.fail_named(turn, call, failure.clone());
        }
    }

    pub(super) fn answer_drained(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if self
            .waiting
            .iter()
            .any(|waiting| matches!(waiting, Waiting::Drain { .. }))
            && turn.desk.waiting_count()? == 0
        {
            self.answer_drains(turn, 0);
        }
        Ok(())
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
    pub(super) fn answer_unreachable(
        &mut self,
        turn: &mut Turn<'_>,
        cause: &Failure,
    ) -> Result<(), EngineError> {
        self.sends_unreachable(turn, cause)?;
        let count = turn.desk.waiting_count()?;
        self.answer_drains(turn, count);
        self.answer_fresh(turn)?;
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Invite { call, .. }
                | Waiting::Lookup { call, .. }
                | Waiting::Named { call, .. } => {
                    turn.answer(call, Err(cause.clone()));
                }
                Waiting::Accepted { call } => {
                    let unknown = "the server went out of reach while the acceptance was under way; `read` shows whether it arrived";
                    turn.answer(call, Err(Failure::network(unknown)));
                }
                other => self.waiting.push(other),
            }
        }
        Ok(())
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        self.forget_callers(turn)?;
        if self.link.online() {
            self.renew_prekey(turn)?;
            self.open_openings(turn)?;
            self.caught_up(turn)?;
        }
        Ok(())
    }

    /// Makes and publishes a prekey when it is time, and again when it is not known to have arrived.
    pub(super) fn renew_prekey(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if self.machine.prekey_due(turn.now_ms) {
            let (prekey, changes) = self.machine.next_prekey(turn.now_ms, &mut turn.rng);
            turn.desk.save(&changes)?;
            self.ask(turn, Request::PutPrekey { prekey }, Asked::Prekey);
        }
        Ok(())
    }
}

fn unknown(conversation: &str) -> Failure {
    Failure::user(format!(
        "there is no conversation {conversation} here; `subrosa chat` lists those there are, and `subrosa invite` makes a line for somebody new"
    ))
}

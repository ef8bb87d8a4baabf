//! The link as the engine sees it: device login, requests under way, answers.

use super::commands;
use super::turn::{CallId, Effect, Turn};
use super::{Engine, EngineError, fact};
use crate::command::{Caller, Command, Failure, FailureKind};
use crate::view::LinkState;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use subrosa_proto::{
    ConvId, Cursor, ErrorCode, FromServer, LoggedIn, Name, Push, Refusal, Request, Response,
    decode, limits,
};

/// What happens to an engine.
#[derive(Debug)]
pub enum Input {
    /// A channel to the server is open; `transcript` is its handshake hash.
    Linked {
        /// Signed by the device to log in.
        transcript: [u8; 32],
    },
    /// A message from the server.
    Frame {
        /// As it came.
        message: Bytes,
    },
    /// The channel has ended.
    Lost,
    /// No channel could be opened.
    Unreachable {
        /// Why.
        down: Down,
    },
    /// A face asks.
    Command {
        /// Where the answer goes.
        call: CallId,
        /// The same when it is repeated.
        caller: Caller,
        /// What.
        command: Command,
        /// Whether notices can be sent to this call.
        subscribes: bool,
    },
    /// A subscriber has gone.
    Gone {
        /// Which.
        call: CallId,
    },
    /// Time has passed.
    Tick,
}

/// Why the server is out of reach.
#[derive(Debug, Clone)]
pub struct Down {
    /// In one sentence, with the next step.
    pub cause: String,
    /// When it is tried again; absent when that would change nothing.
    pub retry_ms: Option<u64>,
}

/// The engine's side of the link.
pub(super) struct Link {
    pub state: LinkState,
    next: u64,
    asked: HashMap<u64, Asked>,
    /// Conversations are still being listed.
    listing: bool,
    /// Conversations that are not in the store yet.
    pub joining: HashSet<ConvId>,
}

/// What a request was for.
#[derive(Debug)]
pub(super) enum Asked {
    Login,
    Conversations,
    People(ConvId),
    Append {
        no: i64,
        seq: i64,
    },
    Create {
        seq: i64,
    },
    Accept {
        call: CallId,
    },
    Invite {
        call: CallId,
        caller: Caller,
    },
    Lookup {
        call: CallId,
        name: Name,
    },
    Prekey,
    /// Its answer changes nothing.
    Nothing,
}

impl Link {
    pub fn new() -> Self {
        Self {
            state: LinkState::Connecting,
            next: 1,
            asked: HashMap::new(),
            listing: false,
            joining: HashSet::new(),
        }
    }

    pub fn online(&self) -> bool {
        matches!(self.state, LinkState::Online)
    }

    /// Whether a conversation's create event is under way.
    pub fn creating(&self, seq: i64) -> bool {
        self.asked
            .values()
            .any(|asked| matches!(asked, Asked::Create { seq: other } if *other == seq))
    }

    /// Whether a try to reach the server is under way, so that its outcome will be known soon.
    pub fn trying(&self) -> bool {
        matches!(self.state, LinkState::Connecting)
    }
}

impl Engine {
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>, request: Request, asked: Asked) {
        let id = self.link.next;
        self.link.next += 1;
        self.link.asked.insert(id, asked);
        turn.send(id, request);
    }

    pub(super) fn linked(
        &mut self,
        turn: &mut Turn<'_>,
        transcript: &[u8; 32],
    ) -> Result<(), EngineError> {
        self.forget_link();
        let (account, device) = (self.account, self.machine.device());
        let signature = self.machine.sign_login(transcript);
        self.ask(
            turn,
            Request::DeviceLogin {
                account,
                device,
                signature,
            },
            Asked::Login,
        );
        Ok(())
    }

    fn forget_link(&mut self) {
        self.link.asked.clear();
        self.link.joining.clear();
        for talk in self.talks.values_mut() {
            talk.unlink();
        }
    }

    pub(super) fn lost(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        // Calls whose request was under way go on waiting: they are asked again on the next link,
        // or answered when that cannot be made.
        let asked = std::mem::take(&mut self.link.asked);
        self.forget_link();
        for asked in asked.into_values() {
            self.ask_again_later(asked);
        }
        if !matches!(self.link.state, LinkState::Refused { .. }) {
            self.tell_link(turn, LinkState::Connecting);
        }
        Ok(())
    }

    fn ask_again_later(&mut self, asked: Asked) {
        match asked {
            Asked::Invite { call, caller } => self
                .waiting
                .push(commands::Waiting::Invite { call, caller }),
            Asked::Lookup { call, name } => {
                self.waiting.push(commands::Waiting::Lookup { call, name })
            }
            Asked::Accept { call } => self.waiting.push(commands::Waiting::Accepted { call }),
            _ => {}
        }
    }

    pub(super) fn unreachable(
        &mut self,
        turn: &mut Turn<'_>,
        down: Down,
    ) -> Result<(), EngineError> {
        self.forget_link();
        let cause = down.cause;
        let state = match down.retry_ms {
            Some(retry_ms) => LinkState::Offline {
                cause: cause.clone(),
                retry_ms,
            },
            None => LinkState::Refused {
                cause: cause.clone(),
            },
        };
        self.tell_link(turn, state);
        self.answer_unreachable(
            turn,
            &Failure {
                kind: FailureKind::Network,
                sentence: cause,
            },
        )
    }

    pub(super) fn arrived(
        &mut self,
        turn: &mut Turn<'_>,
        message: Bytes,
    ) -> Result<(), EngineError> {
        let Ok(message) = decode::<FromServer>(&message) else {
            return self.server_broke_protocol(turn, "a message that this version cannot read");
        };
        match message {
            FromServer::Push { push } => self.pushed(turn, push),
            FromServer::Answer { id, response } => {
                let Some(asked) = self.link.asked.remove(&id) else {
                    return self
                        .server_broke_protocol(turn, "an answer to a question that was not asked");
                };
                self.answered(turn, asked, response)
            }
        }
    }

    pub(super) fn server_broke_protocol(
        &mut self,
        turn: &mut Turn<'_>,
        what: &str,
    ) -> Result<(), EngineError> {
        tracing::warn!(what, "the server broke the protocol");
        turn.effects.push(Effect::Redial);
        Ok(())
    }

    fn pushed(&mut self, turn: &mut Turn<'_>, push: Push) -> Result<(), EngineError> {
        match push {
            Push::Events { page } => self.page(turn, page),
            Push::Joined { conv } => {
                self.want(turn, conv);
                Ok(())
            }
            Push::Receipt { conv, register } => self.receipt(turn, &conv, &register),
            Push::Chain { account, .. } => {
                let concerned: Vec<i64> = self
                    .talks
                    .values()
                    .filter(|talk| talk.state.member(&account).is_some())
                    .map(|talk| talk.no)
                    .collect();
                for no in concerned {
                    if let Some(talk) = self.talks.get_mut(&no) {
                        talk.people_fresh = false;
                    }
                }
                Ok(())
            }
            Push::Closing {} => Ok(()),
        }
    }

    fn answered(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Asked,
        response: Response,
    ) -> Result<(), EngineError> {
        match (asked, response) {
            (Asked::Nothing, _) => Ok(()),
            (Asked::Login, Response::LoggedIn { login }) => self.logged_in(turn, login),
            (Asked::Login, Response::Refused { refusal }) => self.login_refused(turn, refusal),
            (Asked::Conversations, Response::Conversations { heads, more }) => {
                self.heads(turn, &heads, more)
            }
            (Asked::People(conv), response) => self.people_came(turn, conv, response),
            (Asked::Append { no, seq }, response) => self.append_answered(turn, no, seq, response),
            (Asked::Create { seq }, response) => self.create_answered(turn, seq, response),
            (Asked::Accept { call }, response) => {
                let answer = commands::done_or(&response, "the request could not be accepted");
                turn.answer(call, answer);
                Ok(())
            }
            (Asked::Invite { call, caller }, response) => {
                self.invite_answered(turn, call, &caller, &response)
            }
            (Asked::Lookup { call, name }, response) => {
                self.lookup_answered(turn, call, &name, response)
            }
            (Asked::Prekey, Response::Done {}) => {
                let changes = self.machine.prekey_published(turn.now_ms);
                Ok(turn.desk.save(&changes)?)
            }
            (Asked::Prekey, _) => Ok(()),
            (Asked::Conversations, Response::Refused { .. }) => Ok(()),
            _ => self.server_broke_protocol(turn, "an answer of another kind than the question"),
        }
    }

    fn login_refused(&mut self, turn: &mut Turn<'_>, refusal: Refusal) -> Result<(), EngineError> {
        let (cause, retry_ms) = match refusal.code {
            ErrorCode::Revoked => (
                "this device was revoked or logged out; log in again with `subrosa login ADDRESS` in another home",
                None,
            ),
            ErrorCode::NotAuthenticated => (
                "the server does not know this device; if the account was deleted there, ask for a new join line",
                None,
            ),
            ErrorCode::RateLimited => (
                "the server asks to wait before the next login",
                Some(refusal.retry_ms.max(1_000)),
            ),
            _ => ("the server cannot log this device in now", Some(5_000)),
        };
        let down = Down {
            cause: cause.to_owned(),
            retry_ms,
        };
        turn.effects.push(if retry_ms.is_some() {
            Effect::Redial
        } else {
            Effect::Stop
        });
        self.unreachable(turn, down)
    }

    fn logged_in(&mut self, turn: &mut Turn<'_>, login: LoggedIn) -> Result<(), EngineError> {
        turn.desk.set_fact(fact::INCARNATION, &login.incarnation)?;
        self.learn_hosts(turn, &login.hosts)?;
        self.tell_link(turn, LinkState::Online);
        let off_ms = login.time_ms.abs_diff(turn.now_ms);
        if off_ms > limits::CLOCK_SKEW_MS && !self.warned_clock {
            self.warned_clock = true;
            let minutes = off_ms / 60_000;
            self.warn(turn, format!(
                "this machine's clock and the server's differ by {minutes} minutes; messages go on, but their times will look wrong until one of the clocks is set right"
            ));
        }
        self.renew_prekey(turn)?;
        self.link.listing = true;
        self.heads(turn, &login.heads, login.more)
    }

    /// The server says under which hosts it can be reached; the one that works now stays first.
    fn learn_hosts(&mut self, turn: &Turn<'_>, hosts: &str) -> Result<(), EngineError> {
        let Ok(announced) = subrosa_proto::Host::parse_list(hosts) else {
            return Ok(());
        };
        let mut known = self.address.hosts.clone();
        for host in announced {
            if !known.contains(&host) && known.len() < limits::ADDRESS_HOSTS_MAX {
                known.push(host);
            }
        }
        if known != self.address.hosts {
            self.address.hosts = known;
            turn.desk
                .set_fact(fact::ADDRESS, &self.address.to_string())?;
        }
        Ok(())
    }

    fn heads(
        &mut self,
        turn: &mut Turn<'_>,
        heads: &[subrosa_proto::ConvHead],
        more: bool,
    ) -> Result<(), EngineError> {
        let mut cursors = Vec::new();
        for head in heads {
            match self
                .numbers
                .get(&head.conv)
                .and_then(|no| self.talks.get_mut(no))
            {
                Some(talk) => {
                    talk.server_head = Some(head.head);
                    cursors.push(Cursor {
                        conv: head.conv,
                        next: talk.next(),
                    });
                }
                None => self.want(turn, head.conv),
            }
        }
        if !cursors.is_empty() {
            self.ask(turn, Request::Follow { cursors }, Asked::Nothing);
        }
        match heads.last() {
            Some(last) if more => {
                self.ask(
                    turn,
                    Request::Conversations {
                        after: Some(last.conv),
                    },
                    Asked::Conversations,
                );
            }
            _ => self.link.listing = false,
        }
        self.open_openings(turn)?;
        self.caught_up(turn)
    }

    /// Whether everything that the server had is here.
    pub(super) fn all_synced(&self) -> bool {
        let asking = self.link.asked.values().any(|asked| {
            matches!(
                asked,
                Asked::Login | Asked::Conversations | Asked::Create { .. }
            )
        });
        self.link.online()
            && !self.link.listing
            && !asking
            && self.link.joining.is_empty()
            && self
                .talks
                .values()
                .all(|talk| talk.stopped || talk.synced())
    }
}

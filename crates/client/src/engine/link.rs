//! The link as the engine sees it: requests under way, answers, pushes, and its end.

use super::archive::WantedKeys;
use super::commands::Waiting;
use super::frame::Frame;
use super::joining::Start;
use super::turn::{CallId, Effect, Turn};
use super::{Engine, EngineError, fact};
use crate::bot::BotCommand;
use crate::command::{Caller, Command, Failure, FailureKind};
use crate::view::LinkState;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use subrosa_e2e::Receipt;
use subrosa_proto::{AccountId, ConvId, EventHash, FromServer, Name, Push, Request};

/// A request that is not answered within this is one that never will be: the link is made anew.
const ANSWER_MS_MAX: u64 = 90_000;

/// What happens to an engine.
#[derive(Debug)]
pub enum Input {
    /// A channel to the server is open; `transcript` is its handshake hash.
    Linked {
        /// Signed by the device to log in.
        transcript: [u8; 32],
        /// The protocol version that both sides speak.
        version: u16,
    },
    /// A message from the server.
    Frame {
        /// As it came.
        message: Bytes,
    },
    /// A message from the server, the signatures in it verified.
    Checked {
        /// As it was read.
        frame: Frame,
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
    /// Nothing else is to be done.
    Idle,
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
    asked: HashMap<u64, (Asked, u64)>,
    /// Conversations are still being listed.
    pub listing: bool,
    /// Conversations that are not in the store yet.
    pub joining: HashSet<ConvId>,
    /// How far those reach, as they were listed.
    pub expected: HashMap<ConvId, u64>,
    /// Conversations that the server did not give, and when they are asked for again.
    pub later: HashMap<ConvId, u64>,
    /// Starts in the middle of a log that are being fetched.
    pub starts: HashMap<ConvId, Start>,
    /// Why something of the pages of members so far is not taken, by conversation.
    pub refused: HashMap<ConvId, String>,
    /// The server's clock minus this machine's, as of the last login.
    pub ahead_ms: i64,
}

/// What a request was for.
#[derive(Debug)]
pub(super) enum Asked {
    Login,
    Conversations,
    /// Members after this account.
    People(ConvId, Option<AccountId>),
    /// Control events before the start.
    ControlHistory(ConvId),
    /// Chains of those who signed them.
    Chains(ConvId),
    Append {
        no: i64,
        seq: i64,
    },
    Create {
        seq: i64,
    },
    /// A change of who is in a conversation.
    Deed {
        no: i64,
        seq: i64,
    },
    /// Somebody whom a command about a room names.
    Person {
        call: CallId,
        name: Name,
    },
    Timer {
        call: CallId,
        conversation: String,
        timer: u8,
    },
    Invite {
        call: CallId,
        caller: Caller,
    },
    /// Something about a bot.
    Bot {
        call: CallId,
        caller: Caller,
        command: BotCommand,
    },
    Lookup {
        call: CallId,
        name: Name,
    },
    /// A prekey of this number was published.
    Prekey(u64),
    /// This device's register was replaced.
    Receipt {
        no: i64,
        at: u64,
        receipt: Receipt,
    },
    /// The own chain's end, from a statement on.
    OwnChain {
        from: u64,
    },
    /// Which account the server shows under a name that is known here.
    Name,
    /// What a restored server gets back.
    Returned,
    Keepsake,
    /// What goes before the login at a server that does not know the account any more: first the
    /// voucher, on the link with this transcript, then the chain if that was taken.
    Voucher {
        transcript: [u8; 32],
    },
    Introduced,
    /// The same, for a list of devices.
    Devices {
        call: CallId,
        from: u64,
    },
    /// A control event that carries the end of a device of this account into a conversation.
    Revoke {
        no: i64,
    },
    /// This device's last word.
    Logout,
    /// The chain of somebody who may be no member any more.
    AuthorChain {
        no: i64,
    },
    /// Keys of the history.
    Keys(WantedKeys),
    /// A box that did not come.
    Box {
        no: i64,
    },
    /// Where the server's log stands, which took a control event for the last one that is not the last
    /// one here, or another log for its own; with the head here when it said so.
    Standing {
        no: i64,
        head: u64,
        ctl: Option<EventHash>,
    },
    /// Where boxes lie that may go into a pack.
    Positions {
        no: i64,
    },
    /// The first event of a conversation that is not in the store.
    First(ConvId),
    /// Its newest page, ahead of the history.
    Newest(ConvId),
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
            expected: HashMap::new(),
            later: HashMap::new(),
            starts: HashMap::new(),
            refused: HashMap::new(),
            ahead_ms: 0,
        }
    }

    pub fn online(&self) -> bool {
        matches!(self.state, LinkState::Online)
    }

    /// Whether a conversation's create event is under way.
    pub fn creating(&self, seq: i64) -> bool {
        self.asked
            .values()
            .any(|(asked, _)| matches!(asked, Asked::Create { seq: other } if *other == seq))
    }

    /// Whether the end of a device is on its way into this conversation.
    pub fn revoking(&self, no: i64) -> bool {
        self.asked
            .values()
            .any(|(asked, _)| matches!(asked, Asked::Revoke { no: other } if *other == no))
    }

    /// Whether this device's last word is on its way.
    pub fn logging_out(&self) -> bool {
        self.asked
            .values()
            .any(|(asked, _)| matches!(asked, Asked::Logout))
    }

    /// Whether somebody is being looked up for a call.
    pub fn looking_up(&self, call: CallId, name: &Name) -> bool {
        self.asked.values().any(|(asked, _)| {
            matches!(asked, Asked::Person { call: other, name: known } if *other == call && known == name)
        })
    }

    /// Whether this prekey is on its way.
    pub fn publishing(&self, id: u64) -> bool {
        self.asked
            .values()
            .any(|(asked, _)| matches!(asked, Asked::Prekey(other) if *other == id))
    }

    /// Whether all conversations have been listed and are in the store.
    pub fn settled(&self) -> bool {
        let asking = self.asked.values().any(|(asked, _)| {
            matches!(
                asked,
                Asked::Login
                    | Asked::Conversations
                    | Asked::Create { .. }
                    | Asked::Keys(_)
                    | Asked::First(_)
            )
        });
        self.online() && !self.listing && !asking && self.joining.is_empty()
    }
}

impl Engine {
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>, request: Request, asked: Asked) {
        let id = self.link.next;
        self.link.next += 1;
        self.link.asked.insert(id, (asked, turn.now_ms));
        turn.send(id, request);
    }

    /// A server that takes requests and does not answer them is no better than one out of reach.
    pub(super) fn check_answers(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let late = |asked_ms: u64| turn.now_ms.abs_diff(asked_ms) > ANSWER_MS_MAX;
        if self.link.asked.values().any(|(_, asked)| late(*asked)) {
            self.link
                .asked
                .values_mut()
                .for_each(|(_, at)| *at = turn.now_ms);
            return self.server_broke_protocol(turn, "no answer for a long time");
        }
        Ok(())
    }

    pub(super) fn linked(
        &mut self,
        turn: &mut Turn<'_>,
        transcript: &[u8; 32],
        version: u16,
    ) -> Result<(), EngineError> {
        self.forget_link();
        if version > self.pinned {
            self.pinned = version;
            turn.desk.set_fact(fact::VERSION, &version)?;
        }
        if self.introduced && self.show_voucher(turn, transcript)? {
            return Ok(());
        }
        self.ask_login(turn, transcript);
        Ok(())
    }

    pub(super) fn ask_login(&mut self, turn: &mut Turn<'_>, transcript: &[u8; 32]) {
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
    }

    fn forget_link(&mut self) {
        self.link.asked.clear();
        self.link.joining.clear();
        self.link.expected.clear();
        self.link.later.clear();
        self.link.starts.clear();
        self.link.refused.clear();
        self.link.listing = false;
        self.returning = None;
        self.revoking.clear();
        for talk in self.talks.values_mut() {
            talk.unlink();
        }
    }

    pub(super) fn lost(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        // Calls whose request was under way go on waiting: they are asked again on the next link,
        // or answered when that cannot be made.
        let asked = std::mem::take(&mut self.link.asked);
        self.forget_link();
        for (asked, _) in asked.into_values() {
            self.ask_again_later(asked);
        }
        // Where the server has said why it ends the link, that stays what is known of it.
        if self.link.online() {
            self.tell_link(turn, LinkState::Connecting);
        }
        Ok(())
    }

    fn ask_again_later(&mut self, asked: Asked) {
        let waiting = match asked {
            Asked::Invite { call, caller } => Waiting::Invite { call, caller },
            Asked::Bot {
                call,
                caller,
                command,
            } => Waiting::Again {
                call,
                caller,
                command: Command::Bot(command),
            },
            Asked::Lookup { call, name } => Waiting::Lookup { call, name },
            Asked::Timer {
                call,
                conversation,
                timer,
            } => Waiting::Timer {
                call,
                conversation,
                timer,
            },
            Asked::Devices { call, .. } => Waiting::Devices { call },
            _ => return,
        };
        self.waiting.push(waiting);
    }

    pub(super) fn unreachable(
        &mut self,
        turn: &mut Turn<'_>,
        down: Down,
    ) -> Result<(), EngineError> {
        let asked = std::mem::take(&mut self.link.asked);
        for (asked, _) in asked.into_values() {
            self.ask_again_later(asked);
        }
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
        let kind = match self.ended {
            Some(_) => FailureKind::NotPermitted,
            None => FailureKind::Network,
        };
        self.answer_unreachable(
            turn,
            &Failure {
                kind,
                sentence: cause,
            },
        )
    }

    pub(super) fn arrived(&mut self, turn: &mut Turn<'_>, frame: Frame) -> Result<(), EngineError> {
        self.proofs = frame.proofs;
        let Some(message) = frame.message else {
            return self.server_broke_protocol(turn, "a message that this version cannot read");
        };
        match message {
            FromServer::Push { push } => self.pushed(turn, push),
            FromServer::Answer { id, response } => {
                let Some((asked, _)) = self.link.asked.remove(&id) else {
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
        turn.effects.push(Effect::Leave(Some(0)));
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
            Push::Chain { account, head } => {
                for talk in self.talks.values_mut() {
                    if talk.state.member(&account).is_some() {
                        talk.members.changed();
                    }
                }
                if account == self.account {
                    self.judge_own_head(turn, &head);
                }
                self.look_again(turn, &account);
                Ok(())
            }
            Push::BoxWanted {
                conv,
                position,
                device,
                ..
            } => self.box_wanted(turn, (conv, position), &device),
            Push::Closing {} => Ok(()),
            Push::Typing { conv, register } => self.typing_heard(turn, &conv, &register),
        }
    }
}

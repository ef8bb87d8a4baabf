//! Devices of this account that are over. A revocation or logout is carried into every conversation
//! of the account by any of its devices, so that the device is dead there for everybody
//! (docs/spec/ledger.md §7.3.1); what is missing is read off the conversations' own states, so
//! nothing has to be remembered about it. And the end of this device itself.

use super::commands::Waiting;
use super::link::{Asked, Down};
use super::talk::Talk;
use super::turn::{CallId, Effect, Turn};
use super::{Engine, EngineError, fact};
use crate::command::{Answer, Failure, FailureKind};
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, Control, DeviceId, ErrorCode, Request, Response, Signed, encode};

/// Why a device is over, for its person.
pub(super) fn sentence(logged_out: bool, bot: bool) -> String {
    if bot && !logged_out {
        "this bot is over: its owner has ended it; `subrosa bot new` at the owner's makes another"
    } else if logged_out {
        "this device has logged out: what is kept here stays readable until `subrosa logout --forget`, and `subrosa login` in another home adds this machine again"
    } else {
        "the server says that this device was revoked by another device of the account: what is kept here stays readable, nothing more is sent or received; `subrosa login` in another home adds this machine again"
    }
    .to_owned()
}

/// A device that is over, and the statement that says so.
struct Ended {
    account: AccountId,
    device: DeviceId,
    statement: Signed,
    logout: bool,
}

impl Engine {
    /// Why nothing new is taken from this device, if so.
    pub(super) fn over(&self) -> Option<Failure> {
        let leaving = || {
            let leaving = self.logout.is_some();
            leaving.then(|| "this device is logging out: nothing more is sent from it".to_owned())
        };
        let sentence = self.ended.clone().or_else(leaving)?;
        let kind = FailureKind::NotPermitted;
        Some(Failure { kind, sentence })
    }

    /// The server does not let this device in any more.
    pub(super) fn device_ended(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        turn.desk.set_fact(fact::ENDED, &1_u64)?;
        let cause = sentence(self.logout.is_some(), self.owner().is_some());
        self.ended = Some(cause.clone());
        turn.effects.push(Effect::Leave(None));
        let retry_ms = None;
        self.unreachable(turn, Down { cause, retry_ms })
    }

    /// It lets it in, whatever it said before.
    pub(super) fn device_lives(&mut self, turn: &Turn<'_>) -> Result<(), EngineError> {
        if self.ended.take().is_some() {
            turn.desk.drop_fact(fact::ENDED)?;
        }
        Ok(())
    }

    /// Carries the end of devices into conversations where it is missing, one at a time; when this
    /// device is to log out and has said so everywhere, it logs out.
    pub(super) fn post_ends(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let ended = self.ended_devices(turn)?;
        if ended.is_empty() {
            return Ok(());
        }
        let mut due = Vec::new();
        for talk in self.talks.values() {
            let idle = talk.deed.is_none() && talk.sending.is_none();
            let ready =
                talk.synced() && talk.halt.is_none() && idle && !self.revoking.contains(&talk.no);
            if ready && let Some(end) = ended.iter().find(|end| self.is_missing(talk, end)) {
                due.push((talk.no, end));
            }
        }
        for (no, end) in due {
            self.post_end(turn, no, end)?;
        }
        self.finish_logout(turn)
    }

    fn ended_devices(&self, turn: &Turn<'_>) -> Result<Vec<Ended>, EngineError> {
        let Some(own) = self.people.account(&self.account) else {
            return Ok(Vec::new());
        };
        let revoked = own.all_devices().filter_map(|device| {
            let statement = own.revoked(&device.id)?.clone();
            Some(Ended {
                account: self.account,
                device: device.id,
                statement,
                logout: false,
            })
        });
        let mut ended: Vec<_> = revoked.collect();
        ended.extend(self.ended_bots());
        let left = |id: &DeviceId| own.revoked(id).is_none() && self.logged_out(id);
        if own.all_devices().any(|device| left(&device.id)) {
            for (account, statement) in turn.desk.prekeys()? {
                let prekey = subrosa_proto::decode::<subrosa_proto::Prekey>(&statement.body);
                if let Ok(prekey) = prekey
                    && account == self.account
                    && left(&prekey.device)
                {
                    let device = prekey.device;
                    let logout = true;
                    ended.push(Ended {
                        account,
                        device,
                        statement,
                        logout,
                    });
                }
            }
        }
        // This device itself goes last: after that it says nothing more there.
        ended.extend(self.logout.clone().map(|statement| Ended {
            account: self.account,
            device: self.machine.device(),
            statement,
            logout: true,
        }));
        Ok(ended)
    }

    fn is_missing(&self, talk: &Talk, end: &Ended) -> bool {
        let writes = talk.state.member(&self.account).is_some()
            && !talk.state.closed()
            && !talk.state.dead(&self.account, &self.machine.device());
        writes
            && talk.state.member(&end.account).is_some()
            && !talk.state.dead(&end.account, &end.device)
    }

    /// Bots of this account that it has ended: they cannot carry their end themselves.
    fn ended_bots(&self) -> impl Iterator<Item = Ended> {
        let mine = |bot: &&Account| {
            let warrant = bot.warrant();
            warrant.is_some_and(|warrant| warrant.owner == self.account)
        };
        let bots = self.people.iter().map(|person| &person.account);
        bots.filter(mine).flat_map(|bot| {
            bot.all_devices().filter_map(|device| {
                Some(Ended {
                    account: bot.id(),
                    device: device.id,
                    statement: bot.revoked(&device.id)?.clone(),
                    logout: false,
                })
            })
        })
    }

    fn post_end(&mut self, turn: &mut Turn<'_>, no: i64, end: &Ended) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let control = Control::Revoke {
            account: end.account,
            statement: end.statement.clone(),
            logout: end.logout,
        };
        let event = encode(&self.machine.control(&talk.state, &control));
        let request = Request::Append {
            counter: turn.counter()?,
            conv: talk.id(),
            events: vec![event],
        };
        self.revoking.insert(no);
        self.ask(turn, request, Asked::Revoke { no });
        Ok(())
    }

    pub(super) fn revoke_answered(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        response: &Response,
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        match response {
            Response::Appended { first, .. } => {
                talk.server_head = talk.server_head.max(Some(*first));
                self.revoking.remove(&no);
            }
            // Something came before it, perhaps the same from another device; and may be here by now.
            Response::Stale { ctl } => {
                let own = talk.state.ctl();
                if *ctl != own {
                    talk.server_head = talk.server_head.max(Some(talk.next()));
                }
                let (conv, next) = (talk.id(), talk.next());
                self.revoking.remove(&no);
                if *ctl != own {
                    self.ask_standing(turn, no, Some(*ctl));
                }
                self.follow(turn, conv, next);
            }
            Response::Refused { refusal } if refusal.code == ErrorCode::RateLimited => {
                self.revoking.remove(&no);
                turn.wake(turn.after(refusal.retry_ms.max(1_000)));
            }
            other => tracing::warn!(?other, "the end of a device was not taken"),
        }
        self.caught_up(turn)
    }

    /// Whether the end of a device is on its way into a conversation.
    pub(in crate::engine) fn carries_an_end(&self) -> bool {
        self.talks.keys().any(|no| self.link.revoking(*no))
    }

    /// Ends this device: its last word is kept first, so that a process which ends in between goes
    /// on with it.
    pub(in crate::engine) fn log_out(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        discard: bool,
    ) -> Result<(), EngineError> {
        if self.ended.is_some() {
            turn.answer(call, Ok(Answer::Done {}));
            return Ok(());
        }
        let waiting = turn.desk.waiting_count()?;
        if waiting > 0 && !discard && self.logout.is_none() {
            let messages = if waiting == 1 {
                "message has"
            } else {
                "messages have"
            };
            let sentence = format!(
                "{waiting} {messages} not left yet and would be lost: wait until they are sent, or log out with --discard"
            );
            turn.answer(call, Err(Failure::user(sentence)));
            return Ok(());
        }
        if let crate::view::LinkState::Offline { cause, .. } = &self.link.state {
            let cause = Failure::network(cause.clone());
            turn.effects.push(Effect::DialNow);
            self.logout_unreachable(turn, call, &cause);
            return Ok(());
        }
        if self.logout.is_none() {
            let last_word = self.machine.logout(turn.now_ms);
            turn.desk.set_fact(fact::LOGOUT, &last_word)?;
            self.logout = Some(last_word);
        }
        self.waiting.push(Waiting::Logout { call });
        self.try_now(turn);
        self.caught_up(turn)
    }

    /// When it has said so in every conversation where it can, the device logs out at the server.
    fn finish_logout(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let Some(last_word) = self.logout.clone() else {
            return Ok(());
        };
        let device = self.machine.device();
        let open = self.talks.values().any(|talk| {
            let missing = talk.state.member(&self.account).is_some()
                && !talk.state.closed()
                && !talk.state.dead(&self.account, &device);
            // What cannot be reached now is left to the account's other devices.
            missing
                && talk.halt.is_none()
                && !(self.revoking.contains(&talk.no)
                    && talk.synced()
                    && !self.link.revoking(talk.no))
        });
        if !open && self.all_synced() && !self.link.logging_out() {
            self.ask(
                turn,
                Request::PutPrekey { prekey: last_word },
                Asked::Logout,
            );
        }
        Ok(())
    }

    pub(super) fn logout_answered(
        &mut self,
        turn: &mut Turn<'_>,
        response: &Response,
    ) -> Result<(), EngineError> {
        match response {
            Response::Done {} => self.device_ended(turn),
            other => {
                tracing::warn!(?other, "the logout was not taken");
                self.server_broke_protocol(turn, "a logout that is not taken")
            }
        }
    }

    /// What a logout is told when the server does not answer, or has let the device go.
    pub(in crate::engine) fn logout_unreachable(
        &self,
        turn: &mut Turn<'_>,
        call: CallId,
        cause: &Failure,
    ) {
        let answer = match (&self.ended, &self.logout) {
            (Some(_), _) => Ok(Answer::Done {}),
            (None, Some(_)) => Err(Failure::network(format!(
                "{}; logging out needs the server, and goes on by itself when it is back",
                cause.sentence
            ))),
            (None, None) => Err(Failure::network(format!(
                "{}; logging out needs the server: try again when it is back",
                cause.sentence
            ))),
        };
        turn.answer(call, answer);
    }
}

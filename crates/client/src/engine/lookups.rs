//! People that are not known here yet, by their name.

use super::commands::{Waiting, refused};
use super::link::Asked;
use super::names::changed_failure;
use super::turn::{CallId, Effect, Turn};
use super::{Engine, EngineError};
use crate::command::{Failure, FailureKind};
use crate::trust_view::Standing;
use crate::view::LinkState;
use subrosa_proto::{ErrorCode, Form, Name, Request, Response};

impl Engine {
    /// A name that is not known here: asked of the server, which is trusted for the first look-up only.
    pub(super) fn look_up(&mut self, turn: &mut Turn<'_>, call: CallId, name: Name) {
        if self.link.online() {
            self.ask(
                turn,
                Request::Lookup { name: name.clone() },
                Asked::Lookup { call, name },
            );
        } else if let LinkState::Offline { cause, .. } | LinkState::Refused { cause } =
            &self.link.state
        {
            let sentence =
                format!("@{name} is not known here yet, and the server cannot be asked: {cause}");
            self.fail_named(turn, call, Failure::network(sentence));
            turn.effects.push(Effect::DialNow);
        } else {
            self.waiting.push(Waiting::Lookup { call, name });
        }
    }

    /// Asks whom the server shows under the name of a direct conversation's other person.
    pub(super) fn ask_name(&mut self, turn: &mut Turn<'_>, no: i64) {
        let talk = self.talks.get(&no);
        let Some(talk) = talk.filter(|talk| talk.state.form() == Form::Direct) else {
            return;
        };
        let peer = talk.state.peer(&self.account);
        let Some(person) = peer.and_then(|peer| self.people.person(&peer)) else {
            return;
        };
        if person.standing == Standing::Holder {
            let name = person.account.name().clone();
            self.ask(turn, Request::Lookup { name }, Asked::Name);
        }
    }

    /// The server's answer to that. One that is known changes nothing, another is a newcomer.
    pub(super) fn name_answered(
        &mut self,
        turn: &mut Turn<'_>,
        response: Response,
    ) -> Result<(), EngineError> {
        let genesis = match response {
            Response::Account { genesis } => genesis,
            Response::Refused { .. } => return Ok(()),
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        };
        match self.people.take_chain(turn.desk, &[genesis])? {
            // Another account than the one known is a newcomer now, which holds sending back.
            Ok(_) => {}
            Err(refused) => self.alarm(format!("chain/{}", refused.0), refused.0),
        }
        Ok(())
    }

    pub(super) fn lookup_answered(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        name: &Name,
        response: Response,
    ) -> Result<(), EngineError> {
        let genesis = match response {
            Response::Account { genesis } => genesis,
            Response::Refused { refusal } if refusal.code == ErrorCode::NotFound => {
                self.fail_named(
                    turn,
                    call,
                    Failure::user(format!("there is nobody called {name} on this server")),
                );
                return Ok(());
            }
            other => {
                let failure = refused(&other, "the server did not answer the look-up");
                self.fail_named(turn, call, failure);
                return Ok(());
            }
        };
        match self.people.take_chain(turn.desk, &[genesis])? {
            Ok(id) if self.people.comes_under(name, &id) => {
                self.fail_named(turn, call, changed_failure(name.as_str()));
                Ok(())
            }
            Ok(id) if self.people.name_of(&id) == name.as_str() && id != self.account => {
                turn.desk.add_opening(Some(&id), None)?;
                self.open_openings(turn)
            }
            Ok(_) => {
                self.fail_named(
                    turn,
                    call,
                    Failure::network(format!(
                        "the server gave somebody else's account for {name}"
                    )),
                );
                Ok(())
            }
            Err(refused) => {
                let failure = Failure {
                    kind: FailureKind::Trust,
                    sentence: refused.0,
                };
                self.fail_named(turn, call, failure);
                Ok(())
            }
        }
    }
}

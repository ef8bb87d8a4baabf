//! Contact requests of others, accepted.

use super::{Waiting, refused, unknown};
use crate::command::{Answer, Failure};
use crate::engine::link::Asked;
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use subrosa_proto::{Control, Request, Response, encode};

impl Engine {
    pub(in crate::engine) fn accept(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: String,
    ) -> Result<(), EngineError> {
        let talk = self
            .conversation_no(&conversation)
            .and_then(|no| self.talks.get(&no));
        let Some(talk) = talk else {
            turn.answer(call, Err(unknown(&conversation)));
            return Ok(());
        };
        if !talk.waits_for_own(&self.account) {
            turn.answer(call, Ok(Answer::Done {}));
            return Ok(());
        }
        if !self.link.online() {
            let failure = Failure::network("the server is out of reach; accept when it is back");
            turn.answer(call, Err(failure));
            return Ok(());
        }
        let event = encode(&self.machine.control(&talk.state, &Control::Accept {}));
        let request = Request::Append {
            counter: turn.counter()?,
            conv: talk.id(),
            events: vec![event],
        };
        self.ask(turn, request, Asked::Accept { call, conversation });
        Ok(())
    }

    pub(in crate::engine) fn accept_answered(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: String,
        response: &Response,
    ) -> Result<(), EngineError> {
        match response {
            Response::Appended { .. } => turn.answer(call, Ok(Answer::Done {})),
            // Something came before it; it is made anew when that is here.
            Response::Stale { .. } => {
                let talk = self
                    .conversation_no(&conversation)
                    .and_then(|no| self.talks.get_mut(&no));
                if let Some(talk) = talk {
                    talk.server_head = talk.server_head.max(Some(talk.next()));
                    let (conv, next) = (talk.id(), talk.next());
                    self.follow(turn, conv, next);
                }
                self.waiting.push(Waiting::Accept { call, conversation });
            }
            other => {
                let failure = refused(other, "the request could not be accepted");
                turn.answer(call, Err(failure));
            }
        }
        Ok(())
    }
}

//! A text for somebody, known here or not.

use super::{Waiting, unknown};
use crate::command::{Caller, Command, Failure};
use crate::engine::outbox::Wanted;
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use subrosa_proto::{Name, limits};

impl Engine {
    pub(super) fn send(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        command: Command,
    ) -> Result<(), EngineError> {
        let again = command.clone();
        let Command::Send {
            conversation,
            text,
            wait,
            queue,
            within_ms,
            timer,
        } = command
        else {
            turn.answer(call, Err(Failure::defect("a command went astray")));
            return Ok(());
        };
        let wanted = Wanted {
            wait,
            queue,
            within_ms,
            timer,
        };
        if let Some(failure) = unfit(&text).or_else(|| wanted.refused()) {
            turn.answer(call, Err(failure));
            return Ok(());
        }
        let conversation = conversation.as_str();
        if let Some(no) = self.conversation_no(conversation) {
            return self.send_text(turn, (call, caller), no, text, wanted);
        }
        match Name::new(conversation.strip_prefix('@').unwrap_or(conversation)) {
            Ok(name) if !conversation.starts_with('#') => {
                let named = Waiting::Named {
                    call,
                    name: name.clone(),
                    caller: caller.clone(),
                    text,
                    wanted,
                };
                self.waiting.push(named);
                self.try_now(turn);
                // The conversation with oneself is on its way by itself since this account exists.
                if name.as_str() != self.people.name_of(&self.account) {
                    self.look_up(turn, call, name);
                }
            }
            // Somebody may have added this account to it since.
            _ if !self.is_fresh() => {
                self.again(turn, (call, caller), again);
            }
            _ => turn.answer(call, Err(unknown(conversation))),
        }
        Ok(())
    }

    /// The call that waits for somebody by name fails.
    pub(in crate::engine) fn fail_named(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        failure: Failure,
    ) {
        self.waiting.retain(
            |waiting| !matches!(waiting, Waiting::Named { call: other, .. } if *other == call),
        );
        turn.answer(call, Err(failure));
    }

    /// Everybody who waits for a conversation with this name fails.
    pub(in crate::engine) fn answer_unopened(
        &mut self,
        turn: &mut Turn<'_>,
        name: &str,
        failure: &Failure,
    ) {
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
}

/// Why a text cannot be a message, if so.
fn unfit(text: &str) -> Option<Failure> {
    if text.is_empty() {
        return Some(Failure::user("there is nothing to send: the text is empty"));
    }
    let (length, most) = (text.len(), limits::TEXT_BYTES_MAX);
    (length > most).then(|| {
        Failure::user(format!(
            "the text has {length} bytes, a message holds {most}; send it as several messages"
        ))
    })
}

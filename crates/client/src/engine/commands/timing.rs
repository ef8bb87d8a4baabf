//! After what time the messages of a conversation disappear.

use super::{Waiting, refused, unknown};
use crate::command::{Answer, Caller, Failure, FailureKind};
use crate::engine::deeds::Shows;
use crate::engine::link::Asked;
use crate::engine::outlook::Wish;
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use subrosa_proto::{Control, Form, Request, Response, TIMER_STEPS_MS, encode};

impl Engine {
    /// Says after what time messages disappear, or makes it so.
    pub(in crate::engine) fn set_timer(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        conversation: String,
        timer: Option<u8>,
    ) -> Result<(), EngineError> {
        let talk = self
            .conversation_no(&conversation)
            .and_then(|no| self.talks.get(&no));
        let Some(talk) = talk else {
            turn.answer(call, Err(unknown(&conversation)));
            return Ok(());
        };
        let present = talk.state.timer();
        let Some(timer) = timer.filter(|timer| *timer != present) else {
            turn.answer(call, Ok(Answer::Timer { timer: present }));
            return Ok(());
        };
        let refusal = match talk.state.form() {
            _ if usize::from(timer) > TIMER_STEPS_MS.len() => {
                Some(Failure::user("this version knows no such timer"))
            }
            Form::Own => Some(Failure::user("notes to yourself do not disappear")),
            Form::Room => {
                let (no, wish) = (talk.no, room_wish(timer));
                return self.pursue_to_show(turn, (call, &caller.0), no, &[wish], Shows::Timer);
            }
            Form::Direct if talk.waits_for_own(&self.account) => Some(Failure {
                kind: FailureKind::NotPermitted,
                sentence: format!("{conversation} asks for a conversation; accept it first"),
            }),
            Form::Direct if !self.link.online() => Some(Failure::network(
                "the server is out of reach; set the timer when it is back",
            )),
            Form::Direct => None,
        };
        if let Some(failure) = refusal {
            turn.answer(call, Err(failure));
            return Ok(());
        }
        let members_add = talk.state.members_add();
        let control = Control::Policy { members_add, timer };
        let event = encode(&self.machine.control(&talk.state, &control));
        let request = Request::Append {
            counter: turn.counter()?,
            conv: talk.id(),
            events: vec![event],
        };
        let asked = Asked::Timer {
            call,
            conversation,
            timer,
        };
        self.ask(turn, request, asked);
        Ok(())
    }

    pub(in crate::engine) fn timer_answered(
        &mut self,
        turn: &mut Turn<'_>,
        (call, conversation, timer): (CallId, String, u8),
        response: &Response,
    ) -> Result<(), EngineError> {
        match response {
            Response::Appended { .. } => turn.answer(call, Ok(Answer::Timer { timer })),
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
                self.waiting.push(Waiting::Timer {
                    call,
                    conversation,
                    timer,
                });
            }
            other => turn.answer(call, Err(refused(other, "the timer could not be set"))),
        }
        Ok(())
    }
}

/// In a room the timer is one of the rules that its admins make.
const fn room_wish(timer: u8) -> Wish {
    Wish::Policy {
        members_add: None,
        timer: Some(timer),
    }
}

/// What a policy says about the timer, behind its author's name.
pub(in crate::engine) fn timer_words(step: u8) -> String {
    match life_words(step) {
        Some(life) => format!("set messages to disappear {life} after they arrive"),
        None => "switched disappearing messages off".to_owned(),
    }
}

/// How long messages stay, in words; `None` for good.
pub(in crate::engine) fn life_words(step: u8) -> Option<String> {
    let place = usize::from(step).checked_sub(1)?;
    let ms = TIMER_STEPS_MS.get(place).copied();
    // A step beyond the table counts as the longest.
    let seconds = ms.or(TIMER_STEPS_MS.last().copied()).unwrap_or_default() / 1_000;
    let (count, unit) = match seconds {
        s if s >= 86_400 => (s / 86_400, "day"),
        s if s >= 3_600 => (s / 3_600, "hour"),
        s if s >= 60 => (s / 60, "minute"),
        s => (s, "second"),
    };
    let plural = if count == 1 { "" } else { "s" };
    Some(format!("{count} {unit}{plural}"))
}

#[cfg(test)]
mod tests {
    use super::timer_words;

    #[test]
    fn a_timer_is_told_in_words() {
        assert!(timer_words(0).ends_with("off"));
        assert!(timer_words(1).contains("30 seconds"));
        assert!(timer_words(3).contains(" 1 hour after"));
        assert!(timer_words(5).contains(" 1 day after"));
        assert_eq!(timer_words(7), timer_words(255));
    }
}

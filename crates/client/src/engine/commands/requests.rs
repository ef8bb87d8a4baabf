//! Requests of others: accepted or declined.

use super::unknown;
use crate::command::{Caller, Command, Failure};
use crate::engine::outlook::Wish;
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use subrosa_proto::Form;

/// A call with the name under which its repetition is known.
type Who<'a> = (CallId, &'a Caller);

impl Engine {
    /// What decides about who is in a conversation.
    pub(super) fn about_people(
        &mut self,
        turn: &mut Turn<'_>,
        who: Who<'_>,
        command: Command,
    ) -> Result<(), EngineError> {
        match command {
            Command::Accept { conversation } => self.accept(turn, who, conversation),
            Command::Refuse { conversation } => self.refuse(turn, who, conversation),
            Command::Room(command) => self.room(turn, who, command),
            Command::Bot(command) => self.bot_command(turn, who, command),
            _ => Ok(()),
        }
    }

    pub(super) fn accept(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): Who<'_>,
        conversation: String,
    ) -> Result<(), EngineError> {
        let no = self.conversation_no(&conversation);
        if no.is_none() && !self.is_fresh() {
            self.again(turn, (call, caller), Command::Accept { conversation });
            return Ok(());
        }
        let Some(no) = no else {
            turn.answer(call, Err(unknown(&conversation)));
            return Ok(());
        };
        if let Some(talk) = self.talks.get(&no).filter(|talk| self.is_unwanted(talk)) {
            turn.answer(call, Err(self.blocked_failure(talk)));
            return Ok(());
        }
        self.rooms
            .change(turn.desk, no, |room| room.refused = false)?;
        self.pursue(turn, (call, &caller.0), no, &[Wish::Accept {}])
    }

    /// Declines: a room is left before it was joined; of a person's request nothing is said.
    pub(super) fn refuse(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): Who<'_>,
        conversation: String,
    ) -> Result<(), EngineError> {
        if !self.is_fresh() {
            self.again(turn, (call, caller), Command::Refuse { conversation });
            return Ok(());
        }
        let no = self.conversation_no(&conversation);
        let Some(talk) = no.and_then(|no| self.talks.get(&no)) else {
            turn.answer(call, Err(unknown(&conversation)));
            return Ok(());
        };
        let (no, room) = (talk.no, talk.state.form() == Form::Room);
        if !talk.waits_for_own(&self.account) {
            let sentence = if room {
                format!(
                    "{0} is no request: `subrosa room leave '{0}'` leaves it",
                    talk.name
                )
            } else {
                format!("{} is no request: there is nothing to refuse", talk.name)
            };
            turn.answer(call, Err(Failure::user(sentence)));
            return Ok(());
        }
        self.rooms
            .change(turn.desk, no, |room| room.refused = true)?;
        let wishes: &[Wish] = if room { &[Wish::Leave {}] } else { &[] };
        self.pursue(turn, (call, &caller.0), no, wishes)
    }
}

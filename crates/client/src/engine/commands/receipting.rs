//! Who has got and read what, and the switch for it.

use super::unknown;
use crate::command::Failure;
use crate::engine::receipts::few_enough;
use crate::engine::turn::Turn;
use crate::engine::{Engine, EngineError};
use crate::view::{ReceiptView, SendState};

impl Engine {
    /// The switch was turned, here or on another device.
    pub(in crate::engine) fn receipts_switched(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<(), EngineError> {
        let numbers: Vec<i64> = self.talks.keys().copied().collect();
        for no in numbers {
            if let Some(talk) = self.talks.get_mut(&no) {
                talk.receipt_due = true;
            }
            self.raise_states(turn, no)?;
        }
        if self.link.online() {
            self.send_receipts(turn)?;
        }
        Ok(())
    }

    /// How far a message of one's own has come with each who can read it.
    pub(super) fn receipts_of(
        &self,
        turn: &Turn<'_>,
        conversation: &str,
        id: &str,
    ) -> Result<Result<Vec<ReceiptView>, Failure>, EngineError> {
        let talk = self
            .conversation_no(conversation)
            .and_then(|no| self.talks.get(&no));
        let Some(talk) = talk else {
            return Ok(Err(unknown(conversation)));
        };
        let line = match self.find(turn, talk.no, id)? {
            Ok(line) => line,
            Err(failure) => return Ok(Err(failure)),
        };
        if line.account != self.account {
            return Ok(Err(Failure::user(
                "that message is not yours: who has got it is told to its author only",
            )));
        }
        let Some(position) = line.position else {
            return Ok(Err(Failure::user(
                "that message has not left yet: nobody has got it",
            )));
        };
        let reads = self.settings.read_receipts() && few_enough(&talk.state);
        let said = turn.desk.registers(talk.no)?;
        let others = talk.state.recipients();
        let others = others.filter(|other| *other != self.account).map(|other| {
            let (delivered, read) = said.get(&other).copied().unwrap_or((0, 0));
            let state = match position {
                _ if reads && read >= position => SendState::Read,
                _ if delivered >= position => SendState::Delivered,
                _ => SendState::Sent,
            };
            ReceiptView {
                name: self.people.name_of(&other),
                state,
            }
        });
        let mut receipts: Vec<_> = others.collect();
        receipts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Ok(receipts))
    }
}

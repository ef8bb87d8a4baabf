//! How far devices have come (docs/spec/e2e.md §7).

use super::link::Asked;
use super::talk::Lookup;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::view::SendState;
use subrosa_e2e::{Keyring, Receipt, read_register};
use subrosa_proto::{ConvId, Form, Request, Signed};

impl Engine {
    /// Says how far this device has decrypted, where that has changed.
    pub(super) fn send_receipts(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let due: Vec<i64> = self
            .talks
            .values()
            .filter(|talk| talk.receipt_due && talk.synced())
            .map(|talk| talk.no)
            .collect();
        for no in due {
            let Some(talk) = self.talks.get_mut(&no) else {
                continue;
            };
            talk.receipt_due = false;
            if talk.state.form() == Form::Own || talk.waits_for_own(&self.account) {
                continue;
            }
            let (conv, at) = (talk.id(), talk.state.head().0);
            let read_position = turn
                .desk
                .position_of(talk.read_cursor)?
                .unwrap_or(0)
                .min(at);
            let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
            let session = lookup.newest_session(&conv);
            lookup.finish()?;
            let Some(session) = session else { continue };
            let receipt = Receipt {
                delivered_to: at,
                read_to: read_position,
            };
            if let Some(register) =
                self.machine
                    .write_register(conv, &session, at, receipt, &mut turn.rng)
            {
                self.ask(turn, Request::PutReceipt { conv, register }, Asked::Nothing);
            }
        }
        Ok(())
    }

    /// Another device says how far it is.
    pub(super) fn receipt(
        &mut self,
        turn: &mut Turn<'_>,
        conv: &ConvId,
        signed: &Signed,
    ) -> Result<(), EngineError> {
        let Some(no) = self.numbers.get(conv).copied() else {
            return Ok(());
        };
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
        let register = read_register(signed, &talk.state, &lookup, &lookup);
        lookup.finish()?;
        let register = match register {
            Ok(register) => register,
            Err(error) => {
                tracing::info!(%error, "a receipt was left out");
                return Ok(());
            }
        };
        let before = turn
            .desk
            .register(no, &register.device)?
            .unwrap_or((0, 0, 0));
        if register.at < before.0 {
            return Ok(());
        }
        let Receipt {
            delivered_to,
            read_to,
        } = register.receipt;
        let (delivered, read) = (
            delivered_to.max(before.1),
            read_to.min(delivered_to).max(before.2),
        );
        turn.desk.set_register(
            no,
            (&register.account, &register.device),
            (register.at, delivered, read),
        )?;
        if register.account == self.account {
            return Ok(());
        }
        for (to, state) in [(delivered, SendState::Delivered), (read, SendState::Read)] {
            for (cursor, content) in turn.desk.raise_lines(no, to, state as u8)? {
                if let Some(content) = content {
                    self.tell_state(turn, no, cursor, &content, state);
                }
            }
        }
        Ok(())
    }
}

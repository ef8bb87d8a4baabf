//! How far devices have come (docs/spec/e2e.md §7).

use super::link::Asked;
use super::lookup::Lookup;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::view::SendState;
use subrosa_e2e::{Keyring, Receipt, read_register};
use subrosa_proto::{ConvId, Form, Request, Response, Signed};

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
            let (conv, at, read_to) = (talk.id(), talk.state.head().0, talk.read_to);
            // A message that was meant for this device and does not open ends what it can say it has.
            let owed = turn.desk.first_owed(no)?;
            let delivered_to = owed.map_or(at, |first| first.saturating_sub(1).min(at));
            let receipt = Receipt {
                delivered_to,
                read_to: read_to.min(delivered_to),
            };
            let said = turn.desk.register(no, &self.machine.device())?;
            if said.is_some_and(|(_, delivered, read)| {
                (delivered, read) == (receipt.delivered_to, receipt.read_to)
            }) {
                continue;
            }
            let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
            let session = lookup.newest_session(&conv);
            lookup.finish()?;
            let Some(session) = session else { continue };
            if let Some(register) =
                self.machine
                    .write_register(conv, &session, at, receipt, &mut turn.rng)
            {
                let asked = Asked::Receipt { no, at, receipt };
                self.ask(turn, Request::PutReceipt { conv, register }, asked);
            }
        }
        Ok(())
    }

    /// The server's answer to this device's register: what it has taken is not said again.
    pub(super) fn register_answered(
        &mut self,
        turn: &Turn<'_>,
        no: i64,
        at: u64,
        receipt: Receipt,
        response: &Response,
    ) -> Result<(), EngineError> {
        if let Response::Done {} = response {
            let who = (&self.account, &self.machine.device());
            let what = (at, receipt.delivered_to, receipt.read_to);
            turn.desk.set_register(no, who, what)?;
        } else if let Some(talk) = self.talks.get_mut(&no) {
            talk.receipt_due = true;
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

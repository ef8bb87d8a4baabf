//! How far devices have come (docs/spec/e2e.md §7).

use super::link::Asked;
use super::lookup::Lookup;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::view::{Notice, SendState};
use subrosa_e2e::{Keyring, Receipt, read_register};
use subrosa_ledger::Conversation;
use subrosa_proto::{ConvId, Form, Request, Response, Signed, limits};

const DELIVERED: u8 = SendState::Delivered as u8;
const READ: u8 = SendState::Read as u8;

/// Whether a conversation is small enough for its members to be told what each has read.
pub(super) fn few_enough(state: &Conversation) -> bool {
    state.recipients().count() <= limits::READ_RECEIPT_ACCOUNTS_MAX
}

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
            let Some(talk) = self.talks.get(&no) else {
                continue;
            };
            if talk.state.form() == Form::Own
                || talk.waits_for_own(&self.account)
                || self.silenced(talk)
            {
                continue;
            }
            let (conv, at, read_to) = (talk.id(), talk.state.head().0, talk.read_to);
            let tells = few_enough(&talk.state);
            // A message that was meant for this device and does not open ends what it can say it has.
            let owed = turn.desk.first_owed(no)?;
            let delivered_to = owed.map_or(at, |first| first.saturating_sub(1).min(at));
            let said = turn.desk.register(no, &self.machine.device())?;
            let read_to = if tells && self.settings.read_receipts() {
                read_to
            } else {
                // What was said while it was told stays said.
                said.map_or(0, |(_, _, read)| read)
            };
            let receipt = Receipt {
                delivered_to,
                read_to: read_to.min(delivered_to),
            };
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
        self.raise_states(turn, no)
    }

    /// What this account wrote has come as far as every recipient's furthest device has: delivered
    /// when all have it, read when all have read it.
    pub(super) fn raise_states(&mut self, turn: &mut Turn<'_>, no: i64) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let reads = self.settings.read_receipts() && few_enough(&talk.state);
        if !turn
            .desk
            .any_below(no, if reads { READ } else { DELIVERED })?
        {
            return Ok(());
        }
        let said = turn.desk.registers(no)?;
        let others = talk
            .state
            .recipients()
            .filter(|other| *other != self.account);
        let least = others
            .map(|other| said.get(&other).copied().unwrap_or((0, 0)))
            .reduce(|(d, r), (delivered, read)| (d.min(delivered), r.min(read)));
        let Some((delivered, read)) = least else {
            return Ok(());
        };
        let read = if reads { read } else { 0 };
        for (to, state) in [(delivered, SendState::Delivered), (read, SendState::Read)] {
            for (cursor, content) in turn.desk.raise_lines(no, to, state as u8)? {
                if let Some(content) = content {
                    self.tell_state(turn, no, cursor, &content, state, None);
                }
            }
        }
        self.answer_come(turn)
    }

    /// Tells how far a message of one's own has come, and where it stands if it has just got its place.
    pub(super) fn tell_state(
        &self,
        turn: &mut Turn<'_>,
        no: i64,
        cursor: u64,
        content: &subrosa_proto::ContentId,
        state: SendState,
        position: Option<u64>,
    ) {
        self.tell(
            turn,
            no,
            &Notice::State {
                cursor,
                id: content.to_string(),
                state,
                position,
            },
        );
    }
}

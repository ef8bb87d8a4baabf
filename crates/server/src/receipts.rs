//! Receipt registers: one replaceable value for each conversation and device, sealed by the
//! device and signed, of which the server sees that it changed.

use crate::delivery::Seat;
use crate::observer::Seen;
use crate::office::Office;
use crate::records;
use crate::refused::Outcome;
use crate::storage::{Commit, Revision, Store, StoreError, Write};
use std::sync::Arc;
use subrosa_proto::{ConvId, DeviceId, ErrorCode, Register, Signed, encode, limits};

impl<S: Store> Office<S> {
    /// Replaces the register of the device that asks.
    pub(crate) async fn put_receipt(
        &self,
        seat: &Arc<Seat>,
        conv: &ConvId,
        signed: Signed,
    ) -> Outcome<()> {
        let text = subrosa_ledger::text::register(&signed.body);
        let register = of_seat(seat, conv, &signed, &text)?;
        self.joined_place(&seat.account, conv).await?;
        self.replace_register(conv, &register, &signed).await?;
        self.see(|| Seen::Receipt {
            conv: *conv,
            account: seat.account,
            size: signed.body.len(),
        });
        self.delivery.receipt(seat, conv, &signed);
        Ok(())
    }

    /// Passes on that the person at a device types, or has stopped. Nothing of it is kept.
    pub(crate) async fn typing(
        &self,
        seat: &Arc<Seat>,
        conv: &ConvId,
        signed: Signed,
    ) -> Outcome<()> {
        let text = subrosa_ledger::text::typing(&signed.body);
        of_seat(seat, conv, &signed, &text)?;
        self.joined_place(&seat.account, conv).await?;
        self.see(|| Seen::Typing {
            conv: *conv,
            account: seat.account,
        });
        self.delivery.typing(seat, conv, &signed);
        Ok(())
    }

    async fn replace_register(
        &self,
        conv: &ConvId,
        register: &Register,
        signed: &Signed,
    ) -> Outcome<()> {
        let key = records::receipt(conv, &register.device);
        // Two connections of one device may race; the later position wins.
        for _ in 0..4 {
            let present = self.record(key.clone()).await?;
            let mut expected = Revision::ABSENT;
            if let Some(record) = present {
                expected = record.revision;
                let old: Signed = records::decode(&record.value)?;
                let old: Register = records::decode(&old.body)?;
                if old.at > register.at {
                    return Err(ErrorCode::Conflict.into());
                }
            }
            let writes = vec![Write {
                key: key.clone(),
                expected,
                value: Some(encode(signed)),
            }];
            let commit = Commit {
                idem: None,
                now_ms: self.now_ms(),
                guards: Vec::new(),
                writes,
            };
            match self.store.commit(commit).await {
                Err(StoreError::Conflict { .. }) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Err(ErrorCode::Conflict.into())
    }

    /// The registers of a conversation, for a connection that begins to follow it.
    pub(crate) async fn registers(
        &self,
        seat: &Seat,
        conv: &ConvId,
    ) -> Outcome<Vec<(DeviceId, Signed)>> {
        let page = self.store.scan(records::receipts(conv), None, 256).await?;
        let mut registers = Vec::with_capacity(page.len());
        for (key, record) in &page {
            if let Some(device) = records::last_id(key).map(DeviceId)
                && device != seat.device
            {
                registers.push((device, records::decode(&record.value)?));
            }
        }
        Ok(registers)
    }
}

/// What a device says about itself in a conversation, signed by it.
fn of_seat(seat: &Seat, conv: &ConvId, signed: &Signed, text: &[u8]) -> Outcome<Register> {
    if signed.body.len() > limits::REGISTER_BYTES_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let register: Register =
        subrosa_proto::decode(&signed.body).map_err(|_| ErrorCode::Malformed)?;
    if register.conv != *conv || register.account != seat.account || register.device != seat.device
    {
        return Err(ErrorCode::Malformed.into());
    }
    subrosa_ledger::verify(&seat.device.0, text, &signed.signature)
        .map_err(|_| ErrorCode::Malformed)?;
    Ok(register)
}

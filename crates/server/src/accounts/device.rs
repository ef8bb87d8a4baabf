//! Login of a device: its signature over the channel's transcript, and nothing else.

use crate::delivery::Seat;
use crate::observer::Seen;
use crate::office::Office;
use crate::records;
use crate::refused::Outcome;
use crate::storage::Store;
use std::sync::Arc;
use subrosa_proto::{
    AccountId, DeviceId, ErrorCode, LOGOUT_ID, LoggedIn, Name, Prekey, Response, Signed,
};

impl<S: Store> Office<S> {
    /// Checks the proof and gives the device its seat. The account's name and the answer.
    pub(crate) async fn device_login(
        &self,
        connection: u64,
        transcript: &[u8; 32],
        seat: &Arc<Seat>,
        signature: &[u8; 64],
    ) -> Outcome<(Name, Response)> {
        let (id, device) = (&seat.account, &seat.device);
        let text = subrosa_ledger::text::device_auth(transcript, id);
        let signed = subrosa_ledger::verify(&device.0, &text, signature).is_ok();
        let known = self
            .account(id)
            .await?
            .filter(|_| signed)
            .ok_or(ErrorCode::NotAuthenticated)?;
        let account = &known.account;
        // A bot that was ended has lost its name with its device, and is told that it is over.
        let ended = account.warrant().is_some() && account.revoked(device).is_some();
        if !account.certified(device) || !(ended || self.has_name(id, account.name()).await?) {
            return Err(ErrorCode::NotAuthenticated.into());
        }
        if account.revoked(device).is_some() || self.logged_out(id, device).await? {
            return Err(ErrorCode::Revoked.into());
        }
        // Before the conversations are listed: what is opened or changed from here on is announced.
        self.delivery.enter(seat);
        let (heads, more) = self.conversation_heads(id, None).await?;
        let login = LoggedIn {
            incarnation: self.incarnation,
            time_ms: self.now_ms(),
            hosts: self.hosts.clone(),
            chain: account.head(),
            heads,
            more,
        };
        self.see(|| Seen::DeviceLogin {
            connection,
            account: *id,
            device: *device,
        });
        tracing::debug!(connection, account = ?id, device = ?device, "device logged in");
        Ok((account.name().clone(), Response::LoggedIn { login }))
    }

    async fn logged_out(&self, id: &AccountId, device: &DeviceId) -> Outcome<bool> {
        let Some(record) = self.record(records::prekey(id, device)).await? else {
            return Ok(false);
        };
        let signed: Signed = records::decode(&record.value)?;
        let prekey: Prekey = records::decode(&signed.body)?;
        Ok(prekey.id == LOGOUT_ID)
    }
}

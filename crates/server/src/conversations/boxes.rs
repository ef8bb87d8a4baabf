//! Boxes: put down before their key event, checked for the right recipients with it, and handed
//! to these only.

use super::append::AppendJob;
use super::judge::Judged;
use super::reading::history_recipient;
use crate::observer::Seen;
use crate::office::Office;
use crate::refused::{Outcome, Refused};
use crate::storage::{Day, Recipient, SideRow, Stage, StageKey, Store};
use bytes::Bytes;
use subrosa_proto::{
    AccountId, BoxKind, DeviceId, ErrorCode, KeyBox, LOGOUT_ID, SessionId, limits,
};

/// Longest encoded box: an encapsulation, a sealed key, and what stands around them.
pub(super) const BOX_BYTES_MAX: usize = 1_536;
/// Days for which a box to a device is kept.
pub(super) const DEVICE_BOX_DAYS: u32 = (limits::DEVICE_BOX_MS / limits::DAY_MS) as u32;

/// Who gets boxes of a session.
pub(super) struct Wanted {
    /// Without these the session is refused.
    pub(super) required: Vec<Recipient>,
    /// Devices whose prekey expired a short while ago: whether it still counts is a matter of clocks.
    pub(super) optional: Vec<Recipient>,
}

impl<S: Store> Office<S> {
    /// Puts boxes down for a session that its device is about to open.
    pub(crate) async fn stage(
        &self,
        account: &AccountId,
        device: &DeviceId,
        session: SessionId,
        boxes: Vec<Bytes>,
    ) -> Outcome<()> {
        if boxes.is_empty() || boxes.len() > limits::STAGED_BOXES_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let now_ms = self.now_ms();
        let last_day = last_day(now_ms);
        let rows = boxes
            .iter()
            .map(|bytes| row(bytes, last_day))
            .collect::<Outcome<Vec<_>>>()?;
        let stage = Stage {
            key: StageKey {
                owner: device.0,
                session: session.0,
            },
            now_ms,
            rows,
            rows_max: limits::STAGED_BOXES_MAX,
            bytes_max: limits::STAGED_BYTES_MAX,
        };
        self.store.stage(stage).await?;
        self.see(|| Seen::Keys {
            account: *account,
            boxes,
        });
        Ok(())
    }

    /// Who must have a box of a session that this device opens now: each live device of each
    /// member that has accepted, the other devices of the author too, and in an archiving
    /// conversation each account's history key.
    pub(super) async fn wanted_boxes(&self, judged: &Judged, job: &AppendJob) -> Outcome<Wanted> {
        let now_ms = self.now_ms();
        let mut wanted = Wanted {
            required: Vec::new(),
            optional: Vec::new(),
        };
        for id in judged.state.recipients() {
            let known = self.account(&id).await?;
            let known = known.ok_or(Refused::Damaged("a member has no account"))?;
            if judged.state.archive() && known.account.history_key().is_some() {
                wanted.required.push(history_recipient(&id));
            }
            let prekeys = self.prekeys(&id).await?;
            for device in judged.state.recipient_devices(&known.account) {
                let prekey = prekeys.iter().map(|published| &published.prekey);
                let Some(prekey) = prekey.into_iter().find(|prekey| prekey.device == device.id)
                else {
                    continue;
                };
                if device.id == job.device || prekey.id == LOGOUT_ID {
                    continue;
                }
                if prekey.expires_ms > now_ms {
                    wanted.required.push(Recipient(device.id.0));
                } else if prekey.expires_ms + limits::PREKEY_CLOCK_MS > now_ms {
                    wanted.optional.push(Recipient(device.id.0));
                }
            }
        }
        Ok(wanted)
    }
}

/// The last day of a box to a device that comes now.
pub(super) fn last_day(now_ms: u64) -> Day {
    Day::of_ms(now_ms).plus(DEVICE_BOX_DAYS)
}

pub(super) fn row(bytes: &Bytes, last_day: Day) -> Outcome<SideRow> {
    if bytes.len() > BOX_BYTES_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let key_box: KeyBox = subrosa_proto::decode(bytes).map_err(|_| ErrorCode::Malformed)?;
    let (recipient, last_day) = match key_box.kind {
        BoxKind::Device => (Recipient(key_box.recipient), Some(last_day)),
        BoxKind::History => (history_recipient(&AccountId(key_box.recipient)), None),
        // A pack takes the place of boxes that are already in a log; it opens no session.
        BoxKind::Pack => return Err(ErrorCode::Malformed.into()),
    };
    Ok(SideRow {
        recipient,
        last_day,
        bytes: bytes.clone(),
    })
}

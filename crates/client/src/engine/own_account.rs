//! This account's devices and secrets: what its chain tells, and what its devices say of themselves
//! in the conversation that only they read (docs/spec/e2e.md §2.2, kind 36).

use super::inbox::Spot;
use super::rows::LINE_INFO;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::view::DeviceView;
use subrosa_e2e::DeviceNote;
use subrosa_ledger::Device;
use subrosa_proto::{DeviceId, LOGOUT_ID};

/// So much of a device's id tells it from the account's others.
const SHORT_ID: usize = 8;

impl Engine {
    /// What has changed about this account: the person has to know.
    pub(super) fn tell_own_account(&mut self) {
        let Some(own) = self.people.account(&self.account) else {
            return;
        };
        let vault = own.vault().map_or(0, |(version, _)| version);
        let known = |device: &&Device| self.own_devices.contains(&device.id);
        let live = |device: &&Device| device.live();
        let new = own.devices().filter(|device| !known(device));
        let new: Vec<_> = new.map(|device| (device.id, self.label(device))).collect();
        let gone = own
            .all_devices()
            .filter(|device| known(device) && !live(device));
        let gone: Vec<_> = gone.map(|device| (device.id, self.label(device))).collect();
        for (id, label) in new {
            self.own_devices.insert(id);
            let short: String = id.to_string().chars().take(SHORT_ID).collect();
            self.alarm(
                format!("device/{id}"),
                format!(
                    "a new device, {label:?}, was added to this account; if that was not you, somebody else has its password or recovery code: `subrosa devices revoke {short}` ends the device, and `subrosa passwd` makes a new password"
                ),
            );
        }
        for (id, label) in gone {
            self.own_devices.remove(&id);
            self.alarm(
                format!("revoked/{id}"),
                format!("the device {label:?} of this account was revoked"),
            );
        }
        if vault > self.own_vault {
            self.own_vault = vault;
            self.alarm(
                format!("vault/{vault}"),
                "the password of this account was changed; if that was not you, somebody else has it or the recovery code: take the account back with `subrosa recover`".to_owned(),
            );
        }
    }

    /// What a device is called: what it calls itself, else what its certificate says.
    pub(super) fn label(&self, device: &Device) -> String {
        let own = self.labels.get(&device.id);
        own.unwrap_or(&device.label).clone()
    }

    fn label_of(&self, id: &DeviceId) -> String {
        let own = self.people.account(&self.account);
        let device = own.and_then(|own| own.device(id));
        device.map_or_else(|| "a device".to_owned(), |device| self.label(device))
    }

    /// Whether a device, of this account or another, has said its last word.
    pub(super) fn logged_out(&self, id: &DeviceId) -> bool {
        let newest = self.people.prekeys.newest(id);
        newest.is_some_and(|prekey| prekey.id == LOGOUT_ID)
    }

    /// Whether a device is over: by the chain, by its last word, or by a conversation's log.
    fn is_over(&self, device: &Device) -> bool {
        let dead = |talk: &Talk| talk.state.dead(&self.account, &device.id);
        !device.live() || self.logged_out(&device.id) || self.talks.values().any(dead)
    }

    /// All devices, those that are over last.
    pub(super) fn device_views(&self) -> Vec<DeviceView> {
        let Some(account) = self.people.account(&self.account) else {
            return Vec::new();
        };
        let mut devices: Vec<_> = account.all_devices().collect();
        devices.sort_by_key(|device| (self.is_over(device), device.added));
        let view = |device: &Device| DeviceView {
            label: self.label(device),
            device: device.id.to_string(),
            this: device.id == self.machine.device(),
            ended: self.is_over(device),
        };
        devices.into_iter().map(view).collect()
    }

    /// What a device of this account says of itself.
    pub(super) fn device_note(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        note: &DeviceNote,
    ) -> Result<(), EngineError> {
        let label = self.label_of(&spot.device);
        let words = match note.what {
            DeviceNote::LABEL => {
                turn.desk.set_device_label(&spot.device, &note.text)?;
                self.labels.insert(spot.device, note.text.clone());
                format!("the device {label:?} is called {:?} now", note.text)
            }
            DeviceNote::PASSWORD => format!("the password was changed by the device {label:?}"),
            DeviceNote::BOTH => {
                format!("the password and the recovery code were changed by the device {label:?}")
            }
            _ => return Ok(()),
        };
        self.note(turn, talk, spot, LINE_INFO, words.as_bytes())
    }
}

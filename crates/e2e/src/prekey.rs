//! Prekeys: a device's own (`docs/spec/e2e.md` §1.4) and those of others as a sender sees them.

use crate::changes::{Changes, RecordName};
use crate::device::Device;
use crate::sealed_box::BoxKey;
use crate::secret::{Secret, decode, encode};
use bytes::Bytes;
use core::fmt;
use rand_core::CryptoRng;
use std::collections::BTreeMap;
use subrosa_ledger::{Account, check_prekey};
use subrosa_proto::{CodecError, DeviceId, LOGOUT_ID, Prekey, Signed, limits, record};
use zeroize::Zeroizing;

/// Room for an encoded record, the signed prekey in it.
const RECORD_ROOM: usize = 2_048;

record! {
    /// One own prekey: its private half and the statement that publishes it.
    pub(crate) struct PrekeyRecord {
        pub id: u64,
        pub seed: Secret,
        pub made_ms: u64,
        /// When a newer one was known to be at the server.
        pub superseded_ms: Option<u64>,
        pub signed: Signed,
    }
}

/// The own prekeys that boxes may still arrive for.
#[derive(Default)]
pub(crate) struct PrekeyRing {
    keys: BTreeMap<u64, (PrekeyRecord, BoxKey)>,
}

impl PrekeyRing {
    pub(crate) fn load(&mut self, contents: Zeroizing<Vec<u8>>) -> Result<(), CodecError> {
        let record: PrekeyRecord = decode(contents)?;
        self.insert(record);
        Ok(())
    }

    fn insert(&mut self, record: PrekeyRecord) {
        let key = BoxKey::from_seed(Secret::copy_of(record.seed.expose()));
        self.keys.insert(record.id, (record, key));
    }

    pub(crate) fn key(&self, id: u64) -> Option<&BoxKey> {
        self.keys.get(&id).map(|(_, key)| key)
    }

    pub(crate) fn newest(&self) -> Option<&PrekeyRecord> {
        self.keys.last_key_value().map(|(_, (record, _))| record)
    }

    pub(crate) fn newest_id(&self) -> u64 {
        self.newest().map_or(0, |record| record.id)
    }

    /// Makes the next prekey. The ones before are still good: they are superseded when this one is at the server.
    pub(crate) fn make_next(
        &mut self,
        device: &Device,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> (Signed, Changes) {
        let id = self.newest_id().saturating_add(1);
        let key = BoxKey::generate(rng);
        let signed = device.sign_prekey(&Prekey {
            account: device.account(),
            device: device.id(),
            id,
            key: key.public(),
            expires_ms: now_ms.saturating_add(limits::PREKEY_MS),
        });
        let record = PrekeyRecord {
            id,
            seed: Secret::copy_of(key.seed().expose()),
            made_ms: now_ms,
            superseded_ms: None,
            signed: signed.clone(),
        };
        let changes = put(&record);
        self.insert(record);
        (signed, changes)
    }

    /// Notes that the server has prekey `id`: all before it are superseded from now on.
    pub(crate) fn published(&mut self, id: u64, now_ms: u64) -> Changes {
        let mut changes = Changes::default();
        for (record, _) in self.keys.range_mut(..id).map(|(_, entry)| entry) {
            if record.superseded_ms.is_none() {
                record.superseded_ms = Some(now_ms);
                changes.then(put(record));
            }
        }
        changes
    }

    /// Deletes the private halves whose time is over. The newest is never among them.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Changes {
        let over: Vec<u64> = self
            .keys
            .values()
            .filter(|(record, _)| {
                let superseded = record.superseded_ms;
                superseded
                    .is_some_and(|at| at.saturating_add(limits::PREKEY_SUPERSEDED_MS) <= now_ms)
            })
            .map(|(record, _)| record.id)
            .collect();
        let mut changes = Changes::default();
        for id in over {
            self.keys.remove(&id);
            changes.then(Changes::delete(RecordName::Prekey(id)));
        }
        changes
    }
}

fn put(record: &PrekeyRecord) -> Changes {
    Changes::put(RecordName::Prekey(record.id), encode(record, RECORD_ROOM))
}

/// Why a prekey of another device is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrekeyError {
    /// The signature, account, device or key is wrong.
    #[error("the prekey is not signed by a device of the account")]
    Forged,
    /// A newer one was seen before, or another one under this id.
    #[error("the prekey is older than one that was seen before")]
    RolledBack,
}

/// The newest prekey of each device that this device has seen. What was admitted once is never gone back from; the client
/// keeps the signed prekeys and admits them again when it starts.
#[derive(Default)]
pub struct PrekeyDirectory {
    newest: BTreeMap<DeviceId, Prekey>,
}

impl PrekeyDirectory {
    /// Takes a prekey as received. `true`: it is newer than what was known and has to be kept.
    ///
    /// # Errors
    /// [`PrekeyError`]. A logout is final: nothing after it is newer.
    pub fn admit(&mut self, account: &Account, signed: &Signed) -> Result<bool, PrekeyError> {
        let prekey = check_prekey(account, signed).map_err(|_| PrekeyError::Forged)?;
        match self.newest.get(&prekey.device) {
            Some(known) if prekey.id < known.id => Err(PrekeyError::RolledBack),
            // A device never makes two prekeys of one id, except that each logout may have a time of its own.
            Some(known) if prekey.id == known.id && prekey.key != known.key => {
                Err(PrekeyError::RolledBack)
            }
            Some(known) if prekey.id == known.id => Ok(false),
            _ => {
                self.newest.insert(prekey.device, prekey);
                Ok(true)
            }
        }
    }

    /// The newest prekey of a device.
    #[must_use]
    pub fn newest(&self, device: &DeviceId) -> Option<&Prekey> {
        self.newest.get(device)
    }
}

impl fmt::Debug for PrekeyDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrekeyDirectory({} devices)", self.newest.len())
    }
}

/// What a sender may do with a device's newest prekey.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Usable<'a> {
    Yes(u64, &'a Bytes),
    /// The device has logged out, or was not seen for so long that its prekey ran out.
    No,
}

pub(crate) fn usable(prekey: &Prekey, now_ms: u64) -> Usable<'_> {
    let expired = prekey.expires_ms.saturating_add(limits::PREKEY_CLOCK_MS) < now_ms;
    if prekey.id == LOGOUT_ID || expired {
        Usable::No
    } else {
        Usable::Yes(prekey.id, &prekey.key)
    }
}

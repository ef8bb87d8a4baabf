//! The machine: the one entry point for the secrets of a device.
//!
//! It holds the device's keys and the sending side of open sessions, and no history: sessions to read with are given by the
//! caller through [`Keyring`](crate::Keyring). Nothing here waits, reads a clock or touches a disk. Whatever changes secrets
//! returns [`Changes`], which the client saves before the effect leaves; when saving fails, it drops the machine and
//! [loads](Machine::load) it anew.

mod opening;
mod returning;
mod sealing;

pub use opening::{CopiedDevice, OpenError, Opened};
pub use sealing::{MessageMeta, OpenedSession, SealError, Sealed};

use crate::changes::{Changes, RecordName};
use crate::device::Device;
use crate::outbound::Outbound;
use crate::prekey::PrekeyRing;
use crate::receipt::{self, Receipt};
use crate::session::StoredSession;
use bytes::Bytes;
use core::fmt;
use rand_core::CryptoRng;
use std::collections::BTreeMap;
use subrosa_ledger::{Conversation, event_hash};
use subrosa_proto::{
    AccountId, CodecError, Control, ConvId, DeviceId, Event, EventHash, EventKind, Form, Grant,
    Header, LogHash, Nonce, SUITE, Signed, Warrant, encode, limits,
};
use zeroize::Zeroizing;

/// The secrets of one device, ready for use.
pub struct Machine {
    device: Device,
    prekeys: PrekeyRing,
    outbound: BTreeMap<ConvId, Outbound>,
}

/// Stored records do not make a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// There is no device.
    #[error("the store holds no device key")]
    NoDevice,
    /// A record is damaged.
    #[error("a stored key is damaged ({name}): {error}")]
    Damaged {
        /// Which record.
        name: RecordName,
        /// How.
        error: CodecError,
    },
}

impl Machine {
    /// A new device of an account, without prekeys yet.
    pub fn generate(account: AccountId, rng: &mut impl CryptoRng) -> (Self, Changes) {
        let device = Device::generate(account, rng);
        let changes = device.to_changes();
        (Self::from_device(device), changes)
    }

    fn from_device(device: Device) -> Self {
        Self {
            device,
            prekeys: PrekeyRing::default(),
            outbound: BTreeMap::new(),
        }
    }

    /// Rebuilds a machine from all records that are [loaded at start](RecordName::loaded_at_start), in any order.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(
        records: impl IntoIterator<Item = (RecordName, Zeroizing<Vec<u8>>)>,
    ) -> Result<Self, LoadError> {
        let mut device = None;
        let mut prekeys = PrekeyRing::default();
        let mut outbound = BTreeMap::new();
        for (name, contents) in records {
            let damaged = |error| LoadError::Damaged { name, error };
            match name {
                RecordName::Device => device = Some(Device::load(contents).map_err(damaged)?),
                RecordName::Prekey(_) => prekeys.load(contents).map_err(damaged)?,
                RecordName::Outbound(conv) => {
                    outbound.insert(conv, Outbound::load(contents).map_err(damaged)?);
                }
                RecordName::Session(_) | RecordName::Packed(_) => {}
            }
        }
        let device = device.ok_or(LoadError::NoDevice)?;
        Ok(Self {
            device,
            prekeys,
            outbound,
        })
    }

    /// The device's account.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.device.account()
    }

    /// The device.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device.id()
    }

    /// Proves the device on the connection whose handshake hash is `transcript`.
    #[must_use]
    pub fn sign_login(&self, transcript: &[u8; 32]) -> [u8; 64] {
        self.device.sign_login(transcript)
    }

    /// Signs an export whose manifest has this SHA-256 (docs/spec/export.md §3).
    #[must_use]
    pub fn sign_export(&self, manifest: &[u8; 32]) -> [u8; 64] {
        self.device.sign_export(manifest)
    }

    /// Signs for a bot of this account (docs/spec/ledger.md §4.7).
    #[must_use]
    pub fn warrant(&self, bot: AccountId, grants: Vec<Grant>) -> Signed {
        self.device.sign_warrant(&Warrant {
            owner: self.device.account(),
            device: self.device.id(),
            bot,
            grants,
        })
    }

    /// The newest own prekey as it was, or has to be, published.
    #[must_use]
    pub fn prekey(&self) -> Option<&Signed> {
        self.prekeys.newest().map(|record| &record.signed)
    }

    /// Whether it is time for the next prekey.
    #[must_use]
    pub fn prekey_due(&self, now_ms: u64) -> bool {
        self.prekeys
            .newest()
            .is_none_or(|record| now_ms.abs_diff(record.made_ms) >= limits::PREKEY_ROTATION_MS)
    }

    /// Makes the next prekey, to be published once its private half is saved.
    pub fn next_prekey(&mut self, now_ms: u64, rng: &mut impl CryptoRng) -> (Signed, Changes) {
        self.prekeys.make_next(&self.device, now_ms, rng)
    }

    /// Notes that the server has the [newest prekey](Self::prekey): the time of those before it begins to run out.
    pub fn prekey_published(&mut self, now_ms: u64) -> Changes {
        self.prekeys.published(self.prekeys.newest_id(), now_ms)
    }

    /// Deletes the private halves that were superseded long enough ago. Called after a sync, so that boxes which waited for
    /// them have been opened.
    pub fn expire_prekeys(&mut self, now_ms: u64) -> Changes {
        self.prekeys.expire(now_ms)
    }

    /// Judges a prekey that the server or a key event shows as this device's own.
    ///
    /// # Errors
    /// [`CopiedDevice`] when this device has not made it: somebody else has its keys.
    pub fn check_own_prekey(&self, id: u64) -> Result<(), CopiedDevice> {
        if id > self.prekeys.newest_id() {
            Err(CopiedDevice::PrekeyNotMade)
        } else {
            Ok(())
        }
    }

    /// The statement by which this device logs itself out for good.
    #[must_use]
    pub fn logout(&self, now_ms: u64) -> Signed {
        self.device.sign_logout(now_ms)
    }

    /// Opens a conversation: its first event, whose hash is its id.
    #[must_use]
    pub fn create(
        &self,
        form: Form,
        archive: bool,
        peer: Option<AccountId>,
        invite: Option<[u8; 32]>,
        rng: &mut impl CryptoRng,
    ) -> (Event, ConvId) {
        let mut nonce = Nonce([0; 16]);
        rng.fill_bytes(&mut nonce.0);
        let header = Header {
            conv: ConvId::NONE,
            ctl: EventHash::NONE,
            base_n: 0,
            base_log: LogHash::START,
            ..self.header(EventKind::Control)
        };
        let body = encode(&Control::Create {
            nonce,
            form,
            archive,
            peer,
            invite,
        });
        let event = self.device.sign_clear(&header, body);
        let conv = ConvId(event_hash(&event).0);
        (event, conv)
    }

    /// A control event of a conversation, in its present state.
    #[must_use]
    pub fn control(&self, conversation: &Conversation, control: &Control) -> Event {
        let header = self.header_in(conversation, EventKind::Control, Bytes::new());
        self.device.sign_clear(&header, encode(control))
    }

    /// The header of an event by this device, its place in a conversation apart.
    fn header(&self, kind: EventKind) -> Header {
        Header {
            suite: SUITE,
            conv: ConvId::NONE,
            kind: kind as u8,
            account: self.account(),
            device: self.device(),
            ctl: EventHash::NONE,
            base_n: 0,
            base_log: LogHash::START,
            fields: Bytes::new(),
        }
    }

    fn header_in(&self, conversation: &Conversation, kind: EventKind, fields: Bytes) -> Header {
        let (base_n, base_log) = conversation.head();
        Header {
            conv: conversation.id(),
            ctl: conversation.ctl(),
            base_n,
            base_log,
            fields,
            ..self.header(kind)
        }
    }

    /// This device's receipt register in a conversation, sealed under the newest session it holds there. `at` is the
    /// position up to which it has seen the log. `None` when the session is of another conversation.
    #[must_use]
    pub fn write_register(
        &self,
        conv: ConvId,
        newest: &StoredSession,
        at: u64,
        receipt: Receipt,
        rng: &mut impl CryptoRng,
    ) -> Option<Signed> {
        receipt::write(&self.device, conv, newest, at, receipt, rng)
    }

    /// A sign that this device's person types in a conversation at this time, or has stopped, sealed as
    /// [a register](Self::write_register) is.
    #[must_use]
    pub fn write_typing(
        &self,
        conv: ConvId,
        newest: &StoredSession,
        at_ms: u64,
        typing: bool,
        rng: &mut impl CryptoRng,
    ) -> Option<Signed> {
        crate::typing::write(&self.device, conv, newest, at_ms, typing, rng)
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({:?}, keys redacted)", self.device.id())
    }
}

#[cfg(test)]
mod tests;

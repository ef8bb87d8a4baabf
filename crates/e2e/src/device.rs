//! A device: its signature key, and what it signs (`docs/spec/e2e.md` §1.3).

use crate::changes::{Changes, RecordName};
use crate::secret::{Secret, decode, encode};
use crate::signing::SignatureKey;
use bytes::Bytes;
use core::fmt;
use rand_core::CryptoRng;
use subrosa_ledger::text;
use subrosa_proto::{
    AccountId, CodecError, DeviceId, Event, Header, LOGOUT_ID, Prekey, Register, Signed, Warrant,
    encode as encode_clear, record,
};
use zeroize::Zeroizing;

/// Room for an encoded record.
const RECORD_ROOM: usize = 96;

record! {
    struct DeviceRecord {
        account: AccountId,
        seed: Secret,
    }
}

/// A device of an account.
pub(crate) struct Device {
    account: AccountId,
    id: DeviceId,
    key: SignatureKey,
}

impl Device {
    pub(crate) fn generate(account: AccountId, rng: &mut impl CryptoRng) -> Self {
        Self::from_key(account, SignatureKey::generate(rng))
    }

    fn from_key(account: AccountId, key: SignatureKey) -> Self {
        let id = DeviceId(key.public());
        Self { account, id, key }
    }

    pub(crate) fn load(contents: Zeroizing<Vec<u8>>) -> Result<Self, CodecError> {
        let record: DeviceRecord = decode(contents)?;
        Ok(Self::from_key(
            record.account,
            SignatureKey::from_seed(&record.seed),
        ))
    }

    pub(crate) fn to_changes(&self) -> Changes {
        let record = DeviceRecord {
            account: self.account,
            seed: self.key.seed(),
        };
        Changes::put(RecordName::Device, encode(&record, RECORD_ROOM))
    }

    pub(crate) const fn account(&self) -> AccountId {
        self.account
    }

    pub(crate) const fn id(&self) -> DeviceId {
        self.id
    }

    pub(crate) fn sign_login(&self, transcript: &[u8; 32]) -> [u8; 64] {
        self.key.sign(&text::device_auth(transcript, &self.account))
    }

    pub(crate) fn sign_export(&self, manifest: &[u8; 32]) -> [u8; 64] {
        self.key.sign(&text::export(manifest))
    }

    pub(crate) fn sign_warrant(&self, warrant: &Warrant) -> Signed {
        let body = encode_clear(warrant);
        let signature = self.key.sign(&text::warrant(&body));
        Signed { body, signature }
    }

    pub(crate) fn sign_prekey(&self, prekey: &Prekey) -> Signed {
        let body = encode_clear(prekey);
        let signature = self.key.sign(&text::prekey(&body));
        Signed { body, signature }
    }

    pub(crate) fn sign_logout(&self, now_ms: u64) -> Signed {
        self.sign_prekey(&Prekey {
            account: self.account,
            device: self.id,
            id: LOGOUT_ID,
            key: Bytes::new(),
            expires_ms: now_ms,
        })
    }

    pub(crate) fn sign_register(&self, register: &Register) -> Signed {
        let body = encode_clear(register);
        let signature = self.key.sign(&text::register(&body));
        Signed { body, signature }
    }

    pub(crate) fn sign_typing(&self, register: &Register) -> Signed {
        let body = encode_clear(register);
        let signature = self.key.sign(&text::typing(&body));
        Signed { body, signature }
    }

    /// Signs an event. The header comes encoded, since a message's body is sealed with it.
    pub(crate) fn sign_event(&self, header: Bytes, body: Bytes) -> Event {
        let signature = self.key.sign(&text::event(&header, &body));
        Event {
            header,
            body,
            signature,
        }
    }

    pub(crate) fn sign_clear(&self, header: &Header, body: Bytes) -> Event {
        self.sign_event(encode_clear(header), body)
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Device({:?} of {:?}, key redacted)",
            self.id, self.account
        )
    }
}

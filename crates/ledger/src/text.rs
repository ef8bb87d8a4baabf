//! The exact bytes that are signed (docs/spec/ledger.md §3.2). They are put together from the
//! bytes as received: nothing is encoded again to be verified.

use crate::hash::{body_hash, length};
use subrosa_proto::{AccountId, label};

/// What an identity key signs under a statement of its chain.
#[must_use]
pub fn statement(body: &[u8]) -> Vec<u8> {
    [label::STATEMENT, &length(body), body].concat()
}

/// What a device signs under a prekey.
#[must_use]
pub fn prekey(body: &[u8]) -> Vec<u8> {
    [label::PREKEY, &length(body), body].concat()
}

/// What a device of a bot's owner signs under its warrant.
#[must_use]
pub fn warrant(body: &[u8]) -> Vec<u8> {
    [label::WARRANT, &length(body), body].concat()
}

/// What a device signs under a receipt register.
#[must_use]
pub fn register(body: &[u8]) -> Vec<u8> {
    [label::REGISTER, &length(body), body].concat()
}

/// What a device signs under a sign of typing.
#[must_use]
pub fn typing(body: &[u8]) -> Vec<u8> {
    [label::TYPING, &length(body), body].concat()
}

/// What a device signs under an export whose manifest has this SHA-256 (docs/spec/export.md §3).
#[must_use]
pub fn export(manifest: &[u8; 32]) -> Vec<u8> {
    [label::EXPORT, manifest].concat()
}

/// What a device signs under an event.
#[must_use]
pub fn event(header: &[u8], body: &[u8]) -> Vec<u8> {
    trimmed_event(header, &body_hash(body))
}

/// The same for an event of whose body the hash is left.
#[must_use]
pub fn trimmed_event(header: &[u8], body_hash: &[u8; 32]) -> Vec<u8> {
    [label::EVENT, &length(header), header, body_hash].concat()
}

/// What a device signs to log in on the connection whose handshake hash is `handshake`.
#[must_use]
pub fn device_auth(handshake: &[u8; 32], account: &AccountId) -> Vec<u8> {
    [label::DEVICE_AUTH, handshake, account.as_bytes()].concat()
}

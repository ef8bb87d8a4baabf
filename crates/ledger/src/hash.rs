//! SHA-256 over labelled inputs (docs/spec/ledger.md §2, §6.3, §8). The only file that names
//! the hash function.

use sha2::{Digest, Sha256};
use subrosa_proto::{AccountId, Event, EventHash, LogHash, Signed, StatementHash, label};

/// SHA-256 of the parts joined (FIPS 180-4).
fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    parts
        .iter()
        .fold(Sha256::new(), |hash, part| hash.chain_update(part))
        .finalize()
        .into()
}

/// The length that stands before a part without fixed length. No value of the protocol comes
/// near 4 GiB; a longer one would hash under the largest length.
pub(crate) fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// The id of the account whose Ed25519 identity key this is (§2.1).
#[must_use]
pub fn account_id(identity: &[u8; 32]) -> AccountId {
    AccountId(sha256(&[label::ACCOUNT, identity]))
}

/// The hash of a signed statement, to which the next one points (§4.2).
#[must_use]
pub fn statement_hash(statement: &Signed) -> StatementHash {
    StatementHash(sha256(&[
        label::STATEMENT_HASH,
        &length(&statement.body),
        &statement.body,
        &statement.signature,
    ]))
}

/// The hash of an encoded bundle, which a `vault` statement certifies (§5).
#[must_use]
pub fn bundle_hash(bundle: &[u8]) -> [u8; 32] {
    sha256(&[label::BUNDLE, &length(bundle), bundle])
}

/// SHA-256 of an event's body, without a label: it only ever stands inside labelled inputs (§6.3).
#[must_use]
pub fn body_hash(body: &[u8]) -> [u8; 32] {
    sha256(&[body])
}

/// The hash of an event (§6.3).
#[must_use]
pub fn event_hash(event: &Event) -> EventHash {
    trimmed_event_hash(&event.header, &body_hash(&event.body), &event.signature)
}

/// The hash of an event whose body is gone and left its hash behind (§6.3).
#[must_use]
pub fn trimmed_event_hash(header: &[u8], body_hash: &[u8; 32], signature: &[u8; 64]) -> EventHash {
    EventHash(sha256(&[
        label::EVENT_HASH,
        &length(header),
        header,
        body_hash,
        signature,
    ]))
}

/// L_n from L_{n-1}, for the event at position `n` (§8.1).
#[must_use]
pub fn next_log(before: LogHash, n: u64, event: EventHash) -> LogHash {
    LogHash(sha256(&[label::LOG, &before.0, &n.to_be_bytes(), &event.0]))
}

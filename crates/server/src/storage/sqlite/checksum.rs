//! CRC-32 over each stored row and over where it belongs, so that a damaged or misplaced row is
//! noticed when it is read (docs/spec/storage.md §7.3). It guards against disks, not against
//! people: what may not be forged is signed or sealed by the clients.

use super::failure::Failure;
use crate::storage::{Recipient, RecordKey, StoreError};

fn crc(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// Of an event: number of its log, position, time, bytes.
pub(super) fn event(log: i64, position: u64, time_ms: u64, bytes: &[u8]) -> u32 {
    crc(&[
        &log.to_be_bytes(),
        &position.to_be_bytes(),
        &time_ms.to_be_bytes(),
        bytes,
    ])
}

/// Of a record: revision, length of the key, key, value.
pub(super) fn record(key: &RecordKey, revision: u64, value: &[u8]) -> u32 {
    let len = key.as_bytes().len() as u64;
    crc(&[
        &revision.to_be_bytes(),
        &len.to_be_bytes(),
        key.as_bytes(),
        value,
    ])
}

/// Of a side row, staged or not: recipient, bytes.
pub(super) fn side(recipient: Recipient, bytes: &[u8]) -> u32 {
    crc(&[&recipient.0, bytes])
}

pub(super) fn compare(stored: u32, computed: u32) -> Result<(), Failure> {
    if stored == computed {
        Ok(())
    } else {
        Err(Failure::Refused(StoreError::Corrupt(
            "a row does not match its checksum",
        )))
    }
}

//! Records: numbered, sealed, each behind its length (`docs/spec/channel.md` §3).

use core::fmt;

use subrosa_cipher::purpose::Record;
use subrosa_cipher::{Authentic, BLOCK, Key, LANES, SealKey, Sealed, TAG_LEN, Text, sealed_len};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::derive;

/// After so many records a direction goes on with the next key (`docs/spec/channel.md` §3.3).
pub const REKEY_RECORDS: u64 = 1 << 16;

/// Bytes of the length in front of a record.
pub(crate) const LENGTH_LEN: usize = 3;
/// Sealed bytes of the longest record.
pub(crate) const SEALED_LEN_MAX: usize = 1 << 16;
/// Sealed bytes of the shortest record: one block and the tag.
pub(crate) const SEALED_LEN_MIN: usize = BLOCK + TAG_LEN;
/// Bytes of the longest body: without tag, type, and the one byte of padding that there always is.
pub(crate) const BODY_LEN_MAX: usize = SEALED_LEN_MAX - TAG_LEN - 2;

const _: () = assert!(sealed_len(1 + BODY_LEN_MAX) == SEALED_LEN_MAX);
const _: () = assert!(sealed_len(0) == SEALED_LEN_MIN);

/// A record that cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The length is none that a record can have here.
    #[error("a record of a length that there is not")]
    Length,
    /// Altered, out of order, sent before, from another channel or direction: not to be told apart.
    #[error("a record that is not the authentic next one")]
    Refused,
}

/// One direction's key and the number of its next record.
struct Sequence {
    key: Key<Record>,
    prepared: SealKey<Record>,
    next: u64,
}

impl Sequence {
    fn new(key: Zeroizing<[u8; 32]>) -> Self {
        let key = Key::from_bytes(*key);
        let prepared = key.prepare();
        Self {
            key,
            prepared,
            next: 0,
        }
    }

    /// The key for the next records, the first one's number, and how many of those wanted have the same key. The
    /// numbers are never given again, and at each multiple of [`REKEY_RECORDS`] the key is replaced by its successor
    /// and wiped.
    fn step(&mut self, wanted: usize) -> Result<(&SealKey<Record>, u64, usize), RecordError> {
        let number = self.next;
        if number > 0 && number.is_multiple_of(REKEY_RECORDS) {
            self.key = Key::from_bytes(*derive::next_record_key(self.key.expose()));
            self.prepared = self.key.prepare();
        }
        let left = REKEY_RECORDS - number % REKEY_RECORDS;
        let granted = left.min(wanted as u64);
        self.next = number.checked_add(granted).ok_or(RecordError::Refused)?;
        Ok((&self.prepared, number, granted as usize))
    }
}

/// Seals the records of one direction.
pub(crate) struct Sealer(Sequence);

impl Sealer {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(Sequence::new(key))
    }

    /// Appends length and sealed record of each type and body to `out`, several of them sealed in lock-step. A body has
    /// at most [`BODY_LEN_MAX`] bytes; if one has more, nothing is appended.
    pub(crate) fn seal(
        &mut self,
        records: &[(u8, &[u8])],
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let mut lengths = Vec::with_capacity(records.len());
        for (_, body) in records {
            let sealed = sealed_len(1 + body.len());
            if sealed > SEALED_LEN_MAX {
                return Err(RecordError::Length);
            }
            let [_, _, _, _, _, length @ ..] = (sealed as u64).to_be_bytes();
            lengths.push(length);
        }
        let mut rest = records.iter().zip(&lengths);
        while rest.len() > 0 {
            let (key, first, granted) = self.0.step(rest.len())?;
            let texts: Vec<Text<'_>> = (first..)
                .zip(rest.by_ref().take(granted))
                .map(|(n, ((kind, body), length))| Text {
                    n,
                    aad: length,
                    lead: length,
                    first: Some(*kind),
                    plaintext: body,
                })
                .collect();
            key.seal_many(&texts, out);
        }
        Ok(())
    }
}

/// Opens the records of one direction.
pub(crate) struct Opener(Sequence);

impl Opener {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(Sequence::new(key))
    }

    /// Opens `sealed`, which came behind `length`, as the next record. Appends its body to `plaintext` and returns its
    /// type, which is `None` if the record has not even that.
    pub(crate) fn open(
        &mut self,
        length: &[u8; LENGTH_LEN],
        sealed: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<Option<u8>, RecordError> {
        let (key, n, _) = self.0.step(1)?;
        let aad = length;
        let authentic = key.verify(Sealed { n, aad, sealed });
        let authentic = authentic.map_err(|_| RecordError::Refused)?;
        decrypt(authentic, plaintext)
    }

    /// Verifies the next records, each behind its length, in lock-step: at most [`LANES`], and none beyond a change of the
    /// key. Returns of how many this is the outcome, and those before the first that is refused.
    pub(crate) fn verify<'a>(
        &mut self,
        records: &'a [([u8; LENGTH_LEN], &'a [u8])],
    ) -> Result<(usize, Vec<Authentic<'_, 'a, Record>>), RecordError> {
        let (key, first, granted) = self.0.step(records.len().min(LANES))?;
        let sealed: Vec<Sealed<'_>> = (first..)
            .zip(records.iter().take(granted))
            .map(|(n, (aad, sealed))| Sealed { n, aad, sealed })
            .collect();
        Ok((granted, key.verify_many(&sealed)))
    }
}

/// Appends an authentic record's body to `plaintext` and returns its type, if there is one.
pub(crate) fn decrypt(
    record: Authentic<'_, '_, Record>,
    plaintext: &mut Vec<u8>,
) -> Result<Option<u8>, RecordError> {
    record
        .decrypt_behind_first(plaintext)
        .map_err(|_| RecordError::Refused)
}

/// Reads a length and refuses what is none, or is above `sealed_len_max`. `None`: fewer than three bytes are there.
pub(crate) fn sealed_len_of(
    bytes: &[u8],
    sealed_len_max: usize,
) -> Result<Option<([u8; LENGTH_LEN], usize)>, RecordError> {
    let Some((length, _)) = bytes.split_first_chunk::<LENGTH_LEN>() else {
        return Ok(None);
    };
    let [a, b, c] = *length;
    let sealed = u32::from_be_bytes([0, a, b, c]) as usize;
    let whole_blocks = sealed.is_multiple_of(BLOCK);
    if sealed < SEALED_LEN_MIN || sealed > sealed_len_max.min(SEALED_LEN_MAX) || !whole_blocks {
        return Err(RecordError::Length);
    }
    Ok(Some((*length, sealed)))
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer(key redacted, next {})", self.0.next)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener(key redacted, next {})", self.0.next)
    }
}

#[cfg(test)]
mod tests;

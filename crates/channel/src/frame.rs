//! What the records of one direction carry: a hello, then messages, then a close (`docs/spec/channel.md` §5).
//!
//! | type | name  | body                                                          |
//! |------|-------|---------------------------------------------------------------|
//! | 1    | hello | versions and build; first record, and only there              |
//! | 2    | close | empty; last record, between messages                          |
//! | 3    | last  | the end of a message, or all of it                            |
//! | 4    | more  | a part of a message, at least 1,024 bytes; more or last follow |

use core::fmt;
use core::mem;
use std::collections::VecDeque;

use bytes::Bytes;
use subrosa_cipher::purpose::Record;
use subrosa_cipher::{Authentic, LANES};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::hello::{HELLO_LEN_MAX, Hello, HelloError};
use crate::record::{self, LENGTH_LEN, Opener, RecordError, SEALED_LEN_MAX, Sealer};

/// Bytes of the longest message. A receiver may set its limit lower, never higher.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// Bytes of the shortest `more`, so that a message within the limit is never spread over a crowd of records.
const MORE_LEN_MIN: usize = 1_024;
/// Bytes at which a message is cut into records. Sixteen of them hold the longest message, so that all of it is sealed and
/// opened in lock-step. Not a multiple of 4,096 bytes: such distances fall into few places of a processor's cache.
pub(crate) const PART_LEN: usize = 16_464;
const _: () = assert!(MESSAGE_BYTES_MAX.div_ceil(PART_LEN) == LANES);

/// Longest sealed hello: type and body padded, and the tag.
const SEALED_HELLO_LEN_MAX: usize = subrosa_cipher::sealed_len(1 + HELLO_LEN_MAX);
/// Bytes of a sealed record that are no body at most: tag, type and a whole block of padding.
const OVERHEAD_MAX: usize = subrosa_cipher::TAG_LEN + 1 + subrosa_cipher::BLOCK;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum RecordType {
    Hello = 1,
    Close = 2,
    Last = 3,
    More = 4,
}

impl RecordType {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Hello),
            2 => Some(Self::Close),
            3 => Some(Self::Last),
            4 => Some(Self::More),
            _ => None,
        }
    }
}

/// Where a direction stands between its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing yet: a hello is due.
    Greeting,
    /// Between messages.
    Ready,
    /// After a `more`.
    WithinMessage,
    /// After the close.
    Closed,
}

impl Phase {
    const fn after(self, kind: RecordType) -> Option<Self> {
        match (self, kind) {
            (Self::Greeting, RecordType::Hello)
            | (Self::Ready | Self::WithinMessage, RecordType::Last) => Some(Self::Ready),
            (Self::Ready | Self::WithinMessage, RecordType::More) => Some(Self::WithinMessage),
            (Self::Ready, RecordType::Close) => Some(Self::Closed),
            _ => None,
        }
    }
}

/// Something that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The message is longer than [`MESSAGE_BYTES_MAX`]. The channel is unharmed.
    #[error("a message of {0} bytes, and the longest has {MESSAGE_BYTES_MAX}")]
    MessageTooLong(usize),
    /// Before the hello, a second hello, after the close, or after an error: the direction is dead.
    #[error("the channel does not send this now")]
    OutOfTurn,
    /// The record could not be sealed; the direction is dead.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Something that arrived and must not have; the direction is dead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiveError {
    /// See [`RecordError`].
    #[error(transparent)]
    Record(#[from] RecordError),
    /// An authentic record of a type that this version does not have.
    #[error("a record of unknown type {0}")]
    UnknownType(u8),
    /// An authentic record without a type, or with a body of a length that its type does not have.
    #[error("a record with a body of the wrong length")]
    Body,
    /// An authentic record that its phase does not allow: no hello first, a hello later, a close within a message.
    #[error("a record out of turn")]
    OutOfTurn,
    /// The message is or will be longer than the limit in bytes.
    #[error("a message longer than the limit of {0} bytes")]
    MessageTooLong(usize),
    /// The first record is no good hello.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// The stream ended without a close: somebody may have cut it.
    #[error("the stream ended without the authenticated close")]
    Truncated,
    /// An error came before, or the close did.
    #[error("the channel receives no more")]
    Dead,
}

/// The direction to the peer: turns a hello, messages and a close into records.
pub struct Outbound {
    /// `None` after an error or the close.
    sealer: Option<Sealer>,
    phase: Phase,
}

impl Outbound {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self {
            sealer: Some(Sealer::new(key)),
            phase: Phase::Greeting,
        }
    }

    /// Appends the hello's record to `out`. It comes first.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn hello(&mut self, hello: &Hello, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.seal(&[(RecordType::Hello, &hello.encode())], out)
    }

    /// Appends the records of one message to `out`: at most [`MESSAGE_BYTES_MAX`] bytes, also none.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn message(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.messages([message], out)
    }

    /// Appends the records of several messages to `out`, sealed in lock-step.
    ///
    /// # Errors
    /// [`SendError`]; for one that is too long nothing is appended of any.
    pub fn messages<'a>(
        &mut self,
        messages: impl IntoIterator<Item = &'a [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let mut records = Vec::new();
        for message in messages {
            if message.len() > MESSAGE_BYTES_MAX {
                return Err(SendError::MessageTooLong(message.len()));
            }
            let mut rest = message;
            while let Some((part, after)) = rest.split_at_checked(PART_LEN)
                && !after.is_empty()
            {
                records.push((RecordType::More, part));
                rest = after;
            }
            records.push((RecordType::Last, rest));
        }
        self.seal(&records, out)
    }

    /// Whether a message can be sent now: after the hello and before the close.
    pub const fn is_ready(&self) -> bool {
        self.sealer.is_some() && matches!(self.phase, Phase::Ready)
    }

    /// Appends the close to `out`. After it nothing can be sent, and the key is gone.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.seal(&[(RecordType::Close, &[])], out)?;
        self.sealer = None;
        Ok(())
    }

    fn seal(
        &mut self,
        records: &[(RecordType, &[u8])],
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let mut sealer = self.sealer.take().ok_or(SendError::OutOfTurn)?;
        let mut typed = Vec::with_capacity(records.len());
        for (kind, body) in records {
            self.phase = self.phase.after(*kind).ok_or(SendError::OutOfTurn)?;
            typed.push((*kind as u8, *body));
        }
        sealer.seal(&typed, out)?;
        self.sealer = Some(sealer);
        Ok(())
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("sealer", &self.sealer)
            .field("phase", &self.phase)
            .finish()
    }
}

/// What came from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer's hello, exactly once and first.
    Hello(Hello),
    /// One whole message.
    Message(Bytes),
    /// The authenticated end of this direction.
    Closed,
}

/// How far one call of [`Inbound::read`] came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was used: the first record needs so many bytes in all. Before its length is known these are 3.
    Incomplete {
        /// Bytes from the start of what was shown.
        needed: usize,
    },
    /// One record was used.
    Record {
        /// Its bytes, to be left out next time.
        consumed: usize,
        /// What it completed; `None` for a part of a message.
        event: Option<Event>,
    },
}

/// How far one call of [`Inbound::read_many`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Bytes that were used, to be left out next time.
    pub consumed: usize,
    /// Bytes that the next record needs in all, if nothing was used.
    pub needed: usize,
}

/// The direction from the peer: turns records into a hello, messages and a close.
pub struct Inbound {
    /// `None` after an error or the close.
    opener: Option<Opener>,
    phase: Phase,
    message_limit: usize,
    /// What there is of the message that is being received.
    partial: Vec<u8>,
    /// An error behind records that were good, for the next call.
    failed: Option<ReceiveError>,
}

impl Inbound {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self {
            opener: Some(Opener::new(key)),
            phase: Phase::Greeting,
            message_limit: MESSAGE_BYTES_MAX,
            partial: Vec::new(),
            failed: None,
        }
    }

    /// Sets the bytes of the longest message from now on, at most [`MESSAGE_BYTES_MAX`]. Counts also for the message
    /// that is being received, not for what [`read_many`](Self::read_many) has read ahead.
    pub fn set_message_limit(&mut self, bytes: usize) {
        self.message_limit = bytes.min(MESSAGE_BYTES_MAX);
    }

    /// Reads at most one record from the start of `bytes`, which continue the stream where the last call stopped.
    ///
    /// A length is checked as soon as it is there, against the record's limit and the message's, before anything is
    /// allocated for it.
    ///
    /// # Errors
    /// [`ReceiveError`]; after it, and after [`Event::Closed`], there is only [`ReceiveError::Dead`].
    pub fn read(&mut self, bytes: &[u8]) -> Result<Progress, ReceiveError> {
        let mut opener = self.opener.take().ok_or(ReceiveError::Dead)?;
        let progress = self.read_record(&mut opener, bytes);
        match progress {
            Ok(_) if self.phase != Phase::Closed => self.opener = Some(opener),
            Ok(_) => {}
            Err(_) => self.partial = Vec::new(),
        }
        progress
    }

    /// Reads as many whole records as are there, up to [`LANES`], and verifies them in lock-step. What they complete is
    /// added to `events`. As long as the limit for messages is lower than the protocol's, it reads one at a time, as
    /// whatever raises the limit may be in it.
    ///
    /// # Errors
    /// Like [`read`](Self::read). An error behind good records is returned by the next call.
    pub fn read_many(
        &mut self,
        bytes: &[u8],
        events: &mut VecDeque<Event>,
    ) -> Result<Advance, ReceiveError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let records = if self.message_limit == MESSAGE_BYTES_MAX {
            self.whole_records(bytes)
        } else {
            Vec::new()
        };
        if records.len() < 2 {
            return match self.read(bytes)? {
                Progress::Incomplete { needed } => Ok(Advance {
                    consumed: 0,
                    needed,
                }),
                Progress::Record { consumed, event } => {
                    events.extend(event);
                    Ok(Advance {
                        consumed,
                        needed: 0,
                    })
                }
            };
        }
        let mut opener = self.opener.take().ok_or(ReceiveError::Dead)?;
        let (tried, authentic) = opener.verify(&records)?;
        let mut authentic = authentic.into_iter();
        let mut consumed = 0;
        for (_, sealed) in records.iter().take(tried) {
            let opened = authentic.next();
            match self.take_verified(sealed.len(), opened) {
                Ok(event) => events.extend(event),
                Err(error) => {
                    self.partial = Vec::new();
                    self.failed = Some(error);
                    break;
                }
            }
            consumed += LENGTH_LEN + sealed.len();
            if self.phase == Phase::Closed {
                break;
            }
        }
        match self.failed.take() {
            Some(error) if consumed == 0 => return Err(error),
            failed => self.failed = failed,
        }
        if self.failed.is_none() && self.phase != Phase::Closed {
            self.opener = Some(opener);
        }
        Ok(Advance {
            consumed,
            needed: 0,
        })
    }

    /// The records that are whole at the start of `bytes`, up to one that has no good length.
    fn whole_records<'a>(&self, bytes: &'a [u8]) -> Vec<([u8; LENGTH_LEN], &'a [u8])> {
        let mut records = Vec::new();
        let mut rest = bytes;
        while self.phase != Phase::Greeting
            && records.len() < LANES
            && let Ok(Some((length, sealed_len))) = record::sealed_len_of(rest, SEALED_LEN_MAX)
            && let Some((whole, after)) = rest.split_at_checked(LENGTH_LEN + sealed_len)
            && let Some(sealed) = whole.get(LENGTH_LEN..)
        {
            records.push((length, sealed));
            rest = after;
        }
        records
    }

    /// Judges a record that was verified; `None` if it was refused.
    fn take_verified(
        &mut self,
        sealed_len: usize,
        record: Option<Authentic<'_, '_, Record>>,
    ) -> Result<Option<Event>, ReceiveError> {
        self.check_limit(sealed_len)?;
        let record = record.ok_or(RecordError::Refused)?;
        let start = self.partial.len();
        let kind = record::decrypt(record, &mut self.partial)?;
        self.take_record(kind, start)
    }

    /// Refuses a record with which the message is certain to exceed the limit.
    const fn check_limit(&self, sealed_len: usize) -> Result<(), ReceiveError> {
        if self.partial.len() + sealed_len.saturating_sub(OVERHEAD_MAX) > self.message_limit {
            return Err(ReceiveError::MessageTooLong(self.message_limit));
        }
        Ok(())
    }

    /// What the end of the stream means here: fine after the close, else [`ReceiveError::Truncated`].
    ///
    /// # Errors
    /// [`ReceiveError::Truncated`]
    pub fn end_of_stream(&mut self) -> Result<(), ReceiveError> {
        self.opener = None;
        self.partial = Vec::new();
        if self.phase == Phase::Closed {
            Ok(())
        } else {
            Err(ReceiveError::Truncated)
        }
    }

    fn read_record(&mut self, opener: &mut Opener, bytes: &[u8]) -> Result<Progress, ReceiveError> {
        let longest = match self.phase {
            Phase::Greeting => SEALED_HELLO_LEN_MAX,
            _ => SEALED_LEN_MAX,
        };
        let Some((length, sealed_len)) = record::sealed_len_of(bytes, longest)? else {
            return Ok(Progress::Incomplete { needed: LENGTH_LEN });
        };
        if self.phase != Phase::Greeting {
            self.check_limit(sealed_len)?;
        }
        let needed = LENGTH_LEN + sealed_len;
        let Some(sealed) = bytes.get(LENGTH_LEN..needed) else {
            return Ok(Progress::Incomplete { needed });
        };
        let start = self.partial.len();
        let kind = opener.open(&length, sealed, &mut self.partial)?;
        let event = self.take_record(kind, start)?;
        Ok(Progress::Record {
            consumed: needed,
            event,
        })
    }

    /// Judges a type and the body that stands in `partial` from `start`.
    fn take_record(
        &mut self,
        kind: Option<u8>,
        start: usize,
    ) -> Result<Option<Event>, ReceiveError> {
        let byte = kind.ok_or(ReceiveError::Body)?;
        let body = self.partial.get(start..).unwrap_or_default();
        let kind = RecordType::from_byte(byte).ok_or(ReceiveError::UnknownType(byte))?;
        self.phase = self.phase.after(kind).ok_or(ReceiveError::OutOfTurn)?;
        match kind {
            RecordType::Hello => {
                let hello = Hello::decode(body)?;
                self.partial = Vec::new();
                Ok(Some(Event::Hello(hello)))
            }
            RecordType::Close if body.is_empty() => {
                self.partial = Vec::new();
                Ok(Some(Event::Closed))
            }
            RecordType::Close => Err(ReceiveError::Body),
            RecordType::More if body.len() < MORE_LEN_MIN => Err(ReceiveError::Body),
            RecordType::More | RecordType::Last if self.partial.len() > self.message_limit => {
                Err(ReceiveError::MessageTooLong(self.message_limit))
            }
            RecordType::More => Ok(None),
            RecordType::Last => Ok(Some(Event::Message(mem::take(&mut self.partial).into()))),
        }
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("opener", &self.opener)
            .field("phase", &self.phase)
            .field("message_limit", &self.message_limit)
            .field("partial_len", &self.partial.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;

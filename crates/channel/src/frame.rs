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

use bytes::Bytes;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::hello::{HELLO_LEN_MAX, Hello, HelloError};
use crate::record::{self, BODY_LEN_MAX, LENGTH_LEN, Opener, RecordError, SEALED_LEN_MAX, Sealer};

/// Bytes of the longest message. A receiver may set its limit lower, never higher.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// Bytes of the shortest `more`, so that a message within the limit is never spread over a crowd of records.
const MORE_LEN_MIN: usize = 1_024;
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
        self.seal(RecordType::Hello, &hello.encode(), out)
    }

    /// Appends the records of one message to `out`: at most [`MESSAGE_BYTES_MAX`] bytes, also none.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn message(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(SendError::MessageTooLong(message.len()));
        }
        let mut rest = message;
        while let Some((part, after)) = rest.split_at_checked(BODY_LEN_MAX)
            && !after.is_empty()
        {
            self.seal(RecordType::More, part, out)?;
            rest = after;
        }
        self.seal(RecordType::Last, rest, out)
    }

    /// Appends the close to `out`. After it nothing can be sent, and the key is gone.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.seal(RecordType::Close, &[], out)?;
        self.sealer = None;
        Ok(())
    }

    fn seal(&mut self, kind: RecordType, body: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        let mut sealer = self.sealer.take().ok_or(SendError::OutOfTurn)?;
        self.phase = self.phase.after(kind).ok_or(SendError::OutOfTurn)?;
        sealer.seal(kind as u8, body, out)?;
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

/// The direction from the peer: turns records into a hello, messages and a close.
pub struct Inbound {
    /// `None` after an error or the close.
    opener: Option<Opener>,
    phase: Phase,
    message_limit: usize,
    /// The type byte of a message's first record, then what there is of the message.
    partial: Vec<u8>,
}

impl Inbound {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self {
            opener: Some(Opener::new(key)),
            phase: Phase::Greeting,
            message_limit: MESSAGE_BYTES_MAX,
            partial: Vec::new(),
        }
    }

    /// Sets the bytes of the longest message from now on, at most [`MESSAGE_BYTES_MAX`]. Counts also for the message
    /// that is being received.
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
        let kept = self.partial.len().saturating_sub(1);
        if self.phase != Phase::Greeting
            && kept + sealed_len.saturating_sub(OVERHEAD_MAX) > self.message_limit
        {
            return Err(ReceiveError::MessageTooLong(self.message_limit));
        }
        let needed = LENGTH_LEN + sealed_len;
        let Some(sealed) = bytes.get(LENGTH_LEN..needed) else {
            return Ok(Progress::Incomplete { needed });
        };
        let start = self.partial.len();
        opener.open(&length, sealed, &mut self.partial)?;
        let event = self.take_record(start)?;
        Ok(Progress::Record {
            consumed: needed,
            event,
        })
    }

    /// Judges the type and body that stand in `partial` from `start`.
    fn take_record(&mut self, start: usize) -> Result<Option<Event>, ReceiveError> {
        let (byte, body) = self
            .partial
            .get(start..)
            .and_then(<[u8]>::split_first)
            .ok_or(ReceiveError::Body)?;
        let kind = RecordType::from_byte(*byte).ok_or(ReceiveError::UnknownType(*byte))?;
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
            RecordType::More => self.join(start).map(|()| None),
            RecordType::Last => {
                self.join(start)?;
                let message = Bytes::from(mem::take(&mut self.partial));
                Ok(Some(Event::Message(message.slice(1..))))
            }
        }
    }

    /// Joins the body behind the type byte at `start` to the message before it.
    fn join(&mut self, start: usize) -> Result<(), ReceiveError> {
        // The first record's type byte stays: cutting it off would move the whole body.
        if start > 0 {
            self.partial.remove(start);
        }
        if self.partial.len() - 1 > self.message_limit {
            return Err(ReceiveError::MessageTooLong(self.message_limit));
        }
        Ok(())
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

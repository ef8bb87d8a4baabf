//! The receiving half of a link. It holds a buffer only while a record is incomplete in it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::ready;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use super::LinkError;
use crate::frame::{Event, Inbound, ReceiveError};
use crate::hello::Hello;

/// Bytes taken from the socket while the link has no buffer: they pass over the stack.
const FIRST_READ_LEN: usize = 16 * 1024;
/// Bytes asked from the socket at a time while a peer sends faster than they are read: as much as is opened in lock-step.
const READ_AHEAD_LEN_MAX: usize = 288 * 1024;

/// Receives messages. Dropping it does not close the connection before the [`Writer`](super::Writer) is dropped too.
#[derive(Debug)]
pub struct Reader {
    half: OwnedReadHalf,
    inbound: Inbound,
    /// Bytes of the stream from the first that is not used up; they begin at `start`.
    buffer: Vec<u8>,
    start: usize,
    /// Room for the next read: doubled as often as one is filled, and given up when one is not.
    ahead: usize,
    /// What the records that were read ahead have completed.
    events: VecDeque<Event>,
    closed: bool,
}

impl Reader {
    pub(super) const fn new(half: OwnedReadHalf, inbound: Inbound) -> Self {
        Self {
            half,
            inbound,
            buffer: Vec::new(),
            start: 0,
            ahead: FIRST_READ_LEN,
            events: VecDeque::new(),
            closed: false,
        }
    }

    /// Sets the bytes of the longest message to accept from now on.
    pub fn set_message_limit(&mut self, bytes: usize) {
        self.inbound.set_message_limit(bytes);
    }

    /// The next message; `None` once the peer has closed with an authenticated close.
    ///
    /// Cancel-safe: nothing that was received is lost when the future is dropped.
    ///
    /// # Errors
    /// [`LinkError`], after which every call fails. An end of the stream without a close is
    /// [`ReceiveError::Truncated`].
    pub async fn recv(&mut self) -> Result<Option<Bytes>, LinkError> {
        if self.closed {
            return Ok(None);
        }
        match self.event().await? {
            Event::Message(message) => Ok(Some(message)),
            Event::Closed => {
                self.closed = true;
                Ok(None)
            }
            Event::Hello(_) => Err(ReceiveError::OutOfTurn.into()),
        }
    }

    /// The peer's hello, which comes first.
    pub(super) async fn hello(&mut self) -> Result<Hello, LinkError> {
        match self.event().await? {
            Event::Hello(hello) => Ok(hello),
            Event::Message(_) | Event::Closed => Err(ReceiveError::OutOfTurn.into()),
        }
    }

    async fn event(&mut self) -> Result<Event, LinkError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            self.events = VecDeque::new();
            let unread = self.buffer.get(self.start..).unwrap_or_default();
            let advance = self.inbound.read_many(unread, &mut self.events)?;
            if advance.consumed > 0 {
                self.consume(advance.consumed);
            } else if self.fill(advance.needed).await? == 0 {
                self.inbound.end_of_stream()?;
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        if self.start >= self.buffer.len() {
            self.buffer = Vec::new();
            self.start = 0;
        }
    }

    /// Reads some bytes, 0 at the end of the stream. State changes only after the wait, hence cancel-safe.
    async fn fill(&mut self, needed: usize) -> io::Result<usize> {
        if self.buffer.is_empty() {
            return self.first_fill().await;
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        // A length alone makes nobody allocate 64 KiB: at most twice of what has come is held.
        let missing = needed.saturating_sub(self.buffer.len());
        let room = missing
            .min(self.buffer.len().max(FIRST_READ_LEN))
            .max(self.ahead);
        self.buffer.reserve(room);
        let read = self.half.read_buf(&mut self.buffer).await?;
        self.ahead = if read < room {
            FIRST_READ_LEN
        } else {
            (2 * room).min(READ_AHEAD_LEN_MAX)
        };
        Ok(read)
    }

    /// Waits without a buffer. What arrives passes over the stack into one of its own size.
    async fn first_fill(&mut self) -> io::Result<usize> {
        let (half, buffer) = (&mut self.half, &mut self.buffer);
        poll_fn(|context| {
            let mut stack = [const { MaybeUninit::uninit() }; FIRST_READ_LEN];
            let mut read = ReadBuf::uninit(&mut stack);
            ready!(Pin::new(&mut *half).poll_read(context, &mut read))?;
            buffer.extend_from_slice(read.filled());
            Ok(read.filled().len()).into()
        })
        .await
    }
}

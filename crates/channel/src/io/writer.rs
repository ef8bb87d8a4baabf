//! The sending half of a link. It holds a buffer only while something waits to be written.

use std::{io, iter, mem};

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

use super::LinkError;
use crate::frame::{MESSAGE_BYTES_MAX, Outbound, PART_LEN, SendError};
use crate::hello::Hello;

/// Bytes of short messages that wait to be sealed together.
const WAITING_BYTES_MAX: usize = 64 * 1024;

/// Sends messages: [`send`](Self::send) queues, [`flush`](Self::flush) seals and writes all that is queued.
///
/// Dropping it without [`close`](Self::close) looks like a cut connection to the peer.
#[derive(Debug)]
pub struct Writer {
    half: OwnedWriteHalf,
    outbound: Outbound,
    /// Short messages, joined, and where each ends: what is ready together is sealed together.
    waiting: Vec<u8>,
    ends: Vec<usize>,
    /// Sealed bytes, of which the first `written` are with the socket.
    queue: Vec<u8>,
    written: usize,
    closed: bool,
}

impl Writer {
    pub(super) const fn new(half: OwnedWriteHalf, outbound: Outbound) -> Self {
        Self {
            half,
            outbound,
            waiting: Vec::new(),
            ends: Vec::new(),
            queue: Vec::new(),
            written: 0,
            closed: false,
        }
    }

    /// Queues one message. Nothing is written before [`flush`](Self::flush), so that what is ready together is sealed in
    /// lock-step and leaves in one write.
    ///
    /// # Errors
    /// [`SendError::MessageTooLong`], which leaves the link as it was; otherwise the link is dead.
    pub fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(SendError::MessageTooLong(message.len()));
        }
        if !self.outbound.is_ready() {
            return Err(SendError::OutOfTurn);
        }
        if self.waiting.len() + message.len() > WAITING_BYTES_MAX {
            self.seal()?;
        }
        if message.len() > PART_LEN {
            // Long enough to fill lanes of its own.
            self.seal()?;
            return self.outbound.message(message, &mut self.queue);
        }
        self.waiting.extend_from_slice(message);
        self.ends.push(self.waiting.len());
        Ok(())
    }

    /// Seals the messages that wait.
    fn seal(&mut self) -> Result<(), SendError> {
        if self.ends.is_empty() {
            return Ok(());
        }
        let (waiting, ends) = (mem::take(&mut self.waiting), mem::take(&mut self.ends));
        let starts = iter::once(0).chain(ends.iter().copied());
        let messages = starts
            .zip(&ends)
            .filter_map(|(start, end)| waiting.get(start..*end));
        self.outbound.messages(messages, &mut self.queue)
    }

    /// Bytes that wait to be written: who sends faster than the peer reads watches this.
    pub const fn queued_bytes(&self) -> usize {
        self.queue.len() - self.written + self.waiting.len()
    }

    /// Whether anything waits to be written, be it a message without bytes.
    pub const fn is_queued(&self) -> bool {
        self.queue.len() > self.written || !self.ends.is_empty()
    }

    /// Writes all that is queued.
    ///
    /// Cancel-safe: what was not written stays queued, in order.
    ///
    /// # Errors
    /// The operating system's; the link is dead.
    pub async fn flush(&mut self) -> io::Result<()> {
        // The direction was ready when they were queued.
        self.seal().map_err(io::Error::other)?;
        while let Some(rest) = self.queue.get(self.written..)
            && !rest.is_empty()
        {
            match self.half.write(rest).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                len => self.written += len,
            }
        }
        self.queue = Vec::new();
        self.written = 0;
        Ok(())
    }

    /// Sends the authenticated close after all that is queued, and ends this direction. The other stays open until the
    /// peer closes it.
    ///
    /// Cancel-safe: called again it goes on where it was.
    ///
    /// # Errors
    /// [`LinkError`]
    pub async fn close(&mut self) -> Result<(), LinkError> {
        if !self.closed {
            self.seal()?;
            self.outbound.close(&mut self.queue)?;
            self.closed = true;
        }
        self.flush().await?;
        Ok(self.half.shutdown().await?)
    }

    pub(super) fn hello(&mut self, hello: &Hello) -> Result<(), SendError> {
        self.outbound.hello(hello, &mut self.queue)
    }

    /// Queues bytes that are no record: M2.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.queue.extend_from_slice(bytes);
    }
}

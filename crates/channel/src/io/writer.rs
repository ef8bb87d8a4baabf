//! The sending half of a link. It holds a buffer only while something waits to be written.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

use super::LinkError;
use crate::frame::{Outbound, SendError};
use crate::hello::Hello;

/// Sends messages: [`send`](Self::send) seals and queues, [`flush`](Self::flush) writes all that is queued.
///
/// Dropping it without [`close`](Self::close) looks like a cut connection to the peer.
#[derive(Debug)]
pub struct Writer {
    half: OwnedWriteHalf,
    outbound: Outbound,
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
            queue: Vec::new(),
            written: 0,
            closed: false,
        }
    }

    /// Seals one message and queues it. Nothing is written before [`flush`](Self::flush), so that what is ready
    /// together leaves in one write.
    ///
    /// # Errors
    /// [`SendError::MessageTooLong`], which leaves the link as it was; otherwise the link is dead.
    pub fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        self.outbound.message(message, &mut self.queue)
    }

    /// Sealed bytes that wait to be written: who sends faster than the peer reads watches this.
    pub const fn queued_bytes(&self) -> usize {
        self.queue.len() - self.written
    }

    /// Writes all that is queued.
    ///
    /// Cancel-safe: what was not written stays queued, in order.
    ///
    /// # Errors
    /// The operating system's; the link is dead.
    pub async fn flush(&mut self) -> io::Result<()> {
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

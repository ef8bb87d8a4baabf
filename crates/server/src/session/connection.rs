//! An open channel with messages of the protocol on it.

use crate::limits::Source;
use std::time::Duration;
use subrosa_channel::io::{LinkError, Reader, Writer};
use subrosa_proto::codec::encode_into;
use subrosa_proto::{FromClient, FromServer, Push, Response};
use tokio::time::timeout;

/// How long a client may take to receive the close.
const CLOSE: Duration = Duration::from_secs(2);

/// A connection whose handshake is done.
pub(crate) struct Connection {
    /// Its number, for logs.
    pub(crate) id: u64,
    /// Where it comes from.
    pub(crate) source: Source,
    /// The hash of its handshake.
    pub(crate) transcript: [u8; 32],
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    /// How long the client may take to receive what is written.
    pub(crate) patience: Duration,
}

/// A connection that has ended, for which there is nothing more to do.
#[derive(Debug)]
pub(crate) struct Ended;

impl Connection {
    /// The next request.
    pub(crate) async fn request(&mut self) -> Result<FromClient, Ended> {
        let received = self.reader.recv().await;
        self.read(received)
    }

    /// What was received, as a request. Whoever sends anything else is not listened to any longer.
    pub(crate) fn read(
        &self,
        received: Result<Option<bytes::Bytes>, LinkError>,
    ) -> Result<FromClient, Ended> {
        let message = match received {
            Ok(Some(message)) => message,
            Ok(None) => {
                tracing::debug!(connection = self.id, "closed by the client");
                return Err(Ended);
            }
            Err(error) => {
                tracing::debug!(connection = self.id, %error, "connection ended");
                return Err(Ended);
            }
        };
        subrosa_proto::decode(&message).map_err(|error| {
            tracing::debug!(connection = self.id, %error, "not a request");
            Ended
        })
    }

    /// Queues an answer.
    pub(crate) fn queue_answer(&mut self, id: u64, response: Response) -> Result<(), Ended> {
        self.queue(&FromServer::Answer { id, response })
    }

    /// Queues a push.
    pub(crate) fn queue_push(&mut self, push: Push) -> Result<(), Ended> {
        self.queue(&FromServer::Push { push })
    }

    fn queue(&mut self, message: &FromServer) -> Result<(), Ended> {
        let buffer = Vec::with_capacity(room(message));
        let sent = self.writer.send(&encode_into(message, buffer));
        sent.map_err(|error| {
            tracing::warn!(connection = self.id, %error, "an answer cannot be sent");
            Ended
        })
    }

    /// Answers at once.
    pub(crate) async fn answer(&mut self, id: u64, response: Response) -> Result<(), Ended> {
        self.queue_answer(id, response)?;
        match timeout(self.patience, self.writer.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Ended),
        }
    }

    /// Says that the connection ends now, and ends it.
    pub(crate) async fn close(mut self) {
        let announced = self.queue_push(Push::Closing {}).is_ok();
        if announced && let Ok(Err(error)) = timeout(CLOSE, self.writer.close()).await {
            tracing::debug!(connection = self.id, %error, "the close did not reach the client");
        }
    }
}

/// About as many bytes as a message is encoded in, so that a page does not move while it is written.
fn room(message: &FromServer) -> usize {
    const HEAD: usize = 96;
    let page = match message {
        FromServer::Push {
            push: Push::Events { page },
        }
        | FromServer::Answer {
            response: Response::Page { page },
            ..
        } => page,
        _ => return HEAD,
    };
    let boxes = page.events.iter().flat_map(|event| &event.boxes);
    let bytes: usize = boxes.map(|bytes| bytes.len() + 8).sum();
    let events = page.events.iter().map(|event| event.event.len() + 24);
    HEAD + bytes + events.sum::<usize>()
}

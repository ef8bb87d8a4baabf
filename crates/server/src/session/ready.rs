//! A device has logged in. Requests are answered in the order in which they came; appends wait for
//! the disk while later requests are read. Between them, what is new in followed conversations is
//! pushed. All that is ready at once leaves in one write, and nothing more is taken in while a slow
//! reader has not taken what is written.

use super::Session;
use super::connection::{Connection, Ended};
use crate::conversations::{Reader, lost};
use crate::delivery::{Inbox, Seat};
use crate::limits::Bucket;
use crate::office::{Office, until_closing};
use crate::pushing::Follows;
use crate::refused::{Outcome, Refused};
use crate::storage::Store;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use subrosa_channel::io::LinkError;
use subrosa_proto::{FromClient, Request, Response, limits};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// Requests that wait for the disk at a time.
const IN_FLIGHT_MAX: usize = 16;
/// Sealed bytes that wait for the socket before nothing more is added.
const QUEUED_BYTES_MAX: usize = 256 * 1024;

/// A connection of a device.
pub(crate) struct Ready<S: Store> {
    pub(crate) office: Arc<Office<S>>,
    pub(super) connection: Connection,
    pub(crate) seat: Arc<Seat>,
    pub(crate) by_password: bool,
    pub(crate) follows: Follows,
    pub(crate) requests: Bucket,
    pub(crate) events: Bucket,
    pub(crate) typing: Bucket,
    in_flight: VecDeque<InFlight>,
}

/// A request and its answer, which is there or to come.
struct InFlight {
    id: u64,
    answer: oneshot::Receiver<Outcome<Response>>,
}

/// What a request comes to.
pub(crate) enum Reply {
    Now(Response),
    Later(oneshot::Receiver<Outcome<Response>>),
}

/// Why the connection's turn begins.
enum Turn {
    Received(Result<Option<Bytes>, LinkError>),
    Answered(Outcome<Response>),
    Rung,
    Push,
    Flushed(std::io::Result<()>),
    Stuck,
    Closing,
}

impl<S: Store> Ready<S> {
    pub(super) fn new(
        office: Arc<Office<S>>,
        mut connection: Connection,
        seat: Arc<Seat>,
        by_password: bool,
    ) -> Self {
        connection
            .reader
            .set_message_limit(limits::MESSAGE_BYTES_MAX);
        Self {
            office,
            connection,
            seat,
            by_password,
            follows: Follows::default(),
            requests: Bucket::default(),
            events: Bucket::default(),
            typing: Bucket::default(),
            in_flight: VecDeque::new(),
        }
    }

    /// Whose boxes it is handed.
    pub(crate) fn reader(&self) -> Reader {
        let Seat {
            account, device, ..
        } = *self.seat;
        Reader {
            account,
            device,
            by_password: self.by_password,
        }
    }

    pub(super) async fn handle(mut self: Box<Self>) -> Session<S> {
        let mut closing = self.office.closing.subscribe();
        let mut stuck_at = None;
        loop {
            let room = self.connection.writer.queued_bytes() < QUEUED_BYTES_MAX;
            let queued = self.connection.writer.is_queued();
            let deadline =
                *stuck_at.get_or_insert_with(|| Instant::now() + self.connection.patience);
            let Self {
                connection: Connection { reader, writer, .. },
                seat,
                in_flight,
                follows,
                ..
            } = &mut *self;
            let waiting = in_flight.len();
            let turn = tokio::select! {
                biased;
                () = until_closing(&mut closing) => Turn::Closing,
                answer = next_answer(in_flight), if waiting > 0 && room => Turn::Answered(answer),
                () = seat.rung() => Turn::Rung,
                received = reader.recv(), if waiting < IN_FLIGHT_MAX && room => Turn::Received(received),
                () = std::future::ready(()), if room && follows.is_behind() => Turn::Push,
                flushed = writer.flush(), if queued => Turn::Flushed(flushed),
                () = sleep_until(deadline), if queued => Turn::Stuck,
            };
            if matches!(turn, Turn::Flushed(_)) || !queued {
                stuck_at = None;
            }
            match self.turn(turn).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(Ended) => return self.leave(false).await,
            }
        }
        self.leave(true).await
    }

    /// False when the connection is to be closed in order.
    async fn turn(&mut self, turn: Turn) -> Result<bool, Ended> {
        match turn {
            Turn::Received(received) => {
                let FromClient { id, request } = self.connection.read(received)?;
                if takes_turn(&request) {
                    self.settle().await?;
                }
                match Box::pin(self.dispatch(request)).await {
                    Reply::Now(response) => self.connection.queue_answer(id, response)?,
                    Reply::Later(answer) => self.in_flight.push_back(InFlight { id, answer }),
                }
            }
            Turn::Answered(outcome) => self.answered(outcome)?,
            Turn::Rung => return self.rung().await,
            Turn::Push => {
                let push = Box::pin(self.next_push()).await;
                return match push {
                    Ok(Some(push)) => self.connection.queue_push(push).map(|()| true),
                    Ok(None) => Ok(true),
                    // Nothing may be left out: the client comes back and asks from where it is.
                    Err(refused) => {
                        refused.report();
                        Ok(false)
                    }
                };
            }
            Turn::Flushed(Ok(())) => {}
            Turn::Flushed(Err(_)) => return Err(Ended),
            Turn::Stuck => {
                tracing::debug!(connection = self.connection.id, "the client does not read");
                return Err(Ended);
            }
            Turn::Closing => return Ok(false),
        }
        Ok(true)
    }

    fn answered(&mut self, outcome: Outcome<Response>) -> Result<(), Ended> {
        let Some(InFlight { id, .. }) = self.in_flight.pop_front() else {
            return Ok(());
        };
        let response = outcome.unwrap_or_else(|refused| {
            refused.report();
            refused.response()
        });
        self.connection.queue_answer(id, response)
    }

    /// Waits for all appends that came before.
    async fn settle(&mut self) -> Result<(), Ended> {
        while !self.in_flight.is_empty() {
            let outcome = next_answer(&mut self.in_flight).await;
            self.answered(outcome)?;
        }
        Ok(())
    }

    /// Takes what others have left at the seat.
    async fn rung(&mut self) -> Result<bool, Ended> {
        let Inbox {
            rung,
            joined,
            receipts,
            typing,
            chains,
            boxes,
            cut,
        } = self.seat.take();
        if cut {
            tracing::info!(
                connection = self.connection.id,
                "the device's connection was cut"
            );
            return Ok(false);
        }
        let signs = self.follows.signs(typing);
        let news = self.follows.news(joined, receipts, chains);
        for push in news.into_iter().chain(boxes) {
            self.connection.queue_push(push)?;
        }
        for push in signs {
            self.connection.queue_push(push)?;
        }
        let heeded = Box::pin(self.heed(rung)).await;
        Ok(heeded.inspect_err(Refused::report).is_ok())
    }

    /// Ends the connection: what waits for the disk is answered first, if the client is to hear it.
    async fn leave(mut self: Box<Self>, in_order: bool) -> Session<S> {
        self.office
            .delivery
            .leave(&self.seat, self.follows.conversations());
        if !in_order {
            return Session::Closed;
        }
        if self.settle().await.is_err() {
            return Session::Closed;
        }
        Session::Closing(Box::new(self.connection))
    }
}

/// Whether a request could notice that an append before it is still on its way. Appends themselves
/// keep their order in the lines of their conversations.
const fn takes_turn(request: &Request) -> bool {
    !matches!(
        request,
        Request::Append { .. }
            | Request::PutReceipt { .. }
            | Request::Typing { .. }
            | Request::AckBoxes { .. }
            | Request::Ping {}
    )
}

/// The answer to the request that has waited longest. Cancel-safe: it stays in the queue.
async fn next_answer(in_flight: &mut VecDeque<InFlight>) -> Outcome<Response> {
    match in_flight.front_mut() {
        Some(first) => (&mut first.answer).await.unwrap_or_else(|_| Err(lost())),
        None => std::future::pending().await,
    }
}

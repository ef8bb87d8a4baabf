//! The task that keeps a channel to the server open.

use super::dial::dial;
use super::pulse::{Beat, Pulse, Rhythm};
use crate::engine::{Down, Input};
use crate::randomness;
use bytes::Bytes;
use std::time::Duration;
use subrosa_channel::io::{Link, Reader, Writer};
use subrosa_proto::{Address, FromClient, FromServer, Request, Response, encode};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// First pause after a failed try.
const BACKOFF_MS_MIN: u64 = 200;
/// Longest pause between tries.
const BACKOFF_MS_MAX: u64 = 30_000;
/// A link that lasted this long was a good one: the next try comes at once.
const GOOD: Duration = Duration::from_secs(10);
/// How long an ending process waits for its last messages to leave.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// How long a message may take to leave; a link that takes nothing for so long is dead.
const WRITE_WAIT: Duration = Duration::from_secs(30);
/// Number of the keeper's own requests for a sign of life; the engine counts from 1.
const PING: u64 = 0;

/// Which server, and the highest protocol version that was spoken with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub address: Address,
    pub pinned: u16,
}

/// What the driver wants of the link.
#[derive(Debug)]
pub(super) enum Order {
    /// Sends a message, if the link is still the one it was made for.
    Send(u64, Bytes),
    /// Tries now.
    DialNow,
    /// The server let the device in on the link of this number.
    Settled(u64),
    /// Closes the link of this number; makes another after so many milliseconds, or without a time
    /// only when asked.
    Leave(u64, Option<u64>),
}

/// How a link ended.
enum After {
    /// By itself.
    Lost,
    /// It was to be left, and another made after this pause.
    Pause(Option<u64>),
}

/// What comes from the link: which one it was, and the engine's input.
pub(super) type FromLink = (u64, Input);

/// The driver's end.
pub(super) struct LinkTask {
    pub orders: mpsc::UnboundedSender<Order>,
    task: JoinHandle<()>,
}

impl LinkTask {
    pub fn start(target: watch::Receiver<Target>, inputs: mpsc::Sender<FromLink>) -> Self {
        let (orders, keeper) = Keeper::new(target, inputs);
        Self {
            orders,
            task: tokio::spawn(keeper.run()),
        }
    }

    /// A link that is open already and is not made anew when it ends.
    pub fn adopt(
        link: Link,
        target: watch::Receiver<Target>,
        inputs: mpsc::Sender<FromLink>,
    ) -> Self {
        let (orders, mut keeper) = Keeper::new(target, inputs);
        Self {
            orders,
            task: tokio::spawn(async move { drop(keeper.hold(link).await) }),
        }
    }

    /// Lets what was ordered leave, closes the channel and ends.
    pub async fn close(self) {
        drop(self.orders);
        drop(tokio::time::timeout(CLOSE_WAIT, self.task).await);
    }
}

struct Keeper {
    target: watch::Receiver<Target>,
    inputs: mpsc::Sender<FromLink>,
    orders: mpsc::UnboundedReceiver<Order>,
    number: u64,
    failures: u32,
    /// The server let the device in on this link.
    settled: bool,
    rhythm: Rhythm,
}

/// Why the keeper stops.
struct Over;

impl Keeper {
    /// A keeper without a link, and the queue of its orders.
    fn new(
        target: watch::Receiver<Target>,
        inputs: mpsc::Sender<FromLink>,
    ) -> (mpsc::UnboundedSender<Order>, Self) {
        let (orders, incoming) = mpsc::unbounded_channel();
        let keeper = Self {
            target,
            inputs,
            orders: incoming,
            number: 0,
            failures: 0,
            settled: false,
            rhythm: Rhythm::CALM,
        };
        (orders, keeper)
    }

    async fn run(mut self) {
        while self.once().await.is_ok() {}
    }

    /// One try, and the link if it succeeds.
    async fn once(&mut self) -> Result<(), Over> {
        let Target { address, pinned } = self.target.borrow().clone();
        let dialled = tokio::select! {
            dialled = dial(&address, pinned) => dialled,
            over = until_closed(&mut self.orders) => return Err(over),
        };
        match dialled {
            Ok(link) => {
                let since = Instant::now();
                let after = self.hold(link).await?;
                // Only a link that lasted shows that there is no reason to wait; one on which the
                // device was let in, that a short wait is enough.
                self.failures = match (since.elapsed() >= GOOD, self.settled) {
                    (true, _) => 0,
                    (false, true) => 1,
                    (false, false) => self.failures.saturating_add(1),
                };
                match after {
                    After::Pause(None) => self.wait(None).await,
                    After::Pause(Some(asked_ms)) => {
                        let pause_ms = asked_ms.max(self.pause_ms());
                        self.wait(Some(pause_ms)).await
                    }
                    After::Lost if self.failures == 0 => Ok(()),
                    After::Lost => self.wait(Some(self.pause_ms())).await,
                }
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let retry_ms = error.retry.then(|| self.pause_ms());
                let down = Down {
                    cause: error.sentence,
                    retry_ms,
                };
                self.tell(Input::Unreachable { down }).await?;
                self.wait(retry_ms).await
            }
        }
    }

    /// Exponential, with jitter so that many clients do not come back at once.
    fn pause_ms(&self) -> u64 {
        if self.failures == 0 {
            return 0;
        }
        let longest = (BACKOFF_MS_MIN << self.failures.min(10)).min(BACKOFF_MS_MAX);
        let mut random = [0_u8; 8];
        if randomness::fill(&mut random).is_err() {
            // Without random numbers the pause has no jitter, which is no reason to stop.
            return longest;
        }
        longest / 2 + u64::from_le_bytes(random) % (longest / 2 + 1)
    }

    async fn tell(&self, input: Input) -> Result<(), Over> {
        self.inputs
            .send((self.number, input))
            .await
            .map_err(|_| Over)
    }

    /// Waits until the next try; without a time, until somebody asks for one.
    async fn wait(&mut self, pause_ms: Option<u64>) -> Result<(), Over> {
        let pause = async {
            match pause_ms {
                Some(pause_ms) => tokio::time::sleep(Duration::from_millis(pause_ms)).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return Ok(()),
                order = self.orders.recv() => match order {
                    None => return Err(Over),
                    Some(Order::DialNow) => return Ok(()),
                    // Meant for a link that has ended.
                    Some(Order::Send(..) | Order::Leave(..) | Order::Settled(_)) => {}
                }
            }
        }
    }

    async fn hold(&mut self, link: Link) -> Result<After, Over> {
        self.number += 1;
        self.settled = false;
        let (transcript, version) = (*link.transcript(), link.version());
        let (mut reader, mut writer) = link.split();
        self.tell(Input::Linked {
            transcript,
            version,
        })
        .await?;
        let ended = self.pass(&mut reader, &mut writer).await;
        let close = async {
            if ended.is_err() {
                // The last orders have been queued; the close goes after them.
                drop(writer.flush().await);
            }
            drop(writer.close().await);
        };
        drop(tokio::time::timeout(CLOSE_WAIT, close).await);
        let after = ended?;
        self.tell(Input::Lost).await?;
        Ok(after)
    }

    /// Passes messages both ways until the link or the driver ends.
    async fn pass(&mut self, reader: &mut Reader, writer: &mut Writer) -> Result<After, Over> {
        let mut pulse = Pulse::start(self.rhythm, Instant::now());
        let pong = encode(&FromServer::Answer {
            id: PING,
            response: Response::Done {},
        });
        loop {
            let (at, beat) = pulse.next();
            tokio::select! {
                biased;
                order = self.orders.recv() => {
                    if let Some(after) = self.carry_out(order.ok_or(Over)?, writer).await? {
                        return Ok(after);
                    }
                    pulse.sent(Instant::now());
                }
                received = reader.recv() => {
                    pulse.heard(Instant::now());
                    match received {
                        Ok(Some(message)) if message == pong => {}
                        Ok(Some(message)) => self.tell(Input::Frame { message }).await?,
                        Ok(None) => return Ok(After::Lost),
                        Err(error) => {
                            tracing::info!(%error, "the link ended");
                            return Ok(After::Lost);
                        }
                    }
                }
                () = tokio::time::sleep_until(at) => match beat {
                    Beat::Ping => {
                        let ping = FromClient { id: PING, request: Request::Ping {} };
                        let sent = writer.send(&encode(&ping)).is_ok();
                        if !sent || !flushed(writer).await {
                            return Ok(After::Lost);
                        }
                        pulse.asked(Instant::now());
                    }
                    Beat::Dead => {
                        tracing::info!("the link gives no sign of life");
                        return Ok(After::Lost);
                    }
                    Beat::Renew => return Ok(After::Pause(Some(0))),
                }
            }
        }
    }

    /// One order and all that have come with it.
    async fn carry_out(
        &mut self,
        first: Order,
        writer: &mut Writer,
    ) -> Result<Option<After>, Over> {
        let mut next = first;
        loop {
            match next {
                Order::Send(number, message) if number == self.number => {
                    if let Err(error) = writer.send(&message) {
                        tracing::warn!(%error, "a message did not leave");
                        return Ok(Some(After::Lost));
                    }
                }
                Order::Leave(number, pause_ms) if number == self.number => {
                    return Ok(Some(After::Pause(pause_ms)));
                }
                Order::Settled(number) if number == self.number => self.settled = true,
                Order::Send(..) | Order::DialNow | Order::Leave(..) | Order::Settled(_) => {}
            }
            match self.orders.try_recv() {
                Ok(order) => next = order,
                Err(_) => break,
            }
        }
        Ok((!flushed(writer).await).then_some(After::Lost))
    }
}

/// Whether all that was queued has left.
async fn flushed(writer: &mut Writer) -> bool {
    matches!(
        tokio::time::timeout(WRITE_WAIT, writer.flush()).await,
        Ok(Ok(()))
    )
}

/// Ends when the driver does; other orders have no object while there is no link.
async fn until_closed(orders: &mut mpsc::UnboundedReceiver<Order>) -> Over {
    while orders.recv().await.is_some() {}
    Over
}

#[cfg(test)]
mod tests;

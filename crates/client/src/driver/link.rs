//! The task that keeps a channel to the server open.

use super::dial::dial;
use crate::engine::{Down, Input};
use bytes::Bytes;
use std::time::{Duration, Instant};
use subrosa_channel::io::{Link, Reader, Writer};
use subrosa_proto::Address;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// First pause after a failed try.
const BACKOFF_MS_MIN: u64 = 200;
/// Longest pause between tries.
const BACKOFF_MS_MAX: u64 = 30_000;
/// A link that lasted this long was a good one: the next try comes at once.
const GOOD: Duration = Duration::from_secs(10);
/// How long an ending process waits for its last messages to leave.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// What the driver wants of the link.
#[derive(Debug)]
pub(super) enum Order {
    /// Sends a message, if the link is still the one it was made for.
    Send(u64, Bytes),
    /// Tries now.
    DialNow,
    /// Closes this link and makes another.
    Redial,
    /// Tries no more.
    Stop,
}

/// What comes from the link: which one it was, and the engine's input.
pub(super) type FromLink = (u64, Input);

/// The driver's end.
pub(super) struct LinkTask {
    pub orders: mpsc::UnboundedSender<Order>,
    task: JoinHandle<()>,
}

impl LinkTask {
    pub fn start(address: watch::Receiver<Address>, inputs: mpsc::Sender<FromLink>) -> Self {
        let (orders, incoming) = mpsc::unbounded_channel();
        let keeper = Keeper {
            address,
            inputs,
            orders: incoming,
            number: 0,
            failures: 0,
        };
        Self {
            orders,
            task: tokio::spawn(keeper.run()),
        }
    }

    /// A link that is open already and is not made anew when it ends.
    pub fn adopt(
        link: Link,
        address: watch::Receiver<Address>,
        inputs: mpsc::Sender<FromLink>,
    ) -> Self {
        let (orders, incoming) = mpsc::unbounded_channel();
        let mut keeper = Keeper {
            address,
            inputs,
            orders: incoming,
            number: 0,
            failures: 0,
        };
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
    address: watch::Receiver<Address>,
    inputs: mpsc::Sender<FromLink>,
    orders: mpsc::UnboundedReceiver<Order>,
    number: u64,
    failures: u32,
}

/// Why the keeper stops.
struct Over;

impl Keeper {
    async fn run(mut self) {
        while self.once().await.is_ok() {}
    }

    /// One try, and the link if it succeeds.
    async fn once(&mut self) -> Result<(), Over> {
        let address = self.address.borrow().clone();
        let dialled = tokio::select! {
            dialled = dial(&address, subrosa_proto::PROTOCOL_MIN) => dialled,
            over = until_closed(&mut self.orders) => return Err(over),
        };
        match dialled {
            Ok(link) => {
                let since = Instant::now();
                self.hold(link).await?;
                if since.elapsed() >= GOOD {
                    self.failures = 0;
                    return Ok(());
                }
                self.failures = self.failures.saturating_add(1);
                let pause_ms = self.pause_ms();
                self.wait(Some(pause_ms)).await
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
        let longest = (BACKOFF_MS_MIN << self.failures.min(10)).min(BACKOFF_MS_MAX);
        let mut random = [0_u8; 8];
        // Without random numbers the pause has no jitter, which is no reason to stop.
        let _ = getrandom::fill(&mut random);
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
                    None | Some(Order::Stop) => return Err(Over),
                    Some(Order::DialNow) => return Ok(()),
                    Some(Order::Send(..) | Order::Redial) => {}
                }
            }
        }
    }

    async fn hold(&mut self, link: Link) -> Result<(), Over> {
        self.number += 1;
        self.failures = 0;
        let transcript = *link.transcript();
        let (mut reader, mut writer) = link.split();
        self.tell(Input::Linked { transcript }).await?;
        let ended = self.pass(&mut reader, &mut writer).await;
        if ended.is_err() {
            // The last orders have been queued; the close goes after them.
            drop(writer.flush().await);
            drop(writer.close().await);
            return Err(Over);
        }
        drop(tokio::time::timeout(CLOSE_WAIT, writer.close()).await);
        self.tell(Input::Lost).await
    }

    /// Passes messages both ways until the link or the driver ends.
    async fn pass(&mut self, reader: &mut Reader, writer: &mut Writer) -> Result<(), Over> {
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => {
                    let mut next = order.ok_or(Over)?;
                    loop {
                        match next {
                            Order::Send(number, message) if number == self.number => {
                                if let Err(error) = writer.send(&message) {
                                    tracing::warn!(%error, "a message did not leave");
                                    return Ok(());
                                }
                            }
                            Order::Send(..) | Order::DialNow => {}
                            Order::Redial => return Ok(()),
                            Order::Stop => return Err(Over),
                        }
                        match self.orders.try_recv() {
                            Ok(order) => next = order,
                            Err(_) => break,
                        }
                    }
                    if writer.flush().await.is_err() {
                        return Ok(());
                    }
                }
                received = reader.recv() => match received {
                    Ok(Some(message)) => self.tell(Input::Frame { message }).await?,
                    Ok(None) => return Ok(()),
                    Err(error) => {
                        tracing::info!(%error, "the link ended");
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// Ends when the driver does; other orders have no object while there is no link.
async fn until_closed(orders: &mut mpsc::UnboundedReceiver<Order>) -> Over {
    while let Some(order) = orders.recv().await {
        if matches!(order, Order::Stop) {
            break;
        }
    }
    Over
}

//! Interrupt and termination, for what has to end in good order.

use crate::exit::Silent;
use std::future::Future;
use subrosa_client::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Numbers of the two signals.
pub const SIGINT: u8 = 2;
const SIGTERM: u8 = 15;

/// Both signals, watched from the making of this on.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Watches for them; they no longer end the process by themselves.
    pub fn watch() -> anyhow::Result<Self> {
        let watch = |kind| {
            signal(kind).map_err(|error| {
                Failure::defect(format!(
                    "signals cannot be watched ({error}); run the command again"
                ))
            })
        };
        Ok(Self {
            interrupt: watch(SignalKind::interrupt())?,
            terminate: watch(SignalKind::terminate())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Silent {
        tokio::select! {
            _ = self.interrupt.recv() => Silent::Signal(SIGINT),
            _ = self.terminate.recv() => Silent::Signal(SIGTERM),
        }
    }

    /// Runs something that a signal cuts short.
    pub async fn during<T>(
        &mut self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            done = work => done,
            signal = self.next() => {
                crate::terminal::restore();
                Err(signal.into())
            }
        }
    }
}

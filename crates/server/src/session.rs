//! One connection, as a chain of states. Each state owns what it needs and is consumed by the step
//! that leaves it, so that nothing can be asked of a connection that is not there yet.
//!
//! ```text
//! Handshaking → Greeting ⇄ Joining              registration: invite code, then the account
//!                  │   ⇄ LoggingIn              password or recovery code, then a new device
//!                  └──────────→ Ready → Closing a device has proved its key
//! ```

mod connection;
mod greeting;
mod handshaking;
mod joining;
mod logging_in;
mod ready;
mod ticket;

pub(crate) use handshaking::Handshaking;
pub(crate) use ready::{Ready, Reply};
pub(crate) use ticket::{Ticket, Tickets};

use crate::storage::Store;
use connection::Connection;
use greeting::Greeting;
use joining::Joining;
use logging_in::LoggingIn;

/// The states.
pub(crate) enum Session<S: Store> {
    /// The channel is being made.
    Handshaking(Box<Handshaking<S>>),
    /// The channel stands; nobody has said who he is.
    Greeting(Box<Greeting<S>>),
    /// A good invite was shown.
    Joining(Box<Joining<S>>),
    /// A password login is under way or done.
    LoggingIn(Box<LoggingIn<S>>),
    /// A device has logged in.
    Ready(Box<Ready<S>>),
    /// The end is announced to the client.
    Closing(Box<Connection>),
    /// Nothing is left.
    Closed,
}

impl<S: Store> Session<S> {
    /// One step. The futures of the early states are boxed, so that a connection that has come
    /// through does not hold their room.
    pub(crate) async fn handle(self) -> Self {
        match self {
            Self::Handshaking(state) => Box::pin(state.handle()).await,
            Self::Greeting(state) => Box::pin(state.handle()).await,
            Self::Joining(state) => Box::pin(state.handle()).await,
            Self::LoggingIn(state) => Box::pin(state.handle()).await,
            Self::Ready(state) => state.handle().await,
            Self::Closing(connection) => {
                Box::pin(connection.close()).await;
                Self::Closed
            }
            Self::Closed => Self::Closed,
        }
    }

    /// From the first byte to the last.
    pub(crate) async fn run(self) {
        let mut state = self;
        while !matches!(state, Self::Closed) {
            state = state.handle().await;
        }
    }
}

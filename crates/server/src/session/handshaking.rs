//! The channel is being made.

use super::connection::Connection;
use super::greeting::Greeting;
use super::{Session, Ticket};
use crate::limits::Source;
use crate::observer::Seen;
use crate::office::{Office, until_closing};
use crate::randomness;
use crate::storage::Store;
use std::sync::Arc;
use subrosa_channel::io;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A connection that was just accepted.
pub(crate) struct Handshaking<S> {
    pub(crate) office: Arc<Office<S>>,
    pub(crate) tcp: TcpStream,
    pub(crate) id: u64,
    pub(crate) source: Source,
    pub(crate) ticket: Ticket,
}

impl<S: Store> Handshaking<S> {
    pub(super) async fn handle(self) -> Session<S> {
        let Self {
            office,
            tcp,
            id,
            source,
            ticket,
        } = self;
        let mut closing = office.closing.subscribe();
        let made = async {
            // A source that has come too often stands in line.
            ticket.turn().await.ok()?;
            Some(io::accept(tcp, &office.key, &office.channel, &mut randomness::system()).await)
        };
        let made = tokio::select! {
            made = made => made,
            () = ticket.revoked() => return Session::Closed,
            () = until_closing(&mut closing) => return Session::Closed,
        };
        let link = match made {
            Some(Ok(link)) => link,
            Some(Err(error)) => {
                tracing::debug!(connection = id, %error, "no handshake");
                return Session::Closed;
            }
            None => {
                tracing::debug!(connection = id, "its source comes too often");
                return Session::Closed;
            }
        };
        let transcript = *link.transcript();
        office.see(|| Seen::Handshake {
            connection: id,
            transcript,
        });
        #[cfg(feature = "lies")]
        let Some(link) = crate::tap::through(office.tap.as_ref(), link).await else {
            return Session::Closed;
        };
        let (reader, writer) = link.split();
        let patience = office.rates.write;
        let connection = Connection {
            id,
            source,
            transcript,
            reader,
            writer,
            patience,
        };
        let deadline = Instant::now() + office.rates.authenticate;
        Session::Greeting(Box::new(Greeting::new(
            office, connection, ticket, deadline,
        )))
    }
}

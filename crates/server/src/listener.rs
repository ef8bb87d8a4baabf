//! TCP: listening, and a task for each connection.

use crate::error::StartError;
use crate::limits::Source;
use crate::office::{Office, until_closing};
use crate::session::{Handshaking, Session, Tickets};
use crate::storage::Store;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;
/// A peer that is gone is noticed after about this time.
const KEEPALIVE: Duration = Duration::from_secs(120);

/// Listens on an address; on all of IPv4 too if it is all of IPv6, or instead if there is no IPv6.
pub(crate) fn listen(address: SocketAddr) -> Result<StdListener, StartError> {
    let listened = try_listen(address).or_else(|error| {
        let everywhere = address.is_ipv6() && address.ip().is_unspecified();
        if everywhere && error.kind() != io::ErrorKind::AddrInUse {
            try_listen((Ipv4Addr::UNSPECIFIED, address.port()).into()).map_err(|_| error)
        } else {
            Err(error)
        }
    });
    listened.map_err(|error| StartError::from_listen(error, address))
}

fn try_listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A port whose last connections are still fading away may be taken; one in use may not.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Numbers connections over all listeners.
#[derive(Debug, Default)]
pub(crate) struct Numbers(AtomicU64);

impl Numbers {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What the listeners of one server share.
pub(crate) struct Reception<S> {
    pub(crate) office: Arc<Office<S>>,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) numbers: Numbers,
}

/// Accepts connections until the server closes. Each task holds `alive` until it ends.
pub(crate) async fn receive<S: Store>(
    reception: Arc<Reception<S>>,
    listener: TcpListener,
    alive: mpsc::Sender<()>,
) {
    let mut closing = reception.office.closing.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = until_closing(&mut closing) => return,
        };
        match accepted {
            Ok((tcp, peer)) => {
                let Some(session) = greet(&reception, tcp, peer) else {
                    continue;
                };
                let alive = alive.clone();
                tokio::spawn(async move {
                    session.run().await;
                    drop(alive);
                });
            }
            Err(error) => {
                // No files left, most likely: those that end give theirs back.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn greet<S: Store>(
    reception: &Reception<S>,
    tcp: TcpStream,
    peer: SocketAddr,
) -> Option<Session<S>> {
    let id = reception.numbers.next();
    let source = Source::of(peer.ip());
    let ticket = reception.tickets.draw(id, source)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE / 4);
    if let Err(error) = SockRef::from(&tcp).set_tcp_keepalive(&keepalive) {
        tracing::debug!(connection = id, %error, "no keepalive");
    }
    let office = reception.office.clone();
    Some(Session::Handshaking(Box::new(Handshaking {
        office,
        tcp,
        id,
        source,
        ticket,
    })))
}

//! The channel over TCP with tokio (`docs/spec/channel.md` §6): the one part of the crate that has a socket and a
//! clock.
//!
//! [`connect`] and [`accept`] give a [`Link`], whose [`Reader`] and [`Writer`] can have different owners. An idle link
//! holds its keys and no buffers.
//!
//! Cancel-safe, hence fit for `select!`: [`Reader::recv`], [`Writer::flush`], [`Writer::close`]. Dropping [`connect`] or
//! [`accept`] closes the connection.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the adapter is where sockets and time come in"
)]

use std::io;
use std::time::Duration;

use rand_core::CryptoRng;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::frame::{Inbound, MESSAGE_BYTES_MAX, Outbound, ReceiveError, SendError};
use crate::handshake::{self, HandshakeError, M1_LEN, M2_LEN, Open, VERSION};
use crate::hello::{Hello, HelloError};
use crate::server_key::{ServerKey, ServerPublicKey};

mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// How long a channel may be used; then its ends make a new one. Left to the caller, who knows when it is convenient.
pub const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a handshake with its hellos may take, unless the caller says otherwise.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes read at most from a peer whose first message was no good.
const DISCARDED_BYTES_MAX: usize = 16 * 1024;

/// What an end brings to a connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// The versions and the build to announce.
    pub hello: Hello,
    /// The lowest version to speak: at a client the highest that it has spoken with this server; at a server 0.
    pub pinned: u16,
    /// Bytes of the longest message to receive at first; [`Reader::set_message_limit`] changes it.
    pub message_limit: usize,
    /// How long handshake and hellos may take.
    pub timeout: Duration,
}

impl Config {
    /// Nothing pinned, messages up to [`MESSAGE_BYTES_MAX`], [`HANDSHAKE_TIMEOUT`].
    pub const fn new(hello: Hello) -> Self {
        Self {
            hello,
            pinned: 0,
            message_limit: MESSAGE_BYTES_MAX,
            timeout: HANDSHAKE_TIMEOUT,
        }
    }
}

/// Why a link did not come about, or ended.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The operating system's error.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The client got no byte: another key than the server's, another version of the handshake, or no such server.
    #[error(
        "no answer: the server has another key, speaks another version of the handshake, or is no such server"
    )]
    NoAnswer,
    /// Handshake and hellos were not done in time.
    #[error("the handshake was not finished in time")]
    Timeout,
    /// See [`HandshakeError`].
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The hellos lead to no version.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// See [`ReceiveError`]; its `Truncated` is an end without the authenticated close.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// See [`SendError`].
    #[error(transparent)]
    Send(#[from] SendError),
}

/// An open connection: the handshake is done and a version agreed on.
#[derive(Debug)]
pub struct Link {
    reader: Reader,
    writer: Writer,
    transcript: [u8; 32],
    peer: Hello,
    version: u16,
}

impl Link {
    /// The handshake hash, to which everything is bound that is signed or proven inside.
    pub const fn transcript(&self) -> &[u8; 32] {
        &self.transcript
    }

    /// The peer's hello.
    pub const fn peer(&self) -> &Hello {
        &self.peer
    }

    /// The protocol version that both ends speak from here on.
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The receiving half.
    pub const fn reader(&mut self) -> &mut Reader {
        &mut self.reader
    }

    /// The sending half.
    pub const fn writer(&mut self) -> &mut Writer {
        &mut self.writer
    }

    /// The two halves, for two owners.
    pub fn split(self) -> (Reader, Writer) {
        (self.reader, self.writer)
    }
}

/// Makes a channel on a fresh TCP connection to the server that has this key.
///
/// # Errors
/// [`LinkError`]; the connection is closed.
pub async fn connect(
    mut tcp: TcpStream,
    server: &ServerPublicKey,
    config: &Config,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Link, LinkError> {
    let deadline = Instant::now() + config.timeout;
    tcp.set_nodelay(true)?;
    let (await_reply, m1) = handshake::dial(server, rng)?;
    let mut m2 = [0; M2_LEN];
    let answer = timeout_at(deadline, async {
        tcp.write_all(&m1).await?;
        tcp.read_exact(&mut m2).await
    });
    match answer.await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) if is_end(&error) => return Err(LinkError::NoAnswer),
        Ok(Err(error)) => return Err(LinkError::Io(error)),
        Err(_) => return Err(LinkError::NoAnswer),
    }
    let open = await_reply.reply(&m2)?;
    timeout_at(deadline, greet_server(tcp, open, config))
        .await
        .map_err(|_| LinkError::Timeout)?
}

/// Reads the server's hello before it sends its own: whatever the outcome, both ends then know both ranges.
async fn greet_server(tcp: TcpStream, open: Open, config: &Config) -> Result<Link, LinkError> {
    let transcript = *open.transcript();
    let (mut reader, mut writer) = halves(tcp, open, config);
    let peer = reader.hello().await?;
    writer.hello(&config.hello)?;
    writer.flush().await?;
    let version = config.hello.agree(&peer, config.pinned)?;
    Ok(Link {
        reader,
        writer,
        transcript,
        peer,
        version,
    })
}

/// Makes a channel on an accepted TCP connection.
///
/// Whoever does not know the server's key gets no byte and learns nothing from the time either: a first message that
/// is no good is treated like one that never ends, and the connection is closed when the time is up.
///
/// # Errors
/// [`LinkError`]; the connection is closed.
pub async fn accept(
    mut tcp: TcpStream,
    server: &ServerKey,
    config: &Config,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Link, LinkError> {
    let deadline = Instant::now() + config.timeout;
    tcp.set_nodelay(true)?;
    let m1 = timeout_at(deadline, read_m1(&mut tcp))
        .await
        .map_err(|_| LinkError::Timeout)??;
    let answer = match m1.as_slice() {
        // Of another version no more than the first byte was read.
        [version] => Err(HandshakeError::Version(*version)),
        m1 => handshake::accept(server, m1, rng),
    };
    match answer {
        Ok((open, m2)) => timeout_at(deadline, greet_client(tcp, open, m2, config))
            .await
            .map_err(|_| LinkError::Timeout)?,
        Err(error) => {
            discard(&mut tcp, deadline).await;
            Err(LinkError::Handshake(error))
        }
    }
}

/// M1, or only its first byte if that names another version.
async fn read_m1(tcp: &mut TcpStream) -> io::Result<Vec<u8>> {
    let version = tcp.read_u8().await?;
    let mut m1 = vec![version];
    if version == VERSION {
        m1.resize(M1_LEN, 0);
        let (_, rest) = m1.split_at_mut(1);
        tcp.read_exact(rest).await?;
    }
    Ok(m1)
}

/// Reads and forgets until the deadline or the peer's end, so that closing looks the same as with a message that was
/// never finished. Who sends much more than that is left waiting instead of being read at the server's cost.
async fn discard(tcp: &mut TcpStream, deadline: Instant) {
    let mut ignored = [0; 512];
    for _ in 0..DISCARDED_BYTES_MAX / ignored.len() {
        match timeout_at(deadline, tcp.read(&mut ignored)).await {
            Ok(Ok(len)) if len > 0 => {}
            _ => return,
        }
    }
    sleep_until(deadline).await;
}

/// Sends M2 and the server's hello in one write, then waits for the client's.
async fn greet_client(
    tcp: TcpStream,
    open: Open,
    m2: Vec<u8>,
    config: &Config,
) -> Result<Link, LinkError> {
    let transcript = *open.transcript();
    let (mut reader, mut writer) = halves(tcp, open, config);
    writer.raw(&m2);
    writer.hello(&config.hello)?;
    writer.flush().await?;
    let peer = reader.hello().await?;
    let version = config.hello.agree(&peer, config.pinned)?;
    Ok(Link {
        reader,
        writer,
        transcript,
        peer,
        version,
    })
}

fn halves(tcp: TcpStream, open: Open, config: &Config) -> (Reader, Writer) {
    let (outbound, inbound): (Outbound, Inbound) = open.split();
    let (read, write) = tcp.into_split();
    let mut reader = Reader::new(read, inbound);
    reader.set_message_limit(config.message_limit);
    (reader, Writer::new(write, outbound))
}

/// The peer went away instead of answering.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe
    )
}

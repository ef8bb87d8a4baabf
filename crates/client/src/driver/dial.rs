//! Reaching a server: all its hosts at once, the first that proves its key wins.

use crate::command::{Failure, FailureKind};
use std::io;
use std::time::Duration;
use subrosa_channel::io::{Config, Link, LinkError};
use subrosa_channel::{Hello, ServerPublicKey};
use subrosa_proto::{Address, BUILD, Host, PROTOCOL_MAX, PROTOCOL_MIN, limits};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long one host may take to answer on TCP.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// Why no channel to a server came about, in one sentence.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct DialError {
    /// For the person.
    pub sentence: String,
    /// Whether trying again by itself may help.
    pub retry: bool,
    /// The more telling a failure, the higher: of several hosts the highest is shown.
    weight: u8,
}

impl From<DialError> for Failure {
    fn from(error: DialError) -> Self {
        Self {
            kind: FailureKind::Network,
            sentence: error.sentence,
        }
    }
}

/// Opens a channel to a server. `pinned` is the highest protocol version spoken with it before.
///
/// # Errors
/// [`DialError`] says why none of the hosts could be reached.
pub(crate) async fn dial(address: &Address, pinned: u16) -> Result<Link, DialError> {
    let mut tries = JoinSet::new();
    for host in address.hosts.clone() {
        tries.spawn(one(host, address.key, pinned));
    }
    let mut worst: Option<DialError> = None;
    while let Some(tried) = tries.join_next().await {
        match tried {
            Ok(Ok(link)) => return Ok(link),
            Ok(Err(error)) => {
                if worst
                    .as_ref()
                    .is_none_or(|worst| worst.weight < error.weight)
                {
                    worst = Some(error);
                }
            }
            Err(error) => tracing::error!(%error, "a connection attempt broke off"),
        }
    }
    Err(worst.unwrap_or_else(|| DialError {
        sentence: "the address names no host".to_owned(),
        retry: false,
        weight: 0,
    }))
}

async fn one(host: Host, key: [u8; 32], pinned: u16) -> Result<Link, DialError> {
    let unreached = |cause: &dyn std::fmt::Display, weight| DialError {
        sentence: format!(
            "the server at {}:{} cannot be reached ({cause}); check that it runs and that this machine is online",
            host.name, host.port
        ),
        retry: true,
        weight,
    };
    let connecting = TcpStream::connect((host.name.as_str(), host.port));
    let tcp = match tokio::time::timeout(CONNECT_WAIT, connecting).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(error)) => return Err(unreached(&reason(&error), 1)),
        Err(_) => return Err(unreached(&"no answer in 5 seconds", 2)),
    };
    let hello =
        Hello::new(PROTOCOL_MIN, PROTOCOL_MAX, BUILD).map_err(|error| unreached(&error, 0))?;
    let config = Config {
        pinned,
        message_limit: limits::MESSAGE_BYTES_MAX,
        ..Config::new(hello)
    };
    let server = ServerPublicKey::from_bytes(key);
    let mut rng = crate::randomness::system();
    subrosa_channel::io::connect(tcp, &server, &config, &mut rng)
        .await
        .map_err(|error| refused(&host, &error))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was cut".to_owned(),
        _ => error.to_string(),
    }
}

fn refused(host: &Host, error: &LinkError) -> DialError {
    let at = format!("{}:{}", host.name, host.port);
    match error {
        LinkError::Hello(error) => DialError {
            sentence: format!(
                "the server at {at} and this program speak different versions: {error}; upgrade the older side"
            ),
            retry: false,
            weight: 5,
        },
        LinkError::NoAnswer | LinkError::Timeout => DialError {
            sentence: format!(
                "{at} gave no answer: it has another key than this address, speaks another version, or is no Subrosa server; compare the address with `subrosa address` of another member"
            ),
            retry: true,
            weight: 4,
        },
        error => DialError {
            sentence: format!("the connection to {at} broke off ({error}); try again"),
            retry: true,
            weight: 3,
        },
    }
}

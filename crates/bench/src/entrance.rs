//! The way in: TCP connections to one server, from as many addresses of the loopback as are wanted.

use crate::connection::Connection;
use crate::outcome::{Outcome, link, system};
use crate::randomness;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use subrosa_channel::io::{Config, connect};
use subrosa_channel::{Hello, ServerPublicKey};
use subrosa_client::Failure;
use subrosa_proto::{Address, BUILD, Host, PROTOCOL_MAX, PROTOCOL_MIN};
use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Addresses of 127.0.0.0/8 that are used as sources, from 127.0.1.1 on.
pub(crate) const SOURCES_MAX: u32 = 60_000;

#[derive(Debug, Clone)]
pub(crate) struct Entrance {
    to: SocketAddr,
    key: [u8; 32],
}

impl Entrance {
    /// The first of the server's hosts that takes a connection.
    pub(crate) async fn find(address: &Address) -> Outcome<Self> {
        for host in &address.hosts {
            let Ok(found) = lookup_host((host.name.as_str(), host.port)).await else {
                continue;
            };
            for to in found {
                if TcpStream::connect(to).await.is_ok() {
                    let key = address.key;
                    return Ok(Self { to, key });
                }
            }
        }
        Err(Failure::network(
            "no host of the server's address takes a connection: is it running?",
        ))
    }

    pub(crate) const fn server_key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The server's address, with the one host that is used.
    pub(crate) fn address(&self) -> Address {
        let host = Host {
            name: self.to.ip().to_string(),
            port: self.to.port(),
        };
        Address {
            hosts: vec![host],
            key: self.key,
        }
    }

    /// Whether clients can come from several addresses: the server is on the loopback.
    pub(crate) fn has_sources(&self) -> bool {
        matches!(self.to.ip(), IpAddr::V4(four) if four.is_loopback())
    }

    /// A channel from whatever address the system takes.
    pub(crate) async fn connect(&self) -> Outcome<Connection> {
        let tcp = TcpStream::connect(self.to).await.map_err(refused)?;
        self.greet(tcp).await
    }

    /// A channel from one of several addresses, if there are several.
    pub(crate) async fn connect_from(&self, source: u32) -> Outcome<Connection> {
        if !self.has_sources() {
            return self.connect().await;
        }
        let from = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + source % SOURCES_MAX);
        let socket = TcpSocket::new_v4().map_err(refused)?;
        socket
            .bind(SocketAddr::from((from, 0)))
            .map_err(|error| system("no further address of the loopback can be used", error))?;
        let tcp = socket.connect(self.to).await.map_err(refused)?;
        self.greet(tcp).await
    }

    async fn greet(&self, tcp: TcpStream) -> Outcome<Connection> {
        let hello =
            Hello::new(PROTOCOL_MIN, PROTOCOL_MAX, BUILD).map_err(crate::outcome::defect)?;
        let config = Config::new(hello);
        let key = ServerPublicKey::from_bytes(self.key);
        let link = connect(tcp, &key, &config, &mut randomness::system())
            .await
            .map_err(|error| link(&error))?;
        Ok(Connection::new(link))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn refused(error: std::io::Error) -> Failure {
    Failure::network(format!(
        "the server took no connection ({error}): is it running, and are there enough open files (ulimit -n)?"
    ))
}

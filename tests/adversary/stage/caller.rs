//! A client that says whatever it is told to: the channel is real, everything inside is the script's.

use super::{PATIENCE, rng};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use subrosa_channel::io::{self, Link, LinkError};
use subrosa_channel::{Hello, ServerPublicKey};
use subrosa_proto::{ErrorCode, FromClient, FromServer, Push, Request, Response, decode, encode};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub struct Caller {
    pub link: Link,
    next: u64,
    pub pushes: VecDeque<Push>,
}

impl Caller {
    pub async fn connect(port: u16, key: [u8; 32]) -> Self {
        Self::try_connect(port, key).await.unwrap()
    }

    pub async fn try_connect(port: u16, key: [u8; 32]) -> Result<Self, LinkError> {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let tcp = TcpStream::connect(to).await?;
        let config = io::Config::new(Hello::new(1, 1, "liar").unwrap());
        let key = ServerPublicKey::from_bytes(key);
        let link = io::connect(tcp, &key, &config, &mut rng()).await?;
        Ok(Self {
            link,
            next: 0,
            pushes: VecDeque::new(),
        })
    }

    pub fn transcript(&self) -> [u8; 32] {
        *self.link.transcript()
    }

    pub async fn say(&mut self, bytes: &[u8]) {
        self.link.writer().send(bytes).unwrap();
        self.link.writer().flush().await.unwrap();
    }

    /// The answer, or nothing when the server ended the connection instead.
    pub async fn try_ask(&mut self, request: Request) -> Option<Response> {
        self.next += 1;
        let id = self.next;
        let message = encode(&FromClient { id, request });
        self.link.writer().send(&message).ok()?;
        self.link.writer().flush().await.ok()?;
        loop {
            match self.next().await? {
                FromServer::Answer { id: of, response } if of == id => return Some(response),
                FromServer::Answer { .. } => panic!("an answer to something else"),
                FromServer::Push { push } => self.pushes.push_back(push),
            }
        }
    }

    pub async fn ask(&mut self, request: Request) -> Response {
        self.try_ask(request).await.expect("an answer")
    }

    pub async fn refused(&mut self, request: Request) -> ErrorCode {
        match self.ask(request).await {
            Response::Refused { refusal } => refusal.code,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub async fn next(&mut self) -> Option<FromServer> {
        let received = timeout(PATIENCE, self.link.reader().recv())
            .await
            .expect("something in time");
        received.ok().flatten().map(|bytes| decode(&bytes).unwrap())
    }

    /// Waits until the server ends the connection.
    pub async fn ended(&mut self) {
        while self.next().await.is_some() {}
    }
}

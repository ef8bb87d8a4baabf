//! A connection of the scripted client: requests with their answers, and pushes in their order.

use crate::ground::PATIENCE;
use std::collections::VecDeque;
use std::net::SocketAddr;
use subrosa_channel::io::{self, Link, LinkError};
use subrosa_channel::{Hello, ServerPublicKey};
use subrosa_proto::{ErrorCode, FromClient, FromServer, Page, Push, Refusal, Request, Response};
use subrosa_server::Server;
use tokio::net::TcpStream;
use tokio::time::timeout;

pub fn rng() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

pub struct Client {
    pub link: Link,
    next_id: u64,
    pushes: VecDeque<Push>,
    answers: VecDeque<(u64, Response)>,
}

impl Client {
    pub async fn connect(server: &Server) -> Self {
        Self::try_connect(server.local_addr().unwrap(), server.address().key)
            .await
            .unwrap()
    }

    pub async fn try_connect(to: SocketAddr, key: [u8; 32]) -> Result<Self, LinkError> {
        let tcp = TcpStream::connect(to).await?;
        let config = io::Config::new(Hello::new(1, 1, "scripted").unwrap());
        let key = ServerPublicKey::from_bytes(key);
        let link = io::connect(tcp, &key, &config, &mut rng()).await?;
        Ok(Self {
            link,
            next_id: 0,
            pushes: VecDeque::new(),
            answers: VecDeque::new(),
        })
    }

    pub fn transcript(&self) -> [u8; 32] {
        *self.link.transcript()
    }

    /// Sends without waiting for the answer; the number to wait for.
    pub async fn send(&mut self, request: Request) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        self.send_bytes(&subrosa_proto::encode(&FromClient { id, request }))
            .await;
        id
    }

    /// The same, unless the connection has ended.
    pub async fn send_if_up(&mut self, request: Request) -> Option<u64> {
        self.next_id += 1;
        let id = self.next_id;
        let message = subrosa_proto::encode(&FromClient { id, request });
        self.link.writer().send(&message).ok()?;
        self.link.writer().flush().await.ok()?;
        Some(id)
    }

    pub async fn send_bytes(&mut self, message: &[u8]) {
        self.link.writer().send(message).unwrap();
        self.link.writer().flush().await.unwrap();
    }

    /// The next message, or nothing if the server has closed or cut the connection.
    pub async fn next(&mut self) -> Option<FromServer> {
        let received = timeout(PATIENCE, self.link.reader().recv())
            .await
            .expect("an answer in time");
        received
            .ok()
            .flatten()
            .map(|bytes| subrosa_proto::decode(&bytes).unwrap())
    }

    pub async fn answer(&mut self, id: u64) -> Option<Response> {
        loop {
            if let Some(at) = self.answers.iter().position(|(other, _)| *other == id) {
                return self.answers.remove(at).map(|(_, response)| response);
            }
            match self.next().await? {
                FromServer::Answer { id, response } => self.answers.push_back((id, response)),
                FromServer::Push { push } => self.pushes.push_back(push),
            }
        }
    }

    pub async fn ask(&mut self, request: Request) -> Response {
        let id = self.send(request).await;
        self.answer(id).await.expect("an answer")
    }

    pub async fn done(&mut self, request: Request) {
        assert_eq!(self.ask(request).await, Response::Done {});
    }

    pub async fn refusal(&mut self, request: Request) -> Refusal {
        match self.ask(request).await {
            Response::Refused { refusal } => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub async fn refused(&mut self, request: Request) -> ErrorCode {
        self.refusal(request).await.code
    }

    /// The next push, or nothing if the connection has ended.
    pub async fn push(&mut self) -> Option<Push> {
        loop {
            if let Some(push) = self.pushes.pop_front() {
                return Some(push);
            }
            match self.next().await? {
                FromServer::Answer { id, response } => self.answers.push_back((id, response)),
                FromServer::Push { push } => self.pushes.push_back(push),
            }
        }
    }

    /// The next page of events that is pushed.
    pub async fn page(&mut self) -> Page {
        loop {
            if let Push::Events { page } = self.push().await.expect("a page") {
                return page;
            }
        }
    }

    /// Waits until the server ends the connection. Whether it said so before.
    pub async fn ended(&mut self) -> bool {
        let mut announced = false;
        while let Some(message) = self.next().await {
            announced = matches!(
                message,
                FromServer::Push {
                    push: Push::Closing {}
                }
            );
        }
        announced
    }
}

//! The guest's side of the socket.

use super::folder::Home;
use super::wire::{Asks, FromGuest, Hello, HelloWord, ToGuest, Version, line, next_line};
use crate::command::{Answer, Caller, Command, Failure};
use crate::view::Notice;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// An owner that listens but does not answer the hello within this is hung.
const HELLO_WAIT: Duration = Duration::from_secs(5);

/// A connection to the owner: commands go out here, arrivals come through a queue, so that
/// waiting for one can be given up safely.
pub(super) struct Guest {
    to: OwnedWriteHalf,
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    reading: JoinHandle<()>,
}

/// What comes from the owner.
pub(super) enum Arrival {
    /// The answer to the request of that number.
    Answer(u64, Result<Answer, Failure>),
    /// For the subscription of that number.
    Notice(u64, Notice),
}

/// Why no owner took the guest in.
pub(super) enum NoOwner {
    /// Nobody listens (yet, or any more).
    Absent,
    /// Somebody does, of another build.
    OtherBuild(Failure),
}

impl Guest {
    /// Connects to the present owner.
    pub(super) async fn enter(home: &Home, face: &str) -> Result<Self, NoOwner> {
        let plate = home.plate().ok_or(NoOwner::Absent)?;
        let stream = UnixStream::connect(&plate.socket)
            .await
            .map_err(|_| NoOwner::Absent)?;
        let own_uid = rustix::process::getuid().as_raw();
        if stream
            .peer_cred()
            .map_or(true, |peer| peer.uid() != own_uid)
        {
            return Err(NoOwner::Absent);
        }
        let (from, mut to) = stream.into_split();
        let mut from = BufReader::new(from);
        let params = Hello {
            build: subrosa_proto::BUILD.to_owned(),
            face: face.to_owned(),
        };
        let asks = Asks::Hello {
            method: HelloWord::Hello,
            params,
        };
        let hello = line(&FromGuest {
            jsonrpc: Version::Two,
            id: 0,
            caller: None,
            asks,
        });
        to.write_all(&hello).await.map_err(|_| NoOwner::Absent)?;
        let hello = tokio::time::timeout(HELLO_WAIT, owners_hello(&mut from)).await;
        let hello = hello.ok().flatten().ok_or(NoOwner::Absent)?;
        if hello.build != subrosa_proto::BUILD {
            return Err(NoOwner::OtherBuild(Failure::user(format!(
                "this home is in use by `subrosa {}` of another version ({}, this is {}); end that process (pid {}) and try again",
                hello.face,
                hello.build,
                subrosa_proto::BUILD,
                plate.pid
            ))));
        }
        let (queue, arrivals) = mpsc::channel(64);
        let reading = tokio::spawn(read(from, queue));
        Ok(Self {
            to,
            arrivals,
            reading,
        })
    }

    /// Sends a command under a number of the guest's choice; `None` when the owner has gone.
    pub(super) async fn ask(&mut self, id: u64, caller: &Caller, command: &Command) -> Option<()> {
        let asks = Asks::Command(command.clone());
        let asked = FromGuest {
            jsonrpc: Version::Two,
            id,
            caller: Some(caller.clone()),
            asks,
        };
        self.to.write_all(&line(&asked)).await.ok()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn owners_hello(from: &mut BufReader<OwnedReadHalf>) -> Option<Hello> {
    let mut text = Vec::new();
    next_line(from, &mut text).await?;
    match serde_json::from_slice(&text).ok()? {
        ToGuest::Hello { hello, .. } => Some(hello),
        _ => None,
    }
}

async fn read(mut from: BufReader<OwnedReadHalf>, queue: mpsc::Sender<Arrival>) {
    let mut text = Vec::new();
    while next_line(&mut from, &mut text).await.is_some() {
        let arrival = match serde_json::from_slice(&text) {
            Ok(ToGuest::Result { id, result, .. }) => Arrival::Answer(id, Ok(result)),
            Ok(ToGuest::Error { id, error, .. }) => Arrival::Answer(id, Err(error.into())),
            Ok(ToGuest::Notice {
                subscription,
                params,
                ..
            }) => Arrival::Notice(subscription, params),
            Ok(ToGuest::Hello { .. }) | Err(_) => return,
        };
        if queue.send(arrival).await.is_err() {
            return;
        }
    }
}

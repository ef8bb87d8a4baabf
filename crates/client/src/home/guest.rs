//! The guest's side of the socket.

use super::build::is_newer;
use super::folder::{Home, Plate};
use super::wire::{ANSWER_BYTES_MAX, Hello, Id, Read, Told, command_line, hello_line, next_line};
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
        let hello = Hello {
            build: subrosa_proto::BUILD.to_owned(),
            face: face.to_owned(),
            gives_way: false,
        };
        let hello = hello_line(&hello);
        to.write_all(&hello).await.map_err(|_| NoOwner::Absent)?;
        let hello = tokio::time::timeout(HELLO_WAIT, owners_hello(&mut from)).await;
        let hello = hello.ok().flatten().ok_or(NoOwner::Absent)?;
        if hello.gives_way {
            // It is ending: the lock is free in a moment.
            return Err(NoOwner::Absent);
        }
        if hello.build != subrosa_proto::BUILD {
            return Err(NoOwner::OtherBuild(other_build(&hello, &plate)));
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
        let line = command_line(id, caller, command);
        self.to.write_all(&line).await.ok()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Both builds work on the same home by turns; at the same time they might not understand each other.
fn other_build(hello: &Hello, plate: &Plate) -> Failure {
    let (face, pid, own) = (&hello.face, plate.pid, subrosa_proto::BUILD);
    let fix = if is_newer(&hello.build, own) {
        format!("use that version, or end that process (pid {pid}) and try again")
    } else {
        format!("end that process (pid {pid}) and try again")
    };
    Failure::user(format!(
        "this home is in use by `subrosa {face}` of another version ({}, this is {own}); {fix}",
        hello.build
    ))
}

async fn owners_hello(from: &mut BufReader<OwnedReadHalf>) -> Option<Hello> {
    let mut text = Vec::new();
    let Read::Line = next_line(from, &mut text, ANSWER_BYTES_MAX).await else {
        return None;
    };
    match serde_json::from_slice(&text).ok()? {
        Told::Hello { result, .. } => Some(result.hello),
        _ => None,
    }
}

async fn read(mut from: BufReader<OwnedReadHalf>, queue: mpsc::Sender<Arrival>) {
    let mut text = Vec::new();
    while let Read::Line = next_line(&mut from, &mut text, ANSWER_BYTES_MAX).await {
        let arrival = match serde_json::from_slice(&text) {
            Ok(Told::Result { id, result, .. }) => answer(&id, Ok(result)),
            Ok(Told::Error { id, error, .. }) => answer(&id, Err(error.into())),
            Ok(Told::Notice { params, .. }) => {
                let id = params.subscription.number();
                id.map(|id| Arrival::Notice(id, params.notice))
            }
            Ok(Told::Ended { params, .. }) => {
                answer(&params.subscription, Err(params.error.into()))
            }
            Ok(Told::Hello { .. } | Told::Document { .. }) | Err(_) => None,
        };
        let Some(arrival) = arrival else { return };
        if queue.send(arrival).await.is_err() {
            return;
        }
    }
}

fn answer(id: &Id, result: Result<Answer, Failure>) -> Option<Arrival> {
    id.number().map(|id| Arrival::Answer(id, result))
}

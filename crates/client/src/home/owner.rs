//! The owner's side of the socket: takes guests in and passes their commands on.

use super::folder::{Home, Lock, Plate};
use super::wire::{Asks, FromGuest, Hello, NoticeWord, ToGuest, Version, line, next_line};
use crate::command::{Call, Command, Failure};
use std::io;
use std::os::unix::fs::PermissionsExt;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Notices that wait for one guest before its subscription ends.
const NOTICES_WAITING_MAX: usize = 1_024;

/// Binds the socket and writes where it is into the lock file.
pub(super) fn listen(home: &Home, lock: &mut Lock, face: &str) -> io::Result<UnixListener> {
    lock.clear();
    let socket = home.socket_path()?;
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&socket)?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
    let build = subrosa_proto::BUILD.to_owned();
    lock.write(&Plate {
        pid: std::process::id(),
        build,
        face: face.to_owned(),
        socket,
    })?;
    Ok(listener)
}

/// Serves guests until it is dropped; then their connections end, and one of them takes over.
pub(super) async fn serve(listener: UnixListener, face: String, calls: mpsc::Sender<Call>) {
    let mut guests = JoinSet::new();
    let uid = rustix::process::getuid().as_raw();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if stream.peer_cred().is_ok_and(|peer| peer.uid() == uid) => {
                    guests.spawn(guest(stream, face.clone(), calls.clone()));
                }
                Ok(_) => tracing::warn!("a process of another user tried the home's socket"),
                Err(error) => {
                    // Too many open files: give guests time to leave rather than spin.
                    tracing::warn!(%error, "the home's socket does not accept");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            },
            Some(_) = guests.join_next(), if !guests.is_empty() => {}
        }
    }
}

async fn guest(stream: UnixStream, face: String, calls: mpsc::Sender<Call>) {
    let (from, mut to) = stream.into_split();
    let (lines, mut outgoing) = mpsc::channel::<Vec<u8>>(64);
    // A guest whose subscription has ended is let go: it comes again, and goes on after its last row.
    let (ended, mut subscription_ended) = mpsc::channel::<()>(1);
    let read = async {
        let mut from = BufReader::new(from);
        let mut text = Vec::new();
        let mut tasks = JoinSet::new();
        while next_line(&mut from, &mut text).await.is_some() {
            let Ok(asked) = serde_json::from_slice::<FromGuest>(&text) else {
                break;
            };
            match (asked.asks, asked.caller) {
                (Asks::Hello { .. }, _) => {
                    let hello = Hello {
                        build: subrosa_proto::BUILD.to_owned(),
                        face: face.clone(),
                    };
                    let answer = ToGuest::Hello {
                        jsonrpc: Version::Two,
                        id: asked.id,
                        hello,
                    };
                    if lines.send(line(&answer)).await.is_err() {
                        break;
                    }
                }
                (Asks::Command(command), Some(caller)) => {
                    tasks.spawn(pass_on(
                        asked.id,
                        caller,
                        command,
                        calls.clone(),
                        lines.clone(),
                        ended.clone(),
                    ));
                }
                (Asks::Command(_), None) => break,
            }
            while tasks.try_join_next().is_some() {}
        }
    };
    let write = async {
        while let Some(line) = outgoing.recv().await {
            if to.write_all(&line).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write => {}
        _ = subscription_ended.recv() => {}
    }
}

async fn pass_on(
    id: u64,
    caller: crate::command::Caller,
    command: Command,
    calls: mpsc::Sender<Call>,
    lines: mpsc::Sender<Vec<u8>>,
    ended: mpsc::Sender<()>,
) {
    let (reply, answer) = oneshot::channel();
    let (notices, arriving) = if matches!(command, Command::Subscribe { .. }) {
        let (notices, arriving) = mpsc::channel(NOTICES_WAITING_MAX);
        (Some(notices), Some(arriving))
    } else {
        (None, None)
    };
    if calls
        .send(Call {
            caller,
            command,
            reply,
            notices,
        })
        .await
        .is_err()
    {
        return;
    }
    // No answer means that the owner is ending: the guest repeats the command with the next.
    let Ok(result) = answer.await else { return };
    let failed = result.is_err();
    let answer = match result {
        Ok(result) => ToGuest::Result {
            jsonrpc: Version::Two,
            id,
            result,
        },
        Err(failure) => ToGuest::Error {
            jsonrpc: Version::Two,
            id,
            error: Failure::into(failure),
        },
    };
    if lines.send(line(&answer)).await.is_err() || failed {
        return;
    }
    let Some(mut arriving) = arriving else { return };
    while let Some(params) = arriving.recv().await {
        let notice = ToGuest::Notice {
            jsonrpc: Version::Two,
            method: NoticeWord::Notice,
            subscription: id,
            params,
        };
        if lines.send(line(&notice)).await.is_err() {
            return;
        }
    }
    // Nobody to tell any more is as good.
    let _ = ended.send(()).await;
}

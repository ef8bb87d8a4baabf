//! The owner's side of the socket: takes guests and programs in.

use super::conversing::{Host, converse};
use super::folder::{Home, Lock, Plate};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

/// Binds the socket and writes where it is into the lock file.
pub(super) fn listen(home: &Home, lock: &mut Lock, face: &str) -> io::Result<UnixListener> {
    lock.clear();
    let socket = home.socket_path()?;
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = bind(&socket)?;
    let build = subrosa_proto::BUILD.to_owned();
    lock.write(&Plate {
        pid: std::process::id(),
        build,
        face: face.to_owned(),
        socket,
    })?;
    Ok(listener)
}

/// A socket for this user only.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// A further socket at a place of the person's choice. One that a process left behind is taken over, nothing else.
pub(super) async fn bind_anew(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file is there already",
            ));
        }
        Ok(_) if UnixStream::connect(path).await.is_ok() => {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another process listens there",
            ));
        }
        Ok(_) => std::fs::remove_file(path)?,
        Err(_) => {}
    }
    bind(path)
}

/// Serves whoever comes until it is dropped; then their connections end, and a guest takes over.
pub(super) async fn serve(listener: UnixListener, host: Host) {
    let mut guests = JoinSet::new();
    let uid = rustix::process::getuid().as_raw();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if stream.peer_cred().is_ok_and(|peer| peer.uid() == uid) => {
                    let (from, to) = stream.into_split();
                    guests.spawn(converse(from, to, host.clone()));
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

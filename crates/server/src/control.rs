//! The running server's socket for the administration on the same machine. It lies in the data
//! folder, which is its owner's alone. A request is one line, and so is the answer:
//!
//! ```text
//! invite        →  ok subrosa://…      a fresh invite without an author
//! address       →  ok subrosa://…
//! release NAME  →  ok released, or ok unknown
//! anything else →  error …
//! ```

use crate::folder::Folder;
use crate::office::until_closing;
use crate::server::Behind;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use subrosa_proto::{Address, InviteLine, InviteSecret, Name};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// Longest request or answer.
const LINE_BYTES_MAX: u64 = 4_096;
/// The answer when a name is free again.
pub(crate) const RELEASED: &str = "released";
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the socket can reach.
#[derive(Clone)]
pub(crate) struct Lent {
    pub(crate) behind: Arc<dyn Behind>,
    pub(crate) address: Address,
}

/// Opens the socket. A server without one still serves its clients, hence no error.
pub(crate) fn open(folder: &Folder, lent: Lent, closing: watch::Receiver<bool>) {
    let path = folder.control();
    // The folder's lock is held, so whatever is there is left over.
    let _ = fs::remove_file(&path);
    let bound = reach(folder.root(), &path, |path| UnixListener::bind(path));
    let listener = bound.and_then(|listener| {
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(listener)
    });
    match listener {
        Ok(listener) => drop(tokio::spawn(receive(listener, lent, path, closing))),
        Err(error) => {
            tracing::warn!(%error, "no control socket: the server cannot be administered while it runs")
        }
    }
}

/// Uses a socket's path, by a short cut if it is longer than socket addresses may be.
fn reach<T>(folder: &Path, path: &Path, act: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    match act(path) {
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let name = path.file_name().ok_or(error)?;
            let folder = fs::File::open(folder)?;
            act(&PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
        }
        other => other,
    }
}

async fn receive(
    listener: UnixListener,
    lent: Lent,
    path: PathBuf,
    mut closing: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(timeout(PATIENCE, serve(stream, lent.clone())))),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            () = until_closing(&mut closing) => break,
        }
    }
    let _ = fs::remove_file(path);
}

async fn serve(stream: UnixStream, lent: Lent) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    (&mut stream)
        .take(LINE_BYTES_MAX)
        .read_line(&mut request)
        .await?;
    let answer = match request.trim_end() {
        release if release.starts_with("release ") => {
            released(&lent, release.trim_start_matches("release ")).await
        }
        "address" => format!("ok {}\n", lent.address),
        "invite" => match lent.behind.invite().await {
            Ok(secret) => {
                let line = InviteLine {
                    address: lent.address,
                    secret: InviteSecret(secret),
                    bot: None,
                };
                format!("ok {}\n", line.line())
            }
            Err(refused) => {
                refused.report();
                format!("error {}\n", refused.at_start("".as_ref()))
            }
        },
        _ => {
            "error the running server does not know this request: use the same version of subrosa\n"
                .to_owned()
        }
    };
    stream.get_mut().write_all(answer.as_bytes()).await
}

async fn released(lent: &Lent, name: &str) -> String {
    let Ok(name) = Name::new(name) else {
        return "ok unknown\n".to_owned();
    };
    match lent.behind.release(&name).await {
        Ok(true) => format!("ok {RELEASED}\n"),
        Ok(false) => "ok unknown\n".to_owned(),
        Err(refused) => {
            refused.report();
            format!("error {}\n", refused.at_start("".as_ref()))
        }
    }
}

/// What the running server answers; `None` if none runs.
pub(crate) async fn ask(
    folder: &Folder,
    request: &str,
) -> io::Result<Option<Result<String, String>>> {
    let path = folder.control();
    let connected = reach(folder.root(), &path, |path| {
        std::os::unix::net::UnixStream::connect(path)
    });
    let stream = match connected {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_nonblocking(true)?;
    let stream = UnixStream::from_std(stream)?;
    let asked = async {
        let mut stream = BufReader::new(stream);
        stream
            .get_mut()
            .write_all(format!("{request}\n").as_bytes())
            .await?;
        let mut answer = String::new();
        (&mut stream)
            .take(LINE_BYTES_MAX)
            .read_line(&mut answer)
            .await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = timeout(PATIENCE, asked).await??;
    let answer = answer.trim_end();
    Ok(Some(match answer.split_once(' ') {
        Some(("ok", text)) => Ok(text.to_owned()),
        Some(("error", text)) => Err(text.to_owned()),
        _ => return Err(ErrorKind::UnexpectedEof.into()),
    }))
}

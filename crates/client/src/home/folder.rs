//! The folder of a home: its lock and the place of its socket.

use crate::randomness;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest path that a socket address holds on Linux, its final zero apart.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Why a home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The folder cannot be made or entered.
    #[error("the home {path} cannot be used: {cause}; choose another with --home")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// A home's folder.
#[derive(Debug, Clone)]
pub struct Home {
    dir: PathBuf,
}

/// What an owner writes into the lock file, for guests to find it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plate {
    pub pid: u32,
    pub build: String,
    pub face: String,
    pub socket: PathBuf,
}

/// The lock of a home. The kernel frees it when this is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    home: Home,
    file: std::fs::File,
}

impl Home {
    /// Opens a folder, making it (0700) if it is not there.
    ///
    /// # Errors
    /// [`HomeError`] when it cannot be made or entered.
    pub fn open(dir: &Path) -> Result<Self, HomeError> {
        let failed = |cause| HomeError::Folder {
            path: dir.to_owned(),
            cause,
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(failed)?;
        let dir = dir.canonicalize().map_err(failed)?;
        Ok(Self { dir })
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file of this home.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// [`HomeError`] when the lock file cannot be made.
    pub fn lock(&self) -> Result<Option<Lock>, HomeError> {
        let failed = |cause: io::Error| HomeError::Folder {
            path: self.dir.clone(),
            cause,
        };
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
        let file: OwnedFd = open(self.file("lock"), flags, Mode::RUSR | Mode::WUSR)
            .map_err(|e| failed(e.into()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock {
                home: self.clone(),
                file: file.into(),
            })),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => Ok(None),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// What the present or a former owner wrote into the lock file.
    pub(super) fn plate(&self) -> Option<Plate> {
        let text = std::fs::read_to_string(self.file("lock")).ok()?;
        self.own_plate(&text)
    }

    /// A home that was copied while it was in use has the plate of the other's owner in it.
    fn own_plate(&self, text: &str) -> Option<Plate> {
        let plate: Plate = serde_json::from_str(text).ok()?;
        let inside = self.file("socket");
        let elsewhere = inside.as_os_str().len() > SOCKET_PATH_BYTES_MAX;
        (plate.socket == inside || elsewhere).then_some(plate)
    }

    /// Where the owner's socket goes: into the home, or, where that path is longer than a socket
    /// address holds, into a folder of this user's in the run-time or temporary folder.
    pub(super) fn socket_path(&self) -> io::Result<PathBuf> {
        let inside = self.file("socket");
        if inside.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
            return Ok(inside);
        }
        let uid = rustix::process::getuid().as_raw();
        let base = std::env::var_os("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|dir| dir.is_dir())
            .unwrap_or_else(std::env::temp_dir);
        let folder = base.join(format!("subrosa-{uid}"));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let metadata = std::fs::symlink_metadata(&folder)?;
        let owned = std::os::unix::fs::MetadataExt::uid(&metadata) == uid;
        if !metadata.is_dir() || !owned || metadata.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::other(
                "the folder for the socket belongs to somebody else",
            ));
        }
        Ok(folder.join(randomness::name::<8>().map_err(io::Error::other)?))
    }
}

impl Lock {
    /// Says who owns the home and where its socket is.
    pub(super) fn write(&mut self, plate: &Plate) -> io::Result<()> {
        let text = serde_json::to_vec(plate)?;
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(&text)
    }

    /// Takes the plate away, so that the next process does not try a dead socket.
    pub(super) fn clear(&mut self) {
        let mut text = String::new();
        if self.file.rewind().is_ok()
            && self.file.read_to_string(&mut text).is_ok()
            && let Some(plate) = self.home.own_plate(&text)
        {
            // The socket is ours, since the lock is: nobody else listens there any more.
            drop(std::fs::remove_file(plate.socket));
        }
        drop(self.file.set_len(0));
    }
}

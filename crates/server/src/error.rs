//! Why a server does not start, or stops. Each text is one sentence with the cause and the next step.

use crate::storage::StoreError;
use crate::storage::sqlite::OpenError;
use std::io::{Error as IoError, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Something else listens there.
    #[error("port {} on {} is already in use: stop the program that uses it, or choose another with --listen", .address.port(), .address.ip())]
    PortInUse {
        /// Where.
        address: SocketAddr,
    },
    /// The address is not one of this machine, or its port needs rights.
    #[error(
        "cannot listen on {address} ({cause}): choose an address of this machine, and a port above 1023, with --listen"
    )]
    CannotListen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        cause: IoError,
    },
    /// The folder is another user's.
    #[error("no permission for {}: run the server as the owner of the folder, or name another with --data", .path.display())]
    NoPermission {
        /// Which file or folder.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("no room left on the disk that holds {}: free some, then start the server again", .path.display())]
    DiskFull {
        /// Which file or folder.
        path: PathBuf,
    },
    /// Another server runs on the folder.
    #[error("a server is already running on {} (process {pid}): use that one, or stop it first", .path.display())]
    AlreadyRunning {
        /// The folder.
        path: PathBuf,
        /// The process that holds it, as text since it may be unknown.
        pid: String,
    },
    /// The database was written by a newer version.
    #[error("the database in {} was written by a newer version of subrosa: install that version, or restore a backup made before", .path.display())]
    NewerDatabase {
        /// The folder.
        path: PathBuf,
    },
    /// The database is damaged.
    #[error("the database in {} is damaged ({cause}): restore it from a backup", .path.display())]
    BrokenDatabase {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The database would lose acknowledged messages with the power.
    #[error("the storage of {} is not durable ({cause}): move the folder to another disk", .path.display())]
    NotDurable {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The secrets file is not there though the database is.
    #[error("the secrets file {} is missing, without which no account can log in: put it back from its backup or from paper", .path.display())]
    SecretsMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The secrets file belongs to another database.
    #[error("the secrets file {} belongs to another database: put the one back that this database was made with", .path.display())]
    SecretsForeign {
        /// Which file.
        path: PathBuf,
    },
    /// The secrets file cannot be read.
    #[error("the secrets file {} is damaged: put it back from its backup or from paper", .path.display())]
    SecretsBroken {
        /// Which file.
        path: PathBuf,
    },
    /// There is no server in the folder.
    #[error("there is no server in {}: start one there first, with subrosa serve or subrosa up", .path.display())]
    NoServer {
        /// The folder.
        path: PathBuf,
    },
    /// The database cannot be opened for another reason.
    #[error(transparent)]
    Database(OpenError),
    /// The system refused something else.
    #[error("cannot use {} ({cause}): check the disk and the folder's rights", .path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        cause: IoError,
    },
    /// The store refused.
    #[error("the database in {} cannot be used ({cause}): check the disk, then start the server again", .path.display())]
    Store {
        /// The folder.
        path: PathBuf,
        /// What it says.
        cause: StoreError,
    },
}

impl StartError {
    pub(crate) fn from_io(error: IoError, path: &Path) -> Self {
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::NoPermission { path }
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { path, cause: error },
        }
    }

    pub(crate) fn from_store(error: StoreError, path: &Path) -> Self {
        let path = path.to_owned();
        match error {
            StoreError::Full => Self::DiskFull { path },
            StoreError::Corrupt(cause) => Self::BrokenDatabase {
                path,
                cause: cause.to_owned(),
            },
            cause => Self::Store { path, cause },
        }
    }

    pub(crate) fn from_open(error: OpenError, data: &Path) -> Self {
        let path = data.to_owned();
        match error {
            OpenError::Newer { .. } => Self::NewerDatabase { path },
            OpenError::Damaged { found, .. } => Self::BrokenDatabase { path, cause: found },
            OpenError::Foreign(_) => Self::BrokenDatabase {
                path,
                cause: "its beginning is not a database's".to_owned(),
            },
            OpenError::Full(_) => Self::DiskFull { path },
            OpenError::Folder { path, error } => Self::from_io(error, &path),
            other => Self::Database(other),
        }
    }

    pub(crate) fn from_listen(error: IoError, address: SocketAddr) -> Self {
        match error.kind() {
            ErrorKind::AddrInUse => Self::PortInUse { address },
            _ => Self::CannotListen {
                address,
                cause: error,
            },
        }
    }
}

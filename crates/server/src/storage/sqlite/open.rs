//! Opening the data folder: one server at a time, files for nobody else, and a clear sentence
//! when the database cannot be used (docs/spec/storage.md §7.1, §7.4).

use super::failure::Trouble;
use super::schema::{self, Tuning};
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Name of the database in the data folder; SQLite puts `-wal` and `-shm` beside it.
pub(super) const DATABASE: &str = "subrosa.db";
/// Name of the file whose lock says that a server is using the folder.
const LOCK: &str = "lock";
/// A database up to this size is checked as a whole whenever it is opened.
const CHECKED_BYTES_MAX: u64 = 4 << 20;

/// Why a data folder cannot be used: the cause and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The lock is taken.
    #[error("another server is using {0}: stop it, or choose another data folder")]
    InUse(PathBuf),
    /// The folder or a file in it cannot be made, read or written.
    #[error("cannot use the data folder {path}: {error}; check that this user may write there")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The tables are of a later version than this program knows.
    #[error(
        "{path} was made by a newer server (tables of version {found}, this program knows {}): install the newer program",
        schema::VERSION
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Version of its tables.
        found: i32,
    },
    /// Some other file.
    #[error(
        "{0} is not a Subrosa server's database, or its beginning is damaged: restore it from a backup, or choose another data folder"
    )]
    Foreign(PathBuf),
    /// A database that was Subrosa's.
    #[error("{path} is damaged ({found}): restore it from a backup")]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The file system cannot carry a write-ahead log.
    #[error(
        "{0} is on a file system that cannot keep a database safe: choose a data folder on a local disk"
    )]
    NotDurable(PathBuf),
    /// No room to open it.
    #[error("the disk of {0} is full: make room and start again")]
    Full(PathBuf),
    /// Another program holds the database.
    #[error("another program is using {0}: wait until it is done, or end it")]
    Busy(PathBuf),
    /// Anything else.
    #[error("cannot open {path}: {error}; check the disk and the permissions")]
    Engine {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        error: rusqlite::Error,
    },
}

/// A database open for writing, and the lock that goes with it. The lock ends last.
pub(super) struct Opened {
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    _lock: File,
}

/// Makes or opens the database in a folder.
pub(super) fn open(folder: &Path, tuning: &Tuning) -> Result<Opened, OpenError> {
    let lock = lock_folder(folder)?;
    let path = folder.join(DATABASE);
    make_file(folder, &path).map_err(|error| OpenError::Folder {
        path: path.clone(),
        error,
    })?;
    let db = open_database(&path, tuning)?;
    Ok(Opened {
        db,
        path,
        _lock: lock,
    })
}

/// Another connection to the same database, for reading.
pub(super) fn open_reader(path: &Path, tuning: &Tuning) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, flags())?;
    schema::set_up_reader(&db, tuning)?;
    Ok(db)
}

// A connection is used by one thread at a time, so SQLite needs no mutex of its own.
const fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn lock_folder(folder: &Path) -> Result<File, OpenError> {
    let failed = |error| OpenError::Folder {
        path: folder.to_owned(),
        error,
    };
    match folder.metadata() {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            tracing::warn!(folder = %folder.display(), "other users may look into the data folder");
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    let lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join(LOCK))
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// SQLite gives its two other files the mode of the database.
fn make_file(folder: &Path, path: &Path) -> io::Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => File::open(folder)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if path.metadata()?.permissions().mode() & 0o077 != 0 {
                std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn open_database(path: &Path, tuning: &Tuning) -> Result<Connection, OpenError> {
    let failed = |error| explain(path, error);
    let db = Connection::open_with_flags(path, flags()).map_err(failed)?;
    let new = identify(&db, path)?;
    if !schema::set_up_writer(&db, tuning).map_err(failed)? {
        return Err(OpenError::NotDurable(path.to_owned()));
    }
    if new {
        schema::create(&db).map_err(failed)?;
        return Ok(db);
    }
    let damaged = |found: String| OpenError::Damaged {
        path: path.to_owned(),
        found,
    };
    if schema::describe(&db).map_err(failed)? != schema::expected().map_err(failed)? {
        return Err(damaged("its tables are not as they should be".into()));
    }
    let size = path
        .metadata()
        .map_err(|error| OpenError::Folder {
            path: path.to_owned(),
            error,
        })?
        .len();
    if size <= CHECKED_BYTES_MAX
        && let Some(found) = check(&db).map_err(failed)?
    {
        return Err(damaged(found));
    }
    Ok(db)
}

/// Whose file it is, before anything in it is changed. True for an empty one.
fn identify(db: &Connection, path: &Path) -> Result<bool, OpenError> {
    let number = |sql: &str| -> Result<i32, OpenError> {
        db.query_row(sql, [], |row| row.get(0))
            .map_err(|error| match Trouble::of(&error) {
                Trouble::Damaged => OpenError::Foreign(path.to_owned()),
                _ => explain(path, error),
            })
    };
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let objects = number("SELECT count(*) FROM sqlite_schema")?;
    match (application, version, objects) {
        (0, 0, 0) => Ok(true),
        (schema::APPLICATION_ID, schema::VERSION, _) => Ok(false),
        (schema::APPLICATION_ID, found, _) if found > schema::VERSION => Err(OpenError::Newer {
            path: path.to_owned(),
            found,
        }),
        (schema::APPLICATION_ID, found, _) => Err(OpenError::Damaged {
            path: path.to_owned(),
            found: format!("its tables claim to be of version {found}"),
        }),
        _ => Err(OpenError::Foreign(path.to_owned())),
    }
}

/// Reads the whole database; the first fault found, if any.
pub(super) fn check(db: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

fn explain(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match Trouble::of(&error) {
        Trouble::Full => OpenError::Full(path),
        Trouble::Busy => OpenError::Busy(path),
        Trouble::Damaged => OpenError::Damaged {
            path,
            found: error.to_string(),
        },
        Trouble::Disk | Trouble::Other => OpenError::Engine { path, error },
    }
}

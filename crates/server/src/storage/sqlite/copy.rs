//! A copy of a database, taken while a server may be running on it (docs/spec/storage.md §10.1).
//!
//! `VACUUM INTO` reads one snapshot and writes a fresh file: whole, without rows that were deleted
//! before, and without holding up those who write meanwhile.

use super::open::DATABASE;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// There is a file of this name, or its folder cannot be written.
    #[error("cannot write {path}: {error}; check the folder, its rights and the room on its disk")]
    Target {
        /// The copy.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// SQLite could not read or write.
    #[error(
        "cannot copy {path}: {error}; check the room on the disk of the copy, and the database"
    )]
    Engine {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        error: rusqlite::Error,
    },
}

/// How large the copy will be at most, in bytes: pages in use.
///
/// # Errors
/// [`CopyError`]
pub fn size(folder: &Path) -> Result<u64, CopyError> {
    let path = folder.join(DATABASE);
    let failed = |error| CopyError::Engine {
        path: path.clone(),
        error,
    };
    let db = read(&path).map_err(failed)?;
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    let used = number("page_count")
        .and_then(|pages| Ok(pages.saturating_sub(number("freelist_count")?)))
        .and_then(|used| Ok(used.saturating_mul(number("page_size")?)));
    used.map_err(failed)
}

/// Copies the database in a folder into a new file that only its owner can read. The file is on
/// the disk on return; after an error there is none. Blocks for about a second for each 200 MB.
///
/// # Errors
/// [`CopyError`]
pub fn copy(folder: &Path, target: &Path) -> Result<(), CopyError> {
    let path = folder.join(DATABASE);
    let unwritable = |error| CopyError::Target {
        path: target.to_owned(),
        error,
    };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(target)
        .map_err(unwritable)?;
    let copied = vacuum(&path, target).map_err(|error| CopyError::Engine {
        path: path.clone(),
        error,
    });
    // SQLite leaves it to its caller to bring such a file to the disk.
    let flush = || File::open(target)?.sync_all();
    let done = copied.and_then(|()| flush().map_err(unwritable));
    if done.is_err() {
        drop(std::fs::remove_file(target));
    }
    done
}

fn vacuum(path: &Path, target: &Path) -> rusqlite::Result<()> {
    let db = read(path)?;
    // SQLite takes file names as text in UTF-8.
    let Some(target) = target.to_str() else {
        return Err(rusqlite::Error::InvalidPath(target.to_owned()));
    };
    db.execute("VACUUM INTO ?1", [target])?;
    Ok(())
}

fn read(path: &Path) -> rusqlite::Result<Connection> {
    // Not read-only: with a write-ahead log readers write to its index.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.execute_batch("PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF;")?;
    Ok(db)
}

/// Empties the stage of a database that nobody uses, and says when its newest event arrived.
///
/// # Errors
/// What SQLite says.
pub fn clear_stage(folder: &Path) -> rusqlite::Result<u64> {
    let db = read(&folder.join(DATABASE))?;
    db.execute("DELETE FROM staged", [])?;
    db.query_row("SELECT coalesce(max(time_ms), 0) FROM events", [], |row| {
        row.get(0)
    })
}

//! The local store of a home: SQLCipher, one file, opened only under the home's lock.
//!
//! All reading and writing goes through a [`Desk`], which is one transaction: what the engine
//! decides on one occasion is saved as a whole before any of it leaves the machine.

mod account;
mod amendment;
mod called_deleted;
mod consumer;
mod conversation;
mod deed;
mod desk;
mod device;
mod evidence;
mod expiry;
mod invite;
mod keepsake;
mod key;
mod log;
mod named;
mod opening;
mod outbox;
mod preview;
mod reading;
mod register;
mod rollback;
mod room;
mod searching;
mod session;
mod setting;
mod sizes;
#[cfg(test)]
mod tests;
mod timeline;
mod warning;

pub use account::Known;
pub use amendment::{Amendment, AmendmentKind};
pub use called_deleted::CalledDeleted;
pub use consumer::Consumer;
pub use conversation::Stored;
pub use deed::{Deed, MadeDeed};
pub use desk::{Desk, Records};
pub use device::Labels;
pub use keepsake::{OwnBoxes, Raw};
pub use key::{KeyError, StoreKey, drop_key, is_locked, shred, write_new};
pub use log::Held;
pub use opening::Opening;
pub use outbox::{Draft, Sealed, Waiting};
pub use reading::Line;
pub use room::{Added, StoredRoom};
pub use searching::{
    FILE_MARK, Found, IndexState, LINK_MARK, Sought, author_mark, conversation_mark,
};
pub use setting::Agreed;
pub use timeline::Entry;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};

/// Name of the file in a home.
pub const FILE: &str = "store.db";
/// "SubR": tells this file from any other database.
const APPLICATION_ID: i64 = 0x5375_6252;
/// What each version after the first adds to schema.sql. A store of an earlier one is brought to the newest when it is opened:
/// so none of these may take long, whatever the store holds.
const ADDED: &[&str] = &[include_str!("schema-2.sql"), include_str!("schema-3.sql")];
/// Version of the schema with all that was added.
#[expect(clippy::cast_possible_wrap, reason = "a handful")]
const SCHEMA_VERSION: i64 = 1 + ADDED.len() as i64;
/// Compiled statements kept at most.
const STATEMENTS_KEPT: usize = 256;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The key does not open it, or the file is no store.
    #[error(
        "the store {0} does not open: the key or passphrase is wrong, or the file is damaged; check the passphrase, or restore the home from a copy"
    )]
    Sealed(PathBuf),
    /// A page of it is damaged.
    #[error("the store is damaged; restore the home from a copy, or log in again in another home")]
    Damaged,
    /// A newer build wrote it.
    #[error(
        "the store was written by a newer version of subrosa (schema {0}, this build knows {SCHEMA_VERSION}); upgrade subrosa"
    )]
    Newer(i64),
    /// The disk is full.
    #[error("the disk that holds the home is full; make room and try again: nothing was lost")]
    Full,
    /// The disk does not take a write; a full one says so in this way too, for SQLite's shared memory.
    #[error(
        "the disk that holds the home is full or failing ({0}); make room or check it, and try again: nothing was lost"
    )]
    Disk(String),
    /// The folder may be read but not written.
    #[error("the store cannot be written: {0}; check the rights of the home")]
    NotWritable(String),
    /// Anything else that SQLite says.
    #[error("the store failed: {0}")]
    Sqlite(String),
    /// What is stored does not have the shape that this build writes.
    #[error(
        "the store holds something that this build cannot read ({0}); it is damaged or was changed from outside"
    )]
    Shape(&'static str),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::SystemIoFailure) => Self::Disk(error.to_string()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::NotWritable(error.to_string())
            }
            _ => Self::Sqlite(error.to_string()),
        }
    }
}

/// An open store.
pub struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the store `file` of a home, making it when `new`.
    ///
    /// # Errors
    /// [`StoreError`] says why it does not open.
    pub fn open(home: &Path, file: &str, key: &StoreKey, new: bool) -> Result<Self, StoreError> {
        let path = home.join(file);
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if new {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let connection = Connection::open_with_flags(&path, flags)?;
        restrict(&path);
        // SQLCipher writes to standard error by itself, where a wrong passphrase would look like a crash.
        connection.execute_batch("PRAGMA cipher_log = off; PRAGMA cipher_log_level = NONE;")?;
        connection.execute_batch(&key.pragma())?;
        // The first read decides whether the key fits.
        let sealed = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => StoreError::Sealed(path.clone()),
            _ => error.into(),
        };
        let version: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
            .map_err(sealed)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -4096; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
        )?;
        searching::register(&connection)?;
        // All statements that there are: an event takes dozens of them, and compiling one costs more than running it.
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let mut store = Self { connection };
        if version == 0 && new {
            store.create()?
        } else {
            store.check()?
        }
        restrict(&path);
        Ok(store)
    }

    fn create(&mut self) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(include_str!("schema.sql"))?;
        add(&transaction, ADDED)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
        Ok(())
    }

    fn check(&mut self) -> Result<(), StoreError> {
        let number = |name: &str| {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
        };
        if number("application_id")? != APPLICATION_ID {
            return Err(StoreError::Damaged);
        }
        match number("user_version")? {
            SCHEMA_VERSION => Ok(()),
            newer if newer > SCHEMA_VERSION => Err(StoreError::Newer(newer)),
            older => {
                let at = usize::try_from(older - 1).map_err(|_| StoreError::Damaged)?;
                let transaction = self.connection.transaction()?;
                add(&transaction, ADDED.get(at..).unwrap_or_default())?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
                transaction.commit()?;
                Ok(())
            }
        }
    }

    /// Runs `work` in one transaction: all that it wrote is durable on return, or nothing is.
    ///
    /// # Errors
    /// What `work` fails with, or the commit.
    pub fn transaction<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Desk<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let desk = Desk::new(&transaction);
        let done = work(&desk)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(done)
    }

    /// Folds the write-ahead log into the file, so that the file alone is the store.
    ///
    /// # Errors
    /// The store fails.
    pub fn fold(&mut self) -> Result<(), StoreError> {
        self.connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")?;
        Ok(())
    }

    /// Closes the store; the write-ahead log is folded into it.
    pub fn close(self) {
        drop(self.connection.close());
    }
}

fn add(transaction: &rusqlite::Transaction<'_>, added: &[&str]) -> Result<(), StoreError> {
    for sql in added {
        transaction.execute_batch(sql)?;
    }
    Ok(())
}

/// The file and its write-ahead log are for this user only.
fn restrict(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        drop(std::fs::set_permissions(
            PathBuf::from(name),
            std::fs::Permissions::from_mode(0o600),
        ));
    }
}

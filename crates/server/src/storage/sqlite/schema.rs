//! The tables of the database and how a connection to them is set up (docs/spec/storage.md §7).
//! Every setting that costs memory or decides about durability stands here.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fmt::Write as _;

/// Marks a database file as a Subrosa server's: the ASCII letters `SbRs`.
pub(super) const APPLICATION_ID: i32 = 0x5362_5273;

/// Version of the tables. 1: records, logs, events, side, staged, devices, answers, counters.
pub(super) const VERSION: i32 = 1;

/// Pages of the write-ahead log after which its content is copied into the database.
const WAL_PAGES: u32 = 4_000;
/// Bytes to which the write-ahead log is cut back after it grew in a burst.
const WAL_BYTES_KEPT: u32 = 64 << 20;
/// How long a connection waits for another process, such as a backup.
const BUSY_MS: u32 = 5_000;
/// Pages of the database are read, not mapped: mapped pages would count as resident memory, and
/// the operating system caches the file anyway.
const MMAP_BYTES: u32 = 0;

/// How much memory and how many connections an engine uses.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// Most page cache of the writing connection in KiB, allocated as it is needed.
    pub writer_cache_kib: u32,
    /// Most page cache of each reading connection in KiB.
    pub reader_cache_kib: u32,
    /// Most reads at a time.
    pub readers: u32,
    /// Most pages of 4 KiB that the database may have; `None` leaves it to the disk.
    pub pages_max: Option<u32>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            writer_cache_kib: 8_192,
            reader_cache_kib: 1_024,
            readers: 4,
            pages_max: None,
        }
    }
}

/// All tables and indexes. Rowid tables on purpose: a table clustered by its key dirties a page
/// for nearly every event.
const TABLES: &str = "
CREATE TABLE records(no INTEGER PRIMARY KEY, key BLOB NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE UNIQUE INDEX records_by_key ON records(key);
CREATE TABLE logs(no INTEGER PRIMARY KEY, id BLOB NOT NULL, trimmed_to INTEGER NOT NULL);
CREATE UNIQUE INDEX logs_by_id ON logs(id);
CREATE TABLE events(no INTEGER PRIMARY KEY, log INTEGER NOT NULL, position INTEGER NOT NULL, time_ms INTEGER NOT NULL, bytes BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE UNIQUE INDEX events_by_position ON events(log, position);
CREATE TABLE side(no INTEGER PRIMARY KEY, log INTEGER NOT NULL, position INTEGER NOT NULL, recipient BLOB NOT NULL, last_day INTEGER, bytes BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE UNIQUE INDEX side_by_recipient ON side(recipient, log, position);
CREATE INDEX side_by_position ON side(log, position);
CREATE INDEX side_by_day ON side(last_day) WHERE last_day IS NOT NULL;
CREATE TABLE staged(no INTEGER PRIMARY KEY, owner BLOB NOT NULL, session BLOB NOT NULL, recipient BLOB NOT NULL, staged_day INTEGER NOT NULL, last_day INTEGER, bytes BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE UNIQUE INDEX staged_by_key ON staged(owner, session, recipient);
CREATE TABLE devices(no INTEGER PRIMARY KEY, id BLOB NOT NULL);
CREATE UNIQUE INDEX devices_by_id ON devices(id);
CREATE TABLE answers(day INTEGER NOT NULL, device INTEGER NOT NULL, counter INTEGER NOT NULL, log INTEGER, first INTEGER NOT NULL, count INTEGER NOT NULL, time_ms INTEGER NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY(day, device, counter)) WITHOUT ROWID;
CREATE TABLE counters(revision INTEGER NOT NULL);
INSERT INTO counters VALUES(0);
";

/// Creates the tables and marks the file, in one transaction: a file is either empty or whole.
pub(super) fn create(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION}; COMMIT;"
    ))
}

/// The tables and indexes that a database has, as text to be compared.
pub(super) fn describe(db: &Connection) -> rusqlite::Result<String> {
    let mut objects =
        db.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")?;
    let mut rows = objects.query([])?;
    let mut text = String::new();
    while let Some(row) = rows.next()? {
        let (name, sql): (String, String) = (row.get(0)?, row.get(1)?);
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name}: {sql}");
    }
    Ok(text)
}

/// What [`describe`] says of a database that this version has made.
pub(super) fn expected() -> rusqlite::Result<String> {
    let db = Connection::open_in_memory()?;
    create(&db)?;
    describe(&db)
}

/// Settings of every connection.
fn common(db: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    // cell_size_check finds damaged pages when they are read; fullfsync matters on macOS only.
    db.execute_batch(&format!(
        "PRAGMA busy_timeout={BUSY_MS}; PRAGMA cache_size=-{cache_kib}; PRAGMA mmap_size={MMAP_BYTES};
         PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;
         PRAGMA synchronous=FULL; PRAGMA fullfsync=ON; PRAGMA checkpoint_fullfsync=ON;"
    ))?;
    // Otherwise a statement is compiled anew whenever another number is bound to its LIMIT.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Settings of the writing connection. Says whether the journal is in the mode that the
/// guarantees need.
pub(super) fn set_up_writer(db: &Connection, tuning: &Tuning) -> rusqlite::Result<bool> {
    common(db, tuning.writer_cache_kib)?;
    let mode: String = db.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    let synchronous: i32 = db.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    db.execute_batch(&format!(
        "PRAGMA wal_autocheckpoint={WAL_PAGES}; PRAGMA journal_size_limit={WAL_BYTES_KEPT};"
    ))?;
    limit_pages(db, tuning.pages_max)?;
    Ok(mode == "wal" && synchronous == 2)
}

/// Bounds the size of the database, as a disk does.
pub(super) fn limit_pages(db: &Connection, pages_max: Option<u32>) -> rusqlite::Result<()> {
    let pages = pages_max.unwrap_or(u32::MAX - 1);
    db.query_row(&format!("PRAGMA max_page_count={pages}"), [], |_| Ok(()))
}

/// Settings of a reading connection.
pub(super) fn set_up_reader(db: &Connection, tuning: &Tuning) -> rusqlite::Result<()> {
    common(db, tuning.reader_cache_kib)?;
    db.execute_batch("PRAGMA query_only=ON;")
}

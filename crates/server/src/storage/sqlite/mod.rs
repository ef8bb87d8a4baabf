//! The engine of a server on one machine: SQLite with a write-ahead log, one writer with group
//! commit, acknowledged only when it is on the disk (docs/spec/storage.md §7).

mod book;
mod change;
mod checksum;
mod copy;
mod failure;
mod glass;
mod open;
mod reader;
mod schema;
mod upkeep;
mod writer;

#[cfg(test)]
mod tests;

pub use copy::{CopyError, clear_stage, copy, size};
pub use glass::{AnswerSeen, BoxSeen, EventSeen, Glass, GlassError, RecordSeen};
pub use open::OpenError;
pub use schema::Tuning;
pub use writer::WorkDone;

use super::limits;
use super::{
    Answer, Append, Appended, Commit, Committed, Day, Durability, LogId, Page, Read, Record,
    RecordKey, Release, SideRead, SideRow, Stage, StageTotal, Store, StoreError,
};
use reader::Readers;
use std::path::Path;
use std::sync::Arc;
use upkeep::{Step, Sweep, Trim};
use writer::Writer;

/// A store in a folder of its own.
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
}

impl SqliteStore {
    /// Opens the database in a folder, or makes both. Blocks for some milliseconds.
    ///
    /// # Errors
    /// One sentence that says why not, and what to do.
    pub fn open(folder: &Path, tuning: Tuning) -> Result<Self, OpenError> {
        let opened = open::open(folder, &tuning)?;
        let readers = Arc::new(Readers::new(opened.path.clone(), tuning));
        let failed = |error| OpenError::Folder {
            path: folder.to_owned(),
            error,
        };
        Ok(Self {
            writer: Writer::start(opened).map_err(failed)?,
            readers,
        })
    }

    /// Resolves when the store has stopped for good, with the reason. The server has to end then.
    pub async fn until_stopped(&self) -> &'static str {
        self.writer.until_stopped().await
    }

    /// Finishes what waits, empties the write-ahead log into the database and closes it. Later
    /// requests are refused.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Reads the whole database and compares tables with indexes; about a second for each
    /// 300 MB, during which the write-ahead log is not emptied.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if something does not fit.
    pub async fn verify(&self) -> Answer<()> {
        let found = self.readers.run(|db| Ok(open::check(db)?)).await?;
        let Some(found) = found else { return Ok(()) };
        tracing::error!(found, "the database is damaged");
        Err(StoreError::Corrupt(
            "its tables and indexes do not fit together",
        ))
    }

    /// Requests and transactions since it was opened.
    #[must_use]
    pub fn work_done(&self) -> WorkDone {
        self.writer.work_done()
    }

    /// Repeats a deletion in steps until nothing is left of it.
    async fn in_steps<A>(&self, act: impl Fn() -> A + Send + Sync) -> Answer<()>
    where
        A: writer::Act<Output = Step>,
    {
        while self.writer.submit(act(), 0).await? == Step::More {}
        Ok(())
    }
}

impl Store for SqliteStore {
    async fn get(&self, keys: Vec<RecordKey>) -> Answer<Vec<Option<Record>>> {
        limits::items(keys.len())?;
        self.readers.run(move |db| reader::get(db, &keys)).await
    }

    async fn commit(&self, commit: Commit) -> Answer<Committed> {
        let bytes = commit.check()?;
        self.writer.submit(commit, bytes).await
    }

    async fn scan(
        &self,
        prefix: RecordKey,
        after: Option<RecordKey>,
        count: usize,
    ) -> Answer<Vec<(RecordKey, Record)>> {
        self.readers
            .run(move |db| reader::scan(db, &prefix, after.as_ref(), count))
            .await
    }

    async fn stage(&self, stage: Stage) -> Answer<StageTotal> {
        let bytes = stage.check()?;
        self.writer.submit(stage, bytes).await
    }

    async fn append(&self, append: Append) -> Answer<Appended> {
        let bytes = append.check()?;
        self.writer.submit(append, bytes).await
    }

    async fn read(&self, read: Read) -> Answer<Page> {
        limits::number(read.from)?;
        limits::recipients(&read.recipients)?;
        self.readers.run(move |db| reader::read(db, &read)).await
    }

    async fn side(&self, read: SideRead) -> Answer<Vec<(u64, SideRow)>> {
        limits::number(read.after)?;
        self.readers.run(move |db| reader::side(db, &read)).await
    }

    async fn heads(&self, logs: Vec<LogId>) -> Answer<Vec<u64>> {
        limits::items(logs.len())?;
        self.readers.run(move |db| reader::heads(db, &logs)).await
    }

    async fn trim(&self, log: LogId, up_to: u64) -> Answer<()> {
        limits::number(up_to)?;
        self.in_steps(|| Trim { log, up_to }).await
    }

    async fn release(&self, release: Release) -> Answer<()> {
        if let Release::Row { position, .. }
        | Release::UpTo { position, .. }
        | Release::Event { position, .. } = &release
        {
            limits::number(*position)?;
        }
        self.in_steps(|| release.clone()).await
    }

    async fn sweep(&self, now_ms: u64) -> Answer<()> {
        limits::number(now_ms)?;
        let today = Day::of_ms(now_ms);
        self.in_steps(|| Sweep { today }).await
    }

    async fn health(&self) -> Answer<Durability> {
        // A folder that cannot be durable was refused when it was opened.
        self.writer.stopped().map(|()| Durability::Durable)
    }
}

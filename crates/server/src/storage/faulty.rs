//! A store that fails at chosen calls: before its effect, or after it with the answer lost. Tests
//! of whatever stands on a store use it to show that a retry under the same idem heals both.

use super::{
    Answer, Append, Appended, Commit, Committed, Durability, LogId, Page, Read, Record, RecordKey,
    Release, SideRead, SideRow, Stage, StageTotal, Store, StoreError,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The request does not reach the store; the caller gets this error.
    Before(StoreError),
    /// The store carries the request out, whatever comes of it; the caller gets this error.
    After(StoreError),
}

impl Fault {
    /// The request was lost on its way there.
    pub const REQUEST_LOST: Self = Self::Before(StoreError::Unknown);
    /// The answer was lost on its way back.
    pub const ANSWER_LOST: Self = Self::After(StoreError::Unknown);
}

/// A store around another.
pub struct Faulty<S> {
    inner: S,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    calls: u64,
    faults: BTreeMap<u64, Fault>,
}

impl<S: Store> Faulty<S> {
    /// A store that does not fail until it is told to.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            plan: Mutex::default(),
        }
    }

    /// The nth call from now on fails; 1 is the next. Calls of all methods count.
    pub fn fail(&self, nth: u64, fault: Fault) {
        let mut plan = self.plan();
        let at = plan.calls.saturating_add(nth);
        plan.faults.insert(at, fault);
    }

    /// What was to fail does not any more.
    pub fn mend(&self) {
        self.plan().faults.clear();
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.plan().calls
    }

    /// The store inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Fault> {
        let mut plan = self.plan();
        plan.calls += 1;
        let at = plan.calls;
        plan.faults.remove(&at)
    }

    async fn through<T>(&self, call: impl Future<Output = Answer<T>>) -> Answer<T> {
        match self.next() {
            None => call.await,
            Some(Fault::Before(error)) => Err(error),
            Some(Fault::After(error)) => {
                // The outcome exists, and nobody learns it.
                drop(call.await);
                Err(error)
            }
        }
    }
}

impl<S: Store> Store for Faulty<S> {
    async fn get(&self, keys: Vec<RecordKey>) -> Answer<Vec<Option<Record>>> {
        self.through(self.inner.get(keys)).await
    }

    async fn commit(&self, commit: Commit) -> Answer<Committed> {
        self.through(self.inner.commit(commit)).await
    }

    async fn scan(
        &self,
        prefix: RecordKey,
        after: Option<RecordKey>,
        count: usize,
    ) -> Answer<Vec<(RecordKey, Record)>> {
        self.through(self.inner.scan(prefix, after, count)).await
    }

    async fn stage(&self, stage: Stage) -> Answer<StageTotal> {
        self.through(self.inner.stage(stage)).await
    }

    async fn append(&self, append: Append) -> Answer<Appended> {
        self.through(self.inner.append(append)).await
    }

    async fn read(&self, read: Read) -> Answer<Page> {
        self.through(self.inner.read(read)).await
    }

    async fn side(&self, read: SideRead) -> Answer<Vec<(u64, SideRow)>> {
        self.through(self.inner.side(read)).await
    }

    async fn heads(&self, logs: Vec<LogId>) -> Answer<Vec<u64>> {
        self.through(self.inner.heads(logs)).await
    }

    async fn trim(&self, log: LogId, up_to: u64) -> Answer<()> {
        self.through(self.inner.trim(log, up_to)).await
    }

    async fn release(&self, release: Release) -> Answer<()> {
        self.through(self.inner.release(release)).await
    }

    async fn sweep(&self, now_ms: u64) -> Answer<()> {
        self.through(self.inner.sweep(now_ms)).await
    }

    async fn health(&self) -> Answer<Durability> {
        self.through(self.inner.health()).await
    }
}

//! The model: the contract in its simplest true form, in memory. Tests run on it, and every
//! engine is compared with it. It keeps nothing when it is dropped, and says so in `health`.

use super::limits::{self, Budget};
use super::{
    Answer, Append, Appended, Commit, Committed, Day, Durability, Guard, Idem, LogId, Page, Read,
    Recipient, Record, RecordKey, Release, Revision, SideRead, SideRow, Stage, StageKey,
    StageTotal, Store, StoreError, StoredEvent, Write,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store in memory. Clones share their content, so that a server can be "restarted" on it.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    revision: u64,
    records: BTreeMap<RecordKey, Record>,
    logs: BTreeMap<LogId, Log>,
    side: BTreeMap<(Recipient, LogId, u64), SideRow>,
    staged: BTreeMap<(StageKey, Recipient), (Day, SideRow)>,
    answers: BTreeMap<Idem, (Day, Remembered)>,
}

#[derive(Default)]
struct Log {
    head: u64,
    trimmed_to: u64,
    events: BTreeMap<u64, (u64, Bytes)>,
}

#[derive(Clone, Copy)]
enum Remembered {
    Commit(Committed),
    Append(LogId, Appended),
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    // No method panics while it holds the lock half-way through a change.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn revision_of(&self, key: &RecordKey) -> Revision {
        self.records
            .get(key)
            .map_or(Revision::ABSENT, |record| record.revision)
    }

    fn check_records(&self, guards: &[Guard], writes: &[Write]) -> Answer<()> {
        for Guard { key, expected } in guards {
            if self.revision_of(key) != *expected {
                return Err(StoreError::GuardFailed { key: key.clone() });
            }
        }
        for Write { key, expected, .. } in writes {
            if self.revision_of(key) != *expected {
                return Err(StoreError::Conflict { key: key.clone() });
            }
        }
        Ok(())
    }

    fn write(&mut self, writes: Vec<Write>) -> Revision {
        if writes.is_empty() {
            return Revision::ABSENT;
        }
        self.revision += 1;
        let revision = Revision(self.revision);
        for Write { key, value, .. } in writes {
            match value {
                Some(value) => self.records.insert(key, Record { revision, value }),
                None => self.records.remove(&key),
            };
        }
        revision
    }

    fn commit(&mut self, commit: Commit) -> Answer<Committed> {
        match commit.idem.and_then(|idem| self.answers.get(&idem)) {
            Some((_, Remembered::Commit(first))) => {
                return Ok(Committed {
                    repeated: true,
                    ..*first
                });
            }
            Some((_, Remembered::Append(..))) => return Err(StoreError::IdemReused),
            None => {}
        }
        self.check_records(&commit.guards, &commit.writes)?;
        let done = Committed {
            revision: self.write(commit.writes),
            repeated: false,
        };
        if let Some(idem) = commit.idem {
            self.answers
                .insert(idem, (Day::of_ms(commit.now_ms), Remembered::Commit(done)));
        }
        Ok(done)
    }

    fn check_append(&self, append: &Append) -> Answer<()> {
        self.check_records(&append.guards, &append.writes)?;
        let next = self.bounds(append.log).0 + 1;
        if append.first.is_some_and(|first| first != next) {
            return Err(StoreError::Moved);
        }
        for staged in append
            .events
            .iter()
            .filter_map(|event| event.staged.as_ref())
        {
            let there =
                |recipient: &&Recipient| !self.staged.contains_key(&(staged.key, **recipient));
            let missing = staged.recipients.iter().filter(there).count();
            if missing > 0 {
                return Err(StoreError::NotStaged { missing });
            }
        }
        let (head, trimmed_to) = self.bounds(append.log);
        if append
            .attach
            .iter()
            .any(|a| a.position <= trimmed_to || a.position > head)
        {
            return Err(StoreError::Invalid("a side row names no event of the log"));
        }
        Ok(())
    }

    fn append(&mut self, append: Append) -> Answer<Appended> {
        let (idem, log_id) = (append.idem, append.log);
        match self.answers.get(&idem) {
            Some((_, Remembered::Append(log, first))) if *log == log_id => {
                return Ok(Appended {
                    repeated: true,
                    ..*first
                });
            }
            Some(_) => return Err(StoreError::IdemReused),
            None => {}
        }
        self.check_append(&append)?;
        let time_ms = append.now_ms;
        let revision = self.write(append.writes);
        let first = self.bounds(log_id).0 + 1;
        let mut next = first;
        for event in append.events {
            if let Some(staged) = event.staged {
                let taken = self.take_staged(staged.key);
                let wanted = |row: &SideRow| staged.recipients.contains(&row.recipient);
                self.put_side(log_id, next, taken.into_iter().filter(wanted));
            }
            self.put_side(log_id, next, event.side);
            let log = self.logs.entry(log_id).or_default();
            log.events.insert(next, (time_ms, event.bytes));
            log.head = next;
            next += 1;
        }
        for attach in append.attach {
            self.put_side(log_id, attach.position, [attach.row]);
        }
        let done = Appended {
            first,
            count: next - first,
            time_ms,
            revision,
            repeated: false,
        };
        self.answers.insert(
            idem,
            (Day::of_ms(time_ms), Remembered::Append(log_id, done)),
        );
        Ok(done)
    }

    fn put_side(&mut self, log: LogId, position: u64, rows: impl IntoIterator<Item = SideRow>) {
        for row in rows {
            self.side.insert((row.recipient, log, position), row);
        }
    }

    fn take_staged(&mut self, key: StageKey) -> Vec<SideRow> {
        let mut taken = Vec::new();
        self.staged.retain(|(at, _), (_, row)| {
            if *at == key {
                taken.push(row.clone());
            }
            *at != key
        });
        taken
    }

    /// Head and trim point.
    fn bounds(&self, log: LogId) -> (u64, u64) {
        self.logs
            .get(&log)
            .map_or((0, 0), |log| (log.head, log.trimmed_to))
    }

    fn stage(&mut self, stage: Stage) -> Answer<StageTotal> {
        let Stage {
            key,
            now_ms,
            rows,
            rows_max,
            bytes_max,
        } = stage;
        let mut merged: BTreeMap<Recipient, SideRow> = BTreeMap::new();
        let mut others = StageTotal { rows: 0, bytes: 0 };
        for ((at, recipient), (_, row)) in &self.staged {
            if *at == key {
                merged.insert(*recipient, row.clone());
            } else if at.owner == key.owner {
                others.rows += 1;
                others.bytes += row.bytes.len();
            }
        }
        merged.extend(rows.iter().map(|row| (row.recipient, row.clone())));
        let bytes = merged.values().map(|row| row.bytes.len()).sum();
        let total = StageTotal {
            rows: merged.len(),
            bytes,
        };
        if total.rows > rows_max || total.bytes > bytes_max {
            return Err(StoreError::StageFull);
        }
        if total.rows + others.rows > rows_max || total.bytes + others.bytes > bytes_max {
            self.staged
                .retain(|(at, _), _| at.owner != key.owner || *at == key);
        }
        for row in rows {
            self.staged
                .insert((key, row.recipient), (Day::of_ms(now_ms), row));
        }
        Ok(total)
    }

    fn read(&self, read: &Read) -> Page {
        let (head, trimmed_to) = self.bounds(read.log);
        let mut page = Page {
            events: Vec::new(),
            head,
            trimmed_to,
        };
        let mut budget = Budget::new(read.count, read.bytes);
        for (&position, (time_ms, bytes)) in self
            .logs
            .get(&read.log)
            .into_iter()
            .flat_map(|log| log.events.range(read.from..))
        {
            let row =
                |recipient: &Recipient| self.side.get(&(*recipient, read.log, position)).cloned();
            let side: Vec<SideRow> = read.recipients.iter().filter_map(row).collect();
            if !budget.admit(bytes.len() + side.iter().map(|row| row.bytes.len()).sum::<usize>()) {
                break;
            }
            page.events.push(StoredEvent {
                position,
                time_ms: *time_ms,
                bytes: bytes.clone(),
                side,
            });
        }
        page
    }

    fn scan(
        &self,
        prefix: &RecordKey,
        after: Option<RecordKey>,
        count: usize,
    ) -> Vec<(RecordKey, Record)> {
        let start = match after {
            Some(after) if after >= *prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix.clone()),
        };
        let mut budget = Budget::new(count, limits::PAGE_BYTES_MAX);
        self.records
            .range((start, Bound::Unbounded))
            .take_while(|(key, _)| key.as_bytes().starts_with(prefix.as_bytes()))
            .take_while(|(key, record)| budget.admit(key.as_bytes().len() + record.value.len()))
            .map(|(key, record)| (key.clone(), record.clone()))
            .collect()
    }

    fn trim(&mut self, log: LogId, up_to: u64) -> Answer<()> {
        let (head, trimmed_to) = self.bounds(log);
        if up_to > head {
            return Err(StoreError::Invalid("a trim goes beyond the head"));
        }
        if let Some(log) = self.logs.get_mut(&log)
            && up_to > trimmed_to
        {
            log.trimmed_to = up_to;
            log.events.retain(|position, _| *position > up_to);
        }
        self.side
            .retain(|(_, of, position), _| *of != log || *position > up_to);
        Ok(())
    }

    fn release(&mut self, release: Release) {
        match release {
            Release::Row {
                log,
                position,
                recipient,
            } => drop(self.side.remove(&(recipient, log, position))),
            Release::UpTo {
                log,
                position,
                recipient,
            } => {
                self.side
                    .retain(|(of, at, p), _| *of != recipient || *at != log || *p > position);
            }
            Release::Recipient(recipient) => self.side.retain(|(of, ..), _| *of != recipient),
            Release::Stage(key) => drop(self.take_staged(key)),
            Release::Event {
                log,
                position,
                left,
            } => {
                let log = self.logs.get_mut(&log);
                if let Some((_, bytes)) = log.and_then(|log| log.events.get_mut(&position)) {
                    *bytes = left;
                }
            }
        }
    }

    fn sweep(&mut self, today: Day) {
        self.answers
            .retain(|_, (day, _)| day.plus(Idem::KEPT_DAYS) >= today);
        self.staged
            .retain(|_, (day, _)| day.plus(Stage::KEPT_DAYS) >= today);
        self.side
            .retain(|_, row| row.last_day.is_none_or(|last| last >= today));
    }
}

impl Store for MemoryStore {
    async fn get(&self, keys: Vec<RecordKey>) -> Answer<Vec<Option<Record>>> {
        limits::items(keys.len())?;
        let state = self.state();
        Ok(keys
            .iter()
            .map(|key| state.records.get(key).cloned())
            .collect())
    }

    async fn commit(&self, commit: Commit) -> Answer<Committed> {
        commit.check()?;
        self.state().commit(commit)
    }

    async fn scan(
        &self,
        prefix: RecordKey,
        after: Option<RecordKey>,
        count: usize,
    ) -> Answer<Vec<(RecordKey, Record)>> {
        Ok(self.state().scan(&prefix, after, count))
    }

    async fn stage(&self, stage: Stage) -> Answer<StageTotal> {
        stage.check()?;
        self.state().stage(stage)
    }

    async fn append(&self, append: Append) -> Answer<Appended> {
        append.check()?;
        self.state().append(append)
    }

    async fn read(&self, read: Read) -> Answer<Page> {
        limits::number(read.from)?;
        limits::recipients(&read.recipients)?;
        Ok(self.state().read(&read))
    }

    async fn side(&self, read: SideRead) -> Answer<Vec<(u64, SideRow)>> {
        limits::number(read.after)?;
        let mut budget = Budget::new(read.count, read.bytes);
        let (from, to) = (
            (read.recipient, read.log, read.after),
            (read.recipient, read.log, u64::MAX),
        );
        let state = self.state();
        let rows = state
            .side
            .range((Bound::Excluded(from), Bound::Included(to)));
        let rows = rows.take_while(|(_, row)| budget.admit(row.bytes.len()));
        Ok(rows
            .map(|((_, _, position), row)| (*position, row.clone()))
            .collect())
    }

    async fn heads(&self, logs: Vec<LogId>) -> Answer<Vec<u64>> {
        limits::items(logs.len())?;
        let state = self.state();
        Ok(logs.into_iter().map(|log| state.bounds(log).0).collect())
    }

    async fn trim(&self, log: LogId, up_to: u64) -> Answer<()> {
        limits::number(up_to)?;
        self.state().trim(log, up_to)
    }

    async fn release(&self, release: Release) -> Answer<()> {
        if let Release::Row { position, .. } | Release::UpTo { position, .. } = &release {
            limits::number(*position)?;
        }
        self.state().release(release);
        Ok(())
    }

    async fn sweep(&self, now_ms: u64) -> Answer<()> {
        limits::number(now_ms)?;
        self.state().sweep(Day::of_ms(now_ms));
        Ok(())
    }

    async fn health(&self) -> Answer<Durability> {
        Ok(Durability::Volatile("it is kept in memory only"))
    }
}

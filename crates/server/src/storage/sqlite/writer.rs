//! The one writer: a thread that takes all waiting requests, carries them out in one
//! transaction, and answers after it is on the disk (docs/spec/storage.md §7.2, §8).

use super::book::{Book, Cache};
use super::failure::{Failure, Trouble};
use super::open::Opened;
use crate::storage::{Answer, StoreError};
use rusqlite::TransactionBehavior;
use rusqlite::config::DbConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

/// Most requests in one transaction.
const BATCH_REQUESTS_MAX: usize = 4_096;
/// Bytes after which a transaction takes no further request.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Room for requests that wait for the writer, in KiB; more wait outside.
const WAITING_KIB_MAX: usize = 16_384;
const CLOSED: &str = "it was closed";

/// Something that is done inside a transaction, possibly again after a failed one.
pub(super) trait Act: Send + 'static {
    type Output: Send + 'static;

    /// Checks everything before it writes anything.
    fn apply(&self, book: &mut Book<'_>) -> Result<Self::Output, Failure>;
}

/// A request with the one who waits for it.
struct Job<A: Act> {
    act: A,
    answer: Option<Answer<A::Output>>,
    reply: oneshot::Sender<Answer<A::Output>>,
    /// The room that the request takes up among those that wait.
    _room: OwnedSemaphorePermit,
}

trait Work: Send {
    /// An error means that the transaction is lost.
    fn apply(&mut self, book: &mut Book<'_>) -> rusqlite::Result<()>;
    /// Answers with what came out, or with why the transaction failed.
    fn finish(self: Box<Self>, outcome: Answer<()>);
}

impl<A: Act> Work for Job<A> {
    fn apply(&mut self, book: &mut Book<'_>) -> rusqlite::Result<()> {
        self.answer = Some(match self.act.apply(book) {
            Ok(output) => Ok(output),
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Engine(error)) => return Err(error),
        });
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Answer<()>) {
        let Self { answer, reply, .. } = *self;
        let answer = outcome.and_then(|()| answer.unwrap_or(Err(StoreError::Unknown)));
        // Whoever no longer waits has nothing to hear.
        let _ = reply.send(answer);
    }
}

enum Message {
    Work { work: Box<dyn Work>, bytes: usize },
    Close { done: oneshot::Sender<()> },
}

/// How much the writer has done; their ratio is what group commit saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkDone {
    /// Requests that were answered.
    pub requests: u64,
    /// Transactions that were committed for them.
    pub transactions: u64,
}

#[derive(Default)]
struct Count {
    requests: AtomicU64,
    transactions: AtomicU64,
}

/// The way to the writer's thread.
pub(super) struct Writer {
    messages: mpsc::UnboundedSender<Message>,
    room: Arc<Semaphore>,
    stopped: watch::Receiver<Option<&'static str>>,
    count: Arc<Count>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(opened: Opened) -> std::io::Result<Self> {
        let (messages, inbox) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(None);
        let count = Arc::<Count>::default();
        let cache = Cache::default();
        let thread = Thread {
            opened,
            inbox,
            stop,
            cache,
            count: Arc::clone(&count),
        };
        std::thread::Builder::new()
            .name("storage".into())
            .spawn(|| thread.run())?;
        Ok(Self {
            messages,
            room: Arc::new(Semaphore::new(WAITING_KIB_MAX)),
            stopped,
            count,
        })
    }

    /// Waits for room, then for the answer.
    pub(super) async fn submit<A: Act>(&self, act: A, bytes: usize) -> Answer<A::Output> {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await;
        let room = room.map_err(|_| StoreError::Stopped(CLOSED))?;
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Job {
            act,
            answer: None,
            reply,
            _room: room,
        });
        if self.messages.send(Message::Work { work, bytes }).is_err() {
            return Err(self.stopped().err().unwrap_or(StoreError::Stopped(CLOSED)));
        }
        answer.await.unwrap_or(Err(StoreError::Unknown))
    }

    /// An error if the writer takes no more work.
    pub(super) fn stopped(&self) -> Answer<()> {
        self.stopped
            .borrow()
            .map_or(Ok(()), |reason| Err(StoreError::Stopped(reason)))
    }

    /// Resolves when the writer stops, with the reason.
    pub(super) async fn until_stopped(&self) -> &'static str {
        let mut stopped = self.stopped.clone();
        let reason = stopped.wait_for(Option::is_some).await;
        reason
            .ok()
            .and_then(|reason| *reason)
            .unwrap_or("its thread ended")
    }

    /// Lets the writer finish what waits, and the database be put in order.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.messages.send(Message::Close { done }).is_ok() {
            // A dropped sender means that the thread has ended: as good as an answer.
            let _ = closed.await;
        }
    }

    pub(super) fn work_done(&self) -> WorkDone {
        WorkDone {
            requests: self.count.requests.load(Ordering::Relaxed),
            transactions: self.count.transactions.load(Ordering::Relaxed),
        }
    }
}

/// A transaction that did not come to its end.
pub(super) struct Lost {
    pub(super) trouble: Trouble,
    /// Whether it had been handed to the disk: then its outcome may be unknown.
    pub(super) committing: bool,
}

impl Lost {
    /// What those hear who were part of it.
    pub(super) const fn answer(&self) -> StoreError {
        match self.trouble.stops() {
            Some(_) if self.committing => StoreError::Unknown,
            _ => self.trouble.answer(),
        }
    }
}

struct Thread {
    opened: Opened,
    inbox: mpsc::UnboundedReceiver<Message>,
    stop: watch::Sender<Option<&'static str>>,
    cache: Cache,
    count: Arc<Count>,
}

impl Thread {
    fn run(mut self) {
        let mut closing = None;
        while closing.is_none() {
            let Some(message) = self.inbox.blocking_recv() else {
                break;
            };
            let batch = self.gather(message, &mut closing);
            if let Err(reason) = self.carry_out(batch) {
                self.refuse_all(reason);
                tracing::error!(reason, "the store has stopped");
                // Nothing more is written through this handle, not even when it is closed.
                let no_checkpoint = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                let _ = self.opened.db.set_db_config(no_checkpoint, true);
                return;
            }
        }
        self.refuse_all(CLOSED);
        let cut = self
            .opened
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = cut {
            tracing::warn!(%error, "the write-ahead log stays beside the database");
        }
        drop(self.opened);
        if let Some(done) = closing {
            let _: Result<(), ()> = done.send(());
        }
    }

    /// All that waits, up to the size of a transaction.
    fn gather(
        &mut self,
        first: Message,
        closing: &mut Option<oneshot::Sender<()>>,
    ) -> Vec<Box<dyn Work>> {
        let mut batch = Vec::new();
        let mut bytes_sum = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Close { done } => {
                    *closing = Some(done);
                    break;
                }
                Message::Work { work, bytes } => {
                    bytes_sum += bytes;
                    batch.push(work);
                }
            }
            if batch.len() >= BATCH_REQUESTS_MAX || bytes_sum >= BATCH_BYTES_MAX {
                break;
            }
            next = self.inbox.try_recv().ok();
        }
        batch
    }

    /// Carries a batch out and answers. If it finds no room as a whole, each request is tried by
    /// itself, so that one large request does not fail the small ones beside it.
    fn carry_out(&mut self, mut batch: Vec<Box<dyn Work>>) -> Result<(), &'static str> {
        let outcome = self.transact(&mut batch);
        if let Err(Lost {
            trouble: Trouble::Full,
            ..
        }) = outcome
            && batch.len() > 1
        {
            return self.carry_out_singly(batch);
        }
        self.count
            .requests
            .fetch_add(batch.len() as u64, Ordering::Relaxed);
        let answer = outcome.as_ref().copied().map_err(Lost::answer);
        for work in batch {
            work.finish(answer.clone());
        }
        match outcome.err().and_then(|lost| lost.trouble.stops()) {
            None => Ok(()),
            Some(reason) => Err(reason),
        }
    }

    fn carry_out_singly(&mut self, batch: Vec<Box<dyn Work>>) -> Result<(), &'static str> {
        let mut outcome = Ok(());
        for work in batch {
            match outcome {
                Ok(()) => outcome = self.carry_out(vec![work]),
                Err(reason) => work.finish(Err(StoreError::Stopped(reason))),
            }
        }
        outcome
    }

    fn transact(&mut self, batch: &mut [Box<dyn Work>]) -> Result<(), Lost> {
        let outcome = self.try_transact(batch);
        match &outcome {
            Ok(()) => drop(self.count.transactions.fetch_add(1, Ordering::Relaxed)),
            Err(_) => self.cache = Cache::default(),
        }
        outcome.map_err(|(error, committing)| {
            tracing::warn!(%error, committing, requests = batch.len(), "a transaction failed");
            Lost {
                trouble: Trouble::of(&error),
                committing,
            }
        })
    }

    /// The error, and whether it came with the commit. The transaction is rolled back when it is
    /// dropped unfinished.
    fn try_transact(&mut self, batch: &mut [Box<dyn Work>]) -> Result<(), (rusqlite::Error, bool)> {
        let before = |error| (error, false);
        let db = &mut self.opened.db;
        let transaction = db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(before)?;
        let mut book = Book::new(&transaction, &mut self.cache);
        for work in batch {
            work.apply(&mut book).map_err(before)?;
        }
        book.close().map_err(before)?;
        transaction.commit().map_err(|error| (error, true))
    }

    /// Takes no more requests and refuses those that wait.
    fn refuse_all(&mut self, reason: &'static str) {
        self.stop.send_replace(Some(reason));
        self.inbox.close();
        while let Ok(message) = self.inbox.try_recv() {
            match message {
                Message::Work { work, .. } => work.finish(Err(StoreError::Stopped(reason))),
                Message::Close { done } => drop(done),
            }
        }
    }
}

//! The driver's rounds: what has come, one transaction, the effects.

use super::checking::checked;
use super::link::{FromLink, LinkTask, Order, Target};
use super::locking::{self, Locker};
use crate::command::{Answer, Call, Command, Failure};
use crate::engine::{ArchiveTally, CallId, Effect, Engine, EngineError, Input, Turn};
use crate::home::Home;
use crate::store::{Store, StoreError};
use crate::upkeep_view::StorageView;
use crate::view::Notice;
use std::collections::HashMap;
use std::time::Duration;
use subrosa_e2e::HistoryOpener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Inputs that one transaction takes in at most.
const ROUND_INPUTS_MAX: usize = 64;
/// Messages of the server that wait for the driver.
const INPUTS_WAITING_MAX: usize = 64;
/// A tick comes at least this often.
const TICK: Duration = Duration::from_secs(60);
/// After so long without anything to do, the index goes on.
const IDLE: Duration = Duration::from_millis(300);
/// Between two steps of it.
const IDLE_NEXT: Duration = Duration::from_millis(5);
/// It goes on after so long, however much there is to do.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// Pause before the server is asked again after the local store has failed.
const STORE_PAUSE_MS: u64 = 5_000;
/// Keys of a history of which nothing arrives for so long are given up.
const ARCHIVE_IDLE: Duration = Duration::from_secs(60);

/// Engine, store and the calls that are open.
pub(super) struct Rounds {
    store: Store,
    engine: Engine,
    replies: HashMap<CallId, oneshot::Sender<Result<Answer, Failure>>>,
    notices: HashMap<CallId, mpsc::Sender<Notice>>,
    next_call: CallId,
    /// The link whose messages the engine has last seen begin.
    link: u64,
    /// When the engine wants a tick at the latest.
    wake: Instant,
    /// When the engine has last had a moment for itself.
    idled: Instant,
    /// When it has the next, if it wants one.
    idle: Option<Instant>,
    /// Subscriptions that have ended since the last round.
    gone: Vec<CallId>,
}

/// Why the rounds have ended.
pub(super) enum Left {
    /// The last caller has gone.
    Callers,
    /// The home was locked, as these have asked.
    Locked(Vec<Locker>),
}

/// What one round was given.
enum Given {
    Call(Call),
    Link(FromLink),
    Tick,
    Idle,
}

/// Who is to be told when the home is locked; one that cannot be is told of at once.
async fn asked_to_lock(home: &Home, asked: Given) -> Option<Locker> {
    let Given::Call(Call {
        command: Command::Lock { passphrase },
        reply,
        ..
    }) = asked
    else {
        return None;
    };
    match locking::prepare(home, passphrase).await {
        Ok(()) => Some(reply),
        Err(failure) => {
            drop(reply.send(Err(failure)));
            None
        }
    }
}

impl Rounds {
    pub fn new(mut store: Store) -> Result<Self, EngineError> {
        let engine = store.transaction(Engine::load)?;
        let wake = Instant::now() + TICK;
        Ok(Self {
            store,
            engine,
            replies: HashMap::new(),
            notices: HashMap::new(),
            next_call: 1,
            link: 0,
            wake,
            idled: Instant::now(),
            idle: Some(Instant::now() + IDLE),
            gone: Vec::new(),
        })
    }

    pub fn into_store(self) -> Store {
        self.store
    }

    /// Runs until the last caller has gone, or the home is locked.
    pub async fn run(mut self, home: &Home, calls: &mut mpsc::Receiver<Call>) -> Left {
        let (target_to, target) = watch::channel(self.target());
        let (inputs_to, inputs) = mpsc::channel(INPUTS_WAITING_MAX);
        let mut inputs = checked(inputs, INPUTS_WAITING_MAX);
        let link = LinkTask::start(target, inputs_to);
        let mut locks = Vec::new();
        while locks.is_empty() {
            let idle = self.idle.unwrap_or(self.wake);
            let first = tokio::select! {
                call = calls.recv() => match call {
                    Some(call) => Given::Call(call),
                    None => break,
                },
                Some(input) = inputs.recv() => Given::Link(input),
                () = tokio::time::sleep_until(self.wake) => Given::Tick,
                () = tokio::time::sleep_until(idle), if self.idle.is_some() => Given::Idle,
            };
            let mut given = vec![first];
            while given.len() < ROUND_INPUTS_MAX {
                if let Ok(input) = inputs.try_recv() {
                    given.push(Given::Link(input));
                } else if let Ok(call) = calls.try_recv() {
                    given.push(Given::Call(call));
                } else {
                    break;
                }
            }
            let is_lock = |given: &mut Given| matches!(given, Given::Call(call) if matches!(call.command, Command::Lock { .. }));
            let asked: Vec<_> = given.extract_if(.., is_lock).collect();
            self.round(given, &link, &target_to);
            for asked in asked {
                locks.extend(asked_to_lock(home, asked).await);
            }
        }
        self.end(link, locks).await
    }

    /// Closes the link and the store. Whoever still waits is answered by the next owner, or told that the home is locked.
    async fn end(mut self, link: LinkTask, locks: Vec<Locker>) -> Left {
        if !locks.is_empty() {
            for (_, reply) in self.replies.drain() {
                drop(reply.send(Err(Failure::locked())));
            }
        }
        link.close().await;
        let Self {
            store,
            engine,
            notices,
            ..
        } = self;
        drop(engine);
        store.close();
        // Who listens hears the end of it when everything has gone.
        drop(notices);
        if locks.is_empty() {
            return Left::Callers;
        }
        Left::Locked(locks)
    }

    fn target(&self) -> Target {
        Target {
            address: self.engine.address().clone(),
            pinned: self.engine.pinned(),
        }
    }

    fn round(&mut self, given: Vec<Given>, link: &LinkTask, target: &watch::Sender<Target>) {
        self.drop_closed();
        let idles = matches!(given.as_slice(), [Given::Idle]);
        let gone = std::mem::take(&mut self.gone).into_iter();
        let mut inputs: Vec<Input> = gone.map(|call| Input::Gone { call }).collect();
        inputs.extend(given.into_iter().map(|given| self.input(given)));
        let mut rng = crate::randomness::system();
        let engine = &mut self.engine;
        let outcome = self.store.transaction(|desk| {
            let mut turn = Turn {
                now_ms: super::now_ms(),
                desk,
                rng: &mut rng,
                effects: Vec::new(),
            };
            for input in inputs {
                engine.handle(&mut turn, input)?;
            }
            Ok::<_, EngineError>(turn.effects)
        });
        match outcome {
            Ok(effects) => self.carry_out(effects, link),
            Err(error) => {
                // What was made from the lines can be made from them again.
                if idles && matches!(error, EngineError::Store(StoreError::Damaged)) {
                    drop(self.store.transaction(|desk| desk.empty_index()));
                }
                self.start_over(error, link);
            }
        }
        self.plan_idle(idles);
        let now = self.target();
        target.send_if_modified(|known| {
            let changed = *known != now;
            if changed {
                *known = now;
            }
            changed
        });
    }

    fn plan_idle(&mut self, idles: bool) {
        let now = Instant::now();
        if idles {
            self.idled = now;
        }
        let pause = if idles { IDLE_NEXT } else { IDLE };
        let next = (now + pause).min(self.idled + IDLE_MAX);
        self.idle = self.engine.index_waits().then_some(next.max(now));
    }

    fn input(&mut self, given: Given) -> Input {
        match given {
            Given::Idle => Input::Idle,
            Given::Tick => {
                self.wake = Instant::now() + TICK;
                Input::Tick
            }
            Given::Link((number, input)) => {
                if matches!(input, Input::Linked { .. }) {
                    self.link = number;
                }
                input
            }
            Given::Call(Call {
                caller,
                command,
                reply,
                notices,
            }) => {
                let call = self.next_call;
                self.next_call += 1;
                self.replies.insert(call, reply);
                let subscribes = notices.is_some();
                if let Some(notices) = notices {
                    self.notices.insert(call, notices);
                }
                Input::Command {
                    call,
                    caller,
                    command,
                    subscribes,
                }
            }
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>, link: &LinkTask) {
        for effect in effects {
            match effect {
                Effect::Send(message) => self.order(link, Order::Send(self.link, message)),
                Effect::Compact(call, before) => {
                    let answer = self.compact(before);
                    if let Some(reply) = self.replies.remove(&call) {
                        drop(reply.send(answer));
                    }
                }
                Effect::DialNow => self.order(link, Order::DialNow),
                Effect::Settled => self.order(link, Order::Settled(self.link)),
                Effect::Leave(pause_ms) => self.order(link, Order::Leave(self.link, pause_ms)),
                Effect::Answer(call, answer) => {
                    if answer.is_err() {
                        self.notices.remove(&call);
                    }
                    if let Some(reply) = self.replies.remove(&call) {
                        drop(reply.send(answer));
                    }
                }
                Effect::Notify(call, notice) => self.notify(call, notice),
                Effect::End(call) => drop(self.notices.remove(&call)),
                Effect::Wake(at_ms) => {
                    let in_ms = at_ms.saturating_sub(super::now_ms());
                    if let Some(at) = Instant::now().checked_add(Duration::from_millis(in_ms)) {
                        self.wake = self.wake.min(at);
                    }
                }
            }
        }
    }

    fn compact(&mut self, before: StorageView) -> Result<Answer, Failure> {
        self.store.compact()?;
        let after = self.store.transaction(StorageView::of)?;
        let freed = before.bytes().saturating_sub(after.bytes());
        Ok(Answer::Storage(StorageView { freed, ..after }))
    }

    /// A reader that does not keep up loses its subscription, not its place: it subscribes again
    /// from its last cursor.
    fn notify(&mut self, call: CallId, notice: Notice) {
        let to = self.notices.get(&call);
        if to.is_some_and(|to| to.try_send(notice).is_err()) {
            self.notices.remove(&call);
            self.gone.push(call);
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the other effects do")]
    fn order(&self, link: &LinkTask, order: Order) {
        // The link task ends only after this side does, or when it was told to stop.
        drop(link.orders.send(order));
    }

    /// Nothing of the round was saved: the engine is what is stored, and whoever waits is told. What
    /// is in the outbox stays there; the link is made anew, so that nothing under way is missed.
    fn start_over(&mut self, error: EngineError, link: &LinkTask) {
        tracing::error!(%error, "the local store failed");
        let failure = Failure::from(error);
        for (_, reply) in self.replies.drain() {
            drop(reply.send(Err(failure.clone())));
        }
        self.notices.clear();
        self.gone.clear();
        match self.store.transaction(Engine::load) {
            Ok(engine) => self.engine = engine,
            Err(error) => tracing::error!(%error, "the local store cannot be read"),
        }
        self.order(link, Order::Leave(self.link, Some(STORE_PAUSE_MS)));
    }

    /// Subscribers that have gone are not told any more.
    fn drop_closed(&mut self) {
        let closed = |(call, to): (&CallId, &mpsc::Sender<Notice>)| to.is_closed().then_some(*call);
        let closed: Vec<CallId> = self.notices.iter().filter_map(closed).collect();
        for call in closed {
            self.notices.remove(&call);
            self.gone.push(call);
        }
    }

    /// Fetches the keys of the history over a link on which a password was proved.
    pub async fn fetch_archive(
        &mut self,
        opener: HistoryOpener,
        open: subrosa_channel::io::Link,
    ) -> Result<ArchiveTally, Failure> {
        self.engine.fetch_archive(opener);
        let (target_to, target) = watch::channel(self.target());
        let (inputs_to, mut inputs) = mpsc::channel(INPUTS_WAITING_MAX);
        let link = LinkTask::adopt(open, target, inputs_to);
        let mut last = Instant::now();
        let outcome = loop {
            if let Some(tally) = self.engine.archived() {
                break Ok(tally);
            }
            let given = tokio::select! {
                input = inputs.recv() => match input {
                    Some((_, Input::Lost | Input::Unreachable { .. })) | None => break Err(Failure::network(
                        "the connection ended before the keys of the history were here; try again",
                    )),
                    Some(input) => {
                        last = Instant::now();
                        Given::Link(input)
                    }
                },
                () = tokio::time::sleep_until(self.wake.min(last + ARCHIVE_IDLE)) => Given::Tick,
            };
            if last.elapsed() >= ARCHIVE_IDLE {
                break Err(Failure::network(
                    "the server stopped sending the keys of the history; try again",
                ));
            }
            self.round(vec![given], &link, &target_to);
        };
        link.close().await;
        outcome
    }
}

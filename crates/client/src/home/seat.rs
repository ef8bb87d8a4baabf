//! A face's seat in a home: owner or guest, whichever comes first, and the change between them.

use super::conversing::{Host, converse};
use super::folder::{Home, Lock};
use super::guest::{Arrival, Guest, NoOwner};
use super::owner;
use crate::command::{Answer, Call, Caller, Command, Failure, Notices};
use crate::randomness;
use crate::view::Notice;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// How long a process waits for a lock whose holder does not answer on the socket.
const SEAT_WAIT: Duration = Duration::from_secs(15);
/// Pause between two tries.
const TRY_PAUSE: Duration = Duration::from_millis(15);
/// Notices that wait for a face before its subscription is made anew.
const NOTICES_WAITING_MAX: usize = 1_024;

/// Starts what an owner runs: opens the store and the link. Called under the home's lock, which
/// is held until the returned task has ended; the task ends when the last sender is gone.
pub trait Start: Send + 'static {
    /// Starts it.
    fn start(&mut self, home: &Home) -> Starting;

    /// The owner says that the home is locked: what would open it is forgotten.
    fn locked(&mut self) {}
}

/// Calls go in here; the task ends after the last sender is dropped and all is saved.
pub type Started = (mpsc::Sender<Call>, JoinHandle<()>);
/// The start under way.
pub type Starting = Pin<Box<dyn Future<Output = Result<Started, Failure>> + Send>>;

/// A face's way to its account, in this process or another.
pub struct Client {
    home: Home,
    face: String,
    calls: mpsc::Sender<Call>,
    seat: JoinHandle<()>,
    way: Option<Arc<Notify>>,
}

impl Client {
    /// Takes a seat in a home. Returns when this process is owner or guest.
    ///
    /// # Errors
    /// The owner is of another build, does not answer, or the store cannot be opened.
    pub async fn open(home: Home, face: &str, start: impl Start) -> Result<Self, Failure> {
        Self::seated(home, face, start, None).await
    }

    /// The same for a process that does nothing but own the home: it gives way to a newer build, see
    /// [`Client::displaced`].
    ///
    /// # Errors
    /// As [`Client::open`].
    pub async fn open_giving_way(
        home: Home,
        face: &str,
        start: impl Start,
    ) -> Result<Self, Failure> {
        let way = Some(Arc::new(Notify::new()));
        Self::seated(home, face, start, way).await
    }

    async fn seated(
        home: Home,
        face: &str,
        start: impl Start,
        way: Option<Arc<Notify>>,
    ) -> Result<Self, Failure> {
        let (calls, incoming) = mpsc::channel(64);
        let mut seat = Seat {
            home: home.clone(),
            face: face.to_owned(),
            way: way.clone(),
            start: Box::new(start),
            incoming,
            open: BTreeMap::new(),
            next: 1,
        };
        let place = seat.sit().await?;
        Ok(Self {
            home,
            face: face.to_owned(),
            calls,
            seat: tokio::spawn(seat.run(place)),
            way,
        })
    }

    /// The home that it sits in.
    #[must_use]
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// Where the home's present owner, this process or another, listens.
    #[must_use]
    pub fn socket(&self) -> Option<PathBuf> {
        self.home.plate().map(|plate| plate.socket)
    }

    /// Resolves when a newer build asks for the home: this process then has to close. Never, unless it was opened to
    /// give way.
    pub async fn displaced(&self) {
        match &self.way {
            Some(way) => way.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Speaks JSON-RPC (docs/spec/rpc.md) until the input ends and is answered, or nobody reads.
    pub async fn converse(&self, from: impl AsyncRead + Unpin, to: impl AsyncWrite + Unpin) {
        converse(from, to, self.host()).await;
    }

    /// Listens at a further socket, for this user only, until the future is dropped.
    ///
    /// # Errors
    /// It cannot be made there.
    pub async fn listen(
        &self,
        path: &Path,
    ) -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
        let listener = owner::bind_anew(path).await.map_err(|error| {
            Failure::user(format!(
                "the socket {} cannot be made ({error}): choose another path",
                path.display()
            ))
        })?;
        Ok(owner::serve(listener, self.host()))
    }

    fn host(&self) -> Host {
        Host {
            face: self.face.clone(),
            calls: self.calls.clone(),
            way: None,
        }
    }

    /// Runs one command.
    ///
    /// # Errors
    /// What the owner answers, or that no process can own the home any more.
    pub async fn call(&self, command: Command) -> Result<Answer, Failure> {
        self.submit(command, None).await
    }

    /// Subscribes: rows after `since` first, then what is new. The stream lasts across owners.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn subscribe(
        &self,
        conversation: Option<String>,
        since: Option<u64>,
    ) -> Result<Notices, Failure> {
        let (notices, arriving) = mpsc::channel(NOTICES_WAITING_MAX);
        self.submit(
            Command::Subscribe {
                conversation,
                since,
            },
            Some(notices),
        )
        .await?;
        Ok(arriving)
    }

    async fn submit(
        &self,
        command: Command,
        notices: Option<mpsc::Sender<Notice>>,
    ) -> Result<Answer, Failure> {
        let gone = || Failure::defect("the client has stopped; run the command again");
        let name = randomness::name::<16>().map_err(|error| Failure::defect(error.to_string()))?;
        let caller = Caller(name);
        let (reply, answer) = oneshot::channel();
        self.calls
            .send(Call {
                caller,
                command,
                reply,
                notices,
            })
            .await
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Leaves the home. As owner: when all is saved, the link is closed and the lock is free.
    pub async fn close(self) {
        drop(self.calls);
        drop(self.seat.await);
    }
}

/// A command that has not been answered, or a subscription that lasts.
struct Open {
    caller: Caller,
    command: Command,
    reply: Option<oneshot::Sender<Result<Answer, Failure>>>,
    notices: Option<mpsc::Sender<Notice>>,
}

struct Seat {
    home: Home,
    face: String,
    way: Option<Arc<Notify>>,
    start: Box<dyn Start>,
    incoming: mpsc::Receiver<Call>,
    open: BTreeMap<u64, Open>,
    next: u64,
}

enum Place {
    Owner(Box<Ownership>),
    Guest(Guest),
}

/// What an owner holds; the lock is the last to go.
struct Ownership {
    calls: mpsc::Sender<Call>,
    driver: JoinHandle<()>,
    socket: JoinHandle<()>,
    lock: Lock,
}

/// Why a place was left.
enum Left {
    /// The face has gone.
    Face,
    /// The owner has gone.
    Owner,
}

impl Seat {
    /// Tries the socket, then the lock, then waits; the first to come owns.
    async fn sit(&mut self) -> Result<Place, Failure> {
        let deadline = tokio::time::Instant::now() + SEAT_WAIT;
        loop {
            match Guest::enter(&self.home, &self.face).await {
                Ok(guest) => return Ok(Place::Guest(guest)),
                Err(NoOwner::OtherBuild(failure)) => return Err(failure),
                Err(NoOwner::Absent) => {}
            }
            if let Some(lock) = self
                .home
                .lock()
                .map_err(|error| Failure::user(error.to_string()))?
            {
                return self.own(lock).await;
            }
            if tokio::time::Instant::now() > deadline {
                return Err(Failure::user(match self.home.plate() {
                    Some(plate) => format!(
                        "this home is held by `subrosa {}` (pid {}), which does not answer; end that process and try again",
                        plate.face, plate.pid
                    ),
                    None => {
                        "this home is held by a process that does not answer; end it and try again"
                            .to_owned()
                    }
                }));
            }
            tokio::time::sleep(TRY_PAUSE).await;
        }
    }

    async fn own(&mut self, mut lock: Lock) -> Result<Place, Failure> {
        lock.clear();
        let (calls, driver) = self.start.start(&self.home).await?;
        let listener = owner::listen(&self.home, &mut lock, &self.face).map_err(|error| {
            Failure::user(format!(
                "the home's socket cannot be made: {error}; check the folder's rights"
            ))
        })?;
        let host = Host {
            face: self.face.clone(),
            calls: calls.clone(),
            way: self.way.clone(),
        };
        let socket = tokio::spawn(owner::serve(listener, host));
        Ok(Place::Owner(Box::new(Ownership {
            calls,
            driver,
            socket,
            lock,
        })))
    }

    async fn run(mut self, mut place: Place) {
        loop {
            let left = match place {
                Place::Owner(ownership) => self.as_owner(*ownership).await,
                Place::Guest(guest) => self.as_guest(guest).await,
            };
            if matches!(left, Left::Face) {
                return;
            }
            place = match self.sit().await {
                Ok(place) => place,
                Err(failure) => return self.fail(&failure),
            };
        }
    }

    /// Tells every open command that it cannot be carried out.
    fn fail(&mut self, failure: &Failure) {
        for (_, open) in std::mem::take(&mut self.open) {
            if let Some(reply) = open.reply {
                drop(reply.send(Err(failure.clone())));
            }
        }
    }

    async fn as_owner(&mut self, ownership: Ownership) -> Left {
        let Ownership {
            calls,
            driver,
            socket,
            mut lock,
        } = ownership;
        // What a former owner left unanswered comes first.
        for (_, open) in std::mem::take(&mut self.open) {
            let reply = open.reply.unwrap_or_else(|| oneshot::channel().0);
            drop(
                calls
                    .send(Call {
                        caller: open.caller,
                        command: open.command,
                        reply,
                        notices: open.notices,
                    })
                    .await,
            );
        }
        while let Some(call) = self.incoming.recv().await {
            if calls.send(call).await.is_err() {
                break;
            }
        }
        // The face has gone, or the driver has ended by itself. Guests are let go before the store
        // closes, so that what they ask next goes to the next owner.
        socket.abort();
        drop(socket.await);
        drop(calls);
        drop(driver.await);
        lock.clear();
        Left::Face
    }

    async fn as_guest(&mut self, mut guest: Guest) -> Left {
        for (id, open) in &self.open {
            if guest.ask(*id, &open.caller, &open.command).await.is_none() {
                return Left::Owner;
            }
        }
        loop {
            tokio::select! {
                call = self.incoming.recv() => {
                    let Some(call) = call else { return Left::Face };
                    let id = self.next;
                    self.next += 1;
                    let Call { caller, command, reply, notices } = call;
                    let gone = guest.ask(id, &caller, &command).await.is_none();
                    self.open.insert(id, Open { caller, command, reply: Some(reply), notices });
                    if gone {
                        return Left::Owner;
                    }
                }
                arrival = guest.arrivals.recv() => match arrival {
                    None => return Left::Owner,
                    Some(Arrival::Answer(id, result)) => self.answered(id, result),
                    Some(Arrival::Notice(id, notice)) => self.noticed(id, notice),
                }
            }
        }
    }

    fn answered(&mut self, id: u64, result: Result<Answer, Failure>) {
        if result.as_ref().is_err_and(Failure::is_locked) {
            self.start.locked();
        }
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        if let (Ok(Answer::Subscribed { cursor }), Command::Subscribe { since, .. }) =
            (&result, &mut open.command)
        {
            // From here on a new owner has to start after this row.
            since.get_or_insert(*cursor);
        }
        let failed = result.is_err();
        if let Some(reply) = open.reply.take() {
            drop(reply.send(result));
        }
        if failed || open.notices.is_none() {
            self.open.remove(&id);
        }
    }

    fn noticed(&mut self, id: u64, notice: Notice) {
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        if let (Notice::Row(row), Command::Subscribe { since, .. }) = (&notice, &mut open.command) {
            if since.is_some_and(|seen| row.cursor <= seen) {
                return;
            }
            *since = Some(row.cursor);
        }
        let lost = open
            .notices
            .as_ref()
            .is_none_or(|notices| notices.try_send(notice).is_err());
        if lost {
            // The face is gone or does not keep up; it sees the end of its stream.
            self.open.remove(&id);
        }
    }
}

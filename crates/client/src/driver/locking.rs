//! A home that its person has locked: the store is closed, its key and what was read from it have left this process, and
//! no face gets anything until somebody gives the passphrase.

use super::Unlock;
use super::rounds::{Left, Rounds};
use crate::command::{Answer, Call, Command, Failure, Passphrase};
use crate::engine::EngineError;
use crate::home::Home;
use crate::store::{FILE, KeyError, Store, StoreError, StoreKey, is_locked};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::PoisonError;
use tokio::sync::{mpsc, oneshot};

/// Says in a home's folder that it is locked, whichever process owns it.
pub(crate) const MARK: &str = "locked";

/// Who asked for the lock, to be told when nothing is left in memory.
pub(super) type Locker = oneshot::Sender<Result<Answer, Failure>>;

/// Whether the home was locked: a passphrase that some process was started with does not count then.
#[must_use]
pub fn is_marked(home: &Home) -> bool {
    home.file(MARK).exists()
}

/// Forgets a passphrase that was given at the start.
pub(super) fn forget(unlock: &Unlock) {
    *unlock.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Makes a home ready to be locked, with a first passphrase if it has none, and marks it, so that an owner who comes
/// after a crash is locked too.
pub(super) async fn prepare(home: &Home, first: Option<Passphrase>) -> Result<(), Failure> {
    match (is_locked(home.dir()), first) {
        (true, None) => {}
        (true, Some(_)) => {
            return Err(Failure::user(
                "this home has a passphrase already: lock it without a new one",
            ));
        }
        (false, Some(first)) => {
            let dir = home.dir().to_owned();
            apart(move || Ok(StoreKey::lock(&dir, first.as_str()).map_err(StoreError::from)?))
                .await?;
        }
        (false, None) => return Err(Failure::no_passphrase()),
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let marked = options.open(home.file(MARK)).and_then(|mark| {
        mark.sync_all()?;
        std::fs::File::open(home.dir())?.sync_all()
    });
    marked.map_err(|error| {
        Failure::user(format!(
            "the home cannot be locked ({error}): make room or mend the rights of its folder"
        ))
    })
}

/// Runs a home, open or locked, until the last caller has gone.
pub(super) async fn run(
    home: Home,
    unlock: Unlock,
    opened: Option<Rounds>,
    mut calls: mpsc::Receiver<Call>,
) {
    let mut open = opened;
    loop {
        let rounds = match open.take() {
            Some(rounds) => rounds,
            None => match closed(&home, &mut calls).await {
                Some(rounds) => rounds,
                None => return,
            },
        };
        match rounds.run(&home, &mut calls).await {
            Left::Callers => return,
            Left::Locked(lockers) => {
                forget(&unlock);
                for locker in lockers {
                    drop(locker.send(Ok(Answer::Done {})));
                }
            }
        }
    }
}

/// Refuses everything until the passphrase comes. `None` when the last caller has gone.
async fn closed(home: &Home, calls: &mut mpsc::Receiver<Call>) -> Option<Rounds> {
    while let Some(Call { command, reply, .. }) = calls.recv().await {
        let answer = match command {
            Command::Lock { passphrase } => {
                prepare(home, passphrase).await.map(|()| Answer::Done {})
            }
            Command::Unlock { passphrase } => match opened(home, passphrase).await {
                Ok(rounds) => {
                    drop(reply.send(Ok(Answer::Done {})));
                    return Some(rounds);
                }
                Err(failure) => Err(failure),
            },
            _ if is_marked(home) => Err(Failure::locked()),
            _ => Err(StoreError::from(KeyError::Locked).into()),
        };
        drop(reply.send(answer));
    }
    None
}

async fn opened(home: &Home, passphrase: Passphrase) -> Result<Rounds, Failure> {
    let dir = home.dir().to_owned();
    let rounds = apart(move || {
        open(&dir, Some(passphrase.as_str())).map_err(|failed| match failed {
            EngineError::Store(StoreError::Sealed(_)) => {
                Failure::user("the passphrase is wrong: the home stays locked")
            }
            failed => failed.into(),
        })
    })
    .await?;
    match std::fs::remove_file(home.file(MARK)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::user(format!(
            "the file {MARK} in the home cannot be removed ({error}): mend the rights of its folder"
        ))),
        _ => Ok(rounds),
    }
}

/// Opens the store of a home under its lock.
pub(super) fn open(dir: &Path, passphrase: Option<&str>) -> Result<Rounds, EngineError> {
    let key = StoreKey::load(dir, passphrase).map_err(StoreError::from)?;
    Rounds::new(Store::open(dir, FILE, &key, false)?)
}

/// Stretching a passphrase takes a while and keeps no other task waiting.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|_| Failure::defect("the passphrase could not be tried; try again"))?
}

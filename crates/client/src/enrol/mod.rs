//! Getting an account into a home: by an invite line, or by its password (docs/spec/login.md).

mod conversation;
mod founding;
mod join;
mod login;

pub use join::join;
pub use login::login;

use crate::command::Failure;
use crate::home::{Home, Lock};
use crate::store::{FILE, Store};
use subrosa_proto::Name;
use zeroize::Zeroizing;

/// A store that is being made; it gets its name when the server has the account.
const UNFINISHED: &str = "store.joining";

/// How the password comes about.
pub enum Choice {
    /// Six words, made here.
    Generate,
    /// The person's own; refused unless it is strong.
    Password(Zeroizing<String>),
}

/// Which account name is wanted.
#[derive(Debug, Clone)]
pub enum NameWish {
    /// This one or none.
    Exact(Name),
    /// This one, or the next that is free: `ada`, `ada2`, …
    Free(Name),
}

/// What a person must keep, shown once.
pub struct Sheet {
    /// The server's address; no secret.
    pub address: String,
    /// The account name.
    pub name: String,
    /// The passphrase, when it was made here.
    pub passphrase: Option<Zeroizing<String>>,
    /// The recovery code, in groups.
    pub recovery_code: Zeroizing<String>,
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sheet({}, secrets redacted)", self.name)
    }
}

/// Whether a home holds an account.
#[must_use]
pub fn is_enrolled(home: &Home) -> bool {
    home.file(crate::store::FILE).exists()
}

/// Takes the lock of a home that holds no account yet.
fn hold(home: &Home) -> Result<Lock, Failure> {
    let lock = home
        .lock()
        .map_err(|error| Failure::user(error.to_string()))?;
    let lock = lock.ok_or_else(|| {
        Failure::user(
            "another process uses this home; end it and try again, or choose another home",
        )
    })?;
    if is_enrolled(home) {
        return Err(Failure::user(
            "this home holds an account already; choose another with --home",
        ));
    }
    Ok(lock)
}

/// Gives a finished store its name, for good: also a power cut does not take it back.
fn settle(home: &Home, mut store: Store) -> Result<(), Failure> {
    store.fold()?;
    store.close();
    let named = std::fs::rename(home.file(UNFINISHED), home.file(FILE))
        .and_then(|()| std::fs::File::open(home.dir())?.sync_all());
    named.map_err(|error| Failure::user(format!("the store cannot be put in its place: {error}")))
}

fn drop_unfinished(home: &Home) {
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(
            home.file(&format!("{UNFINISHED}{suffix}")),
        ));
    }
}

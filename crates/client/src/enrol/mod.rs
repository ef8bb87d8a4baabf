//! Getting an account into a home, by an invite line, its password or its recovery code, and changing
//! what opens it (docs/spec/login.md).

mod appending;
mod begun;
mod bot;
mod conversation;
mod forgetting;
mod founding;
mod join;
mod login;
mod merge;
mod papers;
mod passwd;
mod proof;
mod recover;
mod renewing;
mod revoke;
mod sweeping;

pub use bot::join_as_bot;
pub use forgetting::{clear_unused, forget};
pub use join::join;
pub use login::login;
pub use merge::{Joined, merge_devices};
pub use passwd::change_password;
pub use proof::Proof;
pub use recover::{Place, recover};
pub use renewing::{Handover, NewSecrets, Whose};
pub use revoke::revoke_device;

use crate::command::Failure;
use crate::home::{Home, Lock};
use crate::store::{FILE, Store};
use subrosa_ledger::ChainError;
use subrosa_proto::{Name, limits};
use zeroize::Zeroizing;

/// A store that is being made; it gets its name when the server has the account.
const UNFINISHED: &str = "store.joining";

/// The same of a recovery.
const RECOVERING: &str = "store.recovering";

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

/// Why an account's chain does not take this device.
fn unfit(error: &ChainError) -> Failure {
    match error {
        ChainError::TooManyDevices => Failure::user(format!(
            "the account has {} devices already, as many as it can have: end one of them with `subrosa logout` there, or with `subrosa devices revoke` on another",
            limits::ACCOUNT_DEVICES_MAX
        )),
        other => Failure::defect(other.to_string()),
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
fn settle(home: &Home, store: Store) -> Result<(), Failure> {
    settle_from(home, store, UNFINISHED)
}

/// The same from a name of its own.
fn settle_from(home: &Home, mut store: Store, file: &str) -> Result<(), Failure> {
    store.fold()?;
    store.close();
    let named = std::fs::rename(home.file(file), home.file(FILE))
        .and_then(|()| std::fs::File::open(home.dir())?.sync_all());
    named.map_err(|error| Failure::user(format!("the store cannot be put in its place: {error}")))
}

fn drop_unfinished(home: &Home) {
    drop_store(home, UNFINISHED);
}

/// Deletes a store with what belongs to it.
fn drop_store(home: &Home, file: &str) {
    papers::drop_half(home, file);
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(home.file(&format!("{file}{suffix}"))));
    }
}

#[cfg(test)]
mod tests {
    use super::unfit;
    use crate::command::FailureKind;
    use subrosa_ledger::ChainError;

    #[test]
    fn a_full_account_is_no_defect() {
        let full = unfit(&ChainError::TooManyDevices);
        assert_eq!(full.kind, FailureKind::User);
        assert!(full.sentence.contains("20 devices already"), "{full}");
        assert_eq!(unfit(&ChainError::Full).kind, FailureKind::Defect);
    }
}

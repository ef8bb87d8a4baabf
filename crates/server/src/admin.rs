//! Administration by whoever may read the data folder, whether the server runs or not: a running
//! one is asked through its control socket, so that what it hands out holds at once.

mod backup;
mod paper;
mod restore;

pub use backup::backup;
pub use paper::{confirm, confirmed, secrets};
pub use restore::{Restored, restore};

use crate::accounts::release_name;
use crate::config::Clock;
use crate::control::{self, RELEASED};
use crate::error::StartError;
use crate::folder::Folder;
use crate::invites::operators_invite;
use crate::server::{open_database, open_secrets};
use crate::storage::sqlite::CopyError;
use crate::{engine::Engine, incarnation};
use std::path::{Path, PathBuf};
use subrosa_proto::{Address, Host, InviteLine, InviteSecret, Name};

/// Why the administration did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] StartError),
    /// The running server refused.
    #[error("{0}")]
    Refused(String),
    /// The running server does not answer.
    #[error("the running server does not answer on its control socket ({0}): restart it")]
    Silent(std::io::Error),
    /// Nobody has that name.
    #[error("there is no account called {0} on this server: names are written in small letters")]
    NoSuchName(Name),
    /// What it answered cannot be read.
    #[error("the running server answered something unexpected: use the same version of subrosa")]
    Unexpected,
    /// The copy was not made.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A copy takes nobody's place.
    #[error("{} is there already: choose another name for the copy", .0.display())]
    Exists(PathBuf),
    /// There is no copy of that name.
    #[error("there is no file {}: name a copy that `subrosa admin backup` has made", .0.display())]
    NoCopy(PathBuf),
    /// What is said to be a copy is none, or is damaged.
    #[error("the copy cannot be used ({0}): choose another one; nothing was changed")]
    BadCopy(String),
    /// The line of the seed has an error in it.
    #[error(
        "this is not the line of a seed, or it has a typing error: compare it with the paper letter by letter"
    )]
    Line,
    /// The seed is of another server.
    #[error("this seed belongs to another server: take the line that was printed for this one")]
    OtherSeed,
    /// The folder has no seed.
    #[error("the seed is missing: give its line from paper with --secrets FILE, or - to type it")]
    SeedWanted,
    /// The work ended by a defect.
    #[error("the work ended before its time; nothing was changed: try again")]
    Ended,
}

impl AdminError {
    /// Whether whoever asked can mend it by asking otherwise.
    #[must_use]
    pub const fn is_mistake(&self) -> bool {
        matches!(
            self,
            Self::Exists(_)
                | Self::NoCopy(_)
                | Self::BadCopy(_)
                | Self::Line
                | Self::OtherSeed
                | Self::SeedWanted
                | Self::NoSuchName(_)
        )
    }
}

/// A fresh invite that has no author.
///
/// # Errors
/// [`AdminError`]
pub async fn invite(data: &Path) -> Result<InviteLine, AdminError> {
    let folder = Folder::new(data);
    if let Some(line) = ask(&folder, "invite").await? {
        return InviteLine::parse(&line).map_err(|_| AdminError::Unexpected);
    }
    let secret;
    let address = {
        let (address, store, _lock) = open(&folder).await?;
        let made = operators_invite(&store, Clock::system().now_ms()).await;
        store.end().await;
        secret = made.map_err(|refused| refused.at_start(data))?;
        address
    };
    Ok(InviteLine {
        address,
        secret: InviteSecret(secret),
        bot: None,
    })
}

/// Frees the name of an account whose secrets are lost. The account ends on this server.
///
/// # Errors
/// [`AdminError`]
pub async fn release(data: &Path, name: &Name) -> Result<(), AdminError> {
    let folder = Folder::new(data);
    let released = match ask(&folder, &format!("release {name}")).await? {
        Some(answer) => answer == RELEASED,
        None => {
            let (_, store, _lock) = open(&folder).await?;
            let made = release_name(&store, Clock::system().now_ms(), name).await;
            store.end().await;
            made.map_err(|refused| refused.at_start(data))?.is_some()
        }
    };
    if released {
        Ok(())
    } else {
        Err(AdminError::NoSuchName(name.clone()))
    }
}

/// The server's address, as of now or of its last start.
///
/// # Errors
/// [`AdminError`]
pub async fn address(data: &Path) -> Result<Address, AdminError> {
    let folder = Folder::new(data);
    if let Some(line) = ask(&folder, "address").await? {
        return Address::parse(&line).map_err(|_| AdminError::Unexpected);
    }
    let (address, store, _lock) = open(&folder).await?;
    store.end().await;
    Ok(address)
}

async fn ask(folder: &Folder, request: &str) -> Result<Option<String>, AdminError> {
    if !folder.has_database()? {
        return Err(StartError::NoServer {
            path: folder.root().to_owned(),
        }
        .into());
    }
    match control::ask(folder, request).await {
        Ok(answer) => answer.transpose().map_err(AdminError::Refused),
        Err(error) => Err(AdminError::Silent(error)),
    }
}

async fn open(
    folder: &Folder,
) -> Result<
    (
        Address,
        crate::storage::sqlite::SqliteStore,
        crate::folder::Lock,
    ),
    StartError,
> {
    let lock = folder.lock()?;
    let secrets = open_secrets(folder)?;
    let store = open_database(folder).await?;
    let row = incarnation::read(&store)
        .await
        .map_err(|refused| refused.at_start(folder.root()))?;
    let none = || StartError::NoServer {
        path: folder.root().to_owned(),
    };
    let (row, _) = row.ok_or_else(none)?;
    if row.seed_check != secrets.check() {
        return Err(StartError::SecretsForeign {
            path: folder.secrets(),
        });
    }
    let hosts = Host::parse_list(&row.hosts).map_err(|_| none())?;
    Ok((
        Address {
            hosts,
            key: *secrets.server_key().public().as_bytes(),
        },
        store,
        lock,
    ))
}

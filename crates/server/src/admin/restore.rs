//! A database put back from a copy (docs/spec/storage.md §10.2).
//!
//! The copy is made ready beside the database that is there, and the two change places in one
//! step: whenever this ends, the folder holds the old server or the restored one.

use super::AdminError;
use super::backup::blocking;
use crate::config::Clock;
use crate::error::StartError;
use crate::folder::Folder;
use crate::records::{self, InviteRow, RestoredRow, ServerRow};
use crate::refused::{Outcome, Refused};
use crate::secrets::Secrets;
use crate::storage::sqlite::{self, SqliteStore, Tuning};
use crate::storage::{Commit, RecordKey, Store, StoreError, Write};
use crate::{engine::Engine, incarnation, randomness};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use subrosa_proto::{Incarnation, LOGOUT_ID, Prekey, Signed, encode};

/// Records in one commit.
const PAGE: usize = 1_000;

/// What a restore has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where the database that was there before lies now, if there was one.
    pub aside: Option<PathBuf>,
    /// Where the secrets file that was there before lies now, if it was another one.
    pub secrets_aside: Option<PathBuf>,
    /// Accounts in the copy.
    pub accounts: u64,
    /// Unused invites that do not count any more.
    pub invites: u64,
    /// When the newest event of the copy had arrived, Unix milliseconds; 0 if it has none.
    pub copy_ms: u64,
}

/// Puts a copy in the place of the database in a folder, which may be new, and in which no server
/// may be running. `line` is the seed as it stands on paper; without it the folder's own secrets
/// file has to be the one that belongs to the copy.
///
/// # Errors
/// [`AdminError`]; the folder is as it was.
pub async fn restore(data: &Path, copy: &Path, line: Option<&str>) -> Result<Restored, AdminError> {
    let folder = Folder::new(data);
    let typed = line
        .map(|line| Secrets::parse(line).ok_or(AdminError::Line))
        .transpose()?;
    if !copy.is_file() {
        return Err(AdminError::NoCopy(copy.to_owned()));
    }
    folder.create()?;
    let _lock = folder.lock()?;
    let present = Secrets::load(&folder.secrets())?;
    let draft = folder.restoring();
    drop(fs::remove_dir_all(&draft));
    take_in(copy, &draft)?;
    let made = make_ready(&draft, &[typed.as_ref(), present.as_ref()]).await;
    let (mut restored, seed) = match made {
        Ok(made) => made,
        Err(error) => {
            drop(fs::remove_dir_all(&draft));
            return Err(error);
        }
    };
    let stamp = Clock::system().now_ms() / 1_000;
    let given = [typed, present];
    let [typed, present] = &given;
    if seed == Seed::Typed
        && let Some(typed) = typed
        && present.as_ref().map(Secrets::check) != Some(typed.check())
    {
        let path = folder.secrets();
        if present.is_some() {
            let aside = data.join(format!("secrets.before-{stamp}"));
            fs::hard_link(&path, &aside).map_err(|error| StartError::from_io(error, &aside))?;
            restored.secrets_aside = Some(aside);
        }
        typed.save(&path)?;
    }
    let had = folder.has_database()?;
    let aside = data.join(format!("db.before-{stamp}"));
    exchange(&folder, &draft, had.then_some(&aside))
        .map_err(|error| StartError::from_io(error, data))?;
    restored.aside = had.then_some(aside);
    tracing::info!(accounts = restored.accounts, "restored from a copy");
    Ok(restored)
}

/// Whose seed belongs to the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seed {
    Typed,
    Present,
}

/// Copies the copy, which stays as it is, into a folder of its own.
fn take_in(copy: &Path, draft: &Path) -> Result<(), AdminError> {
    let target = draft.join("subrosa.db");
    let taken = || -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(draft)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&target)?;
        io::copy(&mut File::open(copy)?, &mut file)?;
        file.sync_all()
    };
    taken().map_err(|error| StartError::from_io(error, copy).into())
}

/// Checks the copy as a whole, and makes a new life of it.
async fn make_ready(
    draft: &Path,
    seeds: &[Option<&Secrets>; 2],
) -> Result<(Restored, Seed), AdminError> {
    let path = draft.to_owned();
    let opened = blocking(move || SqliteStore::open(&path, Tuning::default())).await?;
    let store = opened.map_err(|error| AdminError::BadCopy(error.to_string()))?;
    let outcome = renew(&store, seeds).await;
    store.end().await;
    let (mut restored, seed) = outcome?;
    let path = draft.to_owned();
    let cleared = blocking(move || sqlite::clear_stage(&path)).await?;
    restored.copy_ms = cleared.map_err(|error| AdminError::BadCopy(error.to_string()))?;
    let path = draft.to_owned();
    let opened = blocking(move || SqliteStore::open(&path, Tuning::default())).await?;
    let store = opened.map_err(|error| AdminError::BadCopy(error.to_string()))?;
    let begun = begin(&store, restored.copy_ms).await;
    store.end().await;
    begun.map_err(unreadable)?;
    File::open(draft)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| StartError::from_io(error, draft))?;
    Ok((restored, seed))
}

async fn renew(
    store: &SqliteStore,
    seeds: &[Option<&Secrets>; 2],
) -> Result<(Restored, Seed), AdminError> {
    store
        .verify()
        .await
        .map_err(|error| unreadable(error.into()))?;
    let found = incarnation::read(store).await.map_err(unreadable)?;
    let (row, _) = found.ok_or_else(|| AdminError::BadCopy("no server wrote it".to_owned()))?;
    let fits = |secrets: &Option<&Secrets>| secrets.is_some_and(|s| s.check() == row.seed_check);
    let [typed, present] = seeds;
    let seed = match (fits(typed), fits(present)) {
        (true, _) => Seed::Typed,
        (false, _) if typed.is_some() => return Err(AdminError::OtherSeed),
        (false, true) => Seed::Present,
        (false, false) if present.is_some() => return Err(AdminError::OtherSeed),
        (false, false) => return Err(AdminError::SeedWanted),
    };
    let invites = drop_invites(store).await.map_err(unreadable)?;
    drop_prekeys(store).await.map_err(unreadable)?;
    let accounts = count(store, records::names()).await.map_err(unreadable)?;
    let restored = Restored {
        aside: None,
        secrets_aside: None,
        accounts,
        invites,
        copy_ms: 0,
    };
    Ok((restored, seed))
}

/// A life of its own.
async fn begin(store: &SqliteStore, copy_ms: u64) -> Outcome<()> {
    let Some((row, revision)) = incarnation::read(store).await? else {
        return Err(Refused::Damaged("the server's own record is missing"));
    };
    let at_ms = Clock::system().now_ms();
    let row = ServerRow {
        incarnation: Incarnation(randomness::bytes()),
        restored: Some(RestoredRow { at_ms, copy_ms }),
        ..row
    };
    let write = Write {
        key: records::server(),
        expected: revision,
        value: Some(encode(&row)),
    };
    commit(store, vec![write]).await
}

/// Invites that nobody had used may have been used since: none counts any more.
async fn drop_invites(store: &SqliteStore) -> Outcome<u64> {
    let mut dropped = 0;
    sift(store, records::invites(), |value| {
        let row: InviteRow = records::decode(value)?;
        let unused = row.used_by.is_none();
        dropped += u64::from(unused);
        Ok(unused)
    })
    .await?;
    sift(store, records::all_open_invites(), |_| Ok(true)).await?;
    Ok(dropped)
}

/// Prekeys of then may be past; their devices publish new ones. A logout is for good.
async fn drop_prekeys(store: &SqliteStore) -> Outcome<()> {
    sift(store, records::all_prekeys(), |value| {
        let signed: Signed = records::decode(value)?;
        let prekey: Prekey = records::decode(&signed.body)?;
        Ok(prekey.id != LOGOUT_ID)
    })
    .await
}

/// Deletes the records of a kind that are to be deleted.
async fn sift(
    store: &SqliteStore,
    prefix: RecordKey,
    mut goes: impl FnMut(&bytes::Bytes) -> Outcome<bool>,
) -> Outcome<()> {
    let mut after = None;
    loop {
        let page = store.scan(prefix.clone(), after, PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        let mut writes = Vec::new();
        for (key, record) in page {
            if goes(&record.value)? {
                writes.push(Write {
                    key,
                    expected: record.revision,
                    value: None,
                });
            }
        }
        if !writes.is_empty() {
            commit(store, writes).await?;
        }
    }
}

async fn count(store: &SqliteStore, prefix: RecordKey) -> Outcome<u64> {
    let (mut after, mut all) = (None, 0);
    loop {
        let page = store.scan(prefix.clone(), after, PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(all);
        };
        all += page.len() as u64;
        after = Some(last.clone());
    }
}

async fn commit(store: &SqliteStore, writes: Vec<Write>) -> Outcome<()> {
    let commit = Commit {
        idem: None,
        now_ms: Clock::system().now_ms(),
        guards: Vec::new(),
        writes,
    };
    store.commit(commit).await?;
    Ok(())
}

fn unreadable(refused: Refused) -> AdminError {
    match refused {
        Refused::Store(StoreError::Full) => AdminError::BadCopy("the disk is full".to_owned()),
        Refused::Store(error) => AdminError::BadCopy(error.to_string()),
        Refused::Damaged(what) => AdminError::BadCopy(what.to_owned()),
        Refused::Code(_) | Refused::Later(_) => AdminError::BadCopy("it refuses".to_owned()),
    }
}

/// The restored database takes the place of the present one, which goes aside.
fn exchange(folder: &Folder, draft: &Path, aside: Option<&PathBuf>) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let place = folder.database_folder();
    // In one step where the file system can; else the old one stays nameable in between.
    let swapped = renameat_with(CWD, draft, CWD, &place, RenameFlags::EXCHANGE);
    match (swapped, aside) {
        (Ok(()), Some(aside)) => fs::rename(draft, aside)?,
        (Ok(()), None) => fs::remove_dir_all(draft)?,
        (Err(_), aside) => {
            match aside {
                Some(aside) => fs::rename(&place, aside)?,
                None => fs::remove_dir_all(&place)?,
            }
            fs::rename(draft, &place)?;
        }
    }
    File::open(folder.root())?.sync_all()
}

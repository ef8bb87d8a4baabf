//! A copy of the database, whether the server runs or not. The secrets file is not in it.

use super::AdminError;
use crate::error::StartError;
use crate::folder::Folder;
use crate::storage::sqlite;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::interval;

/// How often progress is told.
const TELL: Duration = Duration::from_millis(200);

/// Copies the database of the server in a folder into a file of this name, which must not be there
/// yet. It appears whole or not at all, for its owner's eyes only, and is on disk on return. Tells
/// how many bytes of about how many are done. Returns the size.
///
/// # Errors
/// [`AdminError`]
pub async fn backup(
    data: &Path,
    target: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<u64, AdminError> {
    let folder = Folder::new(data);
    if !folder.has_database()? {
        return Err(StartError::NoServer {
            path: data.to_owned(),
        }
        .into());
    }
    let target = absolute(target)?;
    if target.symlink_metadata().is_ok() {
        return Err(AdminError::Exists(target));
    }
    let draft = draft_of(&target);
    drop(fs::remove_file(&draft));
    let (from, to) = (folder.database_folder(), draft.clone());
    let work = move || {
        let size = sqlite::size(&from)?;
        Ok::<_, sqlite::CopyError>((size, from, to))
    };
    let (size, from, to) = blocking(work).await??;
    let mut copying = std::pin::pin!(blocking(move || sqlite::copy(&from, &to)));
    let mut ticks = interval(TELL);
    loop {
        tokio::select! {
            done = &mut copying => break done??,
            _ = ticks.tick() => {
                let done = fs::metadata(&draft).map_or(0, |found| found.len());
                progress(done.min(size), size);
            }
        }
    }
    let finish = || -> io::Result<u64> {
        // A link fails where there is a file by now; a rename would take its place.
        fs::hard_link(&draft, &target).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::rename(&draft, &target),
        })?;
        drop(fs::remove_file(&draft));
        if let Some(folder) = target.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(fs::metadata(&target)?.len())
    };
    let written = finish().map_err(|error| StartError::from_io(error, &target))?;
    progress(written, written);
    Ok(written)
}

fn absolute(target: &Path) -> Result<PathBuf, AdminError> {
    std::path::absolute(target).map_err(|error| StartError::from_io(error, target).into())
}

fn draft_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".draft");
    PathBuf::from(name)
}

/// Runs what blocks off the runtime's threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AdminError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| AdminError::Ended)
}

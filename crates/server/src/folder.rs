//! The server's folder: what lies where, and the lock by which one process owns it.
//!
//! ```text
//! DATA/secrets        the seed, 0600; back it up apart from the rest
//! DATA/secrets-kept   which seed its operator has read back from paper
//! DATA/db/            the database
//! DATA/lock           held by the running server; its process id
//! DATA/control.sock   for the administration on the same machine, 0600
//! ```

use crate::error::StartError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Paths below the data folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
    pub(crate) fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }
    pub(crate) fn secrets_kept(&self) -> PathBuf {
        self.root.join("secrets-kept")
    }
    /// Where a database is made ready to take the place of the one that is there.
    pub(crate) fn restoring(&self) -> PathBuf {
        self.root.join("db.restoring")
    }
    pub(crate) fn database_folder(&self) -> PathBuf {
        self.root.join("db")
    }
    pub(crate) fn database(&self) -> PathBuf {
        self.database_folder().join("subrosa.db")
    }
    pub(crate) fn control(&self) -> PathBuf {
        self.root.join("control.sock")
    }
    fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Makes the folders, for their owner only.
    pub(crate) fn create(&self) -> Result<(), StartError> {
        for path in [self.root.clone(), self.database_folder()] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(|error| StartError::from_io(error, &path))?;
        }
        Ok(())
    }

    /// Takes the folder for this process; the system frees it when the process ends, however it ends.
    pub(crate) fn lock(&self) -> Result<Lock, StartError> {
        let path = self.lock_file();
        let refused = |error| StartError::from_io(error, &path);
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let mut file = options.open(&path).map_err(refused)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                let _ = file.take(16).read_to_string(&mut pid);
                let pid = pid.trim();
                let pid = if pid.is_empty() { "unknown" } else { pid }.to_owned();
                return Err(StartError::AlreadyRunning {
                    path: self.root.clone(),
                    pid,
                });
            }
            Err(error) => return Err(refused(error.into())),
        }
        file.set_len(0).map_err(refused)?;
        writeln!(file, "{}", std::process::id()).map_err(refused)?;
        Ok(Lock { _file: file })
    }

    /// Whether a server has ever lived here.
    pub(crate) fn has_database(&self) -> Result<bool, StartError> {
        let path = self.database();
        match fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.len() > 0),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StartError::from_io(error, &path)),
        }
    }
}

/// The folder is this process's as long as this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_at_a_time() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::new(&data.path().join("server"));
        folder.create().unwrap();
        let lock = folder.lock().unwrap();
        let refused = folder.lock().unwrap_err();
        assert!(
            refused
                .to_string()
                .contains(&std::process::id().to_string()),
            "{refused}"
        );
        drop(lock);
        folder.lock().unwrap();
        assert!(!folder.has_database().unwrap());
    }
}

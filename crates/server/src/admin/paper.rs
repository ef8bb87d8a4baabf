//! The seed on paper: printed as one line, and read back once, so that its operator knows that the
//! paper can be read.

use super::AdminError;
use crate::error::StartError;
use crate::folder::Folder;
use crate::secrets::Secrets;
use data_encoding::HEXLOWER;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// The seed of the server in a folder as one line, with a check against typing errors.
///
/// # Errors
/// [`AdminError`]
pub fn secrets(data: &Path) -> Result<Zeroizing<String>, AdminError> {
    let secrets = load(&Folder::new(data))?;
    Ok(Zeroizing::new(secrets.line().trim_end().to_owned()))
}

/// Notes that the seed is on paper, if this line, read from there, is the seed's.
///
/// # Errors
/// [`AdminError`]
pub fn confirm(data: &Path, line: &str) -> Result<(), AdminError> {
    let folder = Folder::new(data);
    let secrets = load(&folder)?;
    let read = Secrets::parse(line).ok_or(AdminError::Line)?;
    if read.check() != secrets.check() {
        return Err(AdminError::OtherSeed);
    }
    let path = folder.secrets_kept();
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        writeln!(file, "{}", HEXLOWER.encode(&secrets.check()))?;
        file.sync_all()
    };
    write().map_err(|error| StartError::from_io(error, &path).into())
}

/// Whether the seed of the server in a folder was read back from paper.
///
/// # Errors
/// [`AdminError`]
pub fn confirmed(data: &Path) -> Result<bool, AdminError> {
    let folder = Folder::new(data);
    let path = folder.secrets_kept();
    match fs::read_to_string(&path) {
        Ok(kept) => Ok(kept.trim() == HEXLOWER.encode(&load(&folder)?.check())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StartError::from_io(error, &path).into()),
    }
}

fn load(folder: &Folder) -> Result<Secrets, AdminError> {
    let path = folder.secrets();
    match Secrets::load(&path)? {
        Some(secrets) => Ok(secrets),
        None if folder.has_database()? => Err(StartError::SecretsMissing { path }.into()),
        None => Err(StartError::NoServer {
            path: folder.root().to_owned(),
        }
        .into()),
    }
}

//! The key of a store: raw in a file of its own, or derived from a local passphrase.

use argon2::{Algorithm, Argon2, Params, Version};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// Holds the raw key; whoever can read it can read the store.
const KEY_FILE: &str = "key";
/// Holds the salt of a passphrase, and where the key is older than the passphrase, the key masked by what the passphrase
/// gives: that is pseudo-random, used for this salt alone, and whether it is right is told by the store. No secret.
const LOCK_FILE: &str = "key.locked";
/// It, before it is whole.
const LOCK_FILE_NEW: &str = "key.locked.new";
/// Argon2id for the local passphrase (RFC 9106 §4, second choice): 64 MiB, t = 3, p = 4.
const MEMORY_KIB: u32 = 64 * 1024;
/// Bytes that are overwritten at most: more than any file of ours that holds a secret by itself.
const SHREDDED_MAX: usize = 4 * 1024;

/// The key of a store, 32 bytes.
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(redacted)")
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key file cannot be read or written.
    #[error("the file {0} in the home cannot be used: {1}; check its owner and rights")]
    File(&'static str, io::Error),
    /// The key file has another length.
    #[error(
        "the file {0} in the home is damaged; restore it from a copy, or log in again in another home"
    )]
    Damaged(&'static str),
    /// The store is locked and nobody gave the passphrase.
    #[error("this home is locked by a passphrase; give it at the prompt or with --unlock-file")]
    Locked,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Randomness,
    /// The derivation failed for want of memory.
    #[error("there is not enough memory to derive the key from the passphrase")]
    Memory,
}

impl StoreKey {
    /// Makes a key for a new home: under the passphrase if there is one, else in a file.
    ///
    /// # Errors
    /// [`KeyError`] when the file cannot be written.
    pub fn create(home: &Path, passphrase: Option<&str>) -> Result<Self, KeyError> {
        let mut random = Zeroizing::new([0_u8; 32]);
        crate::randomness::fill(&mut *random).map_err(|_| KeyError::Randomness)?;
        match passphrase {
            None => {
                forget(&home.join(LOCK_FILE)).map_err(|e| KeyError::File(LOCK_FILE, e))?;
                write_new(&home.join(KEY_FILE), &*random)
                    .map_err(|e| KeyError::File(KEY_FILE, e))?;
                Ok(Self(random))
            }
            Some(passphrase) => {
                forget(&home.join(KEY_FILE)).map_err(|e| KeyError::File(KEY_FILE, e))?;
                write_new(&home.join(LOCK_FILE), &*random)
                    .map_err(|e| KeyError::File(LOCK_FILE, e))?;
                derive(passphrase, &random)
            }
        }
    }

    /// The key of an existing home.
    ///
    /// # Errors
    /// [`KeyError::Locked`] when a passphrase is needed and not given.
    pub fn load(home: &Path, passphrase: Option<&str>) -> Result<Self, KeyError> {
        if !is_locked(home) {
            return read(&home.join(KEY_FILE), KEY_FILE).map(Self);
        }
        // A lock is whole or not there: the raw key beside it was left by a crash.
        shred(&home.join(KEY_FILE)).map_err(|e| KeyError::File(KEY_FILE, e))?;
        let (salt, mask) = read_locked(home)?;
        let mut key = derive(passphrase.ok_or(KeyError::Locked)?, &salt)?;
        key.masked(&mask);
        Ok(key)
    }

    /// Puts a passphrase before a key that lay in a file. The store stays as it is.
    ///
    /// # Errors
    /// [`KeyError`] when there is no such key or the files cannot be written; then the key is where it was.
    pub fn lock(home: &Path, passphrase: &str) -> Result<(), KeyError> {
        let key = Self::load(home, None)?;
        let mut salt = [0_u8; 32];
        crate::randomness::fill(&mut salt).map_err(|_| KeyError::Randomness)?;
        let mut masked = derive(passphrase, &salt)?;
        masked.masked(&key.0);
        let whole = [salt, *masked.0].concat();
        let new = home.join(LOCK_FILE_NEW);
        write_new(&new, &whole)
            .and_then(|()| std::fs::rename(&new, home.join(LOCK_FILE)))
            .and_then(|()| std::fs::File::open(home)?.sync_all())
            .map_err(|e| KeyError::File(LOCK_FILE, e))?;
        shred(&home.join(KEY_FILE)).map_err(|e| KeyError::File(KEY_FILE, e))
    }

    fn masked(&mut self, mask: &[u8; 32]) {
        for (byte, mask) in self.0.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }

    /// The statement that gives the key to SQLCipher.
    pub(super) fn pragma(&self) -> Zeroizing<String> {
        let mut hex = data_encoding::HEXLOWER.encode(&*self.0);
        let pragma = Zeroizing::new(format!("PRAGMA key = \"x'{hex}'\";"));
        hex.zeroize();
        pragma
    }
}

/// Whether a home is locked by a passphrase.
#[must_use]
pub fn is_locked(home: &Path) -> bool {
    home.join(LOCK_FILE).exists()
}

fn derive(passphrase: &str, salt: &[u8; 32]) -> Result<StoreKey, KeyError> {
    let params = Params::new(MEMORY_KIB, 3, 4, Some(32)).map_err(|_| KeyError::Memory)?;
    let mut key = Zeroizing::new([0_u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .map_err(|_| KeyError::Memory)?;
    Ok(StoreKey(key))
}

/// The salt, and the mask: nothing but zeros where the key is what the passphrase gives.
fn read_locked(home: &Path) -> Result<([u8; 32], [u8; 32]), KeyError> {
    let bytes = std::fs::read(home.join(LOCK_FILE)).map_err(|e| KeyError::File(LOCK_FILE, e))?;
    let damaged = KeyError::Damaged(LOCK_FILE);
    let Some((salt, mask)) = bytes.split_first_chunk() else {
        return Err(damaged);
    };
    match mask {
        [] => Ok((*salt, [0; 32])),
        mask => mask
            .try_into()
            .map(|mask| (*salt, mask))
            .map_err(|_| damaged),
    }
}

fn read(path: &Path, name: &'static str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let bytes = Zeroizing::new(std::fs::read(path).map_err(|e| KeyError::File(name, e))?);
    let key: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| KeyError::Damaged(name))?;
    Ok(Zeroizing::new(key))
}

/// Deletes the key of a home, overwritten first: without it the store is as good as random.
///
/// # Errors
/// The file cannot be deleted.
pub fn drop_key(home: &Path) -> io::Result<()> {
    shred(&home.join(KEY_FILE))?;
    shred(&home.join(LOCK_FILE))
}

/// Deletes a file, overwritten first. On many disks the old bytes stay somewhere; that is no reason to leave them in it.
///
/// # Errors
/// It cannot be deleted.
pub fn shred(path: &Path) -> io::Result<()> {
    if let Ok(file) = std::fs::metadata(path) {
        let zeros = vec![0; usize::try_from(file.len()).unwrap_or(0).min(SHREDDED_MAX)];
        drop(write_over(path, &zeros));
    }
    forget(path)
}

/// Removes what an unfinished try has left: a home has one key.
fn forget(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file for this user alone; it is on the disk on return.
///
/// # Errors
/// It cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// In place: a file that is cut to nothing first may be written somewhere else.
fn write_over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

//! A home emptied: after a logout, or when nothing came of a start.

use super::{RECOVERING, UNFINISHED, drop_store, is_enrolled};
use crate::command::Failure;
use crate::driver::MARK;
use crate::home::Home;
use crate::store::{FILE, drop_key};

/// What faces may have put there beside the store; secrets nearly all.
const PAPERS: [&str; 5] = [
    "theme",
    "sheet.txt",
    "new-sheet.txt",
    "passphrase.txt",
    "new-passphrase.txt",
];

/// Deletes what a home holds, its key first: what is left of the store on the disk after that is
/// as good as random. The folder goes with it if nothing else is in it.
///
/// # Errors
/// Another process uses the home, or the key cannot be deleted.
pub fn forget(home: &Home) -> Result<(), Failure> {
    let lock = home
        .lock()
        .map_err(|error| Failure::user(error.to_string()))?
        .ok_or_else(|| {
            Failure::user(
                "another process uses this home; end it, then run `subrosa logout --forget` again",
            )
        })?;
    drop_key(home.dir()).map_err(|error| {
        Failure::user(format!(
            "the key of this home cannot be deleted ({error}): check the rights of {}",
            home.dir().display()
        ))
    })?;
    for file in [FILE, UNFINISHED, RECOVERING] {
        drop_store(home, file);
    }
    for file in PAPERS.into_iter().chain([MARK]) {
        drop(std::fs::remove_file(home.file(file)));
    }
    remove(home);
    drop(lock);
    Ok(())
}

/// Takes a home away in which a start has left nothing of worth.
pub fn clear_unused(home: &Home) {
    let kept = [UNFINISHED, RECOVERING]
        .iter()
        .any(|file| home.file(file).exists());
    if kept || is_enrolled(home) {
        return;
    }
    let Ok(Some(lock)) = home.lock() else {
        return;
    };
    drop(drop_key(home.dir()));
    for file in [UNFINISHED, RECOVERING] {
        drop_store(home, file);
    }
    remove(home);
    drop(lock);
}

fn remove(home: &Home) {
    drop(std::fs::remove_file(home.file("lock")));
    // Only when it is empty.
    drop(std::fs::remove_dir(home.dir()));
}

#[cfg(test)]
mod tests {
    use super::{clear_unused, forget};
    use crate::home::Home;

    // Proves: C17
    #[test]
    fn a_forgotten_home_holds_no_secret_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("home")).unwrap();
        crate::store::StoreKey::create(home.dir(), None).unwrap();
        for file in ["store.db", "store.db-wal", "sheet.txt", "passphrase.txt"] {
            std::fs::write(home.file(file), "secret").unwrap();
        }
        std::fs::write(home.file("mine.txt"), "kept").unwrap();
        forget(&home).unwrap();
        let left: Vec<_> = std::fs::read_dir(home.dir()).unwrap().collect();
        assert_eq!(left.len(), 1);
        std::fs::remove_file(home.file("mine.txt")).unwrap();
        forget(&home).unwrap();
        assert!(!home.dir().exists());
    }

    #[test]
    fn an_unfinished_start_is_not_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("home")).unwrap();
        std::fs::write(home.file("store.joining"), "").unwrap();
        clear_unused(&home);
        assert!(home.dir().exists());
        std::fs::remove_file(home.file("store.joining")).unwrap();
        clear_unused(&home);
        assert!(!home.dir().exists());
    }
}

//! New secrets of an account while it is not known whether they count: they are on the disk before the server hears of
//! them, since nobody could give them again.
//!
//! They lie there in two halves of which each alone is random: one in the unfinished store, one in a file beside it. So
//! they never pass through SQLite, which keeps what passed through it in memory that it has given back, and they are
//! gone with the file.

use crate::command::Failure;
use crate::home::Home;
use crate::randomness;
use crate::store::{shred, write_new};
use bytes::Bytes;
use std::path::PathBuf;
use subrosa_proto::codec::encode_into;
use subrosa_proto::{decode, record};
use zeroize::{Zeroize, Zeroizing};

/// What the name of a store is followed by in the name of the second half.
pub(super) const HALF: &str = "-half";
/// Room for the encoding, so that it does not move and leave copies behind.
const ROOM: usize = 512;

record! {
    /// What a person must keep.
    pub(super) struct Papers {
        /// The passphrase, when it was made here.
        pub(super) passphrase: Option<String>,
        /// The recovery code, in groups.
        pub(super) recovery_code: String,
    }
}

impl Drop for Papers {
    fn drop(&mut self) {
        self.passphrase.zeroize();
        self.recovery_code.zeroize();
    }
}

impl Papers {
    pub(super) fn new(passphrase: Option<&str>, recovery_code: &str) -> Self {
        Self {
            passphrase: passphrase.map(str::to_owned),
            recovery_code: recovery_code.to_owned(),
        }
    }

    /// Writes one half beside the store `file` of a home and gives the other, which is to be put into it.
    pub(super) fn split(&self, home: &Home, file: &str) -> Result<Bytes, Failure> {
        let mut whole = Zeroizing::new(encode_into(self, Vec::with_capacity(ROOM)));
        let mut half = Zeroizing::new(vec![0; whole.len()]);
        randomness::fill(&mut half).map_err(|error| Failure::defect(error.to_string()))?;
        mix(&mut whole, &half);
        let path = half_of(home, file);
        write_new(&path, &half).map_err(|error| {
            Failure::user(format!(
                "{} cannot be written ({error}): make room or mend the rights of the home",
                path.display()
            ))
        })?;
        Ok(Bytes::copy_from_slice(&whole))
    }

    /// Puts both halves together.
    pub(super) fn join(home: &Home, file: &str, half: &Bytes) -> Result<Self, Failure> {
        let path = half_of(home, file);
        let read = std::fs::read(&path).map(Zeroizing::new);
        let mut whole = read.map_err(|error| {
            Failure::user(format!(
                "{} cannot be read ({error}): without it the new secrets are lost",
                path.display()
            ))
        })?;
        if whole.len() != half.len() {
            return Err(damaged());
        }
        mix(&mut whole, half);
        decode(&Bytes::from_owner(whole)).map_err(|_| damaged())
    }

    /// The passphrase and the recovery code, for whoever shows them.
    pub(super) fn take(mut self) -> (Option<Zeroizing<String>>, Zeroizing<String>) {
        (
            self.passphrase.take().map(Zeroizing::new),
            Zeroizing::new(std::mem::take(&mut self.recovery_code)),
        )
    }
}

/// Deletes the half beside a store: the other is random from then on.
pub(super) fn drop_half(home: &Home, file: &str) {
    drop(shred(&half_of(home, file)));
}

fn half_of(home: &Home, file: &str) -> PathBuf {
    home.file(&format!("{file}{HALF}"))
}

fn mix(bytes: &mut [u8], with: &[u8]) {
    for (byte, with) in bytes.iter_mut().zip(with) {
        *byte ^= with;
    }
}

fn damaged() -> Failure {
    Failure::defect("the new secrets in this home cannot be read")
}

#[cfg(test)]
mod tests {
    use super::{Papers, drop_half, half_of};
    use crate::home::Home;

    const STORE: &str = "store.joining";

    #[test]
    fn two_halves_give_the_secrets_and_one_gives_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let papers = Papers::new(Some("six words"), "ABCD-EFGH");
        let half = papers.split(&home, STORE).unwrap();
        let other = std::fs::read(half_of(&home, STORE)).unwrap();
        for half in [&half[..], &other] {
            let shows = |text: &[u8]| half.windows(text.len()).any(|part| part == text);
            assert!(!shows(b"words") && !shows(b"ABCD"));
        }
        // Fresh halves each time.
        assert_ne!(papers.split(&home, "another").unwrap(), half);
        let (passphrase, code) = Papers::join(&home, STORE, &half).unwrap().take();
        assert_eq!(passphrase.unwrap().as_str(), "six words");
        assert_eq!(code.as_str(), "ABCD-EFGH");

        assert!(Papers::join(&home, "another", &half).is_err());
        assert!(Papers::join(&home, STORE, &half.slice(1..)).is_err());
        drop_half(&home, STORE);
        assert!(!half_of(&home, STORE).exists());
        assert!(Papers::join(&home, STORE, &half).is_err());
    }
}

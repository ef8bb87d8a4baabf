//! All secrets of the server, from one 32-byte seed in a file of its own, apart from the database
//! and its backups: whoever has the database alone can guess no password. The file is one line
//! that can be printed on paper.

use crate::error::StartError;
use crate::{hash, randomness};
use data_encoding::HEXLOWER;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use subrosa_channel::ServerKey;
use subrosa_login::{LoginError, ServerSetup};
use zeroize::Zeroizing;

const STATIC_KEY: &[u8] = b"subrosa/1 server-static\0";
const CHECK: &[u8] = b"subrosa/1 seed-check\0";
const REGISTRAR: &[u8] = b"subrosa/1 registrar\0";
const LINE_CHECK: &[u8] = b"subrosa/1 seed-line\0";
const PREFIX: &str = "subrosa-seed-1:";

/// The seed. Wiped on drop, never printed but by [`Secrets::line`].
pub(crate) struct Secrets {
    seed: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(redacted)")
    }
}

impl Secrets {
    fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            seed: Zeroizing::new(seed),
        }
    }

    /// Reads the file; `None` if there is none.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, StartError> {
        match fs::read_to_string(path) {
            Ok(text) => {
                let text = Zeroizing::new(text);
                let broken = || StartError::SecretsBroken {
                    path: path.to_owned(),
                };
                Self::parse(&text).ok_or_else(broken).map(Some)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StartError::from_io(error, path)),
        }
    }

    /// Makes a fresh seed and its file, readable by its owner only and on disk on return.
    pub(crate) fn create(path: &Path) -> Result<Self, StartError> {
        let secrets = Self::from_seed(randomness::bytes());
        secrets.save(path)?;
        Ok(secrets)
    }

    /// Writes the file, in the place of one that may be there.
    pub(crate) fn save(&self, path: &Path) -> Result<(), StartError> {
        let written = || -> std::io::Result<()> {
            // Whole or not at all: a crash leaves a draft that the next start writes over.
            let draft = path.with_extension("draft");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(self.line().as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, path)?;
            path.parent()
                .map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
        };
        written().map_err(|error| StartError::from_io(error, path))
    }

    /// The seed as one line, with a check against typing errors.
    pub(crate) fn line(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(HEXLOWER.encode(self.seed.as_slice()));
        Zeroizing::new(format!("{PREFIX}{}-{}\n", *seed, line_check(&self.seed)))
    }

    /// Reads the line, as the file has it or as somebody types it from paper: spaces and capitals
    /// make no difference.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let typed = text.chars().filter(|letter| !letter.is_whitespace());
        let text = Zeroizing::new(typed.collect::<String>().to_ascii_lowercase());
        let (seed, check) = text.strip_prefix(PREFIX)?.split_once('-')?;
        let bytes = Zeroizing::new(HEXLOWER.decode(seed.as_bytes()).ok()?);
        let seed = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?);
        (check == line_check(&seed)).then(|| Self::from_seed(*seed))
    }

    /// What the database keeps in order to notice a foreign seed. It gives no hold on the seed.
    pub(crate) fn check(&self) -> [u8; 32] {
        *hash::derive(&self.seed, CHECK)
    }

    /// The channel's static X25519 key pair, whose public half stands in the server's address.
    pub(crate) fn server_key(&self) -> ServerKey {
        ServerKey::from_bytes(*hash::derive(&self.seed, STATIC_KEY))
    }

    /// The key from which accounts' vouchers follow.
    pub(crate) fn registrar(&self) -> Zeroizing<[u8; 32]> {
        hash::derive(&self.seed, REGISTRAR)
    }

    /// The secrets of the password login.
    pub(crate) fn password_setup(&self) -> Result<ServerSetup, LoginError> {
        ServerSetup::from_seed(&self.seed)
    }
}

fn line_check(seed: &[u8; 32]) -> String {
    let [a, b, c, d, ..] = hash::sha256(&[LINE_CHECK, seed]);
    HEXLOWER.encode(&[a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_file_gives_the_same_secrets_again_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        assert!(Secrets::load(&path).unwrap().is_none());
        let made = Secrets::create(&path).unwrap();
        let read = Secrets::load(&path).unwrap().unwrap();
        assert_eq!(made.server_key().public(), read.server_key().public());
        assert_eq!(made.check(), read.check());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_changed_line_is_refused() {
        let line = Secrets::from_seed([7; 32]).line();
        assert!(Secrets::parse(&line).is_some());
        for at in 0..line.trim_end().len() {
            let mut bytes = line.trim_end().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).unwrap();
            if changed != line.trim_end() {
                assert!(Secrets::parse(&changed).is_none(), "changed at {at}");
            }
        }
    }

    #[test]
    fn a_line_may_be_typed_with_spaces_and_capitals() {
        let line = Secrets::from_seed([7; 32]).line();
        let typed: String = line
            .trim_end()
            .char_indices()
            .map(|(at, c)| {
                let gap = if at % 4 == 3 { " " } else { "" };
                format!("{}{gap}", c.to_ascii_uppercase())
            })
            .collect();
        assert_ne!(typed, line.trim_end());
        let read = Secrets::parse(&typed).unwrap();
        assert_eq!(read.check(), Secrets::from_seed([7; 32]).check());
    }

    #[test]
    fn debug_shows_nothing() {
        let secrets = Secrets::from_seed([7; 32]);
        assert_eq!(format!("{secrets:?}"), "Secrets(redacted)");
        assert_ne!(&secrets.check(), secrets.server_key().public().as_bytes());
    }
}

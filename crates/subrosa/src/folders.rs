//! Where things lie when nobody says otherwise, by the XDG base directory specification:
//!
//! ```text
//! $XDG_DATA_HOME/subrosa/homes/NAME   one account on one server: a profile
//! $XDG_DATA_HOME/subrosa/profile      the name of the profile that verbs use by themselves
//! $XDG_DATA_HOME/subrosa/server       the server of `up` and `serve`
//! ```

use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use subrosa_client::Failure;
use subrosa_proto::Name;

/// Profiles of one account name on so many servers are told apart by number.
const SAME_NAME_MAX: u32 = 1_000;

/// The folder that holds all others.
#[derive(Debug, Clone)]
pub struct Folders {
    base: PathBuf,
}

impl Folders {
    /// Of this user.
    pub fn of_user() -> Result<Self, Failure> {
        let base = Xdg::new().map_err(|_| {
            Failure::user("this user has no home folder: set HOME, or name a folder with --home (and --data for a server)")
        })?;
        Ok(Self::below(&base.data_dir()))
    }

    /// Below a data folder.
    pub fn below(data: &Path) -> Self {
        Self {
            base: data.join("subrosa"),
        }
    }

    /// The server's data folder.
    pub fn server(&self) -> PathBuf {
        self.base.join("server")
    }

    /// A profile's home.
    pub fn profile(&self, name: &str) -> Result<PathBuf, Failure> {
        let allowed = Name::new(name).is_ok() && !name.starts_with('.');
        if !allowed {
            let sentence = format!(
                "{name:?} is no profile name: letters a to z, digits, dash and underscore, 32 at most"
            );
            return Err(Failure::user(sentence));
        }
        Ok(self.homes().join(name))
    }

    /// All profiles, by name.
    pub fn profiles(&self) -> Vec<String> {
        let entries = fs::read_dir(self.homes()).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| self.profile(name).is_ok())
            .collect();
        names.sort();
        names
    }

    /// The profile that verbs use by themselves: the one pointed at, or the only one.
    pub fn default_profile(&self) -> Option<String> {
        let pointed = fs::read_to_string(self.pointer())
            .ok()
            .map(|text| text.trim().to_owned());
        let there = |name: &String| self.profile(name).is_ok_and(|home| home.is_dir());
        pointed
            .filter(there)
            .or_else(|| match self.profiles().as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            })
    }

    /// Points at a profile, unless one is pointed at already.
    pub fn point_at(&self, name: &str) -> Result<(), Failure> {
        let pointer = self.pointer();
        if fs::read_to_string(&pointer)
            .is_ok_and(|text| self.profile(text.trim()).is_ok_and(|home| home.is_dir()))
        {
            return Ok(());
        }
        let new = pointer.with_extension(format!("{}", std::process::id()));
        let written =
            fs::write(&new, format!("{name}\n")).and_then(|()| fs::rename(&new, &pointer));
        written.map_err(|error| unusable(&pointer, &error))
    }

    /// A home for an account whose name is not yet known. The dot keeps it out of the list of
    /// profiles; the same mark leads to the same folder.
    pub fn unnamed_home(&self, mark: u64) -> Result<PathBuf, Failure> {
        let home = self.homes().join(format!(".joining-{mark:016x}"));
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&home);
        made.map_err(|error| unusable(&home, &error))?;
        Ok(home)
    }

    /// Gives a new home its name: that of the account, or the next that is free here.
    /// Returns the profile's name.
    pub fn settle(&self, home: &Path, account: &Name) -> Result<String, Failure> {
        for number in 1..SAME_NAME_MAX {
            let name = if number == 1 {
                account.to_string()
            } else {
                format!("{account}-{number}")
            };
            let place = self.homes().join(&name);
            // Taking the place by making it: two who settle at once cannot both have it.
            match DirBuilder::new().mode(0o700).create(&place) {
                Ok(()) => {
                    fs::rename(home, &place).map_err(|error| unusable(&place, &error))?;
                    return Ok(name);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unusable(&place, &error)),
            }
        }
        Err(Failure::user(format!(
            "there are too many profiles called {account}; name a folder with --home"
        )))
    }

    fn homes(&self) -> PathBuf {
        self.base.join("homes")
    }

    fn pointer(&self) -> PathBuf {
        self.base.join("profile")
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let next = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "make it yours, or name another with --home"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room on that disk, or name another with --home"
        }
        _ => "check it, or name another with --home",
    };
    Failure::user(format!(
        "{} cannot be used ({error}): {next}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> (tempfile::TempDir, Folders) {
        let data = tempfile::tempdir().unwrap();
        let folders = Folders::below(data.path());
        (data, folders)
    }

    fn settled(folders: &Folders, account: &str) -> String {
        let home = folders.unnamed_home(7).unwrap();
        fs::write(home.join("store"), account).unwrap();
        folders.settle(&home, &Name::new(account).unwrap()).unwrap()
    }

    #[test]
    fn a_profile_is_named_after_its_account_and_never_takes_anothers_place() {
        let (_data, folders) = folders();
        assert_eq!(settled(&folders, "ada"), "ada");
        assert_eq!(settled(&folders, "ada2"), "ada2");
        assert_eq!(settled(&folders, "ada"), "ada-2");
        assert_eq!(folders.profiles(), ["ada", "ada-2", "ada2"]);
        let first = folders.profile("ada").unwrap();
        assert_eq!(fs::read_to_string(first.join("store")).unwrap(), "ada");
    }

    #[test]
    fn the_default_is_the_first_until_it_goes() {
        let (_data, folders) = folders();
        assert_eq!(folders.default_profile(), None);
        settled(&folders, "ada");
        assert_eq!(
            folders.default_profile().as_deref(),
            Some("ada"),
            "the only one needs no pointer"
        );
        folders.point_at("ada").unwrap();
        settled(&folders, "bob");
        folders.point_at("bob").unwrap();
        assert_eq!(folders.default_profile().as_deref(), Some("ada"));
        fs::remove_dir_all(folders.profile("ada").unwrap()).unwrap();
        folders.point_at("bob").unwrap();
        assert_eq!(folders.default_profile().as_deref(), Some("bob"));
    }

    #[test]
    fn a_profile_name_does_not_lead_elsewhere() {
        let (_data, folders) = folders();
        for name in ["", ".", "..", "../x", "a/b", "Ada", "a b", ".hidden"] {
            assert!(folders.profile(name).is_err(), "{name:?}");
        }
    }
}

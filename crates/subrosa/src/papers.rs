//! New secrets on their way to the person: shown or written down before they count, so that no
//! crash leaves an account whose secrets nobody knows.

use crate::output::{Output, is_seen};
use crate::sheet;
use std::path::PathBuf;
use subrosa_client::enrol::{Handover, NewSecrets, Sheet};
use subrosa_client::{Failure, Home};
use zeroize::Zeroizing;

/// Shows new secrets at a terminal, or writes them into the home.
pub struct Papers<'a> {
    home: &'a Home,
    output: Output,
    address: String,
    name: String,
    /// What was written, and its name once it counts.
    written: Option<(PathBuf, &'static str)>,
    shown: bool,
}

impl<'a> Papers<'a> {
    /// For the account of this name.
    pub fn new(home: &'a Home, output: Output, address: String, name: String) -> Self {
        Self {
            home,
            output,
            address,
            name,
            written: None,
            shown: false,
        }
    }

    /// They count: what was written gets the name under which it is looked for. Says where it is.
    pub fn count(&self) -> Result<Option<&'static str>, Failure> {
        let Some((path, name)) = &self.written else {
            return Ok(None);
        };
        std::fs::rename(path, self.home.file(name)).map_err(|error| {
            Failure::user(format!(
                "the new secrets count and are in {}, which cannot be renamed ({error})",
                path.display()
            ))
        })?;
        Ok(Some(name))
    }

    fn text(&self, secrets: &NewSecrets) -> (Zeroizing<String>, &'static str) {
        match (&secrets.recovery_code, &secrets.passphrase) {
            (Some(code), passphrase) => {
                let sheet = Sheet {
                    address: self.address.clone(),
                    name: self.name.clone(),
                    passphrase: passphrase.clone(),
                    recovery_code: code.clone(),
                };
                (sheet::text(&sheet), "sheet.txt")
            }
            (None, passphrase) => {
                let passphrase = passphrase.as_ref().map_or("", |text| text.as_str());
                let mut text = Zeroizing::new(String::with_capacity(512));
                text.push_str("Your new passphrase. Write it down: it is shown this once.\n\n    ");
                text.push_str(passphrase);
                text.push_str("\n\nThe recovery code on your sheet stays as it is.\n");
                (text, "passphrase.txt")
            }
        }
    }
}

impl Handover for Papers<'_> {
    fn hand_over(&mut self, secrets: &NewSecrets) -> Result<(), Failure> {
        if secrets.passphrase.is_none() && secrets.recovery_code.is_none() {
            return Ok(());
        }
        let (text, name) = self.text(secrets);
        if is_seen() && !self.output.json {
            self.output
                .line(&text)
                .map_err(|error| Failure::user(error.to_string()))?;
            self.shown = true;
            let counts =
                "this counts as soon as the command says so; until then the old secrets do";
            self.output.talk(counts);
            return Ok(());
        }
        let path = self.home.file(&format!("new-{name}"));
        sheet::write(&path, &text)?;
        let words = format!(
            "the new secrets are in {}: they count as soon as the command says so; until then the old ones do",
            path.display()
        );
        self.output.talk(&words);
        self.written = Some((path, name));
        Ok(())
    }

    fn withdraw(&mut self) {
        if let Some((path, _)) = self.written.take() {
            drop(std::fs::remove_file(path));
        }
        if self.shown {
            self.output
                .talk("the secrets shown above do not count: cross them out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Papers;
    use crate::output::Output;
    use subrosa_client::Home;
    use subrosa_client::enrol::{Handover, NewSecrets};
    use zeroize::Zeroizing;

    fn secret(text: &str) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn new_secrets_are_beside_the_old_ones_until_they_count() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        std::fs::write(home.file("sheet.txt"), "old").unwrap();
        let output = Output {
            json: true,
            quiet: true,
        };
        let mut papers = Papers::new(&home, output, "subrosa://x".into(), "ada".into());
        let both = NewSecrets {
            passphrase: secret("six new words"),
            recovery_code: secret("NEWC-ODE"),
        };
        let read = |name: &str| std::fs::read_to_string(home.file(name));
        papers.hand_over(&both).unwrap();
        assert_eq!(read("sheet.txt").unwrap(), "old");
        papers.withdraw();
        assert!(read("new-sheet.txt").is_err());
        papers.hand_over(&both).unwrap();
        assert_eq!(papers.count().unwrap(), Some("sheet.txt"));
        let sheet = read("sheet.txt").unwrap();
        assert!(sheet.contains("six new words") && sheet.contains("NEWC-ODE"));
        let password = NewSecrets {
            recovery_code: None,
            ..both
        };
        papers.hand_over(&password).unwrap();
        papers.count().unwrap();
        assert!(read("passphrase.txt").unwrap().contains("six new words"));
    }
}

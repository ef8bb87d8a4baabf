//! The sheet: address, name, passphrase and recovery code, shown together, once.

use crate::output::{Output, is_seen};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use subrosa_client::enrol::Sheet;
use subrosa_client::{Failure, Home};
use zeroize::Zeroizing;

/// Where it goes when nobody looks at the screen.
pub const FILE: &str = "sheet.txt";

/// Shows the sheet, or writes it into the home. Secrets never go to standard error, nor to a
/// standard output that is a file or a program.
pub fn hand_over(sheet: &Sheet, home: &Home, output: Output) -> anyhow::Result<()> {
    let text = text(sheet);
    if is_seen() && !output.json {
        return output.line(&text);
    }
    let path = home.file(FILE);
    write(&path, &text)?;
    let words = format!(
        "the recovery code{} in {}: put them in a safe place and remove the file",
        if sheet.passphrase.is_some() {
            " and the passphrase are"
        } else {
            " is"
        },
        path.display()
    );
    output.talk(&words);
    Ok(())
}

/// The sheet in words.
pub fn text(sheet: &Sheet) -> Zeroizing<String> {
    // With room for all, so that it does not move and leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(2_048));
    text.push_str("Your sheet. Write it down or print it: it is shown this once.\n\n");
    let mut row = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "    {name:<14} {value}");
    };
    row("address", &sheet.address);
    row("name", &sheet.name);
    match &sheet.passphrase {
        Some(passphrase) => row("passphrase", passphrase),
        None => row("passphrase", "the one you chose"),
    }
    row("recovery code", &sheet.recovery_code);
    text.push_str(
        "\n\
        The name and the passphrase log in a new device and open your whole history there; the\n\
        recovery code does so when the passphrase is lost. If both are lost, nobody can help: neither\n\
        the server nor its operator has a way in.\n",
    );
    text
}

/// Writes a paper for this user alone.
pub fn write(path: &PathBuf, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
    });
    written.map_err(|error| {
        Failure::user(format!(
            "the sheet cannot be written to {} ({error}): make room or mend the rights of the home",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn sheet() -> Sheet {
        Sheet {
            address: "subrosa://192.0.2.7/KEY".to_owned(),
            name: "ada".to_owned(),
            passphrase: Some(Zeroizing::new("six words of a passphrase here".to_owned())),
            recovery_code: Zeroizing::new("ABCD-EFGH".to_owned()),
        }
    }

    #[test]
    fn it_holds_all_four_and_says_what_they_are_for() {
        let text = text(&sheet());
        for part in [
            "subrosa://192.0.2.7/KEY",
            " ada\n",
            "six words",
            "ABCD-EFGH",
            "If both are lost",
        ] {
            assert!(text.contains(part), "{part}");
        }
        let mut own = sheet();
        own.passphrase = None;
        assert!(super::text(&own).contains("the one you chose"));
    }

    #[test]
    fn without_a_terminal_it_goes_to_a_file_for_this_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let output = Output {
            json: true,
            quiet: true,
        };
        hand_over(&sheet(), &home, output).unwrap();
        let path = home.file(FILE);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(std::fs::read_to_string(path).unwrap().contains("ABCD-EFGH"));
    }
}

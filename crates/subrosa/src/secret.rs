//! Secrets from a file or standard input; never from the command line or the environment.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use subrosa_client::Failure;
use zeroize::Zeroizing;

/// Longest secret that is read, in bytes.
const SECRET_BYTES_MAX: usize = 1_024;

/// The first line of a file, or of standard input for `-`.
pub fn read(path: &Path, what: &str) -> Result<Zeroizing<String>, Failure> {
    let text = if path.as_os_str() == "-" {
        first_line(std::io::stdin().lock(), what)
    } else {
        let unreadable = |error| {
            Failure::user(format!(
                "the {what} file {} cannot be read ({error}): check its path and rights",
                path.display()
            ))
        };
        first_line(File::open(path).map_err(unreadable)?, what)
    }?;
    if text.is_empty() {
        return Err(Failure::user(format!(
            "the {what} is empty: put it on the first line of the file or of standard input"
        )));
    }
    Ok(text)
}

/// Reads byte by byte, so that what follows the line stays for whoever reads next.
fn first_line(mut from: impl Read, what: &str) -> Result<Zeroizing<String>, Failure> {
    // With its whole capacity from the start it never moves and leaves a copy behind.
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
    let mut byte = [0_u8];
    loop {
        match from.read(&mut byte) {
            Ok(0) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) if line.len() == SECRET_BYTES_MAX => {
                let sentence = format!(
                    "the {what} is longer than {SECRET_BYTES_MAX} bytes: is this the right file?"
                );
                return Err(Failure::user(sentence));
            }
            Ok(_) => line.extend_from_slice(&byte),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Failure::user(format!(
                    "the {what} cannot be read ({error}): check the file"
                )));
            }
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let text = std::str::from_utf8(&line)
        .map_err(|_| Failure::user(format!("the {what} is not text in UTF-8: write it anew")))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_secret() {
        let read = |text: &[u8]| first_line(text, "password").map(|line| line.to_string());
        assert_eq!(read(b"hunter two\nmore").unwrap(), "hunter two");
        assert_eq!(read(b"hunter two\r\n").unwrap(), "hunter two");
        assert_eq!(read(b" spaces stay ").unwrap(), " spaces stay ");
        assert!(read(b"\xff\xfe").unwrap_err().sentence.contains("UTF-8"));
        assert_eq!(
            read(&[b'x'; SECRET_BYTES_MAX]).unwrap().len(),
            SECRET_BYTES_MAX
        );
        assert!(
            read(&[b'x'; SECRET_BYTES_MAX + 1])
                .unwrap_err()
                .sentence
                .contains("longer")
        );
    }

    #[test]
    fn an_empty_or_missing_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        assert!(
            super::read(&path, "password")
                .unwrap_err()
                .sentence
                .contains("cannot be read")
        );
        std::fs::write(&path, "\n").unwrap();
        assert!(
            super::read(&path, "password")
                .unwrap_err()
                .sentence
                .contains("empty")
        );
    }
}

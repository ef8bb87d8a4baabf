//! A search of files for bytes, in the forms in which bytes are commonly written.

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Something long is searched by pieces: a database may split it between pages.
const PIECE_BYTES: usize = 16;
/// Patterns are found by their beginning.
const HEAD_BYTES: usize = 3;

/// What is searched.
pub struct Needle {
    /// What it is, in words.
    pub what: String,
    bytes: Zeroizing<Vec<u8>>,
}

/// What a search has found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Found {
    /// Needles of which a piece was found, and in which file.
    pub places: BTreeSet<(String, String)>,
    /// Files searched.
    pub files: usize,
    /// Bytes searched.
    pub bytes: usize,
}

/// A piece of a needle in one form.
struct Pattern {
    needle: usize,
    bytes: Zeroizing<Vec<u8>>,
}

impl Needle {
    /// At least three bytes.
    pub fn new(what: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            what: what.into(),
            bytes: Zeroizing::new(bytes.to_vec()),
        }
    }

    fn pieces(&self) -> Vec<&[u8]> {
        let whole = self.bytes.len() / PIECE_BYTES;
        let mut pieces: Vec<_> = self.bytes.chunks_exact(PIECE_BYTES).collect();
        if whole == 0 {
            pieces.push(&self.bytes);
        } else if let Some(end) = self
            .bytes
            .len()
            .checked_sub(PIECE_BYTES)
            .and_then(|from| self.bytes.get(from..))
        {
            pieces.push(end);
        }
        pieces
    }
}

/// Searches every file below a folder.
pub fn search(folder: &Path, needles: &[Needle]) -> io::Result<Found> {
    let patterns: Vec<_> = needles
        .iter()
        .enumerate()
        .flat_map(|(number, needle)| patterns(number, needle))
        .collect();
    let mut heads: HashMap<[u8; HEAD_BYTES], Vec<&Pattern>> = HashMap::new();
    for pattern in &patterns {
        if let Some(head) = pattern.bytes.first_chunk() {
            heads.entry(*head).or_default().push(pattern);
        }
    }
    let mut found = Found::default();
    search_below(folder, &mut |path, content| {
        found.files += 1;
        found.bytes += content.len();
        for (at, head) in content.windows(HEAD_BYTES).enumerate() {
            let Some(candidates) = <[u8; HEAD_BYTES]>::try_from(head)
                .ok()
                .and_then(|head| heads.get(&head))
            else {
                continue;
            };
            let rest = content.get(at..).unwrap_or_default();
            for pattern in candidates
                .iter()
                .filter(|pattern| rest.starts_with(&pattern.bytes))
            {
                let what = needles
                    .get(pattern.needle)
                    .map(|needle| needle.what.clone())
                    .unwrap_or_default();
                let file = path
                    .strip_prefix(folder)
                    .unwrap_or(path)
                    .display()
                    .to_string();
                found.places.insert((what, file));
            }
        }
    })?;
    Ok(found)
}

fn search_below(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = std::fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            search_below(&path, look)?;
        } else if kind.is_file() {
            look(&path, &std::fs::read(&path)?);
        }
    }
    Ok(())
}

fn patterns(number: usize, needle: &Needle) -> Vec<Pattern> {
    let forms = needle.pieces().into_iter().flat_map(forms);
    let long_enough = forms.filter(|form| form.len() >= HEAD_BYTES);
    long_enough
        .map(|bytes| Pattern {
            needle: number,
            bytes: Zeroizing::new(bytes),
        })
        .collect()
}

/// Raw, hexadecimal, and both alphabets of base64 at each of its three alignments.
fn forms(piece: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![
        piece.to_vec(),
        HEXLOWER.encode(piece).into_bytes(),
        HEXUPPER.encode(piece).into_bytes(),
    ];
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(piece);
        // Characters that depend on this piece alone: whole groups of six bits within it.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for alphabet in [&BASE64, &BASE64URL] {
            let text = alphabet.encode(&padded);
            forms.extend(text.get(first..last).map(|form| form.as_bytes().to_vec()));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"the quick brown fox jumps over the lazy dog";

    fn found_in(content: &[u8]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/file"), content).unwrap();
        let found = search(folder.path(), &[Needle::new("secret", SECRET)]).unwrap();
        assert_eq!((found.files, found.bytes), (1, content.len()));
        found
            .places
            .contains(&("secret".to_owned(), "deep/file".to_owned()))
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        for junk in ["", "x", "xy", "xyz", "some longer beginning"] {
            let around = |secret: &[u8]| [junk.as_bytes(), secret, b"end"].concat();
            assert!(found_in(&around(SECRET)), "raw after {junk:?}");
            assert!(found_in(&around(HEXLOWER.encode(SECRET).as_bytes())));
            assert!(found_in(&around(HEXUPPER.encode(SECRET).as_bytes())));
            assert!(
                found_in(BASE64.encode(&around(SECRET)).as_bytes()),
                "base64 after {junk:?}"
            );
            assert!(found_in(BASE64URL.encode(&around(SECRET)).as_bytes()));
        }
    }

    #[test]
    fn a_part_of_a_secret_is_enough_and_something_else_is_not() {
        assert!(found_in(&SECRET[..PIECE_BYTES]));
        assert!(found_in(&SECRET[SECRET.len() - PIECE_BYTES..]));
        assert!(found_in(
            &[&SECRET[..20], b"page border", &SECRET[20..]].concat()
        ));
        assert!(!found_in(b"the slow brown fox sleeps under the busy dog"));
        assert!(!found_in(b""));
    }

    #[test]
    fn short_names_are_found_too() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), b"...ada...").unwrap();
        let found = search(
            folder.path(),
            &[Needle::new("name", b"ada"), Needle::new("other", b"bob")],
        )
        .unwrap();
        assert_eq!(found.places.len(), 1);
    }
}

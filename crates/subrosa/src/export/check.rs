//! Whether an export is what its device signed: the signature, then each file.

use super::folder::{MANIFEST, SIGNATURE};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path};
use subrosa_client::{Failure, FailureKind, FileDigest, Manifest, Signer, verify_export};

/// Longest manifest or signature that is read.
const SMALL_BYTES_MAX: u64 = 64 << 20;
/// Read at once.
const PART: usize = 1 << 16;

/// What was found.
pub struct Checked {
    /// As signed.
    pub manifest: Manifest,
    /// By whom.
    pub signer: Signer,
    /// Files that are there and were not signed.
    pub others: Vec<String>,
}

/// Checks a folder. `done` is told how many bytes are read.
pub fn check(folder: &Path, mut done: impl FnMut(u64)) -> anyhow::Result<Checked> {
    let manifest = small(&folder.join(MANIFEST))?;
    let signature = small(&folder.join(SIGNATURE))?;
    let (manifest, signer) =
        verify_export(&manifest, &signature).map_err(|error| not_held(&error.to_string()))?;
    let mut read = 0;
    for listed in &manifest.files {
        let path = Path::new(&listed.path);
        let inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside || listed.path.is_empty() {
            return Err(not_held(&format!(
                "the manifest names {:?}, which lies elsewhere",
                listed.path
            )));
        }
        let (bytes, sha256) = digest(&folder.join(path), &mut |part| {
            read += part;
            done(read);
        })?;
        if (bytes, &sha256) != (listed.bytes, &listed.sha256) {
            return Err(not_held(&format!("{} was changed", listed.path)));
        }
    }
    let others = others(folder, &manifest);
    Ok(Checked {
        manifest,
        signer,
        others,
    })
}

fn others(folder: &Path, manifest: &Manifest) -> Vec<String> {
    let files = manifest.files.iter().map(|file| file.path.as_str());
    let known: BTreeSet<&str> = files.chain([MANIFEST, SIGNATURE]).collect();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut others: Vec<String> = names
        .filter(|name| !known.contains(name.as_str()))
        .collect();
    others.sort();
    others
}

fn digest(path: &Path, done: &mut impl FnMut(u64)) -> anyhow::Result<(u64, String)> {
    // A link or a device in the place of a file is not what was written.
    let plain = fs::symlink_metadata(path).map_err(|error| unread(path, &error))?;
    if !plain.is_file() {
        return Err(not_held(&format!("{} is no plain file", path.display())));
    }
    let mut file = File::open(path).map_err(|error| unread(path, &error))?;
    let (mut digest, mut bytes, mut part) = (FileDigest::default(), 0, vec![0; PART]);
    loop {
        let count = match file.read(&mut part) {
            Ok(0) => return Ok((bytes, digest.hex())),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(unread(path, &error).into()),
        };
        digest.update(part.get(..count).unwrap_or_default());
        bytes += count as u64;
        done(count as u64);
    }
}

fn small(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        if file.take(SMALL_BYTES_MAX + 1).read_to_end(&mut bytes)? as u64 > SMALL_BYTES_MAX {
            return Err(ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    };
    Ok(read().map_err(|error| unread(path, &error))?)
}

fn unread(path: &Path, error: &std::io::Error) -> Failure {
    Failure::user(format!(
        "{} cannot be read ({error}): name the folder that `subrosa export` made, with all its files",
        path.display()
    ))
}

fn not_held(cause: &str) -> anyhow::Error {
    Failure {
        kind: FailureKind::Trust,
        sentence: format!("this export does not hold: {cause}; ask for it again"),
    }
    .into()
}

//! The folder of an export: written beside its place, under another name, and renamed when all of it is on disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use subrosa_client::{ExportFile, Failure, FileDigest};

/// The manifest's name.
pub const MANIFEST: &str = "manifest.json";
/// Its signature's name.
pub const SIGNATURE: &str = "manifest.signature.json";
/// Says that an unfinished folder is ours to remove.
const MARK: &str = ".subrosa-export";

/// A folder that is being filled. Dropped before its end, it leaves nothing.
pub struct Folder {
    target: PathBuf,
    parent: PathBuf,
    unfinished: PathBuf,
    files: Vec<ExportFile>,
    done: bool,
}

/// A file that is being written.
pub struct Sheet {
    path: String,
    file: BufWriter<File>,
    digest: FileDigest,
    bytes: u64,
}

impl Folder {
    /// Begins a folder that is not there yet.
    pub fn begin(target: &Path) -> anyhow::Result<Self> {
        let Some(name) = target.file_name() else {
            return Err(Failure::user(format!(
                "{} names no folder: choose one that is not there yet",
                target.display()
            ))
            .into());
        };
        if fs::symlink_metadata(target).is_ok() {
            return Err(Failure::user(format!(
                "{} is there already: choose another name, or remove it first",
                target.display()
            ))
            .into());
        }
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let unfinished = parent.join(format!(".{}.unfinished", name.to_string_lossy()));
        // Of an export that was cut short.
        if unfinished.join(MARK).is_file() {
            drop(fs::remove_dir_all(&unfinished));
        }
        let made = DirBuilder::new().mode(0o700).create(&unfinished);
        made.map_err(|error| unusable(&unfinished, &error))?;
        let folder = Self {
            target: target.to_owned(),
            parent,
            unfinished,
            files: Vec::new(),
            done: false,
        };
        folder.put(MARK, b"")?;
        Ok(folder)
    }

    /// Begins a file.
    pub fn sheet(&self, path: &str) -> anyhow::Result<Sheet> {
        let place = self.unfinished.join(path);
        let file = new(&place).map_err(|error| unusable(&place, &error))?;
        Ok(Sheet {
            path: path.to_owned(),
            file: BufWriter::new(file),
            digest: FileDigest::default(),
            bytes: 0,
        })
    }

    /// A file is written.
    pub fn add(&mut self, sheet: Sheet) -> anyhow::Result<()> {
        let Sheet {
            path,
            mut file,
            digest,
            bytes,
        } = sheet;
        let place = self.unfinished.join(&path);
        let synced = file.flush().and_then(|()| file.get_ref().sync_all());
        synced.map_err(|error| unusable(&place, &error))?;
        self.files.push(ExportFile {
            path,
            bytes,
            sha256: digest.hex(),
        });
        Ok(())
    }

    /// What was written.
    pub fn files(&self) -> &[ExportFile] {
        &self.files
    }

    /// Writes manifest and signature, and gives the folder its name.
    pub fn finish(mut self, manifest: &[u8], signature: &[u8]) -> anyhow::Result<()> {
        self.put(MANIFEST, manifest)?;
        self.put(SIGNATURE, signature)?;
        let finished = || -> std::io::Result<()> {
            fs::remove_file(self.unfinished.join(MARK))?;
            File::open(&self.unfinished)?.sync_all()?;
            // Somebody may have made it in the meantime; a rename would take the place of an empty folder.
            if fs::symlink_metadata(&self.target).is_ok() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            fs::rename(&self.unfinished, &self.target)?;
            File::open(&self.parent)?.sync_all()
        };
        finished().map_err(|error| unusable(&self.target, &error))?;
        self.done = true;
        Ok(())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let place = self.unfinished.join(name);
        let written = new(&place).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        Ok(written.map_err(|error| unusable(&place, &error))?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.done {
            drop(fs::remove_dir_all(&self.unfinished));
        }
    }
}

impl Sheet {
    /// Writes on.
    pub fn write(&mut self, text: &str) -> anyhow::Result<()> {
        self.digest.update(text.as_bytes());
        self.bytes += text.len() as u64;
        let written = self.file.write_all(text.as_bytes());
        Ok(written.map_err(|error| unusable(Path::new(&self.path), &error))?)
    }
}

fn new(place: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(place)
}

fn unusable(place: &Path, error: &std::io::Error) -> Failure {
    let next = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on that disk",
        ErrorKind::NotFound => "make the folder above it first",
        _ => "choose another place",
    };
    Failure::user(format!(
        "{} cannot be written ({error}): {next}; nothing is left behind",
        place.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("out");
        let left = || fs::read_dir(place.path()).unwrap().count();
        let mut folder = Folder::begin(&target).unwrap();
        let mut sheet = folder.sheet("a.txt").unwrap();
        sheet.write("hello").unwrap();
        folder.add(sheet).unwrap();
        assert!(!target.exists());
        drop(folder);
        assert_eq!(left(), 0, "cut short, it leaves nothing");

        // Cut short by a kill, it leaves a folder that the next one takes away.
        std::mem::forget(Folder::begin(&target).unwrap());
        assert_eq!(left(), 1);
        let mut folder = Folder::begin(&target).unwrap();
        let mut sheet = folder.sheet("a.txt").unwrap();
        sheet.write("hello").unwrap();
        folder.add(sheet).unwrap();
        let expected = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!(folder.files()[0].sha256, expected);
        folder.finish(b"{}", b"{}").unwrap();
        let mut names: Vec<_> = fs::read_dir(&target)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["a.txt", MANIFEST, SIGNATURE]);
        assert_eq!(left(), 1);
        assert!(Folder::begin(&target).is_err(), "nothing is written over");
        assert!(Folder::begin(Path::new("..")).is_err());
    }
}

//! The files of the project as the checks see them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::source::{Role, Source};

/// Folders that hold nothing written by hand. Where the checkout is a second work tree, `.git` is a file.
const SKIPPED: &[&str] = &["target", ".git", ".venv", "proptest-regressions"];

/// A file that is UTF-8 text, with its path relative to the root.
#[derive(Debug)]
pub struct Text {
    pub path: String,
    pub text: String,
}

#[derive(Debug, Default)]
pub struct Tree {
    /// Every text file, Rust or not; `Cargo.lock` is left out.
    pub texts: Vec<Text>,
    /// Every Rust file.
    pub sources: Vec<Source>,
}

impl Tree {
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let mut texts = Vec::new();
        collect(root, root, &mut texts)?;
        texts.sort_by(|left, right| left.path.cmp(&right.path));
        Self::from_texts(texts)
    }

    pub fn from_texts(texts: Vec<Text>) -> anyhow::Result<Self> {
        let mut sources = Vec::new();
        for file in texts.iter().filter(|file| file.path.ends_with(".rs")) {
            sources.push(Source::parse(
                &file.path,
                &file.text,
                role_by_folder(&file.path),
            )?);
        }
        mark_test_modules(&mut sources);
        Ok(Self { texts, sources })
    }

    /// The Rust files below `folder`, which is relative to the root.
    pub fn sources_below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Source> {
        let inside = move |path: &str| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        self.sources
            .iter()
            .filter(move |source| inside(&source.path))
    }

    /// Whether a path names a file or a folder.
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let inside = |rest: &str| rest.is_empty() || rest.starts_with('/');
        let mut paths = self.texts.iter().map(|file| file.path.as_str());
        paths.any(|file| file.strip_prefix(path).is_some_and(inside))
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }
}

fn collect(root: &Path, folder: &Path, texts: &mut Vec<Text>) -> anyhow::Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type()?;
        if SKIPPED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if kind.is_dir() {
            collect(root, &path, texts)?;
        }
        if kind.is_file()
            && name != "Cargo.lock"
            && let Ok(text) = String::from_utf8(fs::read(&path)?)
        {
            let path = path
                .strip_prefix(root)?
                .to_string_lossy()
                .replace('\\', "/");
            texts.push(Text { path, text });
        }
    }
    Ok(())
}

fn role_by_folder(path: &str) -> Role {
    let folders: Vec<&str> = path.split('/').collect();
    if folders.contains(&"tests") {
        Role::Test
    } else if folders.contains(&"benches")
        || folders.contains(&"examples")
        || path.ends_with("build.rs")
    {
        Role::Other
    } else {
        Role::Product
    }
}

/// A file that some other file declares under `#[cfg(test)]`, and what lies below it, is test code.
fn mark_test_modules(sources: &mut [Source]) {
    let mut declared = BTreeSet::new();
    for source in sources.iter() {
        let Some(stem) = source.path.strip_suffix(".rs") else {
            continue;
        };
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let below = if ["lib", "main", "mod"].contains(&name) {
            folder
        } else {
            stem
        };
        declared.extend(
            source
                .test_modules
                .iter()
                .map(|module| format!("{below}/{module}")),
        );
    }
    for source in sources.iter_mut() {
        let is_or_lies_below = |module: &String| {
            source
                .path
                .strip_prefix(module.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        if declared.iter().any(is_or_lies_below) {
            source.role = Role::Test;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let texts = files.iter().map(|(path, text)| Text {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        });
        Tree::from_texts(texts.collect()).unwrap()
    }

    #[test]
    fn roles_follow_folders_and_declarations() {
        let tree = tree(&[
            ("crates/a/src/lib.rs", "#[cfg(test)] mod rig; mod deep;"),
            ("crates/a/src/rig.rs", ""),
            ("crates/a/src/rig/network.rs", ""),
            ("crates/a/src/deep.rs", "#[cfg(test)] mod tests;"),
            ("crates/a/src/deep/tests.rs", ""),
            ("crates/a/tests/whole.rs", ""),
            ("crates/a/benches/speed.rs", ""),
        ]);
        let role = |path: &str| {
            tree.sources
                .iter()
                .find(|source| source.path == path)
                .map(|source| source.role)
        };
        assert_eq!(role("crates/a/src/lib.rs"), Some(Role::Product));
        assert_eq!(role("crates/a/src/rig.rs"), Some(Role::Test));
        assert_eq!(role("crates/a/src/rig/network.rs"), Some(Role::Test));
        assert_eq!(role("crates/a/src/deep.rs"), Some(Role::Product));
        assert_eq!(role("crates/a/src/deep/tests.rs"), Some(Role::Test));
        assert_eq!(role("crates/a/tests/whole.rs"), Some(Role::Test));
        assert_eq!(role("crates/a/benches/speed.rs"), Some(Role::Other));
    }

    #[test]
    fn a_folder_is_not_confused_with_one_whose_name_begins_alike() {
        let tree = tree(&[("crates/a/src/lib.rs", ""), ("crates/ab/src/lib.rs", "")]);
        assert_eq!(tree.sources_below("crates/a").count(), 1);
    }

    #[test]
    fn generated_and_binary_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("target/debug")).unwrap();
        fs::write(folder.path().join("target/debug/a.rs"), "fn main() {}").unwrap();
        fs::write(folder.path().join("picture.png"), [0xff, 0xfe, 0x00]).unwrap();
        fs::write(folder.path().join("kept.md"), "text").unwrap();
        let tree = Tree::read(folder.path()).unwrap();
        assert_eq!(
            tree.texts
                .iter()
                .map(|file| file.path.as_str())
                .collect::<Vec<_>>(),
            ["kept.md"]
        );
    }
}

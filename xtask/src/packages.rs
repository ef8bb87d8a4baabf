//! What `cargo metadata` says about the workspace and everything it is built from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    Normal,
    Development,
    Build,
}

/// A dependency as a manifest declares it.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The name of the package, not the name it is imported by.
    pub package: String,
    /// The name by which code imports it.
    pub imported_as: String,
    pub edge: Edge,
}

/// A crate of this workspace.
#[derive(Debug, Clone)]
pub struct Member {
    pub name: String,
    /// Relative to the root, with slashes.
    pub folder: String,
    pub declared: Vec<Declared>,
    /// Names of its cargo features, without `default`.
    pub features: Vec<String>,
    /// Packages linked into it, found along normal edges only, itself not included.
    pub linked: BTreeSet<String>,
}

impl Member {
    pub fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

#[derive(Debug, Default)]
pub struct Packages {
    pub root: PathBuf,
    pub members: Vec<Member>,
    /// Packages that compile C or C++ when they are built.
    pub with_c: BTreeSet<String>,
}

impl Packages {
    /// Asks cargo about the workspace around `manifest`, for the platform this program runs on.
    pub fn read(manifest: &Path) -> anyhow::Result<Self> {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "metadata",
                "--format-version",
                "1",
                "--locked",
                "--filter-platform",
                &host()?,
            ])
            .arg("--manifest-path")
            .arg(manifest)
            .output()
            .context("cannot run cargo metadata")?;
        anyhow::ensure!(
            output.status.success(),
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata = serde_json::from_slice(&output.stdout)
            .context("cargo metadata gave JSON of another shape")?;
        Self::from_metadata(metadata)
    }

    fn from_metadata(metadata: Metadata) -> anyhow::Result<Self> {
        let names: BTreeMap<&str, &str> = metadata
            .packages
            .iter()
            .map(|package| (package.id.as_str(), package.name.as_str()))
            .collect();
        let name_of = |id: &str| names.get(id).map_or(id, |name| name).to_owned();
        let mut normal: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut with_c = BTreeSet::new();
        for node in &metadata.resolve.nodes {
            for dependency in &node.deps {
                let has = |kind: Option<&str>| {
                    dependency
                        .dep_kinds
                        .iter()
                        .any(|found| found.kind.as_deref() == kind)
                };
                if has(None) {
                    normal.entry(&node.id).or_default().push(&dependency.pkg);
                }
                if has(Some("build"))
                    && ["cc", "cmake", "bindgen"].contains(&name_of(&dependency.pkg).as_str())
                {
                    with_c.insert(name_of(&node.id));
                }
            }
        }
        let mut members = Vec::new();
        for package in metadata
            .packages
            .iter()
            .filter(|package| metadata.workspace_members.contains(&package.id))
        {
            let folder = Path::new(&package.manifest_path)
                .parent()
                .context("a manifest without a folder")?;
            let folder = folder
                .strip_prefix(&metadata.workspace_root)?
                .to_string_lossy()
                .replace('\\', "/");
            members.push(Member {
                name: package.name.clone(),
                folder,
                declared: package
                    .dependencies
                    .iter()
                    .map(Declaration::read)
                    .collect::<anyhow::Result<_>>()?,
                features: package
                    .features
                    .keys()
                    .filter(|name| *name != "default")
                    .cloned()
                    .collect(),
                linked: reach(&package.id, &normal)
                    .into_iter()
                    .map(name_of)
                    .collect(),
            });
        }
        members.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Self {
            root: metadata.workspace_root.into(),
            members,
            with_c,
        })
    }
}

/// The platform of this machine; without it cargo would fetch the packages of all platforms.
fn host() -> anyhow::Result<String> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .arg("-vV")
        .output()
        .context("cannot run rustc")?;
    let text = String::from_utf8(output.stdout)?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc names no host")
}

fn reach<'a>(from: &'a str, normal: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(id) = waiting.pop() {
        for next in normal.get(id).into_iter().flatten() {
            if reached.insert(*next) {
                waiting.push(next);
            }
        }
    }
    reached
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    workspace_root: String,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: String,
    dependencies: Vec<Declaration>,
    features: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Declaration {
    name: String,
    rename: Option<String>,
    kind: Option<String>,
}

impl Declaration {
    fn read(&self) -> anyhow::Result<Declared> {
        let edge = match self.kind.as_deref() {
            None => Edge::Normal,
            Some("dev") => Edge::Development,
            Some("build") => Edge::Build,
            Some(other) => {
                anyhow::bail!("cargo metadata names an unknown kind of dependency: {other}")
            }
        };
        let imported_as = self.rename.as_ref().unwrap_or(&self.name).replace('-', "_");
        Ok(Declared {
            package: self.name.clone(),
            imported_as,
            edge,
        })
    }
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDependency>,
}

#[derive(Deserialize)]
struct NodeDependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

#[cfg(test)]
pub mod fixtures {
    use super::*;

    /// A member in `crates/NAME` with the given edges to packages.
    pub fn member(name: &str, edges: &[(&str, Edge)]) -> Member {
        let declared = edges.iter().map(|(package, edge)| Declared {
            package: (*package).to_owned(),
            imported_as: package.replace('-', "_"),
            edge: *edge,
        });
        Member {
            name: name.to_owned(),
            folder: format!("crates/{}", name.trim_start_matches("subrosa-")),
            declared: declared.collect(),
            features: Vec::new(),
            linked: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
      "packages": [
        {"id": "a", "name": "a", "manifest_path": "/w/crates/a/Cargo.toml", "features": {"default": [], "fast": []},
         "dependencies": [{"name": "b", "rename": null, "kind": null}, {"name": "rand-core", "rename": "old-rand", "kind": "dev"}]},
        {"id": "b", "name": "b", "manifest_path": "/r/b/Cargo.toml", "features": {}, "dependencies": []},
        {"id": "c", "name": "c", "manifest_path": "/r/c/Cargo.toml", "features": {}, "dependencies": []},
        {"id": "d", "name": "d", "manifest_path": "/r/d/Cargo.toml", "features": {}, "dependencies": []},
        {"id": "cc 1", "name": "cc", "manifest_path": "/r/cc/Cargo.toml", "features": {}, "dependencies": []}],
      "workspace_members": ["a"], "workspace_root": "/w",
      "resolve": {"nodes": [
        {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": null}]}, {"pkg": "d", "dep_kinds": [{"kind": "dev"}]}]},
        {"id": "b", "deps": [{"pkg": "c", "dep_kinds": [{"kind": null}]}]},
        {"id": "c", "deps": [{"pkg": "cc 1", "dep_kinds": [{"kind": "build"}]}]},
        {"id": "d", "deps": []}, {"id": "cc 1", "deps": []}]}}"#;

    #[test]
    fn metadata_is_read_with_renames_kinds_and_closure() {
        let packages = Packages::from_metadata(serde_json::from_str(METADATA).unwrap()).unwrap();
        let member = packages.members.first().unwrap();
        assert_eq!(
            (member.name.as_str(), member.folder.as_str()),
            ("a", "crates/a")
        );
        assert_eq!(member.features, ["fast"]);
        assert_eq!(
            member.linked.iter().collect::<Vec<_>>(),
            ["b", "c"],
            "development edges link nothing"
        );
        let second = member.declared.get(1).unwrap();
        assert_eq!(
            (second.imported_as.as_str(), second.edge),
            ("old_rand", Edge::Development)
        );
        assert_eq!(packages.with_c.iter().collect::<Vec<_>>(), ["c"]);
    }
}

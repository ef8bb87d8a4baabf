//! Crates that only compute: no clock, file, socket, process, thread or randomness of the system, and no C. Most of
//! it clippy enforces by a `clippy.toml` in each of them; this check sees to it that the file is there and obeyed.

use crate::finding::Finding;
use crate::packages::{Edge, Packages};
use crate::source::{Role, Source};
use crate::tokens::path_roots;
use crate::tree::Tree;

const PURE: &[&str] = &[
    "subrosa-cipher",
    "subrosa-channel",
    "subrosa-login",
    "subrosa-proto",
    "subrosa-ledger",
    "subrosa-e2e",
];

/// Folders, or files, of crates that otherwise do reach outside.
const PURE_FOLDERS: &[&str] = &["crates/client/src/engine"];

/// Adapters to the outside within a pure crate.
const ADAPTERS: &[&str] = &["crates/channel/src/io"];

const MUST_BE_DISALLOWED: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::spawn",
    "std::fs::File",
    "std::net::TcpStream",
    "std::process::Command",
];

const OUTSIDE: &[&str] = &[
    "getrandom",
    "jiff",
    "mio",
    "rand",
    "rusqlite",
    "rustix",
    "socket2",
];

const WHY: &str = "a core that gets time, bytes and randomness as arguments can be tested whole";

pub fn check(packages: &Packages, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in packages
        .members
        .iter()
        .filter(|member| PURE.contains(&member.name.as_str()))
    {
        findings.extend(clippy_file(tree, &member.folder));
        for declared in member
            .declared
            .iter()
            .filter(|declared| declared.edge == Edge::Normal)
        {
            if OUTSIDE.contains(&declared.package.as_str()) {
                let line = crate::doors::line_of(tree, &member.manifest(), &declared.package);
                let what = format!("{} links {}", member.name, declared.package);
                findings.push(Finding::new(
                    member.manifest(),
                    line,
                    what,
                    WHY,
                    "pass in what it was wanted for",
                ));
            }
        }
        for package in member.linked.intersection(&packages.with_c) {
            let what = format!("{} links {package}, which compiles C", member.name);
            let why = "the crates that only compute are plain Rust, so that a browser build stays possible";
            findings.push(Finding::new(
                member.manifest(),
                1,
                what,
                why,
                "choose a package in Rust",
            ));
        }
        findings.extend(tree.sources_below(&member.folder).flat_map(excuses));
    }
    for folder in PURE_FOLDERS {
        let single = format!("{folder}.rs");
        let file = tree.sources.iter().filter(|source| source.path == single);
        findings.extend(
            tree.sources_below(folder)
                .chain(file)
                .flat_map(reaching_out),
        );
    }
    findings
}

fn clippy_file(tree: &Tree, folder: &str) -> Vec<Finding> {
    let path = format!("{folder}/clippy.toml");
    let document = tree
        .text(&path)
        .unwrap_or_default()
        .parse::<toml_edit::Document<String>>();
    let document = match document {
        Ok(document) => document,
        Err(error) => {
            return vec![Finding::new(
                path,
                1,
                format!("not TOML: {error}"),
                WHY,
                "mend it",
            )];
        }
    };
    let mut listed = Vec::new();
    for key in ["disallowed-methods", "disallowed-types"] {
        for entry in document
            .get(key)
            .and_then(toml_edit::Item::as_array)
            .into_iter()
            .flatten()
        {
            let inline = entry.as_inline_table().and_then(|table| table.get("path"));
            listed.extend(inline.unwrap_or(entry).as_str());
        }
    }
    let missing = MUST_BE_DISALLOWED.iter().filter(|name| {
        let parent = name.rsplit_once("::").map_or(**name, |(parent, _)| parent);
        !listed.contains(name) && !listed.contains(&parent)
    });
    let finding = |name: &&str| {
        Finding::new(
            path.clone(),
            1,
            format!("does not disallow {name}"),
            WHY,
            "list it as in crates/cipher/clippy.toml",
        )
    };
    missing.map(finding).collect()
}

/// `allow` or `expect` of a disallowed_* lint in product code.
fn excuses(source: &Source) -> Vec<Finding> {
    let adapter = ADAPTERS
        .iter()
        .any(|adapter| source.path.starts_with(adapter));
    if source.role != Role::Product || adapter {
        return Vec::new();
    }
    let tokens = source.product_tokens();
    let excused = tokens.iter().filter(|token| {
        matches!(
            token.word(),
            Some("disallowed_methods" | "disallowed_types" | "disallowed_macros")
        )
    });
    let finding = |line| {
        Finding::new(
            source.path.clone(),
            line,
            "a disallowed_* lint is switched off",
            WHY,
            "pass in what is needed",
        )
    };
    excused.map(|token| finding(token.line)).collect()
}

/// Names of the outside world in a folder that only computes.
fn reaching_out(source: &Source) -> Vec<Finding> {
    if source.role != Role::Product {
        return Vec::new();
    }
    let tokens = source.product_tokens();
    let mut lines: Vec<(usize, String)> = Vec::new();
    for package in OUTSIDE.iter().chain(&["tokio"]) {
        lines.extend(
            path_roots(&tokens, package)
                .into_iter()
                .map(|line| (line, (*package).to_owned())),
        );
    }
    for (at, token) in tokens.iter().enumerate() {
        let Some(word) = token.word() else { continue };
        let after_std = at
            .checked_sub(3)
            .and_then(|index| tokens.get(index))
            .and_then(|token| token.word())
            == Some("std");
        let module = after_std && ["fs", "net", "process", "thread", "env"].contains(&word);
        if module || ["Instant", "SystemTime"].contains(&word) {
            lines.push((token.line, word.to_owned()));
        }
    }
    let finding = |(line, name): (usize, String)| {
        Finding::new(
            source.path.clone(),
            line,
            format!("{name} in a part that only computes"),
            WHY,
            "make it an argument or an effect",
        )
    };
    lines.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::fixtures::member;
    use crate::tree::Text;

    const GOOD: &str = r#"
        disallowed-methods = ["std::time::SystemTime::now", { path = "std::thread::spawn", reason = "no" }]
        disallowed-types = ["std::time::Instant", "std::fs::File", "std::net::TcpStream", "std::process::Command"]"#;

    fn whats(packages: &Packages, files: &[(&str, &str)]) -> Vec<String> {
        let texts = files.iter().map(|(path, text)| Text {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        });
        let tree = Tree::from_texts(texts.collect()).unwrap();
        check(packages, &tree)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    fn cipher(edges: &[(&str, Edge)]) -> Packages {
        Packages {
            members: vec![member("subrosa-cipher", edges)],
            ..Packages::default()
        }
    }

    #[test]
    fn a_complete_clippy_file_satisfies() {
        let files = [("crates/cipher/clippy.toml", GOOD)];
        assert_eq!(
            whats(&cipher(&[("getrandom", Edge::Development)]), &files),
            [""; 0]
        );
    }

    #[test]
    fn a_missing_or_short_clippy_file_is_refused() {
        assert_eq!(whats(&cipher(&[]), &[]).len(), MUST_BE_DISALLOWED.len());
        let short = GOOD.replace("std::thread::spawn", "std::thread::scope");
        let found = whats(&cipher(&[]), &[("crates/cipher/clippy.toml", &short)]);
        assert_eq!(found, ["does not disallow std::thread::spawn"]);
    }

    #[test]
    fn switching_the_lint_off_is_refused_outside_tests() {
        let product = "#[allow(clippy::disallowed_methods)] fn f() {}";
        let test = "#[cfg(test)] mod tests { #[allow(clippy::disallowed_methods)] fn f() {} }";
        let files = [
            ("crates/cipher/clippy.toml", GOOD),
            ("crates/cipher/src/lib.rs", product),
            ("crates/cipher/src/seal.rs", test),
        ];
        assert_eq!(
            whats(&cipher(&[]), &files),
            ["a disallowed_* lint is switched off"]
        );
    }

    #[test]
    fn packages_that_reach_outside_or_compile_c_are_refused() {
        let mut packages = cipher(&[("getrandom", Edge::Normal)]);
        packages.with_c.insert("libsqlite3-sys".to_owned());
        for member in &mut packages.members {
            member.linked.insert("libsqlite3-sys".to_owned());
        }
        assert_eq!(
            whats(&packages, &[("crates/cipher/clippy.toml", GOOD)]),
            [
                "subrosa-cipher links getrandom",
                "subrosa-cipher links libsqlite3-sys, which compiles C"
            ]
        );
    }

    #[test]
    fn the_engine_must_not_reach_out() {
        let text = "use std::time::Duration;\nuse std::fs;\nfn f() { tokio::spawn(g()); }\nfn g(now: Instant) {}";
        let files = [("crates/client/src/engine/outbox.rs", text)];
        assert_eq!(
            whats(&Packages::default(), &files),
            [
                "tokio in a part that only computes",
                "fs in a part that only computes",
                "Instant in a part that only computes"
            ]
        );
        assert_eq!(
            whats(
                &Packages::default(),
                &[("crates/client/src/driver.rs", text)]
            ),
            [""; 0]
        );
    }
}

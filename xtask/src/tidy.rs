//! Runs every check and prints what they found.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::finding::Finding;
use crate::packages::Packages;
use crate::tree::Tree;
use crate::{budgets, claims, doors, forbidden, homes, links, purposes, walls};

pub fn run() -> anyhow::Result<ExitCode> {
    let packages = Packages::read(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../Cargo.toml"
    )))?;
    let tree = Tree::read(&packages.root)?;
    let findings = check(&packages, &tree);
    let mut output = std::io::stdout().lock();
    for finding in &findings {
        writeln!(output, "{finding}")?;
    }
    let (files, crates) = (tree.texts.len(), packages.members.len());
    match findings.len() {
        0 => writeln!(
            output,
            "tidy: {files} files of {crates} crates, nothing found"
        )?,
        count => writeln!(
            output,
            "tidy: {count} found in {files} files of {crates} crates"
        )?,
    }
    Ok(if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn check(packages: &Packages, tree: &Tree) -> Vec<Finding> {
    let mut findings = [
        doors::check(packages, tree),
        walls::check(packages, tree),
        homes::check(packages, tree),
        purposes::check(tree),
        budgets::check(packages, tree),
        forbidden::check(tree),
        links::check(tree),
        claims::check(tree),
    ]
    .concat();
    findings.sort();
    findings
}

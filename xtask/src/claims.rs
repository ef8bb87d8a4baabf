//! The claims of SECURITY.md against the tests that say they prove them. A claim has a heading `### C12: …` and the
//! lines `- Status: …`, `- Tests: …`, `- Code: …` and `- Not proven: …`; a test names it by a comment `Proves: C12`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::finding::Finding;
use crate::source::{Source, Test};
use crate::tree::Tree;

pub const LEDGER: &str = "SECURITY.md";

const WHY: &str = "a security claim is worth what is tested of it";

const NO_TESTS: &str = "none";

/// Where tests may prove something.
const HOUSES: [&str; 2] = ["crates/", "tests/"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Proven,
    InPart,
    NotYet,
}

impl Status {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "proven by tests" => Some(Self::Proven),
            "proven in part" => Some(Self::InPart),
            "not yet" => Some(Self::NotYet),
            _ => None,
        }
    }
}

/// An entry of the ledger; each field with the line it stands on.
#[derive(Debug, Default)]
struct Claim {
    line: usize,
    fields: BTreeMap<String, (usize, String)>,
}

impl Claim {
    fn field(&self, name: &str) -> Option<(usize, &str)> {
        self.fields
            .get(name)
            .map(|(line, text)| (*line, text.as_str()))
            .filter(|(_, text)| !text.is_empty())
    }
}

/// Names of tests by the file they are in.
type Tests = BTreeMap<String, BTreeSet<String>>;

/// The tests that prove a claim, by number of the claim.
type Proofs = BTreeMap<u32, Tests>;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(LEDGER) else {
        return vec![Finding::new(
            LEDGER,
            1,
            "there is no ledger of claims",
            WHY,
            "write it",
        )];
    };
    let (claims, mut findings) = parse(text);
    let (proofs, strays) = collect(tree, &claims);
    findings.extend(strays);
    for (number, claim) in &claims {
        findings.extend(judge(*number, claim, proofs.get(number), tree));
    }
    let mut expected = 1..;
    if let Some((number, claim)) = claims
        .iter()
        .find(|(number, _)| Some(**number) != expected.next())
    {
        let fix = "number the claims from C1 without a hole; a withdrawn claim keeps its number and says so";
        findings.push(Finding::new(
            LEDGER,
            claim.line,
            format!("C{number} follows a hole"),
            WHY,
            fix,
        ));
    }
    findings
}

/// Writes the `Tests:` lines anew, and `proven in part` where tests prove what was `not yet`.
pub fn rewrite() -> anyhow::Result<ExitCode> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let tree = Tree::read(root)?;
    let text = tree.text(LEDGER).context("there is no SECURITY.md")?;
    let (claims, _) = parse(text);
    let (proofs, _) = collect(&tree, &claims);
    fs::write(root.join(LEDGER), with_tests(text, &claims, &proofs))?;
    writeln!(
        std::io::stdout(),
        "claims: {} of {} have tests",
        proofs.len(),
        claims.len()
    )?;
    Ok(ExitCode::SUCCESS)
}

/// A claim that has become tested is at least proven in part; whether it is more, a person says.
fn with_tests(text: &str, claims: &BTreeMap<u32, Claim>, proofs: &Proofs) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (number, claim) in claims {
        let mut write = |field: &str, value: String| {
            let line = claim
                .fields
                .get(field)
                .map(|(line, _)| line.saturating_sub(1));
            if let Some(line) = line.and_then(|index| lines.get_mut(index)) {
                *line = format!("- {field}: {value}");
            }
        };
        let tests = proofs.get(number);
        write("Tests", listed(tests));
        let status = claim
            .field("Status")
            .and_then(|(_, text)| Status::parse(text));
        if tests.is_some() && status == Some(Status::NotYet) {
            write("Status", "proven in part".to_owned());
        }
    }
    lines.join("\n") + "\n"
}

fn listed(tests: Option<&Tests>) -> String {
    let of_file = |(path, names): (&String, &BTreeSet<String>)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!("`{path}` ({})", names.join(", "))
    };
    let files: Vec<String> = tests.into_iter().flatten().map(of_file).collect();
    if files.is_empty() {
        NO_TESTS.to_owned()
    } else {
        files.join("; ")
    }
}

fn parse(text: &str) -> (BTreeMap<u32, Claim>, Vec<Finding>) {
    let (mut claims, mut findings) = (BTreeMap::<u32, Claim>::new(), Vec::new());
    let mut current = None;
    for (line, text) in (1..).zip(text.lines()) {
        if text.starts_with('#') {
            let heading = text
                .strip_prefix("### ")
                .and_then(|rest| rest.split_once(':'));
            current = heading.and_then(|(name, _)| number_of(name));
            if let Some(number) = current
                && claims
                    .insert(
                        number,
                        Claim {
                            line,
                            ..Claim::default()
                        },
                    )
                    .is_some()
            {
                findings.push(Finding::new(
                    LEDGER,
                    line,
                    format!("C{number} is listed twice"),
                    WHY,
                    "keep one",
                ));
            }
        }
        let field = text
            .strip_prefix("- ")
            .and_then(|rest| rest.split_once(':'));
        if let (Some(claim), Some((name, value))) =
            (current.and_then(|number| claims.get_mut(&number)), field)
        {
            claim
                .fields
                .insert(name.to_owned(), (line, value.trim().to_owned()));
        }
    }
    (claims, findings)
}

fn number_of(word: &str) -> Option<u32> {
    let digits = word.strip_prefix('C')?;
    digits
        .parse()
        .ok()
        .filter(|number: &u32| number.to_string() == digits)
}

/// The claims that a comment proves: `Proves: C1, C2` with words after them if need be.
fn proven_by(comment: &str) -> Option<Vec<u32>> {
    let list = comment.strip_prefix("Proves:")?;
    let words = list.split([',', ' ']).filter(|word| !word.is_empty());
    Some(
        words
            .map_while(|word| number_of(word.trim_end_matches(['.', ';', ':', ')'])))
            .collect(),
    )
}

fn collect(tree: &Tree, claims: &BTreeMap<u32, Claim>) -> (Proofs, Vec<Finding>) {
    let (mut proofs, mut findings) = (Proofs::new(), Vec::new());
    for source in tree
        .sources
        .iter()
        .filter(|source| HOUSES.iter().any(|house| source.path.starts_with(house)))
    {
        for (line, comment) in source.comment_lines() {
            let Some(numbers) = proven_by(comment) else {
                continue;
            };
            let fault = stray(source, line, &numbers, claims);
            findings
                .extend(fault.map(|(what, fix)| Finding::new(&source.path, line, what, WHY, fix)));
            // A test that does not run proves nothing.
            if let Some(test) = test_around(source, line).filter(|test| !test.ignored) {
                for number in numbers {
                    let files = proofs.entry(number).or_default();
                    let names = files.entry(source.path.clone()).or_default();
                    names.insert(test.name.clone());
                }
            }
        }
    }
    (proofs, findings)
}

fn test_around(source: &Source, line: usize) -> Option<&Test> {
    source.tests.iter().find(|test| test.lines.contains(&line))
}

fn stray(
    source: &Source,
    line: usize,
    numbers: &[u32],
    claims: &BTreeMap<u32, Claim>,
) -> Option<(String, &'static str)> {
    if numbers.is_empty() {
        return Some(("a proof of nothing".to_owned(), "write `Proves: C12`"));
    }
    if let Some(unknown) = numbers.iter().find(|number| !claims.contains_key(number)) {
        return Some((
            format!("C{unknown} is no claim of {LEDGER}"),
            "name one that is there",
        ));
    }
    if test_around(source, line).is_none() {
        return Some((
            "this proof is in no test".to_owned(),
            "put it directly above the test, or inside it",
        ));
    }
    None
}

fn judge(number: u32, claim: &Claim, tests: Option<&Tests>, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find =
        |line, what, fix: &str| findings.push(Finding::new(LEDGER, line, what, WHY, fix));
    for name in ["Against", "Status", "Tests", "Code", "Not proven"] {
        if claim.field(name).is_none() {
            find(
                claim.line,
                format!("C{number} has no `{name}`"),
                "add the line",
            );
        }
    }
    let status = claim
        .field("Status")
        .map(|(line, text)| (line, Status::parse(text)));
    match (status, tests) {
        (Some((line, None)), _) => {
            let fix = "write `proven by tests`, `proven in part` or `not yet`";
            find(line, format!("C{number} has an unknown status"), fix);
        }
        (Some((line, Some(Status::Proven | Status::InPart))), None) => {
            find(
                line,
                format!("C{number} is called proven, and no test says that it proves it"),
                "test it, or write `not yet`",
            );
        }
        (Some((line, Some(Status::NotYet))), Some(_)) => {
            find(
                line,
                format!("C{number} is called `not yet`, and a test proves it"),
                "write `proven in part` or `proven by tests`",
            );
        }
        _ => {}
    }
    if let Some((line, text)) = claim
        .field("Tests")
        .filter(|(_, text)| *text != listed(tests))
    {
        find(
            line,
            format!("the tests of C{number} are not those that prove it ({text})"),
            "run `cargo xtask claims`",
        );
    }
    if let Some((line, text)) = claim.field("Code") {
        for path in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|path| !tree.has(path))
        {
            find(
                line,
                format!("C{number} points at {path}, which is not there"),
                "name the file that does it",
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests;

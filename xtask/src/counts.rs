//! Instructions of the hot paths, against those that were noted (`xtask/counts.txt`): times are of little use on a
//! machine that others use too, counts are the same to a thousandth.
//!
//! The processor decides which code runs, so each line of the table names its features. For features that nobody has
//! noted yet there is nothing to compare with, and that is no failure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail, ensure};

const TABLE: &str = "xtask/counts.txt";
const HEAD: &str = "\
# Instructions of one round of each hot path under valgrind: features of the processor, name, count.
# `cargo xtask counts --write` notes those of this machine anew, `cargo xtask counts` compares.
";
/// Hundredths by which a count may grow before it is a regression.
const TOLERANCE: u64 = 5;

type Counts = BTreeMap<(String, String), u64>;

/// Counts, and compares with the table or rewrites its lines for this machine.
pub fn run(write: bool) -> anyhow::Result<ExitCode> {
    let bench = build()?;
    let counted = count_all(&bench)?;
    let path = Path::new(TABLE);
    let mut noted = parse(&std::fs::read_to_string(path).unwrap_or_default())?;
    let mut out = std::io::stdout();
    if write {
        let fresh: Vec<&String> = counted.keys().map(|(features, _)| features).collect();
        noted.retain(|(features, _), _| !fresh.contains(&features));
        noted.extend(counted);
        std::fs::write(path, shown(&noted))?;
        writeln!(out, "noted in {TABLE}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let (report, passed) = compare(&counted, &noted);
    write!(out, "{report}")?;
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds the bench and finds it.
fn build() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["bench", "--locked", "--no-run", "--quiet"])
        .args(["--package", "subrosa-counts", "--bench", "counts"])
        .args(["--message-format", "json"])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(built.status.success(), "the bench does not build");
    let messages = String::from_utf8(built.stdout)?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .next_back()
        .context("cargo names no executable")
}

fn count_all(bench: &Path) -> anyhow::Result<Counts> {
    let listed = valgrind(bench, &[])?;
    let mut lines = listed.0.lines();
    let features = lines
        .next()
        .and_then(|line| line.strip_prefix("features "))
        .context("the bench does not name the processor's features")?;
    let mut counts = Counts::new();
    for name in lines {
        // The difference leaves out what starting and preparing cost.
        let (one, many) = (1, 9);
        let few = valgrind(bench, &[name, &one.to_string()])?.1;
        let more = valgrind(bench, &[name, &many.to_string()])?.1;
        let each = more.saturating_sub(few) / (many - one);
        counts.insert((features.to_owned(), name.to_owned()), each);
    }
    Ok(counts)
}

/// What a run prints and how many instructions it takes.
fn valgrind(bench: &Path, arguments: &[&str]) -> anyhow::Result<(String, u64)> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(bench)
        .args(arguments)
        .output()
        .context("valgrind cannot be started: install the package valgrind")?;
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    ensure!(run.status.success(), "{arguments:?} fails:\n{told}");
    let collected = told
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, count)| count.trim().parse().ok())
        .with_context(|| format!("valgrind says no count:\n{told}"))?;
    Ok((String::from_utf8(run.stdout)?, collected))
}

fn parse(table: &str) -> anyhow::Result<Counts> {
    let mut counts = Counts::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [features, name, count] = fields[..] else {
            bail!("{TABLE}: not features, name and count: {line}");
        };
        counts.insert((features.to_owned(), name.to_owned()), count.parse()?);
    }
    Ok(counts)
}

fn shown(counts: &Counts) -> String {
    let mut table = HEAD.to_owned();
    for ((features, name), count) in counts {
        let _ = writeln!(table, "{features} {name} {count}");
    }
    table
}

/// A line for each count, and whether none has grown too much.
fn compare(counted: &Counts, noted: &Counts) -> (String, bool) {
    let (mut report, mut passed) = (String::new(), true);
    for ((features, name), count) in counted {
        let verdict = match noted.get(&(features.clone(), name.clone())) {
            None => format!("nothing is noted for {features}"),
            Some(before) if count * 100 > before * (100 + TOLERANCE) => {
                passed = false;
                format!(
                    "MORE than {before} by over {TOLERANCE} %: mend it, or note it with --write and say why"
                )
            }
            Some(before) if count * (100 + TOLERANCE) < before * 100 => {
                format!("fewer than {before}: note it with --write")
            }
            Some(before) => format!("as noted ({before})"),
        };
        let _ = writeln!(report, "{name}: {count} instructions, {verdict}");
    }
    (report, passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(count: u64) -> Counts {
        Counts::from([(("x86_64+aes".to_owned(), "seal".to_owned()), count)])
    }

    #[test]
    fn a_growth_of_more_than_five_hundredths_fails() {
        for (count, passes) in [(1_000, true), (1_050, true), (1_051, false), (10, true)] {
            assert_eq!(compare(&counts(count), &counts(1_000)).1, passes, "{count}");
        }
    }

    #[test]
    fn what_is_not_noted_is_said_and_does_not_fail() {
        let (report, passed) = compare(&counts(5), &Counts::new());
        assert!(passed);
        assert!(report.contains("nothing is noted for x86_64+aes"));
    }

    #[test]
    fn the_table_is_read_as_it_is_written() {
        assert_eq!(parse(&shown(&counts(7))).unwrap(), counts(7));
        assert!(parse("two fields").is_err());
    }
}

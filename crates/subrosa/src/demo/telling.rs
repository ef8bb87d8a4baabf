//! The demonstration in words, or as objects with `--json`.

use super::sight::Sight;
use super::verdict::Verdict;
use crate::output::Output;
use crate::text::harmless;
use serde::Serialize;
use subrosa_client::Failure;

/// Tells it on standard output.
#[derive(Debug, Clone, Copy)]
pub struct Telling {
    /// Where to.
    pub output: Output,
}

#[derive(Serialize)]
struct Section<'a> {
    section: &'a str,
}

#[derive(Serialize)]
struct Note<'a> {
    note: &'a str,
}

#[derive(Serialize)]
struct Said<'a> {
    from: &'a str,
    to: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct Saw<'a> {
    server_saw: &'a Sight,
}

impl Telling {
    /// A step begins.
    pub fn section(self, section: &str) -> anyhow::Result<()> {
        self.output
            .either(&Section { section }, &format!("\n{section}\n"))
    }

    /// Something about the people.
    pub fn note(self, note: &str) -> anyhow::Result<()> {
        self.output
            .either(&Note { note }, &format!("  {}", harmless(note)))
    }

    /// Somebody wrote.
    pub fn said(self, from: &str, to: &str, text: &str) -> anyhow::Result<()> {
        self.output.either(
            &Said { from, to, text },
            &format!("  {from} → {to}:  {}", harmless(text)),
        )
    }

    /// What the server saw of it.
    pub fn saw(self, sights: &[Sight]) -> anyhow::Result<()> {
        sights.iter().try_for_each(|sight| {
            self.output.either(
                &Saw { server_saw: sight },
                &format!("      server saw  {}", sight.line()),
            )
        })
    }

    /// What was checked; a failed check is a defect.
    pub fn verdict(self, verdict: &Verdict) -> anyhow::Result<()> {
        for check in &verdict.checks {
            let mark = if check.passed { '✓' } else { '✗' };
            self.output
                .either(check, &format!("  {mark} {}", harmless(&check.check)))?;
        }
        let failed: Vec<_> = verdict
            .checks
            .iter()
            .filter(|check| !check.passed)
            .collect();
        match failed.first() {
            None if verdict.checks.is_empty() => {
                Err(Failure::defect("the demonstration checked nothing; please report it").into())
            }
            None => Ok(()),
            Some(first) => Err(Failure::defect(format!(
                "the demonstration failed: this does not hold: {}",
                first.check
            ))
            .into()),
        }
    }
}

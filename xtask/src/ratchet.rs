//! Present exceptions from the budgets, one line each: `budget subject value`. They may only shrink: one that grew
//! fails, one that shrank fails with the number to write, one that is no longer needed fails until it is deleted.

use std::collections::BTreeMap;

use crate::finding::Finding;

pub const PATH: &str = "xtask/ratchet.txt";

const WHY: &str = "exceptions from the budgets may only shrink";

/// What was measured against one budget.
#[derive(Debug, Clone)]
pub struct Measure {
    /// One word, such as `file-lines`.
    pub budget: &'static str,
    /// What was measured: a path, a crate or `path:function`; without spaces.
    pub subject: String,
    pub value: usize,
    pub limit: usize,
    /// Where a finding points.
    pub path: String,
    pub line: usize,
}

#[derive(Debug, Default)]
pub struct Ratchet {
    entries: BTreeMap<(String, String), (usize, usize)>,
}

impl Ratchet {
    /// Reads the list; lines that cannot be read, or that come twice, are findings.
    pub fn parse(text: &str) -> (Self, Vec<Finding>) {
        let (mut ratchet, mut findings) = (Self::default(), Vec::new());
        for (line, text) in (1..).zip(text.lines()) {
            let words: Vec<&str> = text
                .split('#')
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect();
            let entry = match words.as_slice() {
                [] => continue,
                [budget, subject, value] => {
                    value.parse().ok().map(|value| ((*budget, *subject), value))
                }
                _ => None,
            };
            let fault = match entry {
                None => Some("this is not `budget subject value`"),
                Some(((budget, subject), value)) => ratchet
                    .entries
                    .insert((budget.to_owned(), subject.to_owned()), (line, value))
                    .map(|_| "this exception is listed twice"),
            };
            findings.extend(
                fault.map(|fault| {
                    Finding::new(PATH, line, fault, WHY, "keep one line of three words")
                }),
            );
        }
        (ratchet, findings)
    }

    /// Holds measures against their limits and the listed exceptions.
    pub fn hold(mut self, measures: Vec<Measure>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for measure in measures {
            let Measure {
                budget,
                subject,
                value,
                limit,
                path,
                line,
            } = measure;
            let entry = self.entries.remove(&(budget.to_owned(), subject.clone()));
            match entry {
                None if value > limit => findings.push(Finding::new(
                    path,
                    line,
                    format!("{budget} of {subject} is {value}, the budget is {limit}"),
                    "small parts are read, large ones are skimmed",
                    "split it",
                )),
                None => {}
                Some((_, allowed)) if value > allowed => findings.push(Finding::new(
                    path,
                    line,
                    format!("{budget} of {subject} grew from {allowed} to {value}"),
                    WHY,
                    "split it, at least back to what it was",
                )),
                Some((entry, _)) if value <= limit => findings.push(Finding::new(
                    PATH,
                    entry,
                    format!("{budget} of {subject} is {value} and within the budget of {limit}"),
                    WHY,
                    "delete this line",
                )),
                Some((entry, allowed)) if value < allowed => findings.push(Finding::new(
                    PATH,
                    entry,
                    format!("{budget} of {subject} shrank from {allowed} to {value}"),
                    WHY,
                    format!("write `{budget} {subject} {value}`"),
                )),
                Some(_) => {}
            }
        }
        let gone = |((budget, subject), (line, _))| {
            Finding::new(
                PATH,
                line,
                format!("{budget} of {subject} is measured nowhere"),
                WHY,
                "delete this line",
            )
        };
        findings.extend(self.entries.into_iter().map(gone));
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(list: &str, value: usize) -> Vec<String> {
        let (ratchet, faults) = Ratchet::parse(list);
        assert_eq!(faults, []);
        let measure = Measure {
            budget: "file-lines",
            subject: "a.rs".to_owned(),
            value,
            limit: 500,
            path: "a.rs".to_owned(),
            line: 1,
        };
        ratchet
            .hold(vec![measure])
            .into_iter()
            .map(|finding| format!("{} -> {}", finding.what, finding.fix))
            .collect()
    }

    #[test]
    fn within_the_budget_nothing_is_said() {
        assert_eq!(held("", 500), [""; 0]);
        assert_eq!(held("# a comment\nfile-lines a.rs 612\n", 612), [""; 0]);
    }

    #[test]
    fn over_the_budget_fails() {
        assert_eq!(
            held("", 501),
            ["file-lines of a.rs is 501, the budget is 500 -> split it"]
        );
    }

    #[test]
    fn an_exception_must_not_grow() {
        let expected =
            "file-lines of a.rs grew from 612 to 613 -> split it, at least back to what it was";
        assert_eq!(held("file-lines a.rs 612", 613), [expected]);
    }

    #[test]
    fn an_exception_that_shrank_is_written_down() {
        let expected = "file-lines of a.rs shrank from 612 to 600 -> write `file-lines a.rs 600`";
        assert_eq!(held("file-lines a.rs 612", 600), [expected]);
    }

    #[test]
    fn an_exception_that_is_not_needed_goes() {
        let expected = "file-lines of a.rs is 500 and within the budget of 500 -> delete this line";
        assert_eq!(held("file-lines a.rs 612", 500), [expected]);
        let expected = "file-lines of b.rs is measured nowhere -> delete this line";
        assert_eq!(held("file-lines b.rs 612", 10), [expected]);
    }

    #[test]
    fn broken_and_double_lines_are_findings() {
        let (_, faults) = Ratchet::parse("file-lines a.rs many\nfile-lines a.rs\nx y 1\nx y 2\n");
        assert_eq!(
            faults
                .iter()
                .map(|finding| finding.line)
                .collect::<Vec<_>>(),
            [1, 2, 4]
        );
    }
}

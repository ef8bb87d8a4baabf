//! One line for one thing that is wrong: where, what, why it matters and how to mend it.

use std::fmt;

/// What a check found. `line` counts from 1; 1 also stands for a file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub what: String,
    pub why: String,
    pub fix: String,
}

impl Finding {
    pub fn new(
        path: impl Into<String>,
        line: usize,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            line,
            what: what.into(),
            why: why.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}; why: {}; fix: {}",
            self.path, self.line, self.what, self.why, self.fix
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line() {
        let finding = Finding::new("src/a.rs", 3, "too long", "nobody reads it", "cut it");
        assert_eq!(
            finding.to_string(),
            "src/a.rs:3: too long; why: nobody reads it; fix: cut it"
        );
    }
}

//! Colour where a person looks and has not asked for none (<https://no-color.org>).

use crate::output::is_seen;
use std::borrow::Cow;
use std::env::var_os;

/// Whether what is written to standard output may be coloured.
#[derive(Debug, Clone, Copy)]
pub struct Colour {
    wanted: bool,
}

impl Colour {
    /// As the terminal and the environment say.
    pub fn of_output() -> Self {
        let refused = var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = var_os("TERM").is_none_or(|value| value == "dumb");
        Self {
            wanted: is_seen() && !refused && !dumb,
        }
    }

    /// What was looked for.
    pub fn mark(self, text: &str) -> Cow<'_, str> {
        self.with("1;33", text)
    }

    /// What stands beside what matters.
    pub fn faint(self, text: &str) -> Cow<'_, str> {
        self.with("2", text)
    }

    fn with<'a>(self, code: &str, text: &'a str) -> Cow<'a, str> {
        if self.wanted && !text.is_empty() {
            Cow::Owned(format!("\u{1b}[{code}m{text}\u{1b}[0m"))
        } else {
            Cow::Borrowed(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_coloured_is_the_same_text() {
        let with = Colour { wanted: true };
        assert_eq!(with.mark("found"), "\u{1b}[1;33mfound\u{1b}[0m");
        assert_eq!(with.faint(""), "");
        let without = Colour { wanted: false };
        assert_eq!(without.mark("found"), "found");
    }
}

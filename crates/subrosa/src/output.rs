//! Data on standard output, talk on standard error.

use crate::columns::Columns;
use crate::exit::Silent;
use crate::text::harmless;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};
use subrosa_client::Failure;

/// Where a verb writes to.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Data are objects, one a line.
    pub json: bool,
    /// No talk.
    pub quiet: bool,
}

impl Output {
    /// A line of data.
    pub fn line(self, line: &str) -> anyhow::Result<()> {
        written(writeln!(std::io::stdout().lock(), "{line}"))
    }

    /// An object of data.
    pub fn object(self, value: &impl Serialize) -> anyhow::Result<()> {
        self.line(&serde_json::to_string(value)?)
    }

    /// An object with `--json`, else a line.
    pub fn either(self, value: &impl Serialize, line: &str) -> anyhow::Result<()> {
        if self.json {
            self.object(value)
        } else {
            self.line(line)
        }
    }

    /// A list: an object for each with `--json`, else rows in columns.
    pub fn list<T: Serialize, const N: usize>(
        self,
        values: &[T],
        cells: impl Fn(&T) -> [String; N],
    ) -> anyhow::Result<()> {
        if self.json {
            return values.iter().try_for_each(|value| self.object(value));
        }
        let mut columns = Columns::new();
        values.iter().for_each(|value| columns.row(cells(value)));
        columns.lines().iter().try_for_each(|line| self.line(line))
    }

    /// Something for the person; it may hold words of others.
    pub fn talk(self, text: &str) {
        if !self.quiet {
            // A closed standard error is no reason to stop.
            drop(writeln!(std::io::stderr().lock(), "{}", harmless(text)));
        }
    }
}

/// Whether a person looks at standard output.
pub fn is_seen() -> bool {
    std::io::stdout().is_terminal()
}

fn written(result: std::io::Result<()>) -> anyhow::Result<()> {
    let Err(error) = result else { return Ok(()) };
    if error.kind() == ErrorKind::BrokenPipe {
        return Err(Silent::ClosedPipe.into());
    }
    let sentence = format!(
        "standard output cannot be written ({error}): point it elsewhere and run the command again"
    );
    Err(Failure::user(sentence).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_silent_and_a_full_disk_is_not() {
        let closed = written(Err(ErrorKind::BrokenPipe.into())).unwrap_err();
        assert_eq!(closed.downcast_ref::<Silent>(), Some(&Silent::ClosedPipe));
        let full = written(Err(ErrorKind::StorageFull.into())).unwrap_err();
        assert!(full.is::<Failure>(), "{full}");
        assert!(written(Ok(())).is_ok());
    }
}

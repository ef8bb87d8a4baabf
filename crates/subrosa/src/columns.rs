//! Lists in columns, by what characters take on a screen (UAX #11). At a terminal the last column is
//! broken to fit beside the others; where a program reads, a row is one line and nothing is left out.

use crate::output::is_seen;
use crate::wrap::{cut, wrapped};
use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GAP: &str = "  ";
/// The last column gets at least so much, or lines of its own.
const LAST_MIN: usize = 24;
/// What stands on lines of its own.
const INDENT: usize = 4;

/// Rows of cells. Cells are harmless already, and one line each.
#[derive(Debug)]
pub struct Columns {
    width: Option<usize>,
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// For standard output.
    pub fn new() -> Self {
        Self::of_width(screen_width())
    }

    const fn of_width(width: Option<usize>) -> Self {
        let rows = Vec::new();
        Self { width, rows }
    }

    /// One row more.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Each row as it is printed.
    pub fn lines(&self) -> Vec<String> {
        let fixed = self.fixed();
        let rows = self.rows.iter();
        rows.map(|row| self.line(row, &fixed)).collect()
    }

    /// Widths of all columns but the last. Where they do not fit the screen, none takes more than a third of it.
    fn fixed(&self) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..count.saturating_sub(1)).map(widest).collect();
        let all: usize = widths.iter().map(|width| width + GAP.len()).sum();
        match self.width.filter(|width| all > *width) {
            Some(width) => {
                let most = (width / 3).max(8);
                widths.into_iter().map(|width| width.min(most)).collect()
            }
            None => widths,
        }
    }

    fn line(&self, row: &[String], fixed: &[usize]) -> String {
        let mut line = String::new();
        let cells = row.iter().zip(fixed);
        for (cell, width) in cells {
            let cell = cut(cell, *width);
            let filled = width.saturating_sub(cell.width());
            line.push_str(&cell);
            line.extend(std::iter::repeat_n(' ', filled));
            line.push_str(GAP);
        }
        match row.get(fixed.len()) {
            Some(last) => hanging(&line, last, self.width),
            None => line,
        }
        .trim_end()
        .to_owned()
    }
}

/// How wide the screen is, if a person looks at one.
pub fn screen_width() -> Option<usize> {
    let size = is_seen().then(crossterm::terminal::size)?.ok()?;
    (size.0 > 0).then_some(usize::from(size.0))
}

/// A text behind its head; what does not fit stands below its beginning.
pub fn hanging(head: &str, text: &str, width: Option<usize>) -> String {
    let beside = head.width();
    let Some(width) = width.filter(|width| beside + text.width() > *width) else {
        return format!("{head}{text}");
    };
    let room = width.saturating_sub(beside);
    let (first, indent) = if room >= LAST_MIN {
        (head.to_owned(), beside)
    } else {
        let indent = INDENT.min(width / 4);
        (
            format!("{}\n{}", head.trim_end(), " ".repeat(indent)),
            indent,
        )
    };
    let lines = wrapped(text, width.saturating_sub(indent));
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    format!(
        "{first}{}",
        lines.join(&format!("\n{}", " ".repeat(indent)))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(width: Option<usize>) -> Vec<String> {
        let mut columns = Columns::of_width(width);
        for (name, says) in [
            ("ada", "admin, 1 device"),
            (
                "日本語さん",
                "member of this room since the day on which it was made, 2 devices",
            ),
            ("a-name-as-long-as-a-name-may-be-", "poster"),
        ] {
            columns.row([name.to_owned(), says.to_owned()]);
        }
        columns.lines()
    }

    #[test]
    fn a_program_gets_one_whole_line_for_each_row() {
        assert_eq!(
            list(None),
            [
                "ada                               admin, 1 device",
                "日本語さん                        member of this room since the day on which it was made, 2 devices",
                "a-name-as-long-as-a-name-may-be-  poster",
            ]
        );
    }

    #[test]
    fn a_list_fits_its_screen_and_starts_its_columns_at_one_place() {
        let beside = " ".repeat(34);
        assert_eq!(
            list(Some(60)),
            [
                "ada                               admin, 1 device".to_owned(),
                format!(
                    "日本語さん                        member of this room since\n{beside}the day on which it was\n{beside}made, 2 devices"
                ),
                "a-name-as-long-as-a-name-may-be-  poster".to_owned(),
            ]
        );
        assert_eq!(list(Some(40))[0], "ada\n    admin, 1 device");
        assert_eq!(list(Some(30))[2], "a-name-as…  poster");
        for width in 1..130 {
            for line in list(Some(width)).iter().flat_map(|row| row.lines()) {
                assert!(line.width() <= width.max(12), "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn where_nothing_fits_beside_it_stands_below() {
        assert_eq!(
            hanging("permissions  ", "only for this user", Some(20)),
            "permissions\n    only for this\n    user"
        );
        assert_eq!(hanging("a  ", "b", Some(80)), "a  b");
        assert_eq!(hanging("a  ", "b c", None), "a  b c");
    }
}

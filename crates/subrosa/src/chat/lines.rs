//! Standard input, line by line, within the limit of a message.

use std::io::{BufRead, Read};
use subrosa_proto::limits::TEXT_BYTES_MAX;
use tokio::sync::mpsc;

/// Lines read ahead.
const AHEAD_MAX: usize = 16;

/// What is said of [`Line::TooLong`].
pub const TOO_LONG: &str =
    "a line was not sent, since it is longer than a message may be (48 KiB): send it in parts";
/// What is said of [`Line::NotText`].
pub const NOT_TEXT: &str = "a line was not sent, since it is not text in UTF-8";

/// A line of standard input.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Without its end.
    Text(String),
    /// Over the limit; the rest of the line was skipped.
    TooLong,
    /// Not UTF-8.
    NotText,
    /// Reading failed; nothing follows.
    Unreadable(String),
}

/// Reads standard input on a thread of its own, since reading a terminal cannot be given up.
pub fn read() -> mpsc::Receiver<Line> {
    let (lines, reading) = mpsc::channel(AHEAD_MAX);
    std::thread::spawn(move || {
        let mut from = std::io::stdin().lock();
        while let Some(line) = next(&mut from) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    reading
}

fn next(from: &mut impl BufRead) -> Option<Line> {
    let mut line = Vec::new();
    let room = u64::try_from(TEXT_BYTES_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(2);
    match from.by_ref().take(room).read_until(b'\n', &mut line) {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => return Some(Line::Unreadable(error.to_string())),
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > TEXT_BYTES_MAX {
        return Some(skip_rest(from));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    if line.len() > TEXT_BYTES_MAX {
        return Some(Line::TooLong);
    }
    Some(String::from_utf8(line).map_or(Line::NotText, Line::Text))
}

fn skip_rest(from: &mut impl BufRead) -> Line {
    loop {
        let (found, length) = match from.fill_buf() {
            Ok([]) | Err(_) => return Line::TooLong,
            Ok(buffer) => match buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => (true, at + 1),
                None => (false, buffer.len()),
            },
        };
        from.consume(length);
        if found {
            return Line::TooLong;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut text: &[u8]) -> Vec<Line> {
        std::iter::from_fn(|| next(&mut text)).collect()
    }

    fn texts(texts: &[&str]) -> Vec<Line> {
        texts
            .iter()
            .map(|text| Line::Text((*text).to_owned()))
            .collect()
    }

    #[test]
    fn lines_come_without_their_ends() {
        assert_eq!(
            all(b"one\ntwo\r\n\nlast"),
            texts(&["one", "two", "", "last"])
        );
        assert_eq!(all(b""), []);
    }

    #[test]
    fn a_line_at_the_limit_passes_and_a_longer_one_is_skipped_whole() {
        let most = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(all(most.as_bytes()), texts(&[&most]));
        assert_eq!(
            all(format!("{most}\r\nafter\n").as_bytes()),
            texts(&[&most, "after"])
        );
        for over in [1, 2, 3, 100_000] {
            let long = "x".repeat(TEXT_BYTES_MAX + over);
            let lines = all(format!("{long}\nafter\n").as_bytes());
            assert_eq!(
                lines,
                [Line::TooLong, Line::Text("after".to_owned())],
                "{over}"
            );
            assert_eq!(
                all(long.as_bytes()),
                [Line::TooLong],
                "{over} without an end"
            );
        }
    }

    #[test]
    fn what_is_no_text_is_told_and_the_next_line_is_read() {
        assert_eq!(
            all(b"\xff\xfe\nok\n"),
            [Line::NotText, Line::Text("ok".to_owned())]
        );
    }
}

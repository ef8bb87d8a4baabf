//! A row in lines of text.

use super::theme::{self, Ink};
use crate::text::harmless;
use crate::wrap::{cut, wrapped};
use subrosa_client::{Beside, ReactionView, Row, RowKind};
use unicode_width::UnicodeWidthStr;

/// A stretch of text with one meaning.
pub type Piece = (Ink, String);
/// Lines of pieces.
pub type Laid = Vec<Vec<Piece>>;

/// Columns that stay free at the right of one's own, for how far it has come.
pub const GLYPH_WIDTH: usize = 4;
/// So many names are named beside a reaction; more are counted.
const REACTING_NAMED: usize = 2;

/// Lays a row out.
pub fn lay(row: &Row, width: usize) -> Laid {
    let width = if row.own {
        width.saturating_sub(GLYPH_WIDTH)
    } else {
        width
    }
    .max(8);
    let mut lines = Vec::new();
    if let Some(to) = &row.beside.reply_to {
        let excerpt = to.excerpt.as_deref().unwrap_or("…");
        let quote = format!("{}: {}", harmless(&to.from), harmless(excerpt));
        let quote = cut(&quote, width.saturating_sub(2));
        lines.push(vec![
            (theme::of_name(&to.from), "┃ ".to_owned()),
            (Ink::Dim, quote),
        ]);
    }
    match &row.what {
        RowKind::Text { text } => lay_text(text, &row.beside, width, &mut lines),
        RowKind::Info { text } => told(&format!("· {text}"), Ink::Dim, width, &mut lines),
        RowKind::WaitingForKey { cause } => {
            told(
                &format!("⧖ not readable yet: {cause}"),
                Ink::Warn,
                width,
                &mut lines,
            );
        }
        RowKind::Newer { number } => {
            let words = format!("this kind of message ({number}) needs a newer version of subrosa");
            told(&words, Ink::Warn, width, &mut lines);
        }
        RowKind::Hidden {} => told(
            "hidden: you have blocked its author",
            Ink::Dim,
            width,
            &mut lines,
        ),
        RowKind::Gone { cause } => told(&format!("gone: {cause}"), Ink::Dim, width, &mut lines),
    }
    let mut notes = Vec::new();
    if row.beside.edited_ms.is_some() {
        notes.push("edited");
    }
    if row.beside.expires_ms.is_some() && !matches!(row.what, RowKind::Gone { .. }) {
        notes.push("disappears");
    }
    if row.checking {
        notes.push("history still being checked");
    }
    if row.time_of_arrival {
        notes.push("time of arrival");
    }
    if !notes.is_empty() {
        append(
            &mut lines,
            (Ink::Dim, format!(" ({})", notes.join(", "))),
            width,
        );
    }
    if !row.beside.reactions.is_empty() {
        lines.push(reactions(&row.beside.reactions));
    }
    lines
}

fn lay_text(text: &str, beside: &Beside, width: usize, lines: &mut Laid) {
    for line in text.trim_end_matches('\n').split('\n') {
        let line = line.trim_end_matches('\r').replace('\t', "    ");
        for part in wrapped(&harmless(&line), width) {
            lines.push(inked(part, beside.names_you));
        }
    }
}

/// Marks names and addresses.
fn inked(line: String, names_you: bool) -> Vec<Piece> {
    if !line.contains('@') && !line.contains("://") {
        return vec![(Ink::Text, line)];
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for word in line.split_inclusive(' ') {
        let ink = if word.starts_with('@') && word.trim_end().len() > 1 {
            if names_you { Ink::Mention } else { Ink::Accent }
        } else if word.starts_with("http://") || word.starts_with("https://") {
            Ink::Accent
        } else {
            Ink::Text
        };
        match pieces.last_mut() {
            Some((last, text)) if *last == ink => text.push_str(word),
            _ => pieces.push((ink, word.to_owned())),
        }
    }
    pieces
}

fn told(words: &str, ink: Ink, width: usize, lines: &mut Laid) {
    for part in wrapped(&harmless(words), width) {
        lines.push(vec![(ink, part)]);
    }
}

/// Behind the last line, or below it where there is no space.
fn append(lines: &mut Laid, piece: Piece, width: usize) {
    let used: usize = lines
        .last()
        .map_or(0, |line| line.iter().map(|(_, text)| text.width()).sum());
    match lines.last_mut() {
        Some(line) if used + piece.1.width() <= width => line.push(piece),
        _ => lines.push(vec![(piece.0, piece.1.trim_start().to_owned())]),
    }
}

fn reactions(reactions: &[ReactionView]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for reaction in reactions {
        let ink = if reaction.own { Ink::Accent } else { Ink::Dim };
        let who = if reaction.from.len() > REACTING_NAMED {
            reaction.from.len().to_string()
        } else {
            let names: Vec<_> = reaction.from.iter().map(|name| harmless(name)).collect();
            names.join(", ")
        };
        pieces.push((ink, format!("{} {who}  ", harmless(&reaction.emoji))));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample;
    use subrosa_client::ReplyView;

    fn plain(laid: &Laid) -> Vec<String> {
        let text = |line: &Vec<Piece>| line.iter().map(|(_, text)| text.as_str()).collect();
        laid.iter().map(text).collect()
    }

    #[test]
    fn what_others_write_cannot_move_the_cursor_or_turn_the_text() {
        let row = sample::row(1, "bob", "a\u{1b}[2Jb\u{202e}c\td\nada: e");
        assert_eq!(
            plain(&lay(&row, 60)),
            ["a\\u{1b}[2Jb\\u{202e}c    d", "ada: e"]
        );
    }

    #[test]
    fn what_stands_beside_a_text_is_seen() {
        let mut row = sample::row(1, "bob", "sure");
        row.beside.reply_to = Some(ReplyView {
            id: String::new(),
            from: "ada".to_owned(),
            excerpt: Some("lunch at one?".to_owned()),
        });
        row.beside.edited_ms = Some(1);
        row.beside.reactions = vec![ReactionView {
            emoji: "👍".to_owned(),
            from: vec!["ada".to_owned(), "cy".to_owned(), "di".to_owned()],
            own: true,
        }];
        assert_eq!(
            plain(&lay(&row, 60)),
            ["┃ ada: lunch at one?", "sure (edited)", "👍 3  "]
        );
        assert_eq!(
            plain(&lay(&row, 8)),
            ["┃ ada: …", "sure", "(edited)", "👍 3  "]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_space() {
        let row = sample::row(
            1,
            "bob",
            "日本語のテキスト and @ada https://example.org/a/long/path ☕",
        );
        for width in 8..40 {
            for line in plain(&lay(&row, width)) {
                assert!(line.width() <= width, "{width}: {line:?}");
            }
        }
    }
}

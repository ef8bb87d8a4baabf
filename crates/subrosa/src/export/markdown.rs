//! Text with light marks, by CommonMark: what people wrote stands in quotes, and none of it is a mark itself.

use crate::row::{clock, said};
use crate::text::harmless;
use subrosa_client::{ConversationView, Row, RowKind};

/// The title of a conversation.
pub fn head(view: &ConversationView) -> String {
    format!("# {}\n", escaped(&view.name))
}

/// A row, under its day where that is another than the last row's.
pub fn row(row: &Row, day: Option<&str>) -> String {
    let day = day.map_or_else(String::new, |day| format!("\n## {day}\n"));
    let time = clock(row.time_ms);
    let text = match &row.what {
        RowKind::Text { text } => text.clone(),
        RowKind::Info { text } => return format!("{day}\n*{time} {}*\n", escaped(text)),
        what => {
            return format!(
                "{day}\n**{}** {time} *{}*\n",
                escaped(&row.from),
                escaped(&said(what))
            );
        }
    };
    let edited = if row.beside.edited_ms.is_some() {
        " (edited)"
    } else {
        ""
    };
    let mut out = format!("{day}\n**{}** {time}{edited}\n\n", escaped(&row.from));
    if let Some(to) = &row.beside.reply_to {
        let excerpt = to.excerpt.as_deref().unwrap_or("…");
        out.push_str(&format!(
            "> > {}: {}\n>\n",
            escaped(&to.from),
            escaped(excerpt)
        ));
    }
    for line in text.replace("\r\n", "\n").split('\n') {
        // Two spaces keep the end of a line.
        out.push_str(&format!("> {}  \n", escaped(line)));
    }
    if !row.beside.reactions.is_empty() {
        let reactions = row.beside.reactions.iter();
        let reactions = reactions
            .map(|one| format!("{} {}", escaped(&one.emoji), escaped(&one.from.join(", "))));
        out.push_str(&format!(
            "\n{}\n",
            reactions.collect::<Vec<_>>().join(" · ")
        ));
    }
    out
}

/// Every character that can be a mark is none: CommonMark lets all ASCII punctuation be escaped, and what needs no
/// escape for sure is left readable.
fn escaped(text: &str) -> String {
    let text = harmless(text);
    let mut out = String::with_capacity(text.len() + 8);
    for (place, c) in text.char_indices() {
        let readable = matches!(
            c,
            '.' | ',' | ';' | '?' | '\'' | '"' | '%' | '/' | '@' | ':'
        ) && place > 0;
        if c.is_ascii_punctuation() && !readable {
            out.push('\\');
        }
        // A number with a dot begins a list.
        let before = text.get(..place).unwrap_or_default().trim_start();
        if c == '.' && !before.is_empty() && before.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push('\\');
        }
        // Four spaces begin code.
        if place == 0 && (c == ' ' || c == '\t') {
            out.push_str("&#32;");
            continue;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_people_write_is_a_mark() {
        assert_eq!(escaped("# no title"), "\\# no title");
        assert_eq!(escaped("1. no list"), "1\\. no list");
        assert_eq!(
            escaped("> <b>x</b> [a](javascript:b)"),
            "\\> \\<b\\>x\\</b\\> \\[a\\]\\(javascript:b\\)"
        );
        assert_eq!(escaped("    code"), "&#32;   code");
        assert_eq!(escaped("see you at 1.30, ok?"), "see you at 1.30, ok?");
        assert_eq!(escaped("a\u{202e}b"), "a\\\\u\\{202e\\}b");
    }
}

//! Text of other people made harmless for a terminal: what would move the cursor, change colours
//! or reorder what is read is shown instead of obeyed.

use std::borrow::Cow;
use std::fmt::Write;

/// One line: every control and direction character is escaped, line ends too.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_harmful) {
        Cow::Owned(
            text.chars()
                .fold(String::with_capacity(text.len() + 16), escaped),
        )
    } else {
        Cow::Borrowed(text)
    }
}

/// Several lines: as [`harmless`], with line ends kept and what follows them indented, so that
/// no line of a message can pass for a message of its own.
pub fn harmless_lines(text: &str, indent: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<_> = text.split('\n').map(harmless).collect();
    lines.join(&format!("\n{indent}"))
}

fn escaped(mut out: String, c: char) -> String {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_harmful(c) => {
            // Writing to a string does not fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
    out
}

/// Control characters (C0, DEL, C1), line and paragraph separators, marks and overrides of
/// direction (UAX #9), and the invisible characters that terminals act on.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        for text in ["", "hello", "grüß dich, Ada", "日本語 🌹", "👩\u{200d}🔬"] {
            assert!(
                matches!(harmless(text), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    #[test]
    fn control_and_direction_characters_are_shown() {
        assert_eq!(harmless("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(harmless("a\tb\r\nc"), "a\\tb\\r\\nc");
        assert_eq!(harmless("\u{9b}2J\u{7f}"), "\\u{9b}2J\\u{7f}");
        assert_eq!(
            harmless("evil\u{202e}txt.exe\u{2066}\u{200f}"),
            "evil\\u{202e}txt.exe\\u{2066}\\u{200f}"
        );
    }

    #[test]
    fn no_line_of_a_message_passes_for_another_message() {
        assert_eq!(
            harmless_lines("hi\r\nada: I agree\n", "    "),
            "hi\n    ada: I agree\n    "
        );
        assert_eq!(harmless_lines("one\u{2028}two", "  "), "one\\u{2028}two");
    }

    #[test]
    fn nothing_harmful_is_left() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = c.to_string();
            assert!(!harmless(&text).chars().any(is_harmful), "{c:?}");
        }
    }
}

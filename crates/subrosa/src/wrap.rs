//! Lines broken for a width in columns, by what people see as one character (UAX #29).

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Breaks a line between words, or within a word that is too long.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let needed = word.trim_end().width();
        if used > 0 && used + needed > width {
            lines.push(String::new());
            used = 0;
        }
        for glyph in word.graphemes(true) {
            let columns = glyph.width();
            if used + columns > width {
                if glyph == " " {
                    continue;
                }
                lines.push(String::new());
                used = 0;
            }
            if let Some(last) = lines.last_mut() {
                last.push_str(glyph);
            }
            used += columns;
        }
    }
    lines
}

/// The beginning of a text that fits, with a mark where something is left out.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let mut short: String = text
        .graphemes(true)
        .take_while(|glyph| {
            used += glyph.width();
            used <= width
        })
        .collect();
    if width > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_never_exceed_the_width() {
        assert_eq!(wrapped("the old bridge", 8), ["the old ", "bridge"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("", 4), [""]);
        for width in 1..20 {
            for line in wrapped("a longer text, with 日本語 and wordsthatarelong ☕", width) {
                assert!(line.width() <= width.max(2), "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn what_people_see_as_one_character_is_not_torn() {
        let family = "👩\u{200d}👩\u{200d}👧";
        assert_eq!(
            wrapped(&family.repeat(3), 4),
            [family.repeat(2), family.to_owned()]
        );
        assert_eq!(wrapped("e\u{301}e\u{301}", 1), ["e\u{301}", "e\u{301}"]);
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("hello", 5), "hello");
        assert_eq!(cut("hello", 4), "hel…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("hello", 0), "");
    }
}

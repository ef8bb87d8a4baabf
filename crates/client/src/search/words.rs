//! What is a word: one rule for the index, for queries and for marks.
//!
//! A word is a run of letters, digits and their marks, in one form whatever its case and accents. Where a script writes no
//! spaces, each two neighbouring characters are a word, and the last one of a run by itself: so any part of such a run is
//! found, at the price of a larger index. An emoji is a word.

use std::ops::Range;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are known by so many of their characters.
const WORD_CHARS_MAX: usize = 40;

/// A word and where it stands in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// In the one form.
    pub form: String,
    /// Bytes of the text.
    pub at: Range<usize>,
    /// It is one character of a script without spaces, the last of its run.
    pub tail: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    /// Of a script that writes no spaces between words.
    Dense,
    Emoji,
    /// Part of the word it stands in, and not to be seen.
    Ignored,
    Apart,
}

/// Whether a character is of a script that writes no spaces between words.
pub(crate) fn is_dense(c: char) -> bool {
    class(c) == Class::Dense
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Class::Letter,
        '\0'..='\u{7f}' => Class::Apart,
        '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' => Class::Ignored,
        // Thai, Lao, Myanmar, Khmer, kana, Han.
        '\u{e01}'..='\u{e3a}'
        | '\u{e40}'..='\u{e4e}'
        | '\u{e81}'..='\u{ece}'
        | '\u{1000}'..='\u{103f}'
        | '\u{1780}'..='\u{17d3}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{323af}' => Class::Dense,
        '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{1f000}'..='\u{1faff}' => Class::Emoji,
        c if c.is_alphanumeric() || is_combining_mark(c) => Class::Letter,
        _ => Class::Apart,
    }
}

/// Marks that are written or left out at will: accents, Hebrew points, Arabic vowels and the stretching of a line.
const fn is_optional(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

fn fold(word: &str, into: &mut String) {
    into.clear();
    if word.is_ascii() {
        into.extend(
            word.chars()
                .take(WORD_CHARS_MAX)
                .map(|c| c.to_ascii_lowercase()),
        );
        return;
    }
    let plain = word
        .chars()
        .filter(|c| class(*c) != Class::Ignored)
        .flat_map(char::to_lowercase)
        .nfkd()
        .filter(|c| !is_optional(*c))
        .map(|c| if c == 'ς' { 'σ' } else { c })
        // Compatibility forms may be spelt with capitals and with spaces.
        .flat_map(char::to_lowercase)
        .filter(|c| !matches!(class(*c), Class::Apart | Class::Ignored));
    into.extend(plain.nfc().take(WORD_CHARS_MAX));
}

/// Gives each word of a text, in order.
pub(crate) fn each_word(text: &str, mut take: impl FnMut(&str, Range<usize>, bool)) {
    let mut form = String::new();
    let mut give = |at: Range<usize>, tail: bool| {
        fold(text.get(at.clone()).unwrap_or_default(), &mut form);
        if !form.is_empty() {
            take(&form, at, tail);
        }
    };
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        match class(c) {
            Class::Apart | Class::Ignored => {}
            Class::Emoji => give(start..end, false),
            Class::Letter => {
                while let Some((at, c)) =
                    chars.next_if(|(_, c)| matches!(class(*c), Class::Letter | Class::Ignored))
                {
                    end = at + c.len_utf8();
                }
                give(start..end, false);
            }
            Class::Dense => {
                let mut last = start;
                while let Some((at, c)) = chars.next_if(|(_, c)| class(*c) == Class::Dense) {
                    end = at + c.len_utf8();
                    give(last..end, false);
                    last = at;
                }
                give(last..end, true);
            }
        }
    }
}

/// The words of a text.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    each_word(text, |form, at, tail| {
        words.push(Word {
            form: form.to_owned(),
            at,
            tail,
        });
    });
    words
}

/// Whether an address of the web stands in a text.
pub(crate) fn has_link(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.match_indices(scheme).any(|(at, scheme)| {
            let rest = text.get(at + scheme.len()..).unwrap_or_default();
            rest.starts_with(|c: char| c.is_alphanumeric() || c == '[')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn forms(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.form).collect()
    }

    #[test]
    fn case_accents_and_ways_of_writing_make_no_difference() {
        for (one, other) in [
            ("Café", "CAFE\u{301}"),
            ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
            ("Ёлка", "ёлка"),
            ("ＦＵＬＬ", "full"),
            ("ﬁne", "fine"),
            ("שָׁלוֹם", "שלום"),
            ("كِتَاب", "كتاب"),
            ("İstanbul", "istanbul"),
            ("می\u{200c}خواهم", "میخواهم"),
            ("soft\u{ad}ware", "software"),
            (
                "한국어",
                "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}",
            ),
        ] {
            assert_eq!(forms(one), forms(other), "{one} {other}");
            assert_eq!(forms(one).len(), 1, "{one}");
        }
        assert_ne!(forms("हिन्दी"), forms("हन्द"), "vowel signs are no accents");
        assert_eq!(forms("हिन्दी है"), ["हिन्दी", "है"]);
    }

    #[test]
    fn words_end_where_letters_do() {
        assert_eq!(
            forms("don't: see https://example.org/a_b?x=1"),
            [
                "don", "t", "see", "https", "example", "org", "a", "b", "x", "1"
            ]
        );
        assert_eq!(forms("ship it 🚀🚀 ☕"), ["ship", "it", "🚀", "🚀", "☕"]);
        assert!(forms(" .,-\u{202e}\u{200b}\n").is_empty());
        assert_eq!(forms(&"x".repeat(9_000)), ["x".repeat(40)]);
    }

    #[test]
    fn scripts_without_spaces_are_found_by_any_part() {
        assert_eq!(forms("日本語"), ["日本", "本語", "語"]);
        assert_eq!(
            forms("新しいiPhone機"),
            ["新し", "しい", "い", "iphone", "機"]
        );
        assert_eq!(forms("ไทย"), ["ไท", "ทย", "ย"]);
        let word = &words("a 日本")[1];
        assert_eq!((word.form.as_str(), word.at.clone()), ("日本", 2..8));
    }

    proptest! {
        #[test]
        fn words_stand_where_they_say_and_are_their_own_form(text in any::<String>()) {
            for word in words(&text) {
                prop_assert!(text.get(word.at.clone()).is_some_and(|part| !part.is_empty()));
                // What goes to the index is split at spaces and at ASCII that is no letter.
                prop_assert!(word.form.chars().all(|c| c.is_ascii_alphanumeric() || !c.is_ascii()));
                prop_assert!(!word.form.starts_with(char::from_u32(0xe000).unwrap()));
                prop_assert!(word.form.chars().count() <= WORD_CHARS_MAX);
            }
        }
    }
}

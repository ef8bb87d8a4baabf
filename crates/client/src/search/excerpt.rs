//! Where in a text a query is found, and the part of it that is shown.

use super::query::Term;
use super::words::{Word, is_dense, words};
use std::ops::Range;

/// So many characters of a text are shown.
const EXCERPT_CHARS: usize = 160;
/// So many of them before what was found.
const BEFORE_CHARS: usize = 48;

/// Where the terms are in a text, ascending and apart from each other; `None` when one is not.
pub(crate) fn found(text: &str, terms: &[Term]) -> Option<Vec<Range<usize>>> {
    let words = words(text);
    let mut places = Vec::new();
    for term in terms {
        let before = places.len();
        places.extend((0..words.len()).filter_map(|start| place(text, words.get(start..)?, term)));
        if places.len() == before {
            return None;
        }
    }
    places.sort_unstable_by_key(|place: &Range<usize>| (place.start, place.end));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for place in places {
        match apart.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => apart.push(place),
        }
    }
    Some(apart)
}

/// Where the words begin with a term.
fn place(text: &str, words: &[Word], term: &Term) -> Option<Range<usize>> {
    let last = term.words.len().checked_sub(1)?;
    for (place, wanted) in term.words.iter().enumerate() {
        let form = &words.get(place)?.form;
        let same = if place == last && term.prefix {
            form.starts_with(wanted)
        } else {
            form == wanted
        };
        if !same {
            return None;
        }
    }
    let (first, end) = (words.first()?, words.get(last)?);
    let end = match term.words.last() {
        Some(wanted) if term.prefix => end_of_part(text, end, wanted),
        _ => end.at.end,
    };
    Some(first.at.start..end)
}

/// Where the beginning of a word ends that was found: with the word, or where there are no spaces with the part itself.
fn end_of_part(text: &str, word: &Word, wanted: &str) -> usize {
    let part = text.get(word.at.clone()).unwrap_or_default();
    if !part.starts_with(is_dense) {
        return word.at.end;
    }
    let chars = part.chars().take(wanted.chars().count());
    word.at.start + chars.map(char::len_utf8).sum::<usize>()
}

/// The part of a text that is shown for what was found in it, and the marks in that part.
pub(crate) fn excerpt(text: &str, places: &[Range<usize>]) -> (String, Vec<(usize, usize)>) {
    let first = places.first().map_or(0, |place| place.start);
    let start = start_of(text, first);
    let mut excerpt = String::new();
    if !text.get(..start).unwrap_or_default().trim().is_empty() {
        excerpt.push('…');
    }
    let mut marks: Vec<(usize, usize)> = Vec::new();
    let (mut chars, mut cut) = (0, false);
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < start) {
        if chars == EXCERPT_CHARS {
            cut = text.get(at..).is_some_and(|rest| !rest.trim().is_empty());
            break;
        }
        let from = excerpt.len();
        if !c.is_whitespace() {
            excerpt.push(c);
        } else if excerpt.is_empty() || excerpt.ends_with(' ') {
            continue;
        } else {
            excerpt.push(' ');
        }
        chars += 1;
        if places.iter().any(|place| place.contains(&at)) {
            match marks.last_mut() {
                Some((_, end)) if *end == from => *end = excerpt.len(),
                _ => marks.push((from, excerpt.len())),
            }
        }
    }
    if cut {
        excerpt.push('…');
    } else {
        excerpt.truncate(excerpt.trim_end().len());
        let end = excerpt.len();
        marks.retain_mut(|mark| {
            mark.1 = mark.1.min(end);
            mark.0 < mark.1
        });
    }
    (excerpt, marks)
}

/// Where an excerpt begins: some characters before what was found, at a word if there is one.
fn start_of(text: &str, found: usize) -> usize {
    let before = text.get(..found).unwrap_or_default();
    let Some((start, _)) = before.char_indices().rev().nth(BEFORE_CHARS - 1) else {
        return 0;
    };
    if start == 0 {
        return 0;
    }
    let lead = before.get(start..).unwrap_or_default();
    match lead.find(char::is_whitespace) {
        Some(space) => start + space,
        None => start,
    }
}

#[cfg(test)]
mod tests {
    use super::super::query::Query;
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, query: &str) -> Option<String> {
        let terms = Query::parse(query, 0, 0).unwrap().terms;
        let (mut excerpt, marks) = excerpt(text, &found(text, &terms)?);
        for (start, end) in marks.into_iter().rev() {
            excerpt.insert(end, ']');
            excerpt.insert(start, '[');
        }
        Some(excerpt)
    }

    #[test]
    fn what_is_found_is_marked() {
        let told = |text, query| shown(text, query).unwrap();
        assert_eq!(told("Lunch at one?", "lunch"), "[Lunch] at one?");
        assert_eq!(
            told("Lunch at one?", "\"at one\" lun*"),
            "[Lunch] [at one]?"
        );
        assert_eq!(told("le CAFÉ, un café", "cafe"), "le [CAFÉ], un [café]");
        assert_eq!(told("今日は日本語を", "日本語"), "今日は[日本語]を");
        assert_eq!(told("今日は日本語を", "語"), "今日は日本[語]を");
        assert_eq!(told("one\n\n  two", "\"one two\""), "[one two]");
        assert_eq!(told("hello\n", "hello"), "[hello]");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for query in ["dinner", "lunch dinner", "\"one at\"", "lunc", "at* dinn*"] {
            assert_eq!(shown("Lunch at one?", query), None, "{query}");
        }
    }

    #[test]
    fn a_long_text_is_shown_around_what_was_found() {
        let text = format!("{} needle {}", "hay ".repeat(100), "straw ".repeat(100));
        let told = shown(&text, "needle").unwrap();
        assert!(
            told.starts_with("… hay") && told.contains("[needle]"),
            "{told}"
        );
        assert!(told.ends_with('…') && told.chars().count() < 170, "{told}");
        let text = "日".repeat(500);
        assert!(shown(&text, "日日").unwrap().chars().count() < 170);
    }

    proptest! {
        #[test]
        fn marks_stand_on_boundaries(text in any::<String>(), at in any::<prop::sample::Index>()) {
            let all = words(&text);
            prop_assume!(!all.is_empty());
            let word = &all[at.index(all.len())];
            let term = Term { words: vec![word.form.clone()], prefix: false };
            let places = found(&text, &[term]).unwrap();
            prop_assert!(places.iter().any(|place| place.start <= word.at.start && word.at.end <= place.end));
            let (excerpt, marks) = excerpt(&text, &places);
            prop_assert!(!marks.is_empty());
            let mut last = None;
            for (start, end) in marks {
                prop_assert!(last < Some(start) && start < end);
                prop_assert!(excerpt.get(start..end).is_some());
                last = Some(end);
            }
        }
    }
}

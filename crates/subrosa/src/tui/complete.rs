//! Completion of what is being typed: commands, people, rooms, emoji short codes.

use super::composer::Composer;
use super::slash::{self, Takes};
use super::talks::Talks;

/// Proposals shown at once.
pub const SHOWN_MAX: usize = 6;
/// Shorter than this a short code is more likely a smiley.
const CODE_CHARS_MIN: usize = 2;

/// What could stand in place of the last word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposals {
    /// Bytes before the caret that are replaced.
    pub replaces: usize,
    pub list: Vec<Proposal>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub with: String,
    /// Beside it in the list.
    pub about: String,
}

/// What fits what stands before the caret.
pub fn proposals(composer: &Composer, talks: &Talks) -> Proposals {
    let before = composer.before();
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let command = before
        .strip_prefix('/')
        .filter(|rest| !rest.starts_with('/'));
    let list = match command {
        Some(word) if !word.contains(char::is_whitespace) => commands(word),
        Some(rest) => {
            let verb = rest.split(char::is_whitespace).next().unwrap_or_default();
            let takes = slash::commands()
                .find(|command| command.word == verb)
                .map(|command| command.takes);
            match takes {
                Some(Takes::Talk | Takes::MaybeTalk) => names(word, talks, true),
                Some(Takes::People) => names(word, talks, false),
                Some(Takes::Emoji) => emojis_named(word.trim_start_matches(':')),
                Some(Takes::One(these)) => words(word, these),
                _ => in_text(word, talks),
            }
        }
        None => in_text(word, talks),
    };
    let replaces = match command {
        Some(word) if !word.contains(char::is_whitespace) => before.len(),
        _ => word.len(),
    };
    Proposals { replaces, list }
}

fn in_text(word: &str, talks: &Talks) -> Vec<Proposal> {
    match word.chars().next() {
        Some('@') => names(word, talks, false),
        Some('#') => names(word, talks, true),
        Some(':') if word.chars().count() > CODE_CHARS_MIN => emojis_named(word.trim_matches(':')),
        _ => Vec::new(),
    }
}

fn commands(word: &str) -> Vec<Proposal> {
    let fitting = slash::commands().filter(|command| command.word.starts_with(word));
    fitting
        .map(|command| Proposal {
            with: format!("/{} ", command.word),
            about: command.about.to_owned(),
        })
        .collect()
}

fn names(word: &str, talks: &Talks, rooms: bool) -> Vec<Proposal> {
    let bare = word.trim_start_matches(['@', '#']);
    let wants_room = word.starts_with('#');
    let fitting = talks.list().iter().filter(|talk| {
        let room = talk.name.starts_with('#');
        let name = talk.name.trim_start_matches(['@', '#']);
        (rooms || !room)
            && (!wants_room || room)
            && name.to_lowercase().starts_with(&bare.to_lowercase())
    });
    fitting
        .map(|talk| Proposal {
            with: format!("{} ", talk.name),
            about: String::new(),
        })
        .collect()
}

fn words(word: &str, these: &[&str]) -> Vec<Proposal> {
    let fitting = these.iter().filter(|known| known.starts_with(word));
    fitting
        .map(|known| Proposal {
            with: (*known).to_owned(),
            about: String::new(),
        })
        .collect()
}

fn emojis_named(code: &str) -> Vec<Proposal> {
    let code = code.to_lowercase();
    let named = |emoji: &'static emojis::Emoji| {
        let found = emoji.shortcodes().find(|known| known.starts_with(&code))?;
        Some((found.len(), emoji, found))
    };
    let mut found: Vec<_> = emojis::iter().filter_map(named).collect();
    found.sort_by_key(|(length, _, code)| (*length, *code));
    found
        .into_iter()
        .take(50)
        .map(|(_, emoji, code)| Proposal {
            with: emoji.as_str().to_owned(),
            about: format!(":{code}:"),
        })
        .collect()
}

/// Short codes that are written out, `:rose:`, as their emoji.
pub fn with_emojis(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let inner = from.trim_start_matches(':');
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '+'));
        let code = end.and_then(|end| inner.get(..end)).unwrap_or_default();
        let closed =
            end.is_some_and(|end| inner.get(end..).is_some_and(|tail| tail.starts_with(':')));
        // `::` and `10:30:15` are left alone.
        let alone = from.len() == inner.len() + 1
            && !out.ends_with(|c: char| c == ':' || c.is_alphanumeric());
        let emoji = emojis::get_by_shortcode(code).filter(|_| closed && alone);
        match emoji {
            Some(emoji) => {
                out.push_str(emoji.as_str());
                rest = inner.get(code.len() + 1..).unwrap_or_default();
            }
            None => {
                out.push(':');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample;

    fn proposed(text: &str) -> Vec<String> {
        let mut composer = Composer::default();
        composer.insert(text);
        let talks = sample::talks();
        let found = proposals(&composer, &talks);
        assert!(found.replaces <= text.len());
        found
            .list
            .into_iter()
            .map(|proposal| proposal.with)
            .collect()
    }

    #[test]
    fn commands_people_rooms_and_emojis_are_completed() {
        assert_eq!(proposed("/inv"), ["/invite "]);
        assert_eq!(proposed("/to b"), ["@bob "]);
        assert_eq!(proposed("/to #g"), ["#garden "]);
        assert_eq!(proposed("hello @b"), ["@bob "]);
        assert_eq!(proposed("in #gar"), ["#garden "]);
        assert_eq!(proposed("/theme l"), ["light"]);
        assert_eq!(proposed("a :rose").first().map(String::as_str), Some("🌹"));
        assert_eq!(
            proposed("/react +1").first().map(String::as_str),
            Some("👍")
        );
        for nothing in ["hello", "at 10:30", ":)", "//to b", "mail@b"] {
            assert_eq!(proposed(nothing), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn short_codes_that_are_written_out_become_emojis() {
        assert_eq!(with_emojis("a :rose: for :+1:"), "a 🌹 for 👍");
        for same in [
            "10:30:15",
            "::rose::",
            ":no_such_thing:",
            "a:b",
            ":",
            "std::io::Error",
            ":rose",
        ] {
            assert_eq!(with_emojis(same), same);
        }
    }
}

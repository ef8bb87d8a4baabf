//! What a query means.

use super::words::{Word, words};
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// Longer queries are a mistake.
const QUERY_BYTES_MAX: usize = 1_024;
/// Words and filters that a query may have.
const TERMS_MAX: usize = 32;

/// Words that stand beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    /// In the one form, in order; never empty.
    pub words: Vec<String>,
    /// The last one may go on.
    pub prefix: bool,
}

/// A query: all of it has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// What has to be in the text.
    pub terms: Vec<Term>,
    /// By whom, as typed: one of these.
    pub from: Vec<String>,
    /// In which conversations, as typed: one of these.
    pub within: Vec<String>,
    /// Not before, Unix milliseconds.
    pub after_ms: Option<u64>,
    /// Before, Unix milliseconds.
    pub before_ms: Option<u64>,
    /// Has a link in it.
    pub link: bool,
    /// Is a file.
    pub file: bool,
}

impl Query {
    /// Reads a query. Dates are days of a zone `zone_s` seconds east of UTC, and of `now_ms` when they count back.
    ///
    /// # Errors
    /// The mistake in it, in one sentence.
    pub fn parse(text: &str, zone_s: i32, now_ms: u64) -> Result<Self, String> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(format!(
                "this query is too long: {QUERY_BYTES_MAX} bytes at most"
            ));
        }
        let mut query = Self::default();
        let mut parts = 0;
        for part in parts_of(text)? {
            parts += 1;
            if parts > TERMS_MAX {
                return Err(format!(
                    "this query has too many words: {TERMS_MAX} at most"
                ));
            }
            query.add(&part, zone_s, now_ms)?;
        }
        let filters = [
            query.from.is_empty(),
            query.within.is_empty(),
            query.after_ms.is_none(),
            query.before_ms.is_none(),
            !query.link,
            !query.file,
        ];
        if query.terms.is_empty() && filters.iter().all(|none| *none) {
            return Err(
                "there is no word to search for: name one, or a filter as from:bob or after:2026-01-31".to_owned(),
            );
        }
        Ok(query)
    }

    fn add(&mut self, part: &Part<'_>, zone_s: i32, now_ms: u64) -> Result<(), String> {
        let Some((filter, value)) = part.filter() else {
            self.terms.extend(term(part.text, part.prefix));
            return Ok(());
        };
        if value.is_empty() {
            return Err(format!(
                "{filter}: says nothing: write it as {}",
                filter.example()
            ));
        }
        match filter {
            Filter::From => self.from.push(value.to_owned()),
            Filter::In => self.within.push(value.to_owned()),
            Filter::After => {
                let (start, _) =
                    moment(value, zone_s, now_ms).ok_or_else(|| no_time(filter, value))?;
                self.after_ms = self.after_ms.max(Some(start));
            }
            Filter::Before => {
                let (start, _) =
                    moment(value, zone_s, now_ms).ok_or_else(|| no_time(filter, value))?;
                self.before_ms = Some(self.before_ms.map_or(start, |before| before.min(start)));
            }
            Filter::On => {
                let (start, end) =
                    moment(value, zone_s, now_ms).ok_or_else(|| no_time(filter, value))?;
                self.after_ms = self.after_ms.max(Some(start));
                self.before_ms = Some(self.before_ms.map_or(end, |before| before.min(end)));
            }
            Filter::Has => match value {
                "link" => self.link = true,
                "file" => self.file = true,
                _ => return Err(format!("has:{value} is none of has:link and has:file")),
            },
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Filter {
    From,
    In,
    After,
    Before,
    On,
    Has,
}

impl Filter {
    const fn example(self) -> &'static str {
        match self {
            Self::From => "from:bob",
            Self::In => "in:#ops",
            Self::After => "after:2026-01-31",
            Self::Before => "before:2026-01-31",
            Self::On => "on:2026-01-31",
            Self::Has => "has:link",
        }
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, _) = self.example().split_once(':').unwrap_or_default();
        f.write_str(name)
    }
}

fn no_time(filter: Filter, value: &str) -> String {
    format!(
        "{filter}:{value} is no time: write a day as 2026-01-31, a month as 2026-01, a year as 2026, a minute as 2026-01-31T14:00, or how long ago as 7d, 12h, 3w"
    )
}

/// What stands between spaces, or between quotation marks.
struct Part<'a> {
    text: &'a str,
    quoted: bool,
    prefix: bool,
}

impl<'a> Part<'a> {
    fn filter(&self) -> Option<(Filter, &'a str)> {
        if self.quoted {
            return None;
        }
        let (name, value) = self.text.split_once(':')?;
        let filter = match name {
            "from" => Filter::From,
            "in" => Filter::In,
            "after" | "since" => Filter::After,
            "before" | "until" => Filter::Before,
            "on" => Filter::On,
            "has" => Filter::Has,
            // A time of day, an address: these are words.
            _ => return None,
        };
        Some((filter, value))
    }
}

fn parts_of(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix(is_quote) {
            let (phrase, after) = inside.split_once(is_quote).ok_or(
                "a quotation mark is not closed: write \"two words\" with one on each side",
            )?;
            let (prefix, after) = after
                .strip_prefix('*')
                .map_or((false, after), |after| (true, after));
            parts.push(Part {
                text: phrase,
                quoted: true,
                prefix,
            });
            rest = after.trim_start();
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || is_quote(c))
                .unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            parts.push(Part {
                text: word,
                quoted: false,
                prefix: word.ends_with('*'),
            });
            rest = after.trim_start();
        }
    }
    Ok(parts)
}

const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„')
}

/// The words of one part, which stand beside each other; none when it holds no letter.
fn term(text: &str, prefix: bool) -> Option<Term> {
    let mut words = words(text);
    // In a text, more characters may follow the last one here.
    let open = match words.as_slice() {
        [.., before, last] if last.tail && before.at.end == last.at.end => {
            words.pop();
            false
        }
        [.., last] => last.tail,
        [] => return None,
    };
    Some(Term {
        words: words.into_iter().map(|word: Word| word.form).collect(),
        prefix: prefix || open,
    })
}

/// When something named begins and ends: a minute, day, month or year, or some time ago.
fn moment(value: &str, zone_s: i32, now_ms: u64) -> Option<(u64, u64)> {
    if let Some(ago) = ago(value) {
        let start = now_ms.saturating_sub(ago);
        return Some((start, now_ms.saturating_add(1)));
    }
    let zone = TimeZone::fixed(Offset::from_seconds(zone_s).ok()?);
    let ms = |at: DateTime| -> Option<u64> {
        let at = at.to_zoned_datetime(zone.clone()).ok()?;
        u64::try_from(at.timestamp().as_millisecond()).ok()
    };
    if value.contains(['T', 't']) {
        if let Ok(instant) = value.parse::<Timestamp>() {
            let start = u64::try_from(instant.as_millisecond()).ok()?;
            return Some((start, start.saturating_add(60_000)));
        }
        let start = value.parse::<DateTime>().ok()?;
        let end = start.checked_add(SignedDuration::from_mins(1)).ok()?;
        return Some((ms(start)?, ms(end)?));
    }
    let mut numbers = value.split('-').map(|part| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        if digits {
            part.parse::<i16>().ok()
        } else {
            None
        }
    });
    let year = numbers.next()??;
    let start = |month: i16, day: i16| {
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    let (first, last) = match (numbers.next(), numbers.next(), numbers.next()) {
        (None, None, None) if value.len() == 4 => (start(1, 1)?, start(12, 31)?),
        (Some(month), None, None) => {
            let first = start(month?, 1)?;
            (first, first.last_of_month())
        }
        (Some(month), Some(day), None) => {
            let day = start(month?, day?)?;
            (day, day)
        }
        _ => return None,
    };
    let end = last.tomorrow().ok()?;
    Some((
        ms(first.to_datetime(jiff::civil::Time::midnight()))?,
        ms(end.to_datetime(jiff::civil::Time::midnight()))?,
    ))
}

/// Milliseconds of `90m`, `12h`, `7d` or `3w`.
fn ago(value: &str) -> Option<u64> {
    let unit = value.chars().last()?;
    let count: u64 = value.strip_suffix(unit)?.parse().ok()?;
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 60 * 24,
        'w' => 60 * 24 * 7,
        _ => return None,
    };
    count.checked_mul(minutes * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_795_442_580_000;

    fn query(text: &str) -> Query {
        Query::parse(text, 3_600, NOW_MS).unwrap()
    }

    fn terms(text: &str) -> Vec<(String, bool)> {
        let terms = query(text).terms.into_iter();
        terms
            .map(|term| (term.words.join(" "), term.prefix))
            .collect()
    }

    #[test]
    fn words_phrases_and_beginnings() {
        assert_eq!(
            terms("Lunch \"at one\" tom* don't 14:30"),
            [
                ("lunch".to_owned(), false),
                ("at one".to_owned(), false),
                ("tom".to_owned(), true),
                ("don t".to_owned(), false),
                ("14 30".to_owned(), false),
            ]
        );
        assert_eq!(
            terms("\"see you tom\"*"),
            [("see you tom".to_owned(), true)]
        );
        assert_eq!(
            terms("https://example.org"),
            [("https example org".to_owned(), false)]
        );
    }

    #[test]
    fn a_part_of_a_script_without_spaces_may_go_on() {
        assert_eq!(terms("日本語"), [("日本 本語".to_owned(), false)]);
        assert_eq!(terms("語"), [("語".to_owned(), true)]);
        assert_eq!(terms("語iPhone"), [("語 iphone".to_owned(), false)]);
        assert_eq!(terms("日本iPhone"), [("日本 本 iphone".to_owned(), false)]);
    }

    #[test]
    fn filters_are_told_from_words() {
        let query =
            query("x from:bob from:@ada in:#ops has:link has:file after:2026-01-31 before:2026-02");
        assert_eq!(query.from, ["bob", "@ada"]);
        assert_eq!(query.within, ["#ops"]);
        assert!(query.link && query.file);
        // 2026-01-31 and 2026-02-01, 00:00 at +01:00.
        assert_eq!(query.after_ms, Some(1_769_814_000_000));
        assert_eq!(query.before_ms, Some(1_769_900_400_000));
        assert_eq!(
            terms("\"from:bob\" note:this"),
            [
                ("from bob".to_owned(), false),
                ("note this".to_owned(), false)
            ]
        );
    }

    #[test]
    fn times_are_read_in_the_zone_of_whoever_asks() {
        let day = 86_400_000;
        let on = query("on:2026-01-31");
        assert_eq!(on.before_ms.unwrap() - on.after_ms.unwrap(), day);
        assert_eq!(
            query("on:2026").before_ms.unwrap() - query("on:2026").after_ms.unwrap(),
            365 * day
        );
        assert_eq!(query("after:7d").after_ms, Some(NOW_MS - 7 * day));
        assert_eq!(
            query("after:2026-01-31T01:00").after_ms,
            Some(1_769_814_000_000 + 3_600_000)
        );
        assert_eq!(
            query("after:2026-01-31T00:00Z").after_ms,
            Some(1_769_814_000_000 + 3_600_000)
        );
        // Both of two hold.
        assert_eq!(
            query("after:2026 after:2025").after_ms,
            query("after:2026").after_ms
        );
        assert_eq!(
            query("before:2026 before:2025").before_ms,
            query("before:2025").before_ms
        );
    }

    #[test]
    fn a_mistake_is_one_sentence() {
        for (text, part) in [
            ("", "no word"),
            ("  !!  ", "no word"),
            ("\"open", "not closed"),
            ("from:", "from:bob"),
            ("after:yesterday", "no time"),
            ("before:2026-02-30", "no time"),
            ("after:2026-1-1-1", "no time"),
            ("has:coffee", "has:link"),
        ] {
            let told = Query::parse(text, 0, NOW_MS).unwrap_err();
            assert!(
                told.contains(part) && !told.contains('\n'),
                "{text}: {told}"
            );
        }
        assert!(Query::parse(&"x".repeat(2_000), 0, NOW_MS).is_err());
        assert!(Query::parse(&"x ".repeat(40), 0, NOW_MS).is_err());
    }
}

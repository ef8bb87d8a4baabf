//! Rows of a timeline as lines of text.

use crate::text::{harmless, harmless_lines};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use subrosa_client::{Beside, Row, RowKind, SendState};

/// How rows are drawn.
#[derive(Debug, Clone)]
pub struct Look {
    /// The zone of the times shown.
    zone: TimeZone,
    /// Times of this day are shown without their date.
    today: Date,
    /// Whether each row names its conversation.
    pub conversations: bool,
    /// Whether each row begins with its id.
    pub ids: bool,
}

/// So many digits of an id are shown; they name a message as long as no other's begin alike.
const ID_DIGITS: usize = 8;
/// So much of what a reply answers is shown before it.
const EXCERPT_CHARS: usize = 40;

impl Look {
    /// The look of this moment, in this machine's zone.
    pub fn now() -> Self {
        let now = ZonedDateTime::now();
        Self {
            zone: now.time_zone().clone(),
            today: now.date(),
            conversations: false,
            ids: false,
        }
    }

    /// The same, and each row begins with its id.
    pub fn with_ids(mut self) -> Self {
        self.ids = true;
        self
    }

    /// The same, and each row names its conversation.
    pub fn with_conversations(mut self) -> Self {
        self.conversations = true;
        self
    }

    /// A row of history: time, author, what it shows, and how far it has come.
    pub fn line(&self, row: &Row) -> String {
        let mut time = self.time(row.time_ms);
        if self.ids {
            time = format!("{} {time}", short_id(row));
        }
        if row.time_of_arrival {
            time.push_str(" (arrived)");
        }
        let body = match &row.what {
            RowKind::Info { text } => return format!("{time} -- {}", harmless(text)),
            what => shown(what),
        };
        let mut state = row
            .state
            .map_or(String::new(), |state| format!("  {}", words(state)));
        if row.checking {
            state.push_str("  [history still being checked]");
        }
        let (before, after) = (answered(&row.beside), beside(&row.beside));
        format!("{time} {}: {before}{body}{after}{state}", self.author(row))
    }

    /// A row of which only a part is shown, which is harmless already.
    pub fn excerpt(&self, row: &Row, part: &str) -> String {
        let mut time = self.time(row.time_ms);
        if self.ids {
            time = format!("{} {time}", short_id(row));
        }
        let (from, conversation) = (harmless(&row.from), harmless(&row.conversation));
        format!("{time} {conversation} {from}: {part}")
    }

    /// A row that has just arrived, for a program that reads it: one line, whatever it holds.
    pub fn arrival(row: &Row) -> String {
        let body = match &row.what {
            RowKind::Text { text } => harmless(text).into_owned(),
            what => shown(what),
        };
        format!("{}: {body}", harmless(&row.from))
    }

    fn author(&self, row: &Row) -> String {
        let from = harmless(&row.from);
        let conversation = harmless(&row.conversation);
        if self.conversations && (row.own || conversation.starts_with('#')) {
            format!("{from} to {conversation}")
        } else {
            from.into_owned()
        }
    }

    fn time(&self, time_ms: u64) -> String {
        let time = i64::try_from(time_ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let Some(time) = time else {
            return "--:--".to_owned();
        };
        let time = time.to_zoned_datetime(self.zone.clone());
        let form = if time.date() == self.today {
            "%H:%M"
        } else {
            "%Y-%m-%d %H:%M"
        };
        time.strftime(form).to_string()
    }
}

/// A day in this machine's zone.
pub fn day(time_ms: u64) -> String {
    let day = day_and_time(time_ms);
    day.split_once(' ')
        .map_or(day.clone(), |(day, _)| day.to_owned())
}

/// A time of day in this machine's zone.
pub fn clock(time_ms: u64) -> String {
    let time = day_and_time(time_ms);
    time.rsplit_once(' ')
        .map_or(time.clone(), |(_, clock)| clock.to_owned())
}

/// What is said of a row in place of a text.
pub fn said(what: &RowKind) -> String {
    shown(what).trim_matches(['[', ']']).to_owned()
}

/// A day and time in this machine's zone.
pub fn day_and_time(time_ms: u64) -> String {
    let time = i64::try_from(time_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(
        || "at an unknown time".to_owned(),
        |time| {
            let time = time.to_zoned_datetime(TimeZone::system());
            time.strftime("%Y-%m-%d %H:%M").to_string()
        },
    )
}

fn short_id(row: &Row) -> String {
    let id: String = row.id.chars().take(ID_DIGITS).collect();
    format!("{id:ID_DIGITS$}")
}

fn shown(what: &RowKind) -> String {
    match what {
        RowKind::Text { text } => harmless_lines(text, "    "),
        RowKind::Info { text } => harmless(text).into_owned(),
        RowKind::WaitingForKey { cause } => format!("[not readable yet: {}]", harmless(cause)),
        RowKind::Newer { number } => {
            format!("[this kind of message ({number}) needs a newer version of subrosa]")
        }
        RowKind::Hidden {} => "[hidden: blocked]".to_owned(),
        RowKind::Gone { cause } => format!("[gone: {}]", harmless(cause)),
    }
}

/// What a reply answers.
fn answered(beside: &Beside) -> String {
    let Some(to) = &beside.reply_to else {
        return String::new();
    };
    let from = harmless(&to.from);
    match &to.excerpt {
        Some(excerpt) => format!("[to {from}: {}] ", harmless(&shortened(excerpt))),
        None => format!("[to {from}] "),
    }
}

fn shortened(excerpt: &str) -> String {
    match excerpt.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", excerpt.get(..end).unwrap_or_default()),
        None => excerpt.to_owned(),
    }
}

/// What stands behind a text: that it was changed, and what others put beside it.
fn beside(beside: &Beside) -> String {
    let mut behind = String::new();
    if beside.edited_ms.is_some() {
        behind.push_str(" (edited)");
    }
    if beside.names_you {
        behind.push_str(" (names you)");
    }
    for reaction in &beside.reactions {
        let from: Vec<_> = reaction.from.iter().map(|name| harmless(name)).collect();
        let emoji = harmless(&reaction.emoji);
        behind.push_str(&format!("  {emoji} {}", from.join(", ")));
    }
    behind
}

/// A state as a glyph and a word.
pub const fn words(state: SendState) -> &'static str {
    match state {
        SendState::Queued => "… waiting",
        SendState::Sending => "› sending",
        SendState::Sent => "✓ sent",
        SendState::Delivered => "✓✓ delivered",
        SendState::Read => "✓✓ read",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use subrosa_client::{ReactionView, ReplyView};

    fn look() -> Look {
        Look {
            zone: TimeZone::UTC,
            today: jiff::civil::date(2026, 11, 23),
            conversations: false,
            ids: false,
        }
    }

    fn row(what: RowKind) -> Row {
        Row {
            checking: false,
            cursor: 7,
            id: "00".to_owned(),
            conversation: "@bob".to_owned(),
            conv: "11".to_owned(),
            position: Some(3),
            from: "bob".to_owned(),
            own: false,
            // 2026-11-23 14:03 UTC
            time_ms: 1_795_442_580_000,
            time_of_arrival: false,
            state: None,
            what,
            beside: Box::default(),
        }
    }

    fn text(text: &str) -> Row {
        row(RowKind::Text {
            text: text.to_owned(),
        })
    }

    #[test]
    fn a_row_has_time_author_and_text() {
        assert_eq!(look().line(&text("hello")), "14:03 bob: hello");
        let mut old = text("hello");
        old.time_ms -= 86_400_000;
        assert_eq!(look().line(&old), "2026-11-22 14:03 bob: hello");
        old.time_of_arrival = true;
        assert_eq!(look().line(&old), "2026-11-22 14:03 (arrived) bob: hello");
    }

    #[test]
    fn ones_own_say_how_far_they_have_come_and_to_whom() {
        let mut own = text("hello");
        own.from = "ada".to_owned();
        own.own = true;
        for (state, words) in [
            (SendState::Queued, "… waiting"),
            (SendState::Sending, "› sending"),
            (SendState::Sent, "✓ sent"),
            (SendState::Delivered, "✓✓ delivered"),
            (SendState::Read, "✓✓ read"),
        ] {
            own.state = Some(state);
            assert_eq!(look().line(&own), format!("14:03 ada: hello  {words}"));
        }
        assert_eq!(
            look().with_conversations().line(&own),
            "14:03 ada to @bob: hello  ✓✓ read"
        );
    }

    #[test]
    fn what_is_shown_ahead_of_the_history_says_so() {
        let mut ahead = text("hello");
        ahead.checking = true;
        assert_eq!(
            look().line(&ahead),
            "14:03 bob: hello  [history still being checked]"
        );
    }

    #[test]
    fn what_others_write_stays_within_its_line() {
        assert_eq!(
            look().line(&text("a\u{1b}[2J\nada: b")),
            "14:03 bob: a\\u{1b}[2J\n    ada: b"
        );
        assert_eq!(
            Look::arrival(&text("one\ntwo\u{202e}")),
            "bob: one\\ntwo\\u{202e}"
        );
        let mut row = text("x");
        row.from = "b\no".to_owned();
        assert_eq!(look().line(&row), "14:03 b\\no: x");
    }

    #[test]
    fn what_cannot_be_shown_is_a_row_with_its_cause() {
        let gone = row(RowKind::Gone {
            cause: "it expired".to_owned(),
        });
        assert_eq!(look().line(&gone), "14:03 bob: [gone: it expired]");
        let key = row(RowKind::WaitingForKey {
            cause: "bob sends it again".to_owned(),
        });
        assert_eq!(
            look().line(&key),
            "14:03 bob: [not readable yet: bob sends it again]"
        );
        let info = row(RowKind::Info {
            text: "bob joined".to_owned(),
        });
        assert_eq!(look().line(&info), "14:03 -- bob joined");
        assert!(
            look()
                .line(&row(RowKind::Newer { number: 9 }))
                .contains("(9)")
        );
    }

    #[test]
    fn what_stands_beside_a_text_stands_on_its_line() {
        let mut row = text("sure");
        row.beside.reply_to = Some(ReplyView {
            id: "77".to_owned(),
            from: "ada".to_owned(),
            excerpt: Some("lunch\nat one?".to_owned()),
        });
        row.beside.edited_ms = Some(1);
        row.beside.reactions = vec![ReactionView {
            emoji: "👍".to_owned(),
            from: vec!["ada".to_owned(), "c\nd".to_owned()],
            own: false,
        }];
        assert_eq!(
            look().line(&row),
            "14:03 bob: [to ada: lunch\\nat one?] sure (edited)  👍 ada, c\\nd"
        );
        if let Some(to) = &mut row.beside.reply_to {
            to.excerpt = Some("é".repeat(60));
        }
        assert!(look().line(&row).contains(&format!("{}…]", "é".repeat(40))));
        *row.beside = Beside::default();
        row.id = "00ff00ff00ff".to_owned();
        assert_eq!(look().with_ids().line(&row), "00ff00ff 14:03 bob: sure");
    }

    #[test]
    fn a_time_out_of_range_is_no_panic() {
        let mut row = text("x");
        row.time_ms = u64::MAX;
        assert_eq!(look().line(&row), "--:-- bob: x");
    }
}

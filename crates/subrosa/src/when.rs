//! A place in the timeline as people name it: a cursor, or a time.

use crate::seat::unexpected;
use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Timestamp, ZonedDateTime};
use std::str::FromStr;
use subrosa_client::{Answer, Client, Command, Failure};

/// The present, in Unix milliseconds.
pub fn now_ms() -> u64 {
    let now = Timestamp::now().as_millisecond();
    u64::try_from(now).unwrap_or_default()
}

/// What people may write.
pub const FORMS: &str =
    "a cursor, or a time such as 14:30, yesterday, 2h, 2026-11-28 or 2026-11-28T14:30";

/// A cursor or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As `--json` shows it.
    Cursor(u64),
    /// Unix milliseconds.
    Time(u64),
}

/// Where a time lies among the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// For `since`.
    pub since: u64,
    /// For `before`.
    pub before: u64,
    /// The time itself, where one was named: rows on the other side of it are left out.
    pub time_ms: Option<u64>,
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text, &ZonedDateTime::now())
            .ok_or_else(|| format!("it is no time and no cursor; write {FORMS}"))
    }
}

fn read(text: &str, now: &ZonedDateTime) -> Option<When> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(When::Cursor);
    }
    let time = match text {
        "now" => now.timestamp(),
        "today" => midnight(now.date(), now)?,
        "yesterday" => midnight(now.date().yesterday().ok()?, now)?,
        text => named(text, now)?,
    };
    u64::try_from(time.as_millisecond()).ok().map(When::Time)
}

fn named(text: &str, now: &ZonedDateTime) -> Option<Timestamp> {
    let zone = now.time_zone();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if text.contains(':') && !text.contains('-') {
        let time: Time = text.parse().ok()?;
        let here = now
            .date()
            .to_datetime(time)
            .to_zoned_datetime(zone.clone())
            .ok()?;
        return Some(here.timestamp());
    }
    if text.contains(':') {
        let time: DateTime = text.parse().ok()?;
        return Some(time.to_zoned_datetime(zone.clone()).ok()?.timestamp());
    }
    if let Ok(date) = text.parse::<Date>() {
        return midnight(date, now);
    }
    let ago: Span = text.parse().ok()?;
    let then = now.checked_sub(ago.abs()).ok()?;
    (then < *now).then(|| then.timestamp())
}

fn midnight(date: Date, now: &ZonedDateTime) -> Option<Timestamp> {
    let here = date.to_zoned_datetime(now.time_zone().clone()).ok()?;
    Some(here.timestamp())
}

impl Place {
    /// A cursor, both ways.
    pub const fn of(cursor: u64) -> Self {
        Self {
            since: cursor,
            before: cursor,
            time_ms: None,
        }
    }
}

impl When {
    /// Where this is in a conversation, or in all.
    pub async fn place(
        self,
        client: &Client,
        conversation: Option<&str>,
    ) -> Result<Place, Failure> {
        let time_ms = match self {
            Self::Cursor(cursor) => return Ok(Place::of(cursor)),
            Self::Time(time_ms) => time_ms,
        };
        let ask = Command::CursorAt {
            conversation: conversation.map(ToOwned::to_owned),
            time_ms,
        };
        match client.call(ask).await? {
            Answer::Cursor { since, before } => Ok(Place {
                since,
                before,
                time_ms: Some(time_ms),
            }),
            other => Err(unexpected(&other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        let now: ZonedDateTime = "2026-11-28T14:30:00+01:00[Europe/Berlin]".parse().unwrap();
        match read(text, &now)? {
            When::Cursor(cursor) => Some(format!("#{cursor}")),
            When::Time(ms) => {
                let time = Timestamp::from_millisecond(ms.try_into().unwrap()).unwrap();
                Some(time.to_string())
            }
        }
    }

    #[test]
    fn what_people_write_is_understood() {
        for (text, meant) in [
            ("1234", "#1234"),
            ("2026", "#2026"),
            ("now", "2026-11-28T13:30:00Z"),
            ("today", "2026-11-27T23:00:00Z"),
            ("yesterday", "2026-11-26T23:00:00Z"),
            ("14:00", "2026-11-28T13:00:00Z"),
            ("2026-11-28", "2026-11-27T23:00:00Z"),
            ("2026-07-01 10:00", "2026-07-01T08:00:00Z"),
            ("2026-07-01T10:00", "2026-07-01T08:00:00Z"),
            ("2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z"),
            ("2026-07-01T10:00:00+05:00", "2026-07-01T05:00:00Z"),
            ("2h", "2026-11-28T11:30:00Z"),
            ("90m ago", "2026-11-28T12:00:00Z"),
            ("1w", "2026-11-21T13:30:00Z"),
        ] {
            assert_eq!(of(text).as_deref(), Some(meant), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_examples() {
        for text in [
            "",
            "noon",
            "25:00",
            "2026-13-01",
            "-5",
            "1e9",
            "12:",
            "99999999999999999999",
            "0h",
            "2026-11-28 25:00",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        assert!(
            "soon"
                .parse::<When>()
                .unwrap_err()
                .contains("yesterday, 2h")
        );
    }
}

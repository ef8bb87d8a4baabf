//! Times as people read them, in this machine's zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The time of the screen.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Now, Unix milliseconds.
    pub now_ms: u64,
    /// Where.
    pub zone: TimeZone,
}

impl Clock {
    fn at(&self, time_ms: u64) -> Option<jiff::ZonedDateTime> {
        let ms = i64::try_from(time_ms).ok()?;
        let time = Timestamp::from_millisecond(ms).ok()?;
        Some(time.to_zoned_datetime(self.zone.clone()))
    }

    /// The day of a moment.
    pub fn day(&self, time_ms: u64) -> Option<Date> {
        self.at(time_ms).map(|time| time.date())
    }

    /// `14:03`.
    pub fn time(&self, time_ms: u64) -> String {
        let time = self.at(time_ms);
        time.map_or_else(
            || "--:--".to_owned(),
            |time| time.strftime("%H:%M").to_string(),
        )
    }

    /// The time of today, or the day.
    pub fn short(&self, time_ms: u64) -> String {
        match (self.day(time_ms), self.day(self.now_ms)) {
            (Some(day), Some(today)) if day != today => day.strftime("%d %b").to_string(),
            _ => self.time(time_ms),
        }
    }

    /// Seconds east of UTC.
    pub fn offset_s(&self) -> i32 {
        self.at(self.now_ms).map_or(0, |now| now.offset().seconds())
    }

    /// A day in words.
    pub fn words(&self, day: Date) -> String {
        let today = self.day(self.now_ms);
        if today == Some(day) {
            return "today".to_owned();
        }
        if today.and_then(|today| today.yesterday().ok()) == Some(day) {
            return "yesterday".to_owned();
        }
        let form = if today.is_some_and(|today| today.year() == day.year()) {
            "%A %-d %B"
        } else {
            "%A %-d %B %Y"
        };
        day.strftime(form).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_as_people_name_them() {
        // 2026-11-28 14:03 UTC
        let clock = Clock {
            now_ms: 1_795_874_580_000,
            zone: TimeZone::UTC,
        };
        let day = 86_400_000;
        let words = |ms| clock.words(clock.day(ms).unwrap());
        assert_eq!(words(clock.now_ms), "today");
        assert_eq!(words(clock.now_ms - day), "yesterday");
        assert_eq!(words(clock.now_ms - 2 * day), "Thursday 26 November");
        assert_eq!(words(clock.now_ms - 400 * day), "Friday 24 October 2025");
        assert_eq!(clock.time(clock.now_ms), "14:03");
        assert_eq!(clock.short(clock.now_ms - day), "27 Nov");
        assert_eq!(clock.time(u64::MAX), "--:--");
    }
}

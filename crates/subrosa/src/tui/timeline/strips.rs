//! What is seen of a timeline, line by line.

use super::{Entry, Place, Timeline};
use crate::tui::clock::Clock;
use crate::tui::lay::Piece;

/// Messages of one person within this time stand under one head.
const TOGETHER_MS: u64 = 5 * 60 * 1_000;
/// Rows of the screen from which on groups are set apart by an empty line.
const ROOMY_LINES: u16 = 20;

/// The space for a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// Columns for text.
    pub width: usize,
    /// Lines.
    pub height: usize,
}

impl Fit {
    const fn roomy(self) -> bool {
        self.height >= ROOMY_LINES as usize
    }
}

/// A line of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// The row that it belongs to.
    pub cursor: u64,
    pub kind: StripKind,
}

/// What a line shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StripKind {
    /// Nothing.
    Gap,
    /// Another day begins.
    Day(String),
    /// Unread from here on.
    New,
    /// Who writes, and when.
    Head,
    /// A line of what was written; whether it is the last.
    Body(Vec<Piece>, bool),
}

impl Timeline {
    fn previous(&self, at: usize) -> Option<&Entry> {
        at.checked_sub(1).and_then(|before| self.rows.get(before))
    }

    /// Whether a row stands under the head of the one before it.
    fn follows(&self, at: usize, clock: &Clock) -> bool {
        let (Some(before), Some(entry)) = (self.previous(at), self.rows.get(at)) else {
            return false;
        };
        let (a, b) = (&before.row, &entry.row);
        a.from == b.from
            && !a.id.is_empty()
            && !b.id.is_empty()
            && a.time_ms.abs_diff(b.time_ms) < TOGETHER_MS
            && clock.day(a.time_ms) == clock.day(b.time_ms)
            && self.new_from != Some(b.cursor)
    }

    /// The lines of a row, with what stands above it.
    pub(super) fn strips(&self, at: usize, fit: Fit, clock: &Clock) -> Vec<Strip> {
        let Some(entry) = self.rows.get(at) else {
            return Vec::new();
        };
        let row = &entry.row;
        let mut kinds = Vec::new();
        let day = clock.day(row.time_ms);
        let before = self.previous(at);
        let first_of_day = match before {
            Some(before) => clock.day(before.row.time_ms) != day,
            None => self.whole_before,
        };
        if first_of_day && let Some(day) = day {
            kinds.extend(before.map(|_| StripKind::Gap));
            kinds.push(StripKind::Day(clock.words(day)));
        }
        if self.new_from == Some(row.cursor) {
            kinds.push(StripKind::New);
        }
        // A note speaks for itself.
        let note = row.id.is_empty();
        if !note && !self.follows(at, clock) {
            if fit.roomy() && before.is_some() && kinds.is_empty() {
                kinds.push(StripKind::Gap);
            }
            kinds.push(StripKind::Head);
        }
        let laid = entry.laid(fit.width);
        let last = laid.len().saturating_sub(1);
        let bodies = laid.iter().enumerate();
        kinds.extend(bodies.map(|(no, line)| StripKind::Body(line.clone(), no == last)));
        let cursor = row.cursor;
        kinds
            .into_iter()
            .map(|kind| Strip { cursor, kind })
            .collect()
    }

    /// Where the bottom edge is: a row, and how many of its lines are below.
    pub(super) fn bottom(&self) -> Option<(usize, usize)> {
        let last = self.rows.len().checked_sub(1)?;
        match self.place {
            Place::End => Some((last, 0)),
            Place::At { cursor, below } => {
                Some(self.index(cursor).map_or((last, 0), |at| (at, below)))
            }
        }
    }

    /// What is seen, from top to bottom: at most as many lines as there is space for.
    pub fn view(&self, fit: Fit, clock: &Clock) -> Vec<Strip> {
        let Some((mut at, below)) = self.bottom() else {
            return Vec::new();
        };
        let mut seen = self.strips(at, fit, clock);
        seen.truncate(seen.len().saturating_sub(below));
        seen.reverse();
        while seen.len() < fit.height && at > 0 {
            at -= 1;
            seen.extend(self.strips(at, fit, clock).into_iter().rev());
        }
        seen.truncate(fit.height);
        seen.reverse();
        seen
    }

    /// How many rows are out of sight above and below.
    pub fn out_of_sight(&self, fit: Fit, clock: &Clock) -> (usize, usize) {
        let view = self.view(fit, clock);
        let index = |strip: Option<&Strip>| strip.and_then(|strip| self.index(strip.cursor));
        let above = index(view.first()).unwrap_or(0);
        let below = index(view.last()).map_or(0, |at| self.rows.len().saturating_sub(at + 1));
        (above, below)
    }
}

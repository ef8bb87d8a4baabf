//! Moving through a timeline.

use super::{Fit, Place, Timeline};
use crate::tui::clock::Clock;

impl Timeline {
    fn height(&self, at: usize, fit: Fit, clock: &Clock) -> usize {
        self.strips(at, fit, clock).len()
    }

    fn put_bottom(&mut self, at: usize, below: usize) {
        let last = self.rows.len().saturating_sub(1);
        if at >= last && below == 0 && self.whole_behind {
            self.place = Place::End;
            self.below = 0;
        } else if let Some(entry) = self.rows.get(at) {
            self.place = Place::At {
                cursor: entry.row.cursor,
                below,
            };
        }
    }

    /// Shows what is so many lines further up.
    pub fn up(&mut self, lines: usize, fit: Fit, clock: &Clock) {
        let Some((mut at, below)) = self.bottom() else {
            return;
        };
        let mut below = below + lines;
        loop {
            let height = self.height(at, fit, clock);
            if below < height {
                break;
            }
            if at == 0 {
                below = height.saturating_sub(1);
                break;
            }
            below -= height;
            at -= 1;
        }
        self.put_bottom(at, below);
        // The first row is not pushed below the upper edge.
        let missing = fit.height.saturating_sub(self.view(fit, clock).len());
        if missing > 0 {
            self.down(missing, fit, clock);
        }
    }

    /// Shows what is so many lines further down.
    pub fn down(&mut self, lines: usize, fit: Fit, clock: &Clock) {
        let Some((mut at, below)) = self.bottom() else {
            return;
        };
        let (mut lines, mut below) = (lines, below);
        while lines > below {
            lines -= below;
            below = 0;
            if at + 1 >= self.rows.len() {
                lines = 0;
                break;
            }
            at += 1;
            below = self.height(at, fit, clock);
        }
        self.put_bottom(at, below - lines.min(below));
    }

    /// Chooses the message before or behind the chosen one; without one, the last that is seen.
    pub fn choose(&mut self, forward: bool, fit: Fit, clock: &Clock) {
        let at = match self.chosen.and_then(|cursor| self.index(cursor)) {
            Some(at) => {
                let next = |at: &usize| {
                    let entry = self.rows.get(*at);
                    entry.is_some_and(super::Entry::is_message)
                };
                if forward {
                    (at + 1..self.rows.len()).find(next)
                } else {
                    (0..at).rev().find(next)
                }
            }
            None => {
                let seen = self.view(fit, clock);
                let seen = seen
                    .iter()
                    .rev()
                    .filter_map(|strip| self.index(strip.cursor));
                let mut messages = seen.filter(|at| {
                    let entry = self.rows.get(*at);
                    entry.is_some_and(super::Entry::is_message)
                });
                messages.next()
            }
        };
        if let Some(entry) = at.and_then(|at| self.rows.get(at)) {
            self.chosen = Some(entry.row.cursor);
            self.show_chosen(fit, clock);
        }
    }

    /// Moves until the chosen row is seen whole, or as much of it as there is space for.
    pub fn show_chosen(&mut self, fit: Fit, clock: &Clock) {
        let Some(at) = self.chosen.and_then(|cursor| self.index(cursor)) else {
            return;
        };
        let Some((bottom, below)) = self.bottom() else {
            return;
        };
        if at > bottom || (at == bottom && below > 0) {
            self.put_bottom(at, 0);
            return;
        }
        let wanted = self.height(at, fit, clock).min(fit.height);
        let cursor = self.chosen;
        for _ in 0..self.rows.len() {
            let view = self.view(fit, clock);
            let seen = view
                .iter()
                .filter(|strip| Some(strip.cursor) == cursor)
                .count();
            if seen >= wanted {
                return;
            }
            let before = self.place;
            self.up((wanted - seen).max(1), fit, clock);
            if self.place == before {
                return;
            }
        }
    }

    /// Goes to the first row that is here.
    pub fn go_to_top(&mut self, fit: Fit, clock: &Clock) {
        if let Some(cursor) = self.first().map(|first| first.row.cursor) {
            self.chosen = Some(cursor);
            self.place = Place::At { cursor, below: 0 };
            let missing = fit.height.saturating_sub(self.view(fit, clock).len());
            self.down(missing, fit, clock);
        }
    }

    /// Puts the chosen row in the middle.
    pub fn go_to_middle(&mut self, fit: Fit, clock: &Clock) {
        self.down(fit.height / 2, fit, clock);
        self.show_chosen(fit, clock);
    }
}

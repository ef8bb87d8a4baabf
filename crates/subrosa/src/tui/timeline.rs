//! The open conversation: a window of its rows around what is looked at, and where it is looked at.
//!
//! However long a history is, only some of its rows are here; those before and behind are asked
//! for before they are needed, and those far away are let go.

mod scroll;
mod strips;
#[cfg(test)]
mod tests;

pub use strips::{Fit, Strip, StripKind};

use super::lay::{Laid, lay};
use std::cell::OnceCell;
use std::collections::VecDeque;
use subrosa_client::{Row, RowKind, SendState};

/// Rows kept at most.
pub const KEPT_MAX: usize = 1_500;
/// Rows asked for at once.
pub const PAGE: u32 = 200;
/// With fewer rows than this out of sight, more are asked for.
pub const AHEAD: usize = 80;

/// Where a row stands in the log: what has no place yet stands last.
type Order = (u64, u64);

/// A row, and how it is laid out.
#[derive(Debug)]
pub struct Entry {
    pub row: Row,
    order: Order,
    laid: OnceCell<(usize, Laid)>,
}

impl Entry {
    fn of(row: Row) -> Self {
        let order = (row.position.unwrap_or(u64::MAX), row.cursor);
        Self {
            row,
            order,
            laid: OnceCell::new(),
        }
    }

    /// Its text in lines of this width.
    pub fn laid(&self, width: usize) -> std::borrow::Cow<'_, Laid> {
        let (kept_for, laid) = self.laid.get_or_init(|| (width, lay(&self.row, width)));
        if *kept_for == width {
            std::borrow::Cow::Borrowed(laid)
        } else {
            std::borrow::Cow::Owned(lay(&self.row, width))
        }
    }

    /// Whether something can be done about it.
    pub fn is_message(&self) -> bool {
        !self.row.id.is_empty() && matches!(self.row.what, RowKind::Text { .. })
    }
}

/// The row at the bottom of what is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The last there is: what comes is seen at once.
    End,
    /// This one, with so many of its lines below the edge.
    At { cursor: u64, below: usize },
}

/// The open conversation.
#[derive(Debug)]
pub struct Timeline {
    pub name: String,
    pub conv: String,
    rows: VecDeque<Entry>,
    /// Nothing is before the first row here.
    pub whole_before: bool,
    /// Nothing is behind the last row here.
    pub whole_behind: bool,
    /// Rows before, or behind, have been asked for.
    pub asked_before: bool,
    pub asked_behind: bool,
    pub place: Place,
    /// What the person has chosen.
    pub chosen: Option<u64>,
    /// The first row that was new when the conversation was opened.
    pub new_from: Option<u64>,
    /// Rows that came while the end was out of sight.
    pub below: usize,
    /// Up to here it has been said that it was read.
    pub read_to: u64,
    /// Whether the first rows have come.
    pub opened: bool,
}

impl Timeline {
    pub fn new(name: &str, conv: &str) -> Self {
        Self {
            name: name.to_owned(),
            conv: conv.to_owned(),
            rows: VecDeque::new(),
            whole_before: false,
            whole_behind: true,
            asked_before: false,
            asked_behind: false,
            place: Place::End,
            chosen: None,
            new_from: None,
            below: 0,
            read_to: 0,
            opened: false,
        }
    }

    pub fn first(&self) -> Option<&Entry> {
        self.rows.front()
    }

    pub fn last(&self) -> Option<&Entry> {
        self.rows.back()
    }

    pub fn entry(&self, cursor: u64) -> Option<&Entry> {
        self.rows
            .iter()
            .rev()
            .find(|entry| entry.row.cursor == cursor)
    }

    fn index(&self, cursor: u64) -> Option<usize> {
        let back = self
            .rows
            .iter()
            .rev()
            .position(|entry| entry.row.cursor == cursor)?;
        Some(self.rows.len() - 1 - back)
    }

    /// Shows the newest rows.
    pub fn begin(&mut self, rows: Vec<Row>, asked: u32, unread: u64) {
        self.opened = true;
        self.whole_before = rows.len() < asked as usize;
        self.whole_behind = true;
        self.place = Place::End;
        self.below = 0;
        // What came meanwhile by itself stays.
        let kept = std::mem::take(&mut self.rows);
        rows.into_iter().for_each(|row| self.put(row));
        let last = self.last().map_or((0, 0), |entry| entry.order);
        for entry in kept.into_iter().filter(|entry| entry.order > last) {
            self.put(entry.row);
        }
        if self.new_from.is_none() && unread > 0 {
            self.mark_new(unread);
        }
    }

    fn mark_new(&mut self, unread: u64) {
        let others = self
            .rows
            .iter()
            .rev()
            .filter(|entry| !entry.row.own && entry.is_message());
        let nth = usize::try_from(unread)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        self.new_from = others
            .take(nth.saturating_add(1))
            .last()
            .map(|entry| entry.row.cursor);
    }

    /// Shows the rows around one of them.
    pub fn begin_around(&mut self, cursor: u64, rows: Vec<Row>, (before, behind): (u32, u32)) {
        let at = rows
            .iter()
            .position(|row| row.cursor == cursor)
            .unwrap_or(rows.len());
        self.opened = true;
        self.whole_before = at < before as usize;
        self.whole_behind = rows.len().saturating_sub(at + 1) < behind as usize;
        self.rows.clear();
        rows.into_iter().for_each(|row| self.put(row));
        self.chosen = Some(cursor);
        self.place = Place::At { cursor, below: 0 };
    }

    /// Rows before the first; as many were asked for.
    pub fn older(&mut self, rows: Vec<Row>, asked: u32) {
        self.asked_before = false;
        self.whole_before = rows.len() < asked as usize;
        rows.into_iter().for_each(|row| self.put(row));
        let over = self.rows.len().saturating_sub(KEPT_MAX);
        if over > 0 && self.place != Place::End {
            self.rows.truncate(KEPT_MAX);
            self.whole_behind = false;
        }
    }

    /// Rows behind the last; as many were asked for, and the last once more.
    pub fn newer(&mut self, rows: Vec<Row>, asked: u32) {
        self.asked_behind = false;
        self.whole_behind = rows.len() <= asked as usize;
        if self.whole_behind {
            self.below = 0;
        }
        rows.into_iter().for_each(|row| self.put(row));
        self.let_go_before();
    }

    fn let_go_before(&mut self) {
        let over = self.rows.len().saturating_sub(KEPT_MAX);
        if over > 0 {
            self.rows.drain(..over);
            self.whole_before = false;
        }
    }

    /// A row that has just come.
    pub fn arrived(&mut self, row: Row) {
        let last = self.last().map_or((0, 0), |entry| entry.order);
        let entry = Entry::of(row);
        if !self.whole_behind && entry.order > last {
            self.below += 1;
            return;
        }
        if !self.whole_before && self.first().is_some_and(|first| entry.order < first.order) {
            return;
        }
        if self.place != Place::End && entry.order > last {
            self.below += 1;
        }
        self.put(entry.row);
        if self.place == Place::End {
            self.let_go_before();
        }
    }

    fn put(&mut self, row: Row) {
        let entry = Entry::of(row);
        if let Some(at) = self.index(entry.row.cursor)
            && let Some(known) = self.rows.get(at)
        {
            if known.order == entry.order {
                if let Some(known) = self.rows.get_mut(at) {
                    *known = entry;
                }
                return;
            }
            self.rows.remove(at);
        }
        let at = self.rows.partition_point(|known| known.order < entry.order);
        self.rows.insert(at, entry);
    }

    /// A row reads otherwise now.
    pub fn changed(&mut self, row: Row) {
        if self.index(row.cursor).is_some() {
            self.put(row);
        }
    }

    /// A row of one's own has come further, and perhaps has its place.
    pub fn state(&mut self, cursor: u64, state: SendState, position: Option<u64>) {
        let Some(at) = self.index(cursor) else {
            return;
        };
        let Some(mut entry) = self.rows.remove(at) else {
            return;
        };
        entry.row.state = Some(state);
        if position.is_some() {
            entry.row.position = position;
        }
        self.put(entry.row);
    }

    /// All rows that were shown ahead have been checked.
    pub fn checked(&mut self) {
        for entry in self.rows.iter_mut().filter(|entry| entry.row.checking) {
            let mut row = entry.row.clone();
            row.checking = false;
            *entry = Entry::of(row);
        }
    }

    /// The newest row up to which all has been seen, if the end is in sight.
    pub fn seen_to(&self) -> Option<u64> {
        let at_end = self.place == Place::End && self.whole_behind && self.opened;
        // The mark is a place in the log: what has none yet is one's own.
        let placed = self
            .rows
            .iter()
            .rev()
            .find(|entry| entry.row.position.is_some());
        placed.filter(|_| at_end).map(|entry| entry.row.cursor)
    }

    /// The chosen row.
    pub fn chosen(&self) -> Option<&Entry> {
        self.chosen.and_then(|cursor| self.entry(cursor))
    }

    /// The last message.
    pub fn newest_message(&self) -> Option<&Entry> {
        self.rows.iter().rev().find(|entry| entry.is_message())
    }

    /// The last message of others, or of one's own.
    pub fn last_of(&self, own: bool) -> Option<&Entry> {
        let mut back = self.rows.iter().rev();
        back.find(|entry| entry.row.own == own && entry.is_message())
    }
}

//! The index of a search: what is read takes its place in it a little later, many at once, when nothing else is to be done.
//!
//! What reads otherwise now is due at once, in the same transaction. What has come since goes in before what was here
//! before there was an index, the newest of that first; each step is one transaction, and the next start goes on.

use super::rows::{LINE_CONTENT, time_of};
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::store::{Desk, IndexState, Line};
use subrosa_proto::ContentId;

/// Lines of one step.
pub(super) const STEP: u64 = 500;
/// Lines that read otherwise, of one turn.
const DUE: u32 = 200;

impl Engine {
    /// Whether lines may wait for the index.
    #[must_use]
    pub const fn index_waits(&self) -> bool {
        self.index_waits
    }

    /// Takes smaller steps than it would.
    #[cfg(test)]
    pub(super) const fn index_in_steps_of(&mut self, lines: u64) {
        self.index_step_lines = lines;
    }

    /// Lines that read otherwise now are found as that.
    pub(super) fn index_due(&mut self, desk: &Desk<'_>) -> Result<(), EngineError> {
        let due = desk.take_due(DUE)?;
        self.index_waits |= due.len() as u64 >= u64::from(DUE);
        due.iter().try_for_each(|line| self.index(desk, line))
    }

    /// One step.
    pub(super) fn index_step(&mut self, turn: &Turn<'_>) -> Result<(), EngineError> {
        let desk = turn.desk;
        self.index_due(desk)?;
        let step = self.index_step_lines;
        let (state, last) = (desk.index_state()?, desk.last_cursor()?);
        let mut next = state;
        let mut lines = if state.high <= last {
            next.high = state.high.saturating_add(step).min(last + 1);
            desk.lines_within(state.high, next.high)?
        } else {
            next.low = state.low.saturating_sub(step);
            desk.lines_within(next.low + 1, state.low + 1)?
        };
        // The index takes in what goes up.
        lines.sort_by_cached_key(time_of);
        lines.iter().try_for_each(|line| self.index(desk, line))?;
        if next != state {
            desk.set_index_state(next)?;
        }
        self.index_waits = waits(next, last);
        Ok(())
    }

    fn index(&self, desk: &Desk<'_>, line: &Line) -> Result<(), EngineError> {
        let reads = match line.kind {
            LINE_CONTENT => self.reading_of(desk, line)?,
            _ => None,
        };
        let reads = reads.as_ref();
        let reads = reads.map(|(text, edit): &(String, Option<ContentId>)| (text.as_str(), *edit));
        Ok(desk.index_line(line, time_of(line), reads)?)
    }
}

const fn waits(state: IndexState, last: u64) -> bool {
    state.low > 0 || state.high <= last
}

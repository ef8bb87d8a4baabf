//! Limits that every engine holds, and the check of a request against them before any engine
//! looks at it (docs/spec/storage.md §5). Narrower limits are the server's business.

use super::{Append, Commit, Guard, Recipient, RecordKey, SideRow, Stage, StoreError, Write};
use std::collections::HashSet;

/// Most bytes that one request may bring: values, events, side rows.
pub const REQUEST_BYTES_MAX: usize = 8 << 20;
/// Most keys in one `get`, logs in one `heads`, guards, writes, events or attached rows in a request.
pub const REQUEST_ITEMS_MAX: usize = 4_096;
/// Most recipients whose side rows one `read` asks for.
pub const READ_RECIPIENTS_MAX: usize = 64;
/// Most records, events or rows in one page.
pub const PAGE_EVENTS_MAX: usize = 4_096;
/// Bytes after which a page ends.
pub const PAGE_BYTES_MAX: usize = 8 << 20;
/// Positions, counters and times stay below this, so that every engine can hold them.
pub const NUMBER_MAX: u64 = i64::MAX as u64;

type Checked = Result<(), StoreError>;

pub(super) fn number(n: u64) -> Checked {
    if n > NUMBER_MAX {
        Err(StoreError::Invalid("a number is too large"))
    } else {
        Ok(())
    }
}

pub(super) fn items(count: usize) -> Checked {
    if count > REQUEST_ITEMS_MAX {
        Err(StoreError::Invalid("too many items"))
    } else {
        Ok(())
    }
}

pub(super) fn recipients(recipients: &[Recipient]) -> Checked {
    if recipients.len() > READ_RECIPIENTS_MAX {
        return Err(StoreError::Invalid("too many recipients"));
    }
    Ok(())
}

/// How much of a page is left.
pub(super) struct Budget {
    count: usize,
    bytes: usize,
    begun: bool,
}

impl Budget {
    pub(super) fn new(count: usize, bytes: usize) -> Self {
        Self {
            count: count.min(PAGE_EVENTS_MAX),
            bytes: bytes.min(PAGE_BYTES_MAX),
            begun: false,
        }
    }

    /// Most items that can still come.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Takes an item of so many bytes onto the page, unless the page ends before it.
    pub(super) fn admit(&mut self, bytes: usize) -> bool {
        if self.count == 0 || (self.begun && bytes > self.bytes) {
            return false;
        }
        self.count -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        self.begun = true;
        true
    }
}

fn weight(bytes: usize) -> Result<usize, StoreError> {
    if bytes > REQUEST_BYTES_MAX {
        Err(StoreError::Invalid("the request is too large"))
    } else {
        Ok(bytes)
    }
}

fn rows_bytes<'a>(rows: impl Iterator<Item = &'a SideRow>) -> usize {
    rows.map(|row| row.bytes.len()).sum()
}

fn records(guards: &[Guard], writes: &[Write]) -> Result<usize, StoreError> {
    items(guards.len())?;
    items(writes.len())?;
    for guard in guards {
        guard.key.check()?;
    }
    let mut seen: HashSet<&RecordKey> = HashSet::with_capacity(writes.len());
    let mut bytes = 0;
    for write in writes {
        write.key.check()?;
        if !seen.insert(&write.key) {
            return Err(StoreError::Invalid(
                "a record is written twice in one request",
            ));
        }
        bytes += write.key.as_bytes().len() + write.value.as_ref().map_or(0, bytes::Bytes::len);
    }
    Ok(bytes)
}

impl Commit {
    /// Bytes it brings, if it keeps the rules.
    pub(super) fn check(&self) -> Result<usize, StoreError> {
        number(self.now_ms)?;
        number(self.idem.map_or(0, |idem| idem.counter))?;
        if self.writes.is_empty() {
            return Err(StoreError::Invalid("a commit writes nothing"));
        }
        weight(records(&self.guards, &self.writes)?)
    }
}

impl Append {
    /// Bytes it brings, if it keeps the rules.
    pub(super) fn check(&self) -> Result<usize, StoreError> {
        number(self.now_ms)?;
        number(self.idem.counter)?;
        if self.events.is_empty() && self.attach.is_empty() {
            return Err(StoreError::Invalid("an append brings nothing"));
        }
        items(self.events.len())?;
        items(self.attach.len())?;
        let mut bytes = records(&self.guards, &self.writes)?;
        let mut taken = HashSet::new();
        for event in &self.events {
            items(event.side.len())?;
            bytes += event.bytes.len() + rows_bytes(event.side.iter());
            if let Some(staged) = &event.staged {
                items(staged.recipients.len())?;
                if !taken.insert(staged.key) {
                    return Err(StoreError::Invalid(
                        "staged rows are taken twice in one request",
                    ));
                }
            }
        }
        weight(bytes + rows_bytes(self.attach.iter().map(|attach| &attach.row)))
    }
}

impl Stage {
    /// Bytes it brings, if it keeps the rules.
    pub(super) fn check(&self) -> Result<usize, StoreError> {
        number(self.now_ms)?;
        items(self.rows.len())?;
        weight(rows_bytes(self.rows.iter()))
    }
}

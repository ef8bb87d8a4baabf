//! The index of words: what stands in it, what has to go in, and what is found.
//!
//! Lines go in some time after they came, many at once. What leaves a line leaves the index with it: triggers see to
//! that, so no way by which a text can go has to think of the index.

use super::desk::{signed, unsigned};
use super::reading::{COLUMNS, Line};
use super::{Desk, StoreError};
use crate::search::{each_word, has_link};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};
use subrosa_e2e::Content;
use subrosa_proto::{AccountId, ContentId};

/// Places by time begin here: 2020-01-01, Unix seconds.
const EPOCH_S: u64 = 1_577_836_800;
/// Places of one second; who finds them taken takes a later one.
const PLACES: u64 = 32;
/// Further places that are looked at.
const PLACES_TRIED: i64 = 1 << 40;
/// How much later than its time a line may stand in the index and still be found by it.
const CROWD_MS: u64 = 60 * 60 * 1_000;
/// Marks of conversations and authors are single characters of the private planes, so that no word is one of them and the
/// index of beginnings does not hold them. There are fewer of them than there may be accounts: what is found is looked at again.
const MARKS: u64 = 65_000;

/// How far the index has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IndexState {
    /// Lines up to here are still to be taken in, the newest first.
    pub low: u64,
    /// Lines from here on likewise, the oldest first.
    pub high: u64,
}

/// What is to be found; all of it has to hold.
#[derive(Debug, Default)]
pub struct Sought {
    /// An expression for the index; empty when only the time counts.
    pub expression: String,
    /// Not before, Unix milliseconds.
    pub after_ms: Option<u64>,
    /// Before, Unix milliseconds.
    pub before_ms: Option<u64>,
    /// Only places below this one.
    pub below: Option<u64>,
}

/// A line and its place in the index.
pub struct Found {
    /// The place.
    pub key: u64,
    /// The line.
    pub line: Line,
}

/// The word that stands for a conversation.
pub fn conversation_mark(no: i64) -> char {
    mark(0x10_0000, no.unsigned_abs())
}

/// The word that stands for an author.
pub fn author_mark(account: &AccountId) -> char {
    let mut eight = [0; 8];
    eight
        .iter_mut()
        .zip(account.as_bytes())
        .for_each(|(to, from)| *to = *from);
    mark(0xf_0000, u64::from_be_bytes(eight))
}

/// Stands in a text with a link.
pub const LINK_MARK: char = '\u{e000}';
/// Stands for a file.
pub const FILE_MARK: char = '\u{e001}';

fn mark(first: u32, number: u64) -> char {
    let place = u32::try_from(number % MARKS).unwrap_or(0);
    char::from_u32(first + place).unwrap_or(LINK_MARK)
}

/// What the index holds of a text: its words, and marks for where it stands.
fn index_words(conversation: i64, account: &AccountId, text: &str) -> String {
    let mut all = String::with_capacity(text.len() + 16);
    all.push(conversation_mark(conversation));
    all.push(' ');
    all.push(author_mark(account));
    if has_link(text) {
        all.push(' ');
        all.push(LINK_MARK);
    }
    each_word(text, |form, _, _| {
        all.push(' ');
        all.push_str(form);
    });
    all
}

/// Makes `index_words` known to a connection: the triggers of the schema call it.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("index_words", 3, flags, |context: &mut Context<'_>| {
        let conversation = context.get::<i64>(0)?;
        let account = AccountId(context.get::<[u8; 32]>(1)?);
        // A line holds a content, an edit its text.
        Ok(match context.get_raw(2) {
            ValueRef::Text(text) => {
                index_words(conversation, &account, &String::from_utf8_lossy(text))
            }
            ValueRef::Blob(body) => {
                let content = Content::decode(&bytes::Bytes::copy_from_slice(body));
                let text = content.as_ref().ok().and_then(Content::text);
                index_words(conversation, &account, text.unwrap_or_default())
            }
            _ => String::new(),
        })
    })
}

/// The first place of a time.
fn place_of(time_ms: u64) -> i64 {
    signed(
        (time_ms / 1_000)
            .saturating_sub(EPOCH_S)
            .saturating_mul(PLACES),
    )
}

impl Desk<'_> {
    /// How far the index has come. A home that had none before begins with its newest line.
    ///
    /// # Errors
    /// The store fails.
    pub fn index_state(&self) -> Result<IndexState, StoreError> {
        let low = self.fact::<u64>("index-low")?;
        let high = self.fact::<u64>("index-high")?;
        if let (Some(low), Some(high)) = (low, high) {
            return Ok(IndexState { low, high });
        }
        let last = self.last_cursor()?;
        let state = IndexState {
            low: last,
            high: last + 1,
        };
        self.set_index_state(state)?;
        Ok(state)
    }

    /// Remembers it.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_index_state(&self, state: IndexState) -> Result<(), StoreError> {
        self.set_fact("index-low", &state.low)?;
        self.set_fact("index-high", &state.high)
    }

    /// About how many lines wait for the index.
    ///
    /// # Errors
    /// The store fails.
    pub fn unindexed(&self, state: IndexState) -> Result<u64, StoreError> {
        let due: i64 = self
            .sql
            .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM found_due LIMIT 1000)")?
            .query_row([], |row| row.get(0))?;
        let new = (self.last_cursor()? + 1).saturating_sub(state.high);
        Ok(unsigned(due) + new + state.low)
    }

    /// Lines that read otherwise now; they are not due any more.
    ///
    /// # Errors
    /// The store fails.
    pub fn take_due(&self, limit: u32) -> Result<Vec<Line>, StoreError> {
        let due: Vec<i64> = self
            .sql
            .prepare_cached("SELECT cursor FROM found_due LIMIT ?1")?
            .query_map([limit], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut lines = Vec::new();
        for cursor in due {
            self.sql
                .prepare_cached("DELETE FROM found_due WHERE cursor = ?1")?
                .execute([cursor])?;
            lines.extend(self.line(unsigned(cursor))?);
        }
        Ok(lines)
    }

    /// Lines with texts from a cursor (inclusive) to another (exclusive); not those that are shown ahead, which come again.
    ///
    /// # Errors
    /// The store fails.
    pub fn lines_within(&self, from: u64, to: u64) -> Result<Vec<Line>, StoreError> {
        self.lines(
            &format!(
                "SELECT {COLUMNS} FROM timeline WHERE cursor >= ?1 AND cursor < ?2 AND kind = 0 AND NOT checking"
            ),
            params![signed(from), signed(to)],
        )
    }

    /// Takes a line in as it reads now: `text`, which is that of an edit when one is named. `None` takes it out.
    ///
    /// # Errors
    /// The store fails.
    pub fn index_line(
        &self,
        line: &Line,
        time_ms: u64,
        reads: Option<(&str, Option<ContentId>)>,
    ) -> Result<(), StoreError> {
        self.unindex(line)?;
        let Some((text, edit)) = reads else {
            return Ok(());
        };
        let key = self.free_place(place_of(time_ms))?;
        let words = index_words(line.conversation, &line.account, text);
        self.sql
            .prepare_cached("INSERT INTO found (rowid, words) VALUES (?1, ?2)")?
            .execute((key, words))?;
        self.sql
            .prepare_cached("INSERT INTO found_line (key, cursor, edit) VALUES (?1, ?2, ?3)")?
            .execute((key, signed(line.cursor), edit.map(|edit| edit.0)))?;
        Ok(())
    }

    /// Takes a line out.
    fn unindex(&self, line: &Line) -> Result<(), StoreError> {
        let mut there = self
            .sql
            .prepare_cached("SELECT 1 FROM found_line WHERE cursor = ?1")?;
        if !there.exists([signed(line.cursor)])? {
            return Ok(());
        }
        self.sql
            .prepare_cached(
                "INSERT INTO found (found, rowid, words)
                 SELECT 'delete', key, index_words(?2, ?3, coalesce(body, ?4)) FROM found_line
                 LEFT JOIN amendment ON conversation = ?2 AND account = ?3 AND content = edit WHERE found_line.cursor = ?1",
            )?
            .execute(params![
                signed(line.cursor),
                line.conversation,
                line.account.as_bytes(),
                &line.body[..],
            ])?;
        self.sql
            .prepare_cached("DELETE FROM found_line WHERE cursor = ?1")?
            .execute([signed(line.cursor)])?;
        Ok(())
    }

    /// A place that nobody has, at a time or as soon after it as there is room behind those that came before.
    fn free_place(&self, first: i64) -> Result<i64, StoreError> {
        let mut last = self
            .sql
            .prepare_cached("SELECT max(key) FROM found_line WHERE key >= ?1 AND key < ?2")?;
        let mut room = signed(PLACES);
        while room < PLACES_TRIED {
            let end = first.saturating_add(room);
            let taken: Option<i64> = last.query_row((first, end), |row| row.get(0))?;
            let next = taken.map_or(first, |taken| taken + 1);
            if next < end {
                return Ok(next);
            }
            room *= 4;
        }
        Err(StoreError::Shape("places of the index"))
    }

    /// The places of what is found, the newest first.
    ///
    /// # Errors
    /// The store fails.
    pub fn find_places(&self, sought: &Sought, limit: u32) -> Result<Vec<u64>, StoreError> {
        let from = sought.after_ms.map_or(i64::MIN, place_of);
        // Some lines of a crowded second stand later than their time: each is looked at again.
        let to = match (sought.before_ms, sought.below) {
            (_, Some(below)) => signed(below),
            (Some(before), None) => place_of(before.saturating_add(CROWD_MS)),
            (None, None) => i64::MAX,
        };
        let place = |row: &rusqlite::Row<'_>| row.get(0).map(unsigned);
        if sought.expression.is_empty() {
            let mut all = self
                .sql
                .prepare_cached("SELECT key FROM found_line WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3")?;
            let places = all.query_map((from, to, limit), place)?;
            return Ok(places.collect::<Result<_, _>>()?);
        }
        let mut matching = self.sql.prepare_cached(
            "SELECT rowid FROM found WHERE found MATCH ?4 AND rowid >= ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3",
        )?;
        let places = matching.query_map((from, to, limit, &sought.expression), place)?;
        Ok(places.collect::<Result<_, _>>()?)
    }

    /// What is found, the newest first.
    ///
    /// # Errors
    /// The store fails.
    pub fn find(&self, sought: &Sought, limit: u32) -> Result<Vec<Found>, StoreError> {
        let keys = self.find_places(sought, limit)?;
        let mut place = self
            .sql
            .prepare_cached("SELECT cursor FROM found_line WHERE key = ?1")?;
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let cursor: Option<i64> = place
                .query_row([signed(key)], |row| row.get(0))
                .optional()?;
            let line = cursor
                .map(|cursor| self.line(unsigned(cursor)))
                .transpose()?;
            if let Some(line) = line.flatten() {
                found.push(Found { key, line });
            }
        }
        Ok(found)
    }

    /// The index as it is stored.
    #[cfg(test)]
    pub fn index_pages(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut pages = self.sql.prepare("SELECT block FROM found_data")?;
        let pages = pages.query_map([], |row| row.get(0))?;
        Ok(pages.collect::<Result<_, _>>()?)
    }

    /// Begins the index anew: all lines wait for it.
    ///
    /// # Errors
    /// The store fails.
    pub fn empty_index(&self) -> Result<(), StoreError> {
        self.sql.execute_batch(
            "INSERT INTO found (found) VALUES ('delete-all'); DELETE FROM found_line; DELETE FROM found_due;",
        )?;
        let last = self.last_cursor()?;
        self.set_index_state(IndexState {
            low: last,
            high: last + 1,
        })
    }

    /// Whether the index is sound in itself.
    ///
    /// # Errors
    /// The store fails, or the index is damaged.
    pub fn check_index(&self) -> Result<(), StoreError> {
        self.sql
            .execute("INSERT INTO found (found) VALUES ('integrity-check')", [])?;
        Ok(())
    }
}

//! What a search shows.

use crate::view::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HitView {
    /// The message, as it reads now.
    pub row: Row,
    /// The part of its text around what was found, on one line: line ends and runs of spaces are one space. Whole when it is
    /// short; `…` stands where something was left out.
    pub excerpt: String,
    /// What was found in the excerpt: bytes from (inclusive) and to (exclusive) of its UTF-8, ascending, apart from each other,
    /// and on character boundaries. Empty when the query has filters only.
    pub marks: Vec<(usize, usize)>,
}

/// How far back a search reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reach {
    /// Messages that are here and were not searched, since the index has not come to them yet.
    pub unindexed: u64,
    /// Events of the history that the server has and this home has not; 0 when all is here.
    pub missing: u64,
}

impl Reach {
    /// Whether everything was searched that there is.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.unindexed == 0 && self.missing == 0
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SearchView {
    /// Newest first.
    pub hits: Vec<HitView>,
    /// What `before` of the next page is; absent when there is none.
    pub next: Option<u64>,
    /// How far back it reached.
    pub reach: Reach,
}

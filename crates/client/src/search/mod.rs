//! Searching: what is a word, what a query means, and where in a text it is found.
//!
//! The index of the store and the marks in an excerpt speak of the same words, so what is found is
//! also what is marked (docs/decisions/0022-the-index-of-words.md).

mod excerpt;
mod query;
mod view;
mod words;

pub(crate) use excerpt::{excerpt, found};
pub(crate) use query::Query;
pub use view::{HitView, Reach, SearchView};
pub(crate) use words::{each_word, has_link};

//! What is lost by going on with a server that was restored from a copy, and what proves that a
//! server told two stories, as faces see it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A conversation of which the server has another end than this home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LossView {
    /// As people name it.
    pub conversation: String,
    /// Up to this position both are the same.
    pub common: u64,
    /// Events of this home behind it, which the server does not have.
    pub events: u64,
    /// One's own messages among them: they are sent again.
    pub own: u64,
    /// Messages of others: they stay here, and their authors' homes send them again.
    pub others: u64,
    /// Changes that do not count any more, in words: removals, revocations.
    pub undone: Vec<String>,
    /// Whether the conversation goes on with the server's log now.
    pub done: bool,
}

/// This account's list of devices as this home knows it, and what adds this device to another list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnChainView {
    /// The account's chain, encoded (docs/spec/ledger.md §4.5).
    pub chain: Vec<u8>,
    /// This device's id, hexadecimal.
    pub device: String,
    /// What it calls itself.
    pub label: String,
    /// Its newest prekey, encoded and signed by it.
    pub prekey: Option<Vec<u8>>,
}

/// Evidence of a contradiction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceView {
    /// The conversation or person, as people name it.
    pub about: String,
    /// What it shows.
    pub sentences: Vec<String>,
    /// Whether it proves that by itself.
    pub proven: bool,
    /// The file, to be given to others.
    pub file: Vec<u8>,
}

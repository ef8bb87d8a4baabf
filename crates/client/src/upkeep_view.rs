//! What faces ask about the home itself, and what they are shown of it.

use crate::store::{Desk, StoreError};
use crate::view::{LinkState, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Commands about the home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum UpkeepCommand {
    /// The state of one message. Answered by `Why`.
    Why {
        /// In which conversation.
        conversation: String,
        /// Its content id or the beginning of it, or `@` and its cursor.
        id: String,
    },
    /// Whether the store is sound, and what is known of the server. Answered by `Health`.
    Health {},
    /// What takes room in the store. Answered by `Storage`.
    Storage {
        /// Gives back to the disk what is not needed.
        #[serde(default)]
        free: bool,
    },
    /// Signs an export. Answered by `Signature`.
    SignExport {
        /// SHA-256 of its manifest, hexadecimal.
        digest: String,
    },
}

/// One thing that is known of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhyFact {
    /// Its name, one of `state`, `author`, `written`, `arrived`, `place`, `session`, `key`, `missing`, `waits`, `member`, `disappears`,
    /// `edits`; more may come.
    pub what: String,
    /// In words.
    pub says: String,
}

/// The state of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhyView {
    /// As it is shown.
    pub row: Row,
    /// In the order in which they are told.
    pub facts: Vec<WhyFact>,
}

/// The state of a home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthView {
    /// The link.
    pub link: LinkState,
    /// By how much the server's clock was ahead of this one at the last login of this owner, milliseconds; absent when there was none.
    pub ahead_ms: Option<i64>,
    /// What is wrong in the store, in the words of its checks; empty when it is sound.
    pub damage: Vec<String>,
    /// Whether the index of words is sound.
    pub index_sound: bool,
    /// Messages whose key is not here.
    pub waiting_for_key: u64,
    /// Messages not yet on the server's disk.
    pub outbox: u64,
    /// The protocol version that the server speaks.
    pub protocol: u16,
    /// Why this device is over, once the server has said that it is.
    pub ended: Option<String>,
}

/// A part of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoragePart {
    /// What is in it, in words.
    pub what: String,
    /// Bytes.
    pub bytes: u64,
}

/// What takes room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StorageView {
    /// The largest first.
    pub parts: Vec<StoragePart>,
    /// Bytes in the file that nothing uses.
    pub unused: u64,
    /// Bytes that were given back to the disk.
    pub freed: u64,
}

impl StorageView {
    pub(crate) fn of(desk: &Desk<'_>) -> Result<Self, StoreError> {
        let (parts, unused) = desk.sizes()?;
        let parts = parts.into_iter().map(|(what, bytes)| StoragePart {
            what: what.to_owned(),
            bytes,
        });
        let mut parts: Vec<_> = parts.collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
        Ok(Self {
            parts,
            unused,
            freed: 0,
        })
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum::<u64>() + self.unused
    }
}

//! What faces ask about consumers: whoever has something done for each message, once it is decrypted and until it is
//! said to be done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Commands about consumers. `name` is what their person calls them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum ConsumerCommand {
    /// A consumer comes to its work, the first time with what is written from then on. Answered by `Consumer`.
    Open {
        /// Which.
        name: String,
        /// In which conversation; in all when absent.
        conversation: Option<String>,
        /// Whether for one's own messages too.
        #[serde(default)]
        own: bool,
    },
    /// What is still to be done, in the order of arrival. Answered by `Rows`.
    Pending {
        /// For whom.
        name: String,
        /// Only rows with a larger cursor.
        #[serde(default)]
        since: u64,
        /// At most so many.
        #[serde(default = "crate::command::page_rows")]
        limit: u32,
    },
    /// One row's work is done. Answered by `Done`.
    Done {
        /// For whom.
        name: String,
        /// The row's cursor.
        cursor: u64,
    },
    /// All consumers. Answered by `Consumers`.
    List {},
    /// A consumer is forgotten, with all that it has still to do. Answered by `Done`.
    Forget {
        /// Which.
        name: String,
    },
}

/// A consumer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsumerView {
    /// What its person calls it.
    pub name: String,
    /// In which conversation; in all when absent.
    pub conversation: Option<String>,
    /// Whether for one's own messages too.
    pub own: bool,
    /// How many rows wait for it.
    pub pending: u64,
}

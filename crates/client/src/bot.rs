//! What faces ask about bots. It crosses the home's socket as JSON, like the other commands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a bot may do in one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BotGrant {
    /// The room, as people type it.
    pub room: String,
    /// Whether it may write there.
    pub post: bool,
    /// Whether it may read there.
    pub read: bool,
}

/// Commands about bots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum BotCommand {
    /// Makes a bot of this account and puts it into its rooms. Answered by `Invite`: its line works once.
    New {
        /// Its account name.
        name: String,
        /// Its rooms. Beside them it has the direct conversation with its owner.
        #[serde(default)]
        can: Vec<BotGrant>,
    },
    /// This account's bots. Answered by `Bots`.
    List {},
    /// Ends a bot: its line, its device, its place in rooms. Answered by `Done`.
    End {
        /// Which.
        name: String,
    },
}

/// How far a bot has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BotState {
    /// Its line waits to be used.
    Waiting,
    /// Its line has expired unused.
    Expired,
    /// It has its home.
    Joined,
}

/// A bot of this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BotView {
    /// Its account name.
    pub name: String,
    /// Account id, hexadecimal.
    pub account: String,
    /// What it may do.
    pub can: Vec<BotGrant>,
    /// How far it has come.
    pub state: BotState,
    /// When it was made, Unix milliseconds.
    pub created_ms: u64,
    /// Until when its line is good, Unix milliseconds.
    pub expires_ms: u64,
}

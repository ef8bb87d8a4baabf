//! What faces show of people's keys, and what may be asked about them.

use crate::view::Trust;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an account stands to its name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The name means this account.
    #[default]
    Holder,
    /// It came under a name that means another, and nobody has decided.
    Newcomer,
    /// The name meant it until the person took a newcomer for it.
    Former,
    /// The person decided that the name does not mean it.
    Refused,
}

/// Who held whose invite line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// They came by a line of this account.
    Ours,
    /// This account came by a line of theirs.
    Theirs,
}

/// A device of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyDevice {
    /// What its owner calls it; may hold any characters.
    pub label: String,
    /// Device id, hexadecimal.
    pub device: String,
    /// Whether it was added after the safety numbers were compared.
    pub since_verified: bool,
}

/// What is known of one account of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustView {
    /// As people name it here: `bob`, or `bob~new` for another account that came under a known name.
    pub name: String,
    /// Account id, hexadecimal: it stands for the identity key.
    pub account: String,
    /// What is known of the person.
    pub trust: Trust,
    /// How it stands to its name.
    pub standing: Standing,
    /// Who held whose invite line, if one did.
    pub line: Option<Line>,
    /// When safety numbers were compared, Unix milliseconds.
    pub verified_ms: Option<u64>,
    /// When this home last saw its devices change, Unix milliseconds.
    pub changed_ms: Option<u64>,
    /// Its devices.
    pub devices: Vec<KeyDevice>,
    /// Whether this account's person has blocked it.
    pub blocked: bool,
    /// What is wrong, in one sentence.
    pub problem: Option<String>,
    /// What mends it, or makes it better: a command.
    pub fix: Option<String>,
}

/// How safety numbers are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// They are shown only.
    Show,
    /// With the digits that the other person reads out.
    Number(String),
    /// With what a scanner read from the other person's screen.
    Code(String),
    /// The person has compared them.
    Mark,
    /// The person takes that back.
    Unmark,
}

/// What is asked about people's keys and names, and about settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum About {
    /// Shows or compares safety numbers. Answered by `Verification`.
    Verify {
        /// Of whom.
        contact: String,
        /// How.
        comparison: Comparison,
    },
    /// What is known of somebody's key, or of everybody's. Answered by `Trust`.
    Trust {
        /// Of whom.
        contact: Option<String>,
    },
    /// Whom a name means from now on. Answered by `Trust`.
    DecideName {
        /// The name.
        contact: String,
        /// The account that the server shows now, rather than the one known here.
        accept_new: bool,
    },
    /// Takes it that somebody has joined two lists of devices. Answered by `Trust`.
    AcceptMerge {
        /// Who.
        contact: String,
    },
    /// Blocks somebody or ends that. Answered by `Done`.
    Block {
        /// Whom.
        contact: String,
        /// Whether.
        blocked: bool,
    },
    /// Mutes a conversation or ends that. Answered by `Done`.
    Mute {
        /// Which.
        conversation: String,
        /// Whether.
        muted: bool,
    },
    /// The settings. Answered by `Settings`.
    Settings {},
    /// Changes a setting. Answered by `Settings`.
    Set {
        /// Which.
        name: String,
        /// To what.
        value: String,
    },
}

/// What two people compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerificationView {
    /// As people name the other here.
    pub name: String,
    /// Account id, hexadecimal.
    pub account: String,
    /// 60 digits in 12 groups, the same for both.
    pub safety_number: String,
    /// The same as the text of a QR code.
    pub code: String,
    /// What is known of the person now.
    pub trust: Trust,
    /// When they were compared, Unix milliseconds.
    pub verified_ms: Option<u64>,
}

/// A setting of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingView {
    /// How it is named.
    pub name: String,
    /// What it is set to.
    pub value: String,
    /// What it may be set to.
    pub values: Vec<String>,
    /// What it does, in one sentence.
    pub about: String,
}

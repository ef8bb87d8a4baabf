//! What faces ask about rooms, and the rows of a room. They cross the home's socket as JSON, like
//! the other commands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomRole {
    /// Everything, membership included.
    Admin,
    /// Reads and writes.
    Member,
    /// Writes and cannot read.
    Poster,
}

/// Commands about rooms. `room` is what people type: `#ops`; `people` are account names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum RoomCommand {
    /// Makes a room. Answered by `Room`.
    Create {
        /// What it is called.
        name: String,
        /// What it is about; empty for nothing.
        #[serde(default)]
        topic: String,
        /// Whether further devices of its members can read its history. For good.
        #[serde(default = "crate::command::yes")]
        archive: bool,
        /// Whether plain members may add others.
        #[serde(default)]
        members_add: bool,
        /// Who is added at once.
        #[serde(default)]
        people: Vec<String>,
    },
    /// All rooms. Answered by `Rooms`.
    List {},
    /// One room. Answered by `Room`.
    Show {
        /// Which.
        room: String,
    },
    /// Adds people. Answered by `Done`.
    Add {
        /// To which.
        room: String,
        /// Whom.
        people: Vec<String>,
        /// As what.
        role: RoomRole,
    },
    /// Removes people. Answered by `Done`.
    Remove {
        /// From which.
        room: String,
        /// Whom.
        people: Vec<String>,
    },
    /// Changes what members may do. Answered by `Done`.
    Role {
        /// In which.
        room: String,
        /// Who.
        people: Vec<String>,
        /// What they are then.
        role: RoomRole,
    },
    /// Leaves. Answered by `Done`.
    Leave {
        /// Which.
        room: String,
    },
    /// Ends a room for everybody. Answered by `Done`.
    Close {
        /// Which.
        room: String,
    },
    /// Changes name or topic for everybody. Answered by `Done`.
    Title {
        /// Of which.
        room: String,
        /// The new name.
        name: Option<String>,
        /// The new topic; empty for none.
        topic: Option<String>,
    },
    /// Changes the rules. Answered by `Done`.
    Policy {
        /// Of which.
        room: String,
        /// Whether plain members may add others.
        members_add: Option<bool>,
        /// Message timer step, 0 for none.
        timer: Option<u8>,
    },
    /// Changes the name that this home has for a room, and nothing for others. Answered by `Room`.
    Rename {
        /// Which.
        room: String,
        /// The new name here.
        name: String,
    },
    /// A new invite line whose holder is added to the room. Answered by `Invite`.
    Invite {
        /// To which.
        room: String,
    },
}

impl RoomCommand {
    /// The room that is named, if one is.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        match self {
            Self::Create { .. } | Self::List {} => None,
            Self::Show { room }
            | Self::Add { room, .. }
            | Self::Remove { room, .. }
            | Self::Role { room, .. }
            | Self::Leave { room }
            | Self::Close { room }
            | Self::Title { room, .. }
            | Self::Policy { room, .. }
            | Self::Rename { room, .. }
            | Self::Invite { room } => Some(room),
        }
    }

    /// The people who are named.
    #[must_use]
    pub fn people(&self) -> &[String] {
        match self {
            Self::Create { people, .. }
            | Self::Add { people, .. }
            | Self::Remove { people, .. }
            | Self::Role { people, .. } => people,
            _ => &[],
        }
    }
}

/// How this account stands in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomStanding {
    /// It has been asked and has not accepted.
    Asked,
    /// It is a member.
    In,
    /// It is no member any more.
    Out,
}

/// A room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomView {
    /// As this home names it.
    pub name: String,
    /// Its id, hexadecimal.
    pub conv: String,
    /// What its admins call it; absent as long as this device has not read it.
    pub title: Option<String>,
    /// What it is about.
    pub topic: Option<String>,
    /// How this account stands in it.
    pub standing: RoomStanding,
    /// What this account may do, while it is a member or asked.
    pub role: Option<RoomRole>,
    /// Who added this account, where that is known.
    pub added_by: Option<String>,
    /// Whether further devices of its members can read its history.
    pub archive: bool,
    /// Whether plain members may add others.
    pub members_add: bool,
    /// Message timer step, 0 for none.
    pub timer: u8,
    /// Whether it was ended.
    pub closed: bool,
    /// Messages not yet read.
    pub unread: u64,
    /// Its members.
    pub members: Vec<MemberView>,
}

/// A member of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberView {
    /// The account name.
    pub name: String,
    /// Account id, hexadecimal.
    pub account: String,
    /// What it may do.
    pub role: RoomRole,
    /// Whether it was asked and has not accepted yet.
    pub pending: bool,
    /// Live devices, as far as this home may know them.
    pub devices: u64,
    /// Whose bot it is, if it is one, as far as that is proved here.
    pub bot_of: Option<String>,
}

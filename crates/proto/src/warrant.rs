//! What a bot may do, and whose it is (docs/spec/ledger.md §4.7).

use crate::{AccountId, ConvId, DeviceId};

record! {
    /// One room that a bot may use.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Grant {
        /// The room.
        pub conv: ConvId,
        /// Whether it may write there.
        pub post: bool,
        /// Whether it receives keys there.
        pub read: bool,
    }
}

record! {
    /// What the owner's device signs (label `warrant`) and the bot's chain carries.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Warrant {
        /// Whose bot it is.
        pub owner: AccountId,
        /// The owner's device that signed.
        pub device: DeviceId,
        /// The bot.
        pub bot: AccountId,
        /// Its rooms. Beside them it has the direct conversation with its owner.
        pub grants: Vec<Grant>,
    }
}

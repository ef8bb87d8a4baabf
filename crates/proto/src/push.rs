//! What the server says unasked (docs/spec/ledger.md §10).

use crate::{AccountId, ConvId, DeviceId, HashHead, Page, Signed};

choice! {
    /// Pushes.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Push {
        /// The next events of a followed conversation.
        0 => Events { page: Page },
        /// The account is in a conversation that this connection does not follow yet.
        1 => Joined { conv: ConvId },
        /// A receipt register of a member in a followed conversation.
        2 => Receipt { conv: ConvId, register: Signed },
        /// The chain of an account that shares a conversation has grown.
        3 => Chain { account: AccountId, head: HashHead },
        /// The server closes the connection now.
        4 => Closing {},
        /// A member of a followed conversation types, or has stopped.
        5 => Typing { conv: ConvId, register: Signed },
        /// A device has no box that opens of a session of this account's: the one that opened it may make one anew.
        6 => BoxWanted { conv: ConvId, position: u64, account: AccountId, device: DeviceId },
    }
}

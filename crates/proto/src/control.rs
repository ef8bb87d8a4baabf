//! Control events: who is in a conversation (docs/spec/ledger.md §7).

use crate::{AccountId, Nonce, Signed};
use bytes::Bytes;

numbered! {
    /// What kind of conversation a create event opens.
    pub enum Form {
        /// One account's own devices.
        Own = 0,
        /// Two accounts, for good.
        Direct = 1,
        /// Any number of accounts.
        Room = 2,
    }
}

numbered! {
    /// What a member may do.
    pub enum Role {
        /// Everything, membership included.
        Admin = 0,
        /// Reads and writes.
        Member = 1,
        /// Writes, is no recipient of keys and cannot read.
        Poster = 2,
    }
}

choice! {
    /// The body of a control event. Never sealed: server and members judge it alike.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Control {
        /// Opens the conversation; its event hash is the conversation's id.
        0 => Create {
            /// Makes the id unpredictable.
            nonce: Nonce,
            /// The kind of conversation.
            form: Form,
            /// Whether keys are sealed to the members' history keys too. Fixed for good.
            archive: bool,
            /// The other account of a direct conversation.
            peer: Option<AccountId>,
            /// Shows that the author holds the peer's invite line: HMAC(…, `invite-mac` ‖ peer ‖ author).
            invite: Option<[u8; 32]>,
        },
        /// Adds an account to a room.
        1 => Add {
            /// Who.
            account: AccountId,
            /// As what.
            role: Role,
            /// Whether it has yet to accept.
            pending: bool,
        },
        /// The author, until now pending, joins.
        2 => Accept {},
        /// Removes an account.
        3 => Remove {
            /// Who.
            account: AccountId,
        },
        /// Raises or lowers a member's role.
        4 => SetRole {
            /// Who.
            account: AccountId,
            /// To what.
            role: Role,
        },
        /// The author leaves.
        5 => Leave {},
        /// Changes the rules of a room.
        6 => Policy {
            /// Whether plain members may add.
            members_add: bool,
            /// Message timer step, 0 for none.
            timer: u8,
        },
        /// Carries a `device_revoke` statement or a logout verbatim: the device is dead from here on.
        7 => Revoke {
            /// Whose device.
            account: AccountId,
            /// The signed statement, or the signed prekey with [`crate::LOGOUT_ID`].
            statement: Signed,
            /// Whether it is a logout.
            logout: bool,
        },
        /// Ends a room.
        8 => Close {},
        /// Reserved: an invite for many uses, with a key of its own.
        9 => Link {
            /// Ed25519 key of the link.
            key: [u8; 32],
            /// Reserved.
            terms: Bytes,
        },
    }
}

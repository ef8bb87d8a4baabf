//! Account chains and prekeys (docs/spec/ledger.md §4).

use crate::{AccountId, DeviceId, Name, Signed, StatementHash};
use bytes::Bytes;

/// The id of the prekey statement by which a device logs itself out.
pub const LOGOUT_ID: u64 = u64::MAX;

record! {
    /// One statement of an account chain, signed by the identity key (label `statement`).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Statement {
        /// The account that speaks.
        pub account: AccountId,
        /// Number of the statement, from 0 without gaps.
        pub seq: u64,
        /// Hash of the statement before; zeros in the genesis.
        pub prev: StatementHash,
        /// What is stated.
        pub op: StatementOp,
    }
}

choice! {
    /// What a statement says.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum StatementOp {
        /// The first statement: the identity key, whose hash is the account id, and the name.
        0 => Genesis {
            /// Ed25519 identity key.
            identity: [u8; 32],
            /// The account's name.
            name: Name,
        },
        /// Certifies a device.
        1 => DeviceAdd {
            /// The device's Ed25519 key.
            device: DeviceId,
            /// What its owner calls it, at most 64 bytes.
            label: String,
        },
        /// Ends a device for good.
        2 => DeviceRevoke {
            /// The device.
            device: DeviceId,
        },
        /// Certifies a generation of the history key.
        3 => HistoryKey {
            /// Number of the generation, from 1.
            generation: u64,
            /// X-Wing public key, 1,216 bytes.
            key: Bytes,
        },
        /// Says which bundle is the current one.
        4 => Vault {
            /// Version of the bundle, from 1.
            version: u64,
            /// Its hash (label `bundle`).
            hash: [u8; 32],
        },
        /// Heals a fork: names the other branch's head.
        5 => Merge {
            /// Hash of the other branch's last statement.
            other: StatementHash,
        },
        /// Says that the account is a bot, whose, and what it may do.
        6 => Bot {
            /// A [`crate::Warrant`], signed by a device of the owner (label `warrant`).
            warrant: Signed,
        },
    }
}

record! {
    /// A device's key for boxes, signed by the device (label `prekey`).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Prekey {
        /// The account.
        pub account: AccountId,
        /// The device.
        pub device: DeviceId,
        /// Rises with every prekey of the device; [`LOGOUT_ID`] logs it out.
        pub id: u64,
        /// X-Wing public key, 1,216 bytes; empty at logout.
        pub key: Bytes,
        /// When senders stop using it, Unix milliseconds.
        pub expires_ms: u64,
    }
}

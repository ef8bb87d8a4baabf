//! Receipt registers: how far a device has come (docs/spec/e2e.md §7).

use crate::{AccountId, ConvId, DeviceId, SessionId};
use bytes::Bytes;

record! {
    /// One replaceable value for each conversation and device, signed by the device (label `register`).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Register {
        /// The conversation.
        pub conv: ConvId,
        /// The account.
        pub account: AccountId,
        /// The device, which signs.
        pub device: DeviceId,
        /// The log position the device had seen when it wrote this; never falls.
        pub at: u64,
        /// The session whose key seals the rest.
        pub session: SessionId,
        /// Fresh and random.
        pub salt: [u8; 16],
        /// Sealed [delivered to, read to].
        pub sealed: Bytes,
    }
}

//! Names of things: fixed-length identifiers and account names (docs/spec/ledger.md §2).

use crate::codec::{CodecError, Reader, Wire, Writer};
use data_encoding::HEXLOWER;
use std::fmt;

macro_rules! id {
    ($($(#[$meta:meta])* $name:ident[$len:literal]),* $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);
        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;
            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] { &self.0 }
            /// Reads the hexadecimal form that [`fmt::Display`] writes.
            #[must_use]
            pub fn from_hex(text: &str) -> Option<Self> {
                HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&HEXLOWER.encode(&self.0)) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let hex = HEXLOWER.encode(&self.0);
                write!(f, concat!(stringify!($name), "({:.8})"), hex)
            }
        }
        impl Wire for $name {
            fn write(&self, out: &mut Writer) { out.bytes(&self.0); }
            fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> { <[u8; $len]>::read(from).map(Self) }
        }
    )*};
}

id! {
    /// SHA-256(`account` ‖ the account's Ed25519 identity key).
    AccountId[32],
    /// A device's Ed25519 public key.
    DeviceId[32],
    /// The event hash of a conversation's create event.
    ConvId[32],
    /// Hash of an event: header, hash of the body, signature.
    EventHash[32],
    /// Hash of a statement of an account chain.
    StatementHash[32],
    /// L_n, the running hash of a conversation's log.
    LogHash[32],
    /// Commitment to a sender's session key.
    SessionId[32],
    /// A random name that the author gives to a piece of content.
    ContentId[16],
    /// 16 fresh random bytes.
    Nonce[16],
    /// Which life of its database a server is in; changed when it is restored from a backup.
    Incarnation[16],
}

impl EventHash {
    /// What stands where no event precedes.
    pub const NONE: Self = Self([0; 32]);
}
impl StatementHash {
    /// What stands before the first statement.
    pub const NONE: Self = Self([0; 32]);
}
impl LogHash {
    /// L_0.
    pub const START: Self = Self([0; 32]);
}
impl ConvId {
    /// What a create event carries in place of its own hash.
    pub const NONE: Self = Self([0; 32]);
}

record! {
    /// A point in an account chain: the last statement's number and hash.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct HashHead {
        /// Number of the statement, from 0.
        pub seq: u64,
        /// Its hash.
        pub hash: StatementHash,
    }
}

/// Names one request of one device, so that its repetition changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Idem {
    /// The device that asks.
    pub device: DeviceId,
    /// Its counter, used once.
    pub counter: u64,
}

/// An account name: 1 to 32 characters of `a-z 0-9 . _ -`. Unique on a server, never changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a text is not an account name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or longer than [`crate::limits::NAME_BYTES_MAX`].
    #[error("a name has 1 to 32 characters")]
    Length,
    /// Another character than those allowed.
    #[error(
        "a name consists of the letters a to z, digits, dot, dash and underscore; {0:?} is none of them"
    )]
    Character(char),
}

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`] says which rule it breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        if let Some(other) = text.chars().find(|c| !allowed(*c)) {
            return Err(NameError::Character(other));
        }
        if text.is_empty() || text.len() > crate::limits::NAME_BYTES_MAX {
            return Err(NameError::Length);
        }
        Ok(Self(text.to_owned()))
    }
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Wire for Name {
    fn write(&self, out: &mut Writer) {
        out.text(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Self::new(&from.text("name")?).map_err(|_| CodecError::Shape("name"))
    }
}

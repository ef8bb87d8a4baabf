//! Why a statement does not continue a chain (docs/spec/ledger.md §4.4).

use crate::BadSignature;
use subrosa_proto::{CodecError, Signed};

/// Why a statement is not the next one of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The body is not the encoding of a statement.
    #[error("a statement is malformed: {0}")]
    Malformed(#[from] CodecError),
    /// It speaks for another account.
    #[error("a statement belongs to another account")]
    Foreign,
    /// The identity key did not sign it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The first statement is no genesis of this account, or a later one is a genesis.
    #[error("a chain has one genesis, in front, whose identity key hashes to the account id")]
    Genesis,
    /// Statements are missing in between.
    #[error("statement {found} arrived where {expected} was due")]
    Gap {
        /// The number due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// It follows on another statement than the last one of this chain.
    #[error("a statement does not follow on the one before")]
    Prev,
    /// It is in the chain already. Nothing is wrong and nothing changed.
    #[error("statement {seq} is in the chain already")]
    Known {
        /// Its number.
        seq: u64,
    },
    /// The account signed two statements with one number.
    #[error("the chain has forked at statement {}", .0.seq)]
    Fork(Box<ChainFork>),
    /// A served chain ends before one that was seen earlier.
    #[error("a chain of {served} statements was served, {known} were known")]
    Shorter {
        /// Statements known.
        known: u64,
        /// Statements served.
        served: u64,
    },
    /// The chain has its largest length.
    #[error("the chain is full")]
    Full,
    /// A device's label is too long.
    #[error("a device's label is too long")]
    Label,
    /// The device is in the chain already, live or revoked: a revocation is final.
    #[error("the device was added before")]
    DeviceKnown,
    /// A device is revoked that is not live.
    #[error("the device is not live")]
    DeviceNotLive,
    /// As many devices are live as one account may have.
    #[error("the account has too many devices")]
    TooManyDevices,
    /// A history key of another length, or its generation does not rise.
    #[error("a history key has the wrong length or its generation does not rise")]
    HistoryKey,
    /// The vault's version does not rise.
    #[error("the version of the vault does not rise")]
    VaultVersion,
    /// A warrant that does not stand right behind the genesis or is not this account's, or a
    /// statement that a bot's chain does not have.
    #[error("a bot's chain is its genesis, its warrant and one device")]
    Bot,
    /// A merge names a statement of its own chain, or a branch that no merge names is absorbed.
    #[error("a merge names the head of another branch of the same chain")]
    Merge,
}

/// Two signed statements of one account with one number: proof that its chain was forked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFork {
    /// Their number.
    pub seq: u64,
    /// The one in the known chain.
    pub ours: Signed,
    /// The other.
    pub theirs: Signed,
}

//! What anyone may check (docs/spec/ledger.md §3-§8).
//!
//! Account chains, prekeys and the log of a conversation are signed and hashed so that server
//! and clients come to the same verdict from the same bytes. This crate is that verdict. It
//! holds no secret and knows no clock, disk or network; what it needs to look up, it asks of
//! its caller.

mod account;
mod authentic;
mod chain;
mod chain_error;
mod conversation;
mod hash;
mod joining;
mod judgement;
mod membership;
mod merging;
mod prekey;
mod scope;
mod sight;
mod signature;
mod state;
pub mod text;
mod verdict;

pub use account::{Account, Device};
pub use authentic::Authentic;
pub use chain::{LABEL_BYTES_MAX, PUBLIC_KEY_BYTES};
pub use chain_error::{ChainError, ChainFork};
pub use conversation::{Conversation, Member, Session};
pub use hash::{
    account_id, body_hash, bundle_hash, event_hash, next_log, statement_hash, trimmed_event_hash,
};
pub use joining::{JoinError, Joined, Joining, Step};
pub use judgement::SESSIONS_OPEN_MAX;
pub use membership::PARTICIPANTS_MAX;
pub use prekey::{PrekeyError, check_prekey};
pub use scope::{Scope, may_be_asked};
pub use sight::carried_hash;
pub use signature::{BadSignature, verify};
pub use verdict::{
    CreateError, Effect, ForkEvidence, OutOfOrder, Record, Unplaceable, Verdict, VoidReason,
};

//! People with devices who talk through a log, in memory. The log and the chains are judged by `subrosa_ledger`, as they
//! would be at a server and at each client; here everybody sees the same ones.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what does not hold fails the test"
)]

mod attacks;
mod membership;
mod people;
mod receipts;
mod sessions;
mod talking;
mod vault;

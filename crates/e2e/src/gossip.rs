//! What the chain heads quoted in key events say (`docs/spec/e2e.md` §5.2).

use subrosa_ledger::Account;
use subrosa_proto::Quote;

/// How a quoted chain head relates to the chain at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuoteVerdict {
    /// It is part of the chain at hand.
    Known,
    /// Somebody has seen more: the chain is to be fetched, and if it is the own account's, this device was kept in the dark.
    Ahead,
    /// Somebody was shown another chain: one account, two statements with one number.
    Forked,
}

/// Compares a quoted head with the chain at hand, if there is one. The verdict never makes the event void.
#[must_use]
pub fn judge_quote(quote: &Quote, account: Option<&Account>) -> QuoteVerdict {
    let Some(account) = account.filter(|account| account.id() == quote.account) else {
        return QuoteVerdict::Ahead;
    };
    match account.hash_at(quote.head.seq) {
        _ if account.knows(&quote.head.hash) => QuoteVerdict::Known,
        None => QuoteVerdict::Ahead,
        Some(_) => QuoteVerdict::Forked,
    }
}

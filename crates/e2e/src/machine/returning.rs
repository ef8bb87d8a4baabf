//! A box for the own history key, made anew: a server that was restored from a copy has lost those
//! that came after it (`docs/spec/e2e.md` §4.5).

use super::Machine;
use crate::encapsulation::PUBLIC_KEY_LEN;
use crate::session::{Recipient, StoredSession, seal_share};
use rand_core::CryptoRng;
use subrosa_ledger::Account;
use subrosa_proto::{BoxKind, KeyBox};

impl Machine {
    /// The first key of a session that this device holds, sealed to its own account's newest history key.
    pub fn history_box(
        &self,
        session: &StoredSession,
        own: &Account,
        rng: &mut impl CryptoRng,
    ) -> Option<KeyBox> {
        let (generation, key) = own.history_key()?;
        if own.id() != self.account() || key.len() != PUBLIC_KEY_LEN {
            return None;
        }
        let to = Recipient {
            kind: BoxKind::History,
            recipient: *own.id().as_bytes(),
            key_id: generation,
            key: key.clone(),
        };
        seal_share(&session.session, session.first_key(), &to, rng).ok()
    }
}

//! The account's identity key (`docs/spec/e2e.md` §1.2).

use crate::secret::Secret;
use crate::signing::SignatureKey;
use core::fmt;
use rand_core::CryptoRng;
use subrosa_ledger::{account_id, text};
use subrosa_proto::{AccountId, HashHead, Signed, Statement, StatementHash, StatementOp, encode};

/// The identity key. It exists while an account is founded and after a password login, and is wiped when dropped; no
/// device keeps it.
pub struct Identity {
    key: SignatureKey,
    id: AccountId,
}

impl Identity {
    /// A new account's identity.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_key(SignatureKey::generate(rng))
    }

    pub(crate) fn from_seed(seed: &Secret) -> Self {
        Self::from_key(SignatureKey::from_seed(seed))
    }

    fn from_key(key: SignatureKey) -> Self {
        let id = account_id(&key.public());
        Self { key, id }
    }

    pub(crate) fn seed(&self) -> Secret {
        self.key.seed()
    }

    /// The Ed25519 public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.public()
    }

    /// The account that has this key.
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.id
    }

    /// Signs the statement that follows `before`; the genesis follows nothing.
    #[must_use]
    pub fn sign_statement(&self, before: Option<HashHead>, op: StatementOp) -> Signed {
        let body = encode(&Statement {
            account: self.id,
            seq: before.map_or(0, |head| head.seq.saturating_add(1)),
            prev: before.map_or(StatementHash::NONE, |head| head.hash),
            op,
        });
        let signature = self.key.sign(&text::statement(&body));
        Signed { body, signature }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?}, key redacted)", self.id)
    }
}

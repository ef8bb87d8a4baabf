//! A new account: its first four statements and its first bundle (`docs/spec/e2e.md` §3.4).

use super::contents::{HistorySeed, SlotEntry, VaultContents};
use super::slot::Credential;
use crate::identity::Identity;
use crate::sealed_box::{BadBox, BoxKey};
use crate::secret::Secret;
use bytes::Bytes;
use rand_core::CryptoRng;
use subrosa_ledger::{bundle_hash, statement_hash};
use subrosa_proto::{DeviceId, HashHead, Name, Signed, StatementOp, encode};

/// What a registration hands to the server. None of it is secret from the server.
#[derive(Debug, Clone)]
pub struct Founding {
    /// Genesis, device_add, history_key, vault.
    pub chain: Vec<Signed>,
    /// The encoded bundle.
    pub bundle: Bytes,
}

/// Founds an account with its first device. The identity is taken, so that it ends here.
///
/// # Errors
/// [`BadBox`] cannot happen with keys that were derived here; it is passed on rather than hidden.
pub fn found_account(
    identity: Identity,
    name: &Name,
    device: DeviceId,
    device_label: &str,
    password: Credential<'_>,
    recovery: Credential<'_>,
    rng: &mut impl CryptoRng,
) -> Result<Founding, BadBox> {
    let history = BoxKey::generate(rng);
    let mut chain = Chain::new(&identity);
    chain.append(StatementOp::Genesis {
        identity: identity.public_key(),
        name: name.clone(),
    });
    chain.append(StatementOp::DeviceAdd {
        device,
        label: device_label.to_owned(),
    });
    let head = chain.append(StatementOp::HistoryKey {
        generation: 1,
        key: history.public(),
    });
    let password_key = password.secret.public_half();
    let recovery_key = recovery.secret.public_half();
    let contents = VaultContents {
        identity_seed: identity.seed(),
        history: vec![HistorySeed {
            generation: 1,
            seed: Secret::copy_of(history.seed().expose()),
        }],
        head,
        password_slot_key: password_key.public.clone(),
        recovery_slot_key: recovery_key.public.clone(),
    };
    let bundle = encode(&contents.seal(
        identity.id(),
        1,
        SlotEntry {
            key: password_key,
            record: password.record,
        },
        SlotEntry {
            key: recovery_key,
            record: recovery.record,
        },
        rng,
    )?);
    chain.append(StatementOp::Vault {
        version: 1,
        hash: bundle_hash(&bundle),
    });
    Ok(Founding {
        chain: chain.statements,
        bundle,
    })
}

/// Statements that follow one another.
pub(super) struct Chain<'a> {
    identity: &'a Identity,
    head: Option<HashHead>,
    pub(super) statements: Vec<Signed>,
}

impl<'a> Chain<'a> {
    fn new(identity: &'a Identity) -> Self {
        Self {
            identity,
            head: None,
            statements: Vec::new(),
        }
    }

    pub(super) fn after(identity: &'a Identity, head: HashHead) -> Self {
        Self {
            identity,
            head: Some(head),
            statements: Vec::new(),
        }
    }

    /// Signs the next statement and returns its place.
    pub(super) fn append(&mut self, op: StatementOp) -> HashHead {
        let signed = self.identity.sign_statement(self.head, op);
        let head = HashHead {
            seq: self.head.map_or(0, |head| head.seq.saturating_add(1)),
            hash: statement_hash(&signed),
        };
        self.head = Some(head);
        self.statements.push(signed);
        head
    }
}

//! Vaults that only a holder of the account's own secrets could write: each contradicts the chain in one way.

use super::contents::{HistorySeed, SlotEntry, VaultContents};
use super::founding::Chain;
use super::{Credential, Slot, SlotSecret, VaultError, found_account, open_vault};
use crate::identity::Identity;
use crate::secret::Secret;
use bytes::Bytes;
use subrosa_ledger::{Account, bundle_hash};
use subrosa_proto::{DeviceId, HashHead, Name, StatementHash, StatementOp, encode};
use zeroize::Zeroizing;

const IDENTITY: [u8; 32] = [1; 32];

fn secret(word: u8) -> SlotSecret {
    SlotSecret {
        seed: Box::new(Zeroizing::new([word; 32])),
        anchor: [word; 32],
    }
}

fn identity() -> Identity {
    Identity::from_seed(&Secret::copy_of(&IDENTITY))
}

/// What opening says of a vault with these contents, written by the account itself after its founding.
fn verdict(change: impl FnOnce(&mut VaultContents)) -> Result<(), VaultError> {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    let (password, recovery) = (secret(2), secret(3));
    let credential = |secret| Credential {
        secret,
        record: Bytes::new(),
    };
    let founding = found_account(
        identity(),
        &Name::new("ann").unwrap(),
        DeviceId([4; 32]),
        "first",
        credential(&password),
        credential(&recovery),
        &mut rng,
    )
    .unwrap();
    let mut account = Account::from_chain(&founding.chain).unwrap();
    let vault = open_vault(&founding.bundle, Slot::Password, &password, &account).unwrap();
    let mut contents = vault.contents;
    contents.head = account.head();
    change(&mut contents);
    let entry = |secret: &SlotSecret| SlotEntry {
        key: secret.public_half(),
        record: Bytes::new(),
    };
    let bundle = contents
        .seal(
            account.id(),
            2,
            entry(&password),
            entry(&recovery),
            &mut rng,
        )
        .unwrap();
    let bundle = encode(&bundle);
    let identity = identity();
    let mut chain = Chain::after(&identity, account.head());
    chain.append(StatementOp::Vault {
        version: 2,
        hash: bundle_hash(&bundle),
    });
    account.append(&chain.statements[0]).unwrap();
    open_vault(&bundle, Slot::Password, &password, &account).map(|_| ())
}

#[test]
fn contents_that_fit_the_chain_open() {
    assert_eq!(verdict(|_| {}), Ok(()));
}

// Proves: C10
#[test]
fn another_identity_is_refused() {
    let refused = verdict(|contents| contents.identity_seed = Secret::copy_of(&[9; 32]));
    assert_eq!(refused, Err(VaultError::Contradiction));
}

// Proves: C13
#[test]
fn a_head_that_is_not_in_the_chain_is_refused() {
    for seq in [0, 3, 4, u64::MAX] {
        let refused = verdict(|contents| {
            contents.head = HashHead {
                seq,
                hash: StatementHash([5; 32]),
            };
        });
        assert_eq!(refused, Err(VaultError::Contradiction), "{seq}");
    }
}

#[test]
fn history_keys_that_the_chain_does_not_certify_are_refused() {
    let seed = || HistorySeed {
        generation: 1,
        seed: Secret::copy_of(&[6; 32]),
    };
    let changes: [fn(&mut VaultContents, HistorySeed); 4] = [
        |contents, _| contents.history.clear(),
        |contents, seed| contents.history = vec![seed],
        |contents, seed| {
            contents.history.push(HistorySeed {
                generation: 2,
                ..seed
            })
        },
        |contents, _| {
            let again = contents.history[0].seed.expose();
            let seed = Secret::copy_of(again);
            contents.history.push(HistorySeed {
                generation: 1,
                seed,
            });
        },
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let refused = verdict(|contents| change(contents, seed()));
        assert_eq!(refused, Err(VaultError::Contradiction), "{case}");
    }
}

//! The vault under a server that hands out whatever it likes.

use crate::people::{PASSWORD, RECOVERY, World, rng, secret};
use bytes::Bytes;
use subrosa_e2e::{Credential, Rewritten, SecretChange, Slot, VaultError, open_vault};
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, Bundle, DeviceId, StatementOp, decode, encode};

const NEW_PASSWORD: u8 = 0x33;

fn world() -> (World, AccountId) {
    let mut world = World::new();
    let ann = world.register("ann");
    (world, ann.account())
}

fn open(
    world: &World,
    id: AccountId,
    bundle: &Bytes,
    slot: Slot,
    word: u8,
) -> Result<AccountId, VaultError> {
    open_vault(bundle, slot, &secret(word, id), &world.accounts[&id]).map(|vault| vault.account())
}

fn change_password(world: &World, id: AccountId) -> Rewritten {
    let vault = open_vault(
        &world.bundles[&id],
        Slot::Password,
        &secret(PASSWORD, id),
        &world.accounts[&id],
    )
    .unwrap();
    let new = Credential {
        secret: &secret(NEW_PASSWORD, id),
        record: Bytes::from_static(b"new record"),
    };
    let change = SecretChange {
        password: Some(new),
        ..SecretChange::default()
    };
    vault
        .change(&world.accounts[&id], change, &mut rng())
        .unwrap()
}

fn apply(world: &mut World, id: AccountId, rewritten: &Rewritten) {
    for statement in &rewritten.statements {
        world.append(id, statement);
    }
    world.bundles.insert(id, rewritten.bundle.clone());
}

// Proves: C8, C10
#[test]
fn each_slot_opens_with_its_own_secret_only() {
    let (world, id) = world();
    let bundle = &world.bundles[&id];
    assert_eq!(open(&world, id, bundle, Slot::Password, PASSWORD), Ok(id));
    assert_eq!(open(&world, id, bundle, Slot::Recovery, RECOVERY), Ok(id));
    for (slot, word) in [
        (Slot::Password, RECOVERY),
        (Slot::Recovery, PASSWORD),
        (Slot::Password, 0x44),
    ] {
        assert_eq!(
            open(&world, id, bundle, slot, word),
            Err(VaultError::OtherAccount)
        );
        // With the right anchor and the wrong key.
        let mut half_right = secret(word, id);
        half_right.anchor = secret(
            if slot == Slot::Password {
                PASSWORD
            } else {
                RECOVERY
            },
            id,
        )
        .anchor;
        let opened = open_vault(bundle, slot, &half_right, &world.accounts[&id]);
        assert_eq!(opened.unwrap_err(), VaultError::Sealed);
    }
}

// Proves: C10
#[test]
fn a_password_opens_no_other_account() {
    let (mut world, ann) = world();
    let eve = world.register("eve").account();
    // The server answers ann's login with eve's chain and bundle.
    let opened = open_vault(
        &world.bundles[&eve],
        Slot::Password,
        &secret(PASSWORD, ann),
        &world.accounts[&eve],
    );
    assert_eq!(opened.unwrap_err(), VaultError::OtherAccount);
    // Or with her bundle beside ann's chain.
    let opened = open_vault(
        &world.bundles[&eve],
        Slot::Password,
        &secret(PASSWORD, ann),
        &world.accounts[&ann],
    );
    assert_eq!(opened.unwrap_err(), VaultError::NotCertified);
}

// Proves: C13
#[test]
fn parts_of_two_bundles_do_not_mix() {
    let (mut world, id) = world();
    let old: Bundle = decode(&world.bundles[&id]).unwrap();
    let rewritten = change_password(&world, id);
    apply(&mut world, id, &rewritten);
    let new: Bundle = decode(&rewritten.bundle).unwrap();
    let mixed = [
        Bundle {
            vault: old.vault.clone(),
            ..new.clone()
        },
        Bundle {
            password_slot: old.password_slot.clone(),
            ..new.clone()
        },
        Bundle {
            recovery_slot: old.recovery_slot.clone(),
            ..new.clone()
        },
        Bundle {
            password_record: old.password_record.clone(),
            ..new.clone()
        },
        Bundle {
            version: old.version,
            ..new.clone()
        },
    ];
    for bundle in mixed {
        let bundle = encode(&bundle);
        for (slot, word) in [
            (Slot::Password, PASSWORD),
            (Slot::Password, NEW_PASSWORD),
            (Slot::Recovery, RECOVERY),
        ] {
            assert_eq!(
                open(&world, id, &bundle, slot, word),
                Err(VaultError::NotCertified)
            );
        }
    }
}

// Proves: C13
#[test]
fn old_and_new_do_not_meet() {
    let (mut world, id) = world();
    let old_bundle = world.bundles[&id].clone();
    let old_chain = world.accounts[&id].clone();
    let rewritten = change_password(&world, id);
    apply(&mut world, id, &rewritten);
    // The old vault and password against the new chain.
    assert_eq!(
        open(&world, id, &old_bundle, Slot::Password, PASSWORD),
        Err(VaultError::NotCertified)
    );
    // The new vault against the chain cut back.
    let opened = open_vault(
        &rewritten.bundle,
        Slot::Password,
        &secret(NEW_PASSWORD, id),
        &old_chain,
    );
    assert_eq!(opened.unwrap_err(), VaultError::NotCertified);
}

// Proves: C8
#[test]
fn a_changed_password_shuts_out_the_old_one_and_the_recovery_code_goes_on() {
    let (mut world, id) = world();
    let old: Bundle = decode(&world.bundles[&id]).unwrap();
    let rewritten = change_password(&world, id);
    apply(&mut world, id, &rewritten);
    let bundle = &rewritten.bundle;
    assert_eq!(
        open(&world, id, bundle, Slot::Password, PASSWORD),
        Err(VaultError::OtherAccount)
    );
    assert_eq!(
        open(&world, id, bundle, Slot::Password, NEW_PASSWORD),
        Ok(id)
    );
    assert_eq!(open(&world, id, bundle, Slot::Recovery, RECOVERY), Ok(id));

    let new: Bundle = decode(bundle).unwrap();
    assert_eq!((old.version, new.version), (1, 2));
    assert_eq!(&new.password_record[..], b"new record");
    assert_eq!(new.recovery_record, old.recovery_record);
    assert_eq!(new.recovery_slot[..32], old.recovery_slot[..32]);
    assert_ne!(new.recovery_slot[32..], old.recovery_slot[32..]);
    assert_eq!(world.accounts[&id].history_key().unwrap().0, 2);

    // The recovery code can change what the password changed, and so on.
    let vault = open_vault(
        bundle,
        Slot::Recovery,
        &secret(RECOVERY, id),
        &world.accounts[&id],
    )
    .unwrap();
    let code = secret(0x55, id);
    let record = Bytes::from_static(b"record");
    let credential = Credential {
        secret: &code,
        record,
    };
    let change = SecretChange {
        recovery: Some(credential),
        ..SecretChange::default()
    };
    let again = vault
        .change(&world.accounts[&id], change, &mut rng())
        .unwrap();
    apply(&mut world, id, &again);
    assert_eq!(
        open(&world, id, &again.bundle, Slot::Password, NEW_PASSWORD),
        Ok(id)
    );
    assert_eq!(
        open(&world, id, &again.bundle, Slot::Recovery, 0x55),
        Ok(id)
    );
    assert_eq!(
        open(&world, id, &again.bundle, Slot::Recovery, RECOVERY),
        Err(VaultError::OtherAccount)
    );
}

// Proves: C8, C10
#[test]
fn a_recovery_replaces_both_secrets_and_certifies_a_device_in_one_step() {
    let (mut world, id) = world();
    let vault = open_vault(
        &world.bundles[&id],
        Slot::Recovery,
        &secret(RECOVERY, id),
        &world.accounts[&id],
    )
    .unwrap();
    let (password, code) = (secret(NEW_PASSWORD, id), secret(0x55, id));
    let credential = |secret| Credential {
        secret,
        record: Bytes::from_static(b"record"),
    };
    let phone = DeviceId([7; 32]);
    let change = SecretChange {
        password: Some(credential(&password)),
        recovery: Some(credential(&code)),
        device: Some((phone, "phone")),
    };
    let rewritten = vault
        .change(&world.accounts[&id], change, &mut rng())
        .unwrap();
    apply(&mut world, id, &rewritten);
    assert!(world.accounts[&id].device(&phone).unwrap().live());
    assert_eq!(world.accounts[&id].history_key().unwrap().0, 2);
    let opens = |slot, word| open(&world, id, &rewritten.bundle, slot, word);
    for (slot, old, new) in [
        (Slot::Password, PASSWORD, NEW_PASSWORD),
        (Slot::Recovery, RECOVERY, 0x55),
    ] {
        assert_eq!(opens(slot, new), Ok(id));
        assert_eq!(opens(slot, old), Err(VaultError::OtherAccount));
    }
}

// Proves: C13
#[test]
fn a_chain_that_does_not_contain_the_vaults_head_is_refused() {
    let (mut world, id) = world();
    // After the vault was written, the owner adds a device; the server hides nothing of that: it opens.
    let phone = world.login(id);
    assert_eq!(
        open(&world, id, &world.bundles[&id], Slot::Password, PASSWORD),
        Ok(id)
    );
    // Another branch of the chain, signed by the owner, that certifies the same bundle in another place.
    let vault = open_vault(
        &world.bundles[&id],
        Slot::Password,
        &secret(PASSWORD, id),
        &world.accounts[&id],
    )
    .unwrap();
    let statements = world.accounts[&id].statements().to_vec();
    let genesis = Account::open(&statements[0]).unwrap();
    let added = vault.add_device(&genesis, phone.machine.device(), "other branch");
    let mut branch = genesis;
    branch.append(&added).unwrap();
    // The certifying statement is bound to its own branch, so it cannot be appended there.
    for statement in &statements[1..] {
        assert!(branch.append(statement).is_err());
    }
    let opened = open_vault(
        &world.bundles[&id],
        Slot::Password,
        &secret(PASSWORD, id),
        &branch,
    );
    assert_eq!(opened.unwrap_err(), VaultError::NotCertified);
}

// Proves: C21
#[test]
fn what_is_no_bundle_is_refused() {
    let (world, id) = world();
    let bundle = &world.bundles[&id];
    assert!(matches!(
        open(&world, id, &Bytes::new(), Slot::Password, PASSWORD),
        Err(VaultError::Malformed(_))
    ));
    let cut = bundle.slice(..bundle.len() - 1);
    assert!(matches!(
        open(&world, id, &cut, Slot::Password, PASSWORD),
        Err(VaultError::Malformed(_))
    ));
    let huge = Bytes::from(vec![0; 1 << 20]);
    assert!(open(&world, id, &huge, Slot::Password, PASSWORD).is_err());
    for at in (0..bundle.len()).step_by(97) {
        let mut altered = bundle.to_vec();
        altered[at] ^= 1;
        assert!(
            open(&world, id, &altered.into(), Slot::Password, PASSWORD).is_err(),
            "{at}"
        );
    }
}

// Proves: C18
#[test]
fn nothing_secret_is_shown() {
    let (world, id) = world();
    let credential = secret(PASSWORD, id);
    assert_eq!(format!("{credential:?}"), "SlotSecret(redacted)");
    let vault = open_vault(
        &world.bundles[&id],
        Slot::Password,
        &credential,
        &world.accounts[&id],
    )
    .unwrap();
    assert_eq!(
        format!("{vault:?}"),
        format!("OpenedVault({id:?}, secrets redacted)")
    );
    let opener = format!("{:?}", vault.history_opener());
    assert_eq!(opener, format!("HistoryOpener({id:?}, keys redacted)"));
    let statement =
        decode::<subrosa_proto::Statement>(&world.accounts[&id].statements()[3].body).unwrap();
    assert!(matches!(
        statement.op,
        StatementOp::Vault { version: 1, .. }
    ));
}

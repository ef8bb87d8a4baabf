//! Account chains (docs/spec/ledger.md §4).

use crate::world::{Person, signed};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use subrosa_ledger::{
    Account, ChainError, LABEL_BYTES_MAX, PUBLIC_KEY_BYTES, account_id, statement_hash, text,
};
use subrosa_proto::{
    DeviceId, Name, Signed, Statement, StatementHash, StatementOp, decode, encode, limits,
};

fn history(generation: u64, length: usize) -> StatementOp {
    StatementOp::HistoryKey {
        generation,
        key: Bytes::from(vec![5; length]),
    }
}
fn vault(version: u64) -> StatementOp {
    StatementOp::Vault {
        version,
        hash: [u8::try_from(version).unwrap(); 32],
    }
}
fn add(device: u8, label: &str) -> StatementOp {
    StatementOp::DeviceAdd {
        device: DeviceId([device; 32]),
        label: label.to_owned(),
    }
}
fn revoke(device: u8) -> StatementOp {
    StatementOp::DeviceRevoke {
        device: DeviceId([device; 32]),
    }
}
#[track_caller]
fn refused(person: &Person, statement: &Signed, error: ChainError) {
    let mut account = person.account.clone();
    assert_eq!(account.append(statement), Err(error));
    assert_eq!(account, person.account, "a refusal changes nothing");
}
#[track_caller]
fn op_refused(person: &Person, op: StatementOp, error: ChainError) {
    refused(person, &person.statement(op), error);
}

#[test]
fn a_chain_says_what_its_statements_say() {
    let mut person = Person::without_device(1);
    person.state(add(1, "laptop"));
    person.state(add(2, "phone"));
    person.state(history(1, PUBLIC_KEY_BYTES));
    person.state(vault(1));
    let revocation = person.state(revoke(1));
    person.state(history(2, PUBLIC_KEY_BYTES));
    let last = person.state(vault(2));

    let account = Account::from_chain(person.account.statements()).unwrap();
    assert_eq!(account, person.account);
    assert_eq!(account.id(), account_id(account.identity()));
    assert_eq!(account.name().as_str(), "person1");
    assert_eq!(account.next(), 8);
    assert_eq!(account.head().seq, 7);
    assert_eq!(account.head().hash, statement_hash(&last));
    assert_eq!(account.hash_at(7), Some(statement_hash(&last)));
    assert_eq!(account.hash_at(8), None);
    let live: Vec<_> = account
        .devices()
        .map(|d| (d.id.0[0], d.label.as_str(), d.added))
        .collect();
    assert_eq!(live, [(2, "phone", 2)]);
    let (first, second) = (DeviceId([1; 32]), DeviceId([2; 32]));
    assert!(account.certified(&first) && account.certified(&second));
    assert!(!account.certified(&DeviceId([3; 32])));
    assert_eq!(account.revoked(&first), Some(&revocation));
    assert_eq!(account.revoked(&second), None);
    assert_eq!(account.history_key().unwrap().0, 2);
    assert!(account.history_key_of(1).is_some() && account.history_key_of(3).is_none());
    assert_eq!(account.vault(), Some((2, [2; 32])));
}

/// Proves: C10 (the id of an account is the hash of its identity key).
#[test]
fn a_genesis_fits_its_account() {
    let key = SigningKey::from_bytes(&[1; 32]);
    let genesis = Person::genesis(&key, "ada");
    let statement: Statement = decode(&genesis.body).unwrap();
    let other = SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes();
    let name = Name::new("ada").unwrap();
    let resign = |statement: &Statement| {
        let body = encode(statement);
        let text = text::statement(&body);
        signed(&key, body, &text)
    };
    // Another identity key under the same id, another id, another place in the chain.
    let mut variants = vec![statement.clone(); 4];
    variants[0].op = StatementOp::Genesis {
        identity: other,
        name,
    };
    variants[1].account = account_id(&other);
    variants[2].seq = 1;
    variants[3].prev = StatementHash([1; 32]);
    for variant in variants {
        assert_eq!(Account::open(&resign(&variant)), Err(ChainError::Genesis));
    }
    let add = Statement {
        op: add(1, "laptop"),
        ..statement
    };
    assert_eq!(Account::open(&resign(&add)), Err(ChainError::Genesis));
    assert_eq!(Account::from_chain(&[]), Err(ChainError::Genesis));
    let mut forged = genesis.clone();
    forged.signature[0] ^= 1;
    assert!(matches!(
        Account::open(&forged),
        Err(ChainError::Signature(_))
    ));
    Account::open(&genesis).unwrap();
}

/// Proves: C11 (an identity key of small order, under which one signature fits many texts, opens no account).
#[test]
fn an_identity_key_of_small_order_is_refused() {
    // The identity point: R = identity, S = 0 satisfies the cofactored equation for every text.
    let mut point = [0; 32];
    point[0] = 1;
    let body = encode(&Statement {
        account: account_id(&point),
        seq: 0,
        prev: StatementHash::NONE,
        op: StatementOp::Genesis {
            identity: point,
            name: Name::new("ada").unwrap(),
        },
    });
    let mut signature = [0; 64];
    signature[0] = 1;
    let genesis = Signed { body, signature };
    assert!(matches!(
        Account::open(&genesis),
        Err(ChainError::Signature(_))
    ));
}

#[test]
fn statements_stand_in_their_places() {
    let mut person = Person::new(1);
    let head = person.account.head();
    let later = person.statement_at(head.seq + 2, head.hash, vault(1));
    let gap = ChainError::Gap {
        expected: 2,
        found: 3,
    };
    refused(&person, &later, gap);
    let stray = person.statement_at(head.seq + 1, StatementHash([1; 32]), vault(1));
    refused(&person, &stray, ChainError::Prev);
    let genesis = StatementOp::Genesis {
        identity: *person.account.identity(),
        name: Name::new("ada").unwrap(),
    };
    op_refused(&person, genesis, ChainError::Genesis);
    let other = Person::new(2);
    let foreign = other.statement_at(head.seq + 1, head.hash, vault(1));
    refused(&person, &foreign, ChainError::Foreign);
    let known = person.state(vault(1));
    refused(&person, &known, ChainError::Known { seq: 2 });
    let unreadable = signed(
        person.identity(),
        Bytes::from_static(b"\xa0"),
        &text::statement(b"\xa0"),
    );
    let mut account = person.account.clone();
    assert!(matches!(
        account.append(&unreadable),
        Err(ChainError::Malformed(_))
    ));
}

/// Proves: C11, C12 (only the identity key adds devices, and it signs exactly the bytes at hand).
#[test]
fn no_byte_of_a_statement_can_change() {
    let person = Person::new(1);
    let other = Person::new(2);
    let statement = person.statement(add(9, "phone"));
    let clean = encode(&statement);
    for at in 0..clean.len() {
        for bit in 0..8 {
            let mut bytes = clean.to_vec();
            bytes[at] ^= 1 << bit;
            if let Ok(damaged) = decode::<Signed>(&bytes.into()) {
                assert!(person.account.clone().append(&damaged).is_err());
            }
        }
    }
    // The right text under another's key, and the right key over another kind of text.
    let text = text::statement(&statement.body);
    let by_other = signed(other.identity(), statement.body.clone(), &text);
    assert!(matches!(
        person.account.clone().append(&by_other),
        Err(ChainError::Signature(_))
    ));
    let text = text::prekey(&statement.body);
    let as_prekey = signed(person.identity(), statement.body, &text);
    assert!(matches!(
        person.account.clone().append(&as_prekey),
        Err(ChainError::Signature(_))
    ));
}

/// Proves: C12, C18 (a revocation is final).
#[test]
fn a_device_comes_once_and_goes_once() {
    let mut person = Person::without_device(1);
    op_refused(&person, revoke(1), ChainError::DeviceNotLive);
    person.state(add(1, "laptop"));
    op_refused(&person, add(1, "again"), ChainError::DeviceKnown);
    person.state(revoke(1));
    op_refused(&person, add(1, "again"), ChainError::DeviceKnown);
    op_refused(&person, revoke(1), ChainError::DeviceNotLive);
}

#[test]
fn labels_and_devices_have_limits() {
    let mut person = Person::without_device(1);
    let longest = "x".repeat(LABEL_BYTES_MAX);
    op_refused(&person, add(1, &format!("{longest}x")), ChainError::Label);
    for device in 0..limits::ACCOUNT_DEVICES_MAX {
        person.state(add(u8::try_from(device).unwrap(), &longest));
    }
    op_refused(&person, add(99, "one more"), ChainError::TooManyDevices);
    person.state(revoke(3));
    person.state(add(99, "one more"));
}

/// Proves: C13 (what stands in a chain is not rolled back).
#[test]
fn generations_and_versions_rise() {
    let mut person = Person::without_device(1);
    op_refused(
        &person,
        history(0, PUBLIC_KEY_BYTES),
        ChainError::HistoryKey,
    );
    op_refused(
        &person,
        history(1, PUBLIC_KEY_BYTES - 1),
        ChainError::HistoryKey,
    );
    op_refused(&person, vault(0), ChainError::VaultVersion);
    person.state(history(2, PUBLIC_KEY_BYTES));
    person.state(vault(2));
    for earlier in [1, 2] {
        op_refused(
            &person,
            history(earlier, PUBLIC_KEY_BYTES),
            ChainError::HistoryKey,
        );
        op_refused(&person, vault(earlier), ChainError::VaultVersion);
    }
    person.state(history(3, PUBLIC_KEY_BYTES));
    person.state(vault(3));
}

#[test]
fn a_chain_has_a_largest_length() {
    let mut person = Person::without_device(1);
    let merge = |n: u64| {
        let mut other = [0; 32];
        other[..8].copy_from_slice(&n.to_be_bytes());
        StatementOp::Merge {
            other: StatementHash(other),
        }
    };
    for n in 1..limits::CHAIN_STATEMENTS_MAX {
        person.state(merge(n));
    }
    assert_eq!(person.account.next(), 1_024);
    op_refused(&person, merge(0), ChainError::Full);
}

/// Proves: C10, C13 (a chain that was rolled back and continued otherwise is shown to be forked).
#[test]
fn a_fork_is_noticed_and_proves_itself() {
    let mut ours = Person::new(1);
    let mut theirs = Person::new(1);
    let one = ours.state(add(7, "phone"));
    let other = theirs.state(add(8, "thief"));
    theirs.state(vault(1));

    let Err(ChainError::Fork(fork)) = ours.account.append(&other) else {
        panic!("the fork was not noticed");
    };
    assert_eq!((fork.seq, &fork.ours, &fork.theirs), (2, &one, &other));
    let mut account = ours.account.clone();
    assert_eq!(
        account.advance(theirs.account.statements()),
        Err(ChainError::Fork(fork))
    );
    assert_eq!(account, ours.account);

    // What the account never signed is no fork.
    let mut forged = other;
    forged.signature[3] ^= 1;
    assert!(matches!(
        ours.account.append(&forged),
        Err(ChainError::Signature(_))
    ));
    // A branch below shows when the next statement does not follow.
    let crossing = theirs.account.statements()[3].clone();
    refused(&ours, &crossing, ChainError::Prev);
}

/// Proves: C13 (a longer chain that was seen is not replaced by a shorter one).
#[test]
fn a_served_chain_only_ever_grows() {
    let mut person = Person::new(1);
    let mut seen = person.account.clone();
    person.state(vault(1));
    person.state(vault(2));
    let full = person.account.statements().to_vec();
    assert_eq!(seen.advance(&full), Ok(2));
    assert_eq!(seen, person.account);
    assert_eq!(seen.advance(&full), Ok(0));
    let shorter = ChainError::Shorter {
        known: 4,
        served: 3,
    };
    assert_eq!(seen.advance(&full[..3]), Err(shorter));
    let without_second = [&full[..1], &full[2..]].concat();
    assert_eq!(seen.advance(&without_second), Err(ChainError::Prev));
    assert_eq!(seen, person.account);
}

#[test]
fn a_merge_takes_revocations_and_the_newer_vault() {
    let mut ours = Person::new(1);
    ours.state(add(7, "phone"));
    let mut theirs = Person::new(1);
    theirs.state(add(7, "phone"));
    ours.state(vault(1));
    theirs.state(revoke(7));
    theirs.state(vault(5));
    theirs.state(add(8, "only there"));

    let head = theirs.account.head().hash;
    let branch = &theirs.account;
    assert_eq!(ours.account.absorb(branch), Err(ChainError::Merge));
    let own = ours.account.head().hash;
    op_refused(&ours, StatementOp::Merge { other: own }, ChainError::Merge);
    ours.state(StatementOp::Merge { other: head });
    assert_eq!(ours.account.unhealed(), [head]);
    // A branch that ends elsewhere is not the one that was named.
    let shorter = Account::from_chain(&branch.statements()[..4]).unwrap();
    assert_eq!(ours.account.absorb(&shorter), Err(ChainError::Merge));
    ours.account.absorb(branch).unwrap();
    // Nor is the chain of another account, whose head somebody named.
    let stranger = Person::new(2);
    let mut misled = Person::new(1);
    misled.state(StatementOp::Merge {
        other: stranger.account.head().hash,
    });
    assert_eq!(
        misled.account.absorb(&stranger.account),
        Err(ChainError::Merge)
    );

    let phone = DeviceId([7; 32]);
    assert!(ours.account.unhealed().is_empty());
    assert!(ours.account.revoked(&phone).is_some());
    assert!(!ours.account.certified(&DeviceId([8; 32])));
    assert_eq!(ours.account.vault(), Some((5, [5; 32])));
    op_refused(&ours, add(7, "again"), ChainError::DeviceKnown);
    // The chain itself may repeat the revocation for those who do not have the branch.
    ours.state(revoke(7));
    op_refused(&ours, revoke(7), ChainError::DeviceNotLive);
}

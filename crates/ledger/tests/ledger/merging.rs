//! Chains that were forked and are joined again (docs/spec/ledger.md §4.5).

use crate::world::Person;
use bytes::Bytes;
use subrosa_ledger::{Account, ChainError, PUBLIC_KEY_BYTES};
use subrosa_proto::{DeviceId, Signed, StatementHash, StatementOp, limits};

fn device(n: u8) -> DeviceId {
    DeviceId([n; 32])
}
fn add(n: u8) -> StatementOp {
    StatementOp::DeviceAdd {
        device: device(n),
        label: "a device".to_owned(),
    }
}
fn revoke(n: u8) -> StatementOp {
    StatementOp::DeviceRevoke { device: device(n) }
}
fn vault(version: u64, fill: u8) -> StatementOp {
    StatementOp::Vault {
        version,
        hash: [fill; 32],
    }
}
fn history(generation: u64) -> StatementOp {
    StatementOp::HistoryKey {
        generation,
        key: Bytes::from(vec![5; PUBLIC_KEY_BYTES]),
    }
}
fn merge(other: StatementHash) -> StatementOp {
    StatementOp::Merge { other }
}

/// Two sides of one account, which have the first device and the devices 1 and 2 in common.
fn sides() -> [Person; 2] {
    let mut side = Person::new(1);
    side.state(add(1));
    side.state(add(2));
    side.state(history(1));
    side.state(vault(1, 1));
    let mut other = Person::new(1);
    other.account = side.account.clone();
    [side, other]
}

/// One side takes in the other; returns what was appended, as it is handed around.
fn joined(side: &mut Person, other: &Account) -> Vec<Signed> {
    let mut list = other.apart_from(&side.account);
    list.push(side.statement(merge(other.head().hash)));
    side.account.extend(&list).unwrap();
    list
}

/// Proves: C13 (after a merge both sides hold one chain, in which the revocations of both count).
#[test]
fn a_merge_and_its_branch_are_read_as_they_are_handed_around() {
    let [mut ours, mut theirs] = sides();
    ours.state(add(3));
    ours.state(revoke(1));
    theirs.state(revoke(2));
    theirs.state(add(4));
    let (before, branch) = (ours.account.clone(), theirs.account.clone());
    let appended = joined(&mut ours, &branch);
    assert_eq!(appended.len(), 3);
    let last = ours.state(add(5));

    let whole = Account::from_chain(ours.account.statements()).unwrap();
    assert_eq!(whole, ours.account);
    let list = [before.statements(), &appended, &[last]].concat();
    assert_eq!(whole.statements(), list);
    // Numbers are those of the chain, whatever stands between.
    assert_eq!(whole.next(), before.next() + 2);
    assert_eq!(whole.head().seq, before.head().seq + 2);
    let live: Vec<_> = whole.devices().map(|device| device.id).collect();
    assert!(live.contains(&device(3)) && live.contains(&device(5)) && live.len() == 3);
    assert!(whole.revoked(&device(1)).is_some() && whole.revoked(&device(2)).is_some());
    assert!(!whole.certified(&device(4)));
    assert_eq!(whole.last_merge(), Some(before.next()));

    // Both sides are part of it, and neither is part of the other.
    for part in [&before, &branch, &whole] {
        assert!(whole.covers(part) && whole.knows(&part.head().hash));
    }
    assert!(!before.covers(&branch) && !branch.covers(&whole) && !before.covers(&whole));
    let common = before.next() - 3;
    assert_eq!(whole.seen_by(&branch.head().hash), Some(common));
    assert_eq!(whole.seen_by(&before.head().hash), Some(before.head().seq));
    assert_eq!(whole.seen_by(&StatementHash([9; 32])), None);
    theirs.state(add(6));
    assert!(!whole.covers(&theirs.account), "it went on after the merge");

    // As much as certifies a device is the list up to its statement, branches in front of it included.
    for seq in 0..whole.next() {
        let part = Account::from_chain(whole.beginning(seq)).unwrap();
        assert_eq!(part.head().seq, seq);
        assert!(whole.covers(&part));
    }
    // Whoever has the one side goes on from there.
    let mut seen = before;
    assert_eq!(seen.advance(whole.statements()), Ok(4));
    assert_eq!(seen, whole);
}

/// Proves: C13 (a branch that no merge names is a fork, in whatever order it is served).
#[test]
fn a_branch_without_its_merge_stays_a_fork() {
    let [mut ours, mut theirs] = sides();
    ours.state(add(3));
    theirs.state(revoke(2));
    theirs.state(add(4));
    let branch = theirs.account.clone();
    let side = branch.apart_from(&ours.account);
    let forked = |list: &[Signed]| {
        let mut account = ours.account.clone();
        let refused = account.extend(list);
        assert!(refused.is_err());
        assert_eq!(account, ours.account);
    };
    let named = ours.statement(merge(branch.head().hash));
    let good = [&side[..], std::slice::from_ref(&named)].concat();
    ours.account.clone().extend(&good).unwrap();
    forked(&side);
    forked(&good[..1]);
    let short = ours.statement(merge(branch.hash_at(branch.next() - 2).unwrap()));
    forked(&[&side[..], &[short]].concat());
    forked(&[&side[..], &[ours.statement(add(5))]].concat());
    forked(&[side[1].clone(), side[0].clone(), named.clone()]);
    let mut spoilt = good.clone();
    spoilt[1].signature[1] ^= 1;
    forked(&spoilt);
    // The merge alone is part of the chain, and the account is not whole until the branch comes.
    let mut bare = ours.account.clone();
    bare.append(&named).unwrap();
    assert_eq!(bare.unhealed(), [branch.head().hash]);
    assert_eq!(bare.last_merge(), None);
    bare.absorb(&branch).unwrap();
    ours.account.extend(&good).unwrap();
    assert_eq!(bare, ours.account);
}

/// Proves: C13 (what either branch has said of its vault and history keys is not gone back to).
#[test]
fn versions_and_generations_rise_above_those_of_the_branch() {
    let [mut ours, mut theirs] = sides();
    ours.state(add(3));
    theirs.state(history(2));
    theirs.state(vault(2, 7));
    let branch = theirs.account.clone();
    joined(&mut ours, &branch);
    assert_eq!(ours.account.vault(), Some((2, [7; 32])));
    assert_eq!(ours.account.generation(), 2);
    assert_eq!(ours.account.history_key().unwrap().0, 1);
    let refused = |op, error| {
        let statement = ours.statement(op);
        assert_eq!(ours.account.clone().append(&statement), Err(error));
    };
    refused(history(2), ChainError::HistoryKey);
    refused(vault(2, 8), ChainError::VaultVersion);
    refused(merge(branch.head().hash), ChainError::Merge);
    let earlier = branch.hash_at(branch.next() - 2).unwrap();
    refused(merge(earlier), ChainError::Merge);
    ours.state(history(3));
    ours.state(vault(3, 9));
    assert_eq!(ours.account.vault(), Some((3, [9; 32])));
}

/// Proves: C13 (forks of forks: what a branch names has to be there, and then it is).
#[test]
fn a_branch_that_has_joined_others_comes_after_them() {
    let [mut ours, mut theirs] = sides();
    ours.state(add(3));
    theirs.state(add(4));
    let mut third = Person::new(1);
    third.account = sides()[0].account.clone();
    third.state(revoke(1));
    // The other side has joined the third, and each has joined the other.
    joined(&mut theirs, &third.account);
    let mut list = theirs.account.apart_from(&ours.account);
    list.push(ours.statement(merge(theirs.account.head().hash)));
    assert!(
        ours.account.clone().extend(&list).is_err(),
        "the third is not here"
    );
    joined(&mut ours, &third.account);
    let other = theirs.account.clone();
    let ours_then = ours.account.clone();
    joined(&mut ours, &other);
    joined(&mut theirs, &ours_then);
    assert!(!ours.account.covers(&theirs.account));
    let other = theirs.account.clone();
    joined(&mut ours, &other);
    assert!(ours.account.covers(&theirs.account) && ours.account.covers(&third.account));
    let again = Account::from_chain(ours.account.statements()).unwrap();
    assert_eq!(again, ours.account);
    assert!(again.revoked(&device(1)).is_some());
}

/// Proves: C21 (a chain takes in a bounded number of branches, and has a bounded length with them).
#[test]
fn branches_have_an_end() {
    let [mut ours, base] = sides();
    ours.state(add(3));
    for n in 0..limits::CHAIN_BRANCHES_MAX {
        let mut theirs = Person::new(1);
        theirs.account = base.account.clone();
        theirs.state(add(10 + u8::try_from(n).unwrap()));
        joined(&mut ours, &theirs.account);
    }
    let mut one_more = Person::new(1);
    one_more.account = base.account.clone();
    one_more.state(revoke(1));
    let mut list = one_more.account.apart_from(&ours.account);
    list.push(ours.statement(merge(one_more.account.head().hash)));
    assert!(matches!(
        ours.account.extend(&list),
        Err(ChainError::Fork(_))
    ));
    assert!(ours.account.revoked(&device(1)).is_none());

    let [mut ours, mut theirs] = sides();
    ours.state(add(3));
    for n in 0..limits::CHAIN_STATEMENTS_MAX - theirs.account.next() {
        theirs.state(vault(n + 2, 1));
    }
    ours.state(merge(theirs.account.head().hash));
    assert_eq!(ours.account.absorb(&theirs.account), Err(ChainError::Full));
}

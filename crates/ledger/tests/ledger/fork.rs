//! Logs that differ (docs/spec/ledger.md §8.3).

use crate::world::{Log, Person};
use bytes::Bytes;
use subrosa_ledger::{ForkEvidence, Verdict, VoidReason};
use subrosa_proto::{Control, EventKind, LogHash, Role};

/// Proves: C13 (members that were shown different logs notice at the first event that crosses).
#[test]
fn a_fork_is_noticed_at_the_first_event_that_crosses() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut left = Log::room(&[&ada, &bob]);
    left.takes(&left.key(&ada, 0, 1));
    left.takes(&left.key(&bob, 0, 2));
    let mut right = left.clone();
    // The server shows one message to each side only.
    left.takes(&left.message(&ada, 0, 1, 0));
    right.takes(&right.message(&ada, 0, 1, 1));
    let (own, quoted) = (left.conversation.head(), right.conversation.head());
    assert_eq!(own.0, quoted.0);

    // What bob writes after it has seen the right log does not pass in the left one.
    let crossing = right.message(&bob, 0, 2, 0);
    let before = left.conversation.clone();
    let evidence = ForkEvidence {
        position: own.0 + 1,
        quoted_n: quoted.0,
        quoted_log: quoted.1,
        own_log: Some(own.1),
    };
    assert_eq!(left.apply(&crossing), Verdict::Fork(evidence));
    assert_eq!(left.conversation, before);
    // Nor later, when the place is not the last one any more.
    left.takes(&left.message(&ada, 0, 1, 2));
    assert!(matches!(left.apply(&crossing), Verdict::Fork(e) if e.own_log == Some(own.1)));
    assert!(matches!(right.apply(&crossing), Verdict::Valid(_)));
}

/// Proves: C13 (dropped, inserted and reordered events are such forks).
#[test]
fn dropped_inserted_and_reordered_events_are_noticed() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut full = Log::room(&[&ada, &bob]);
    full.takes(&full.key(&ada, 0, 1));
    full.takes(&full.key(&bob, 0, 2));
    let (one, two) = (full.message(&ada, 0, 1, 0), full.message(&ada, 0, 1, 1));
    let before = full.clone();
    full.takes(&one);
    full.takes(&two);
    let crossing = full.message(&bob, 0, 2, 0);

    let mut dropped = before.clone();
    dropped.takes(&two);
    // Ada's second message quotes the same base in both; bob's, that has seen both, does not.
    let Verdict::Fork(evidence) = dropped.apply(&crossing) else {
        panic!("a dropped event was not noticed");
    };
    assert_eq!(evidence.own_log, None);

    let mut reordered = before.clone();
    reordered.takes(&two);
    reordered.takes(&one);
    assert!(matches!(reordered.apply(&crossing), Verdict::Fork(_)));

    let mut inserted = before;
    inserted.takes(&one);
    let mut garbage = two.clone();
    garbage.signature[0] ^= 1;
    inserted.apply(&garbage);
    inserted.takes(&two);
    assert!(matches!(inserted.apply(&crossing), Verdict::Fork(_)));
}

/// Proves: C12, C13 (also where the sides differ in their control events).
#[test]
fn a_fork_shows_before_staleness() {
    let [ada, bob, eve] = [Person::new(1), Person::new(2), Person::new(3)];
    let mut left = Log::room(&[&ada, &bob, &eve]);
    let mut right = left.clone();
    let remove = Control::Remove { account: eve.id() };
    left.does(&ada, remove);
    let policy = Control::Policy {
        members_add: false,
        timer: 1,
    };
    right.does(&ada, policy);
    assert!(matches!(
        left.apply(&right.key(&bob, 0, 1)),
        Verdict::Fork(_)
    ));
    // Only members raise the alarm, and only with a signature of theirs.
    let event = right.key(&eve, 0, 1);
    left.voids(&event, VoidReason::NotMember);
    let mut forged = right.key(&bob, 0, 1);
    forged.signature[0] ^= 1;
    left.voids(&forged, VoidReason::Signature);
}

#[test]
fn a_base_beyond_the_event_or_before_the_start_contradicts() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let log = Log::direct(&ada, &bob);
    let quoting = |n: u64, l: LogHash| {
        let mut header = log.header(&ada, 0, EventKind::Key as u8, Bytes::new());
        (header.base_n, header.base_log) = (n, l);
        log.try_on(&ada.sign(0, &header, Bytes::new()))
    };
    for n in [2, 3, u64::MAX] {
        assert!(matches!(
            quoting(n, LogHash([1; 32])),
            Verdict::Fork(e) if e.quoted_n == n && e.own_log.is_none()
        ));
    }
    assert!(matches!(
        quoting(0, LogHash([1; 32])),
        Verdict::Fork(e) if e.own_log == Some(LogHash::START)
    ));
    assert!(matches!(
        quoting(1, LogHash([1; 32])),
        Verdict::Fork(e) if e.own_log == Some(log.conversation.head().1)
    ));
}

/// A joiner does not know L before its start and cannot judge a base there.
#[test]
fn an_unknown_place_contradicts_nothing() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::room(&[&ada, &bob]);
    log.takes(&log.key(&ada, 0, 1));
    let lagging = log.message(&bob, 0, 9, 0);
    log.takes(&log.message(&ada, 0, 1, 0));
    let mut other = log.clone();
    let mut quoted: subrosa_proto::Header = subrosa_proto::decode(&lagging.header).unwrap();
    quoted.base_log = LogHash([1; 32]);
    let event = bob.sign(0, &quoted, lagging.body);
    assert!(matches!(log.apply(&event), Verdict::Fork(_)));
    let place = usize::try_from(quoted.base_n).unwrap();
    other.kept.logs[place] = None;
    other.voids(&event, VoidReason::SessionUnknown);
    assert_eq!(other.standing(&bob), Some((Role::Member, false)));
}

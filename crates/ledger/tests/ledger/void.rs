//! Events that count in the log hash and nowhere else (docs/spec/ledger.md §7.4).

use crate::world::{Log, Person, message_fields};
use bytes::Bytes;
use subrosa_ledger::{OutOfOrder, Verdict, VoidReason, event_hash, next_log};
use subrosa_proto::{Control, Event, EventKind, Role, decode, encode, limits};

const fn timer(timer: u8) -> Control {
    Control::Policy {
        members_add: false,
        timer,
    }
}

#[test]
fn positions_come_in_order() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    let event = log.key(&ada, 0, 1);
    for found in [0, 1, 3, u64::MAX] {
        let before = log.conversation.clone();
        let refused = log.conversation.apply(found, &event, &log.kept);
        let expected = 2;
        assert_eq!(refused, Err(OutOfOrder { expected, found }));
        assert_eq!(log.conversation, before);
    }
}

/// Proves: C16 (of two changes of the membership that race, one counts; what was sealed before it does not).
#[test]
fn what_names_an_earlier_control_event_is_stale() {
    let [ada, bob, eve] = [Person::new(1), Person::new(2), Person::new(3)];
    let mut log = Log::room(&[&ada, &bob, &eve]);
    log.takes(&log.key(&bob, 0, 1));
    let remove = |account| Control::Remove { account };
    let first = log.control(&ada, &remove(bob.id()));
    let second = log.control(&ada, &remove(eve.id()));
    let in_flight = [log.message(&bob, 0, 1, 0), log.key(&eve, 0, 2)];
    let mut other = log.clone();
    log.takes(&first);
    assert_eq!(log.apply(&second), Verdict::Void(VoidReason::Stale));
    assert_eq!(
        log.apply(&in_flight[0]),
        Verdict::Void(VoidReason::NotMember)
    );
    assert_eq!(log.apply(&in_flight[1]), Verdict::Void(VoidReason::Stale));
    assert_eq!(
        (log.standing(&bob), log.standing(&eve)),
        (None, Some((Role::Member, false)))
    );

    // The other order gives the other outcome, and never both.
    other.takes(&second);
    assert_eq!(other.apply(&first), Verdict::Void(VoidReason::Stale));
    assert_eq!(other.standing(&bob), Some((Role::Member, false)));
}

/// Proves: C13 (a repetition has no effect).
#[test]
fn an_event_counts_once() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&ada, 0, 1));
    let message = log.message(&ada, 0, 1, 0);
    log.takes(&message);
    log.voids(&message, VoidReason::Repeated);
    // Also one that was void: its author sends it anew, with another base.
    let mut bad = log.message(&ada, 0, 1, 1);
    bad.signature[0] ^= 1;
    assert_eq!(log.apply(&bad), Verdict::Void(VoidReason::Signature));
    log.voids(&bad, VoidReason::Repeated);
}

#[test]
fn an_event_belongs_to_its_conversation_and_suite() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let log = Log::direct(&ada, &bob);
    let room = Log::room(&[&ada, &bob]);
    let mut header = log.header(&ada, 0, EventKind::Control as u8, Bytes::new());
    header.conv = room.conversation.id();
    let body = encode(&timer(1));
    let foreign = ada.sign(0, &header, body.clone());
    log.voids(&foreign, VoidReason::ForeignConversation);
    header.conv = log.conversation.id();
    header.suite = 2;
    log.voids(&ada.sign(0, &header, body), VoidReason::Suite);
}

#[test]
fn an_event_has_a_largest_size() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&ada, 0, 1));
    let of_body = |log: &Log, length: usize| {
        let fields = encode(&message_fields(1, 0));
        let header = log.header(&ada, 0, EventKind::Message as u8, fields);
        ada.sign(0, &header, Bytes::from(vec![0; length]))
    };
    let fixed = encode(&of_body(&log, 60_000)).len() - 60_000;
    let longest = limits::EVENT_BYTES_MAX - fixed;
    log.voids(&of_body(&log, longest + 1), VoidReason::TooLarge);
    log.takes(&of_body(&log, longest));
}

#[test]
fn an_unreadable_header_is_void() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    let mut event = log.key(&ada, 0, 1);
    event.header = Bytes::from_static(b"\x89\x01");
    assert_eq!(log.apply(&event), Verdict::Void(VoidReason::Malformed));
}

/// Proves: C11, C12 (only a device that the account certified speaks for it).
#[test]
fn authors_are_certified() {
    let [mut ada, bob, eve] = [Person::new(1), Person::new(2), Person::new(3)];
    let mut log = Log::direct(&ada, &bob);
    log.refresh(&[&eve]);
    log.voids(&log.key(&eve, 0, 1), VoidReason::NotMember);
    // Eve's device in the name of ada, with its own signature and without one of ada's.
    let mut header = log.header(&ada, 0, EventKind::Key as u8, Bytes::new());
    header.device = eve.device(0);
    let ghost = eve.sign(0, &header, Bytes::new());
    log.voids(&ghost, VoidReason::DeviceNotCertified);
    header.device = ada.device(0);
    let forged = eve.sign(0, &header, Bytes::new());
    log.voids(&forged, VoidReason::Signature);

    // A device that the chain at hand does not know yet is asked for, not voided.
    let phone = ada.add_device();
    let event = log.key(&ada, phone, 1);
    log.kept.newest = false;
    let before = log.conversation.clone();
    assert_eq!(log.apply(&event), Verdict::NeedsAccount(ada.id()));
    assert_eq!(log.conversation, before);
    log.refresh(&[&ada]);
    log.takes(&event);
    log.kept.accounts.remove(&ada.id());
    let event = log.key(&ada, 0, 2);
    log.kept.newest = true;
    assert_eq!(log.try_on(&event), Verdict::NeedsAccount(ada.id()));
}

/// Proves: C11, C13 (a void event moves the log and nothing else).
#[test]
fn a_void_event_counts_in_the_log_hash_only() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    let stale = log.control(&bob, &timer(2));
    log.does(&ada, timer(1));
    let before = log.conversation.clone();
    assert_eq!(log.apply(&stale), Verdict::Void(VoidReason::Stale));
    let after = &log.conversation;
    let l3 = next_log(before.head().1, 3, event_hash(&stale));
    assert_eq!(after.head(), (3, l3));
    assert_eq!(after.ctl(), before.ctl());
    assert_eq!(after.timer(), 1);
    assert!(after.members().eq(before.members()));
}

/// Proves: C13 (what a device has quoted is not taken back).
#[test]
fn a_base_never_falls() {
    let [mut ada, bob] = [Person::new(1), Person::new(2)];
    let phone = ada.add_device();
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&bob, 0, 9));
    let with_base = |log: &Log, device: usize, session: u8, n: u64| {
        let event = log.key(&ada, device, session);
        let mut header: subrosa_proto::Header = decode(&event.header).unwrap();
        header.base_n = n;
        header.base_log = log.kept.logs[usize::try_from(n).unwrap()].unwrap();
        ada.sign(device, &header, Bytes::new())
    };
    // It may lag, stay and rise, and each device has its own.
    log.takes(&with_base(&log, 0, 1, 1));
    log.takes(&with_base(&log, 0, 2, 2));
    log.takes(&with_base(&log, 0, 3, 2));
    log.voids(&with_base(&log, 0, 4, 1), VoidReason::Base);
    log.takes(&with_base(&log, phone, 5, 1));
    // Under a control event nobody quotes what was before it: its author has seen it.
    log.does(&bob, timer(1));
    let at = log.conversation.ctl_position();
    log.voids(&with_base(&log, phone, 6, at - 1), VoidReason::Base);
    log.voids(&with_base(&log, phone, 6, 0), VoidReason::Base);
    log.takes(&with_base(&log, phone, 6, at));
    // A void event's base does not count.
    let mut void = with_base(&log, 0, 7, at + 1);
    void.signature[0] ^= 1;
    log.apply(&void);
    log.takes(&with_base(&log, 0, 7, at));
}

/// Proves: C11 (no byte of an event can change).
#[test]
fn no_byte_of_an_event_can_change() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&ada, 0, 1));
    let events = [
        log.message(&ada, 0, 1, 0),
        log.key(&ada, 0, 2),
        log.control(&ada, &timer(3)),
    ];
    for event in events {
        assert!(matches!(log.try_on(&event), Verdict::Valid(_)));
        let clean = encode(&event);
        for at in 0..clean.len() {
            for bit in [0, 3, 7] {
                let mut bytes = clean.to_vec();
                bytes[at] ^= 1 << bit;
                let Ok(damaged) = decode::<Event>(&bytes.into()) else {
                    continue;
                };
                let verdict = log.try_on(&damaged);
                assert!(
                    matches!(verdict, Verdict::Void(_)),
                    "byte {at}: {verdict:?}"
                );
            }
        }
    }
}

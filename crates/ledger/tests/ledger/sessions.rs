//! Key and message events (docs/spec/ledger.md §6.4, §6.5, §7.4).

use crate::world::{Kept, Log, Person, key_fields, message_fields};
use bytes::Bytes;
use subrosa_ledger::{Effect, SESSIONS_OPEN_MAX, VoidReason, event_hash};
use subrosa_proto::{Control, EventKind, Form, HashHead, Quote, Role, SessionId, StatementHash};
use subrosa_proto::{encode, limits};

use VoidReason::{Index, Malformed, Pending, SessionUnknown, SessionUsed};

#[test]
fn a_session_carries_messages() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    let key = log.key(&ada, 0, 1);
    assert_eq!(log.takes(&key), Effect::Key(key_fields(1)));
    let session = log.conversation.session(&SessionId([1; 32])).unwrap();
    assert_eq!((session.account, session.device), (ada.id(), ada.device(0)));
    assert_eq!(session.ctl, log.conversation.ctl());
    assert_eq!(session.position, 2);
    let message = log.message(&ada, 0, 1, 0);
    assert_eq!(log.takes(&message), Effect::Message(message_fields(1, 0)));
    // The index is the sender's affair: a repeated one shows a copied device, to its readers.
    log.takes(&log.message(&ada, 0, 1, 7));
    log.takes(&log.message(&ada, 0, 1, 6));
}

/// Proves: C14, C16 (a message counts only in a session that its own device opened under the present membership).
#[test]
fn a_session_serves_its_device_until_the_next_control_event() {
    let [mut ada, bob] = [Person::new(1), Person::new(2)];
    let phone = ada.add_device();
    let mut log = Log::direct(&ada, &bob);
    log.voids(&log.message(&ada, 0, 1, 0), SessionUnknown);
    log.takes(&log.key(&ada, 0, 1));
    log.voids(&log.message(&ada, phone, 1, 0), SessionUnknown);
    log.voids(&log.message(&bob, 0, 1, 0), SessionUnknown);
    log.voids(&log.message(&ada, 0, 2, 0), SessionUnknown);
    // A session has one opener.
    log.voids(&log.key(&ada, 0, 1), SessionUsed);
    log.voids(&log.key(&bob, 0, 1), SessionUsed);

    log.does(
        &bob,
        Control::Policy {
            members_add: false,
            timer: 1,
        },
    );
    assert!(log.conversation.session(&SessionId([1; 32])).is_none());
    log.voids(&log.message(&ada, 0, 1, 1), SessionUnknown);
    log.takes(&log.key(&ada, 0, 2));
    log.takes(&log.message(&ada, 0, 2, 0));
}

/// Proves: C11 (a device that two accounts certify speaks for each of them apart).
#[test]
fn a_session_serves_one_account() {
    let [ada, mut bob] = [Person::new(1), Person::new(2)];
    let shared = bob.adopt_device(&ada, 0);
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&ada, 0, 1));
    log.voids(&log.message(&bob, shared, 1, 0), SessionUnknown);
    log.takes(&log.key(&bob, shared, 2));
    log.takes(&log.message(&bob, shared, 2, 0));
    log.voids(&log.message(&ada, 0, 2, 0), SessionUnknown);
}

/// Proves: C14 (what a void key event opens is not open).
#[test]
fn a_void_key_event_opens_nothing() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    let mut key = log.key(&ada, 0, 1);
    key.signature[0] ^= 1;
    log.apply(&key);
    log.voids(&log.message(&ada, 0, 1, 0), SessionUnknown);
}

#[test]
fn a_device_has_few_open_sessions() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&bob, 0, 100));
    let last = u8::try_from(SESSIONS_OPEN_MAX).unwrap();
    for session in 0..=last {
        log.takes(&log.key(&ada, 0, session));
    }
    log.voids(&log.message(&ada, 0, 0, 0), SessionUnknown);
    for session in 1..=last {
        log.takes(&log.message(&ada, 0, session, 0));
    }
    log.takes(&log.message(&bob, 0, 100, 0));
}

#[test]
fn fields_have_limits() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    let key = |log: &Log, quotes: usize, body: &'static [u8]| {
        let mut fields = key_fields(1);
        let head = HashHead {
            seq: 0,
            hash: StatementHash::NONE,
        };
        let account = ada.id();
        fields.quotes = vec![Quote { account, head }; quotes];
        let header = log.header(&ada, 0, EventKind::Key as u8, encode(&fields));
        ada.sign(0, &header, Bytes::from_static(body))
    };
    log.voids(&key(&log, limits::QUOTES_MAX + 1, b""), Malformed);
    log.voids(&key(&log, 0, b"body"), Malformed);
    log.takes(&key(&log, limits::QUOTES_MAX, b""));

    let message = |log: &Log, change: &dyn Fn(&mut subrosa_proto::MessageFields)| {
        let mut fields = message_fields(1, 0);
        change(&mut fields);
        let header = log.header(&ada, 0, EventKind::Message as u8, encode(&fields));
        ada.sign(0, &header, Bytes::from_static(b"sealed"))
    };
    let blobs = |n: usize| move |f: &mut subrosa_proto::MessageFields| f.blobs = vec![[1; 32]; n];
    log.voids(
        &message(&log, &blobs(limits::MESSAGE_BLOBS_MAX + 1)),
        Malformed,
    );
    log.voids(&message(&log, &|f| f.deletes = Some(0)), Malformed);
    log.voids(&message(&log, &|f| f.deletes = Some(3)), Malformed);
    let longest = limits::SESSION_MESSAGES_LARGE;
    log.voids(&message(&log, &|f| f.index = longest), Index);
    log.takes(&message(&log, &blobs(limits::MESSAGE_BLOBS_MAX)));
    log.takes(&message(&log, &|f| f.deletes = Some(3)));
    log.takes(&message(&log, &|f| f.index = longest - 1));
}

#[test]
fn fields_and_bodies_have_the_shape_of_their_kind() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&ada, 0, 1));
    let event = |kind: EventKind, fields: Bytes, body: Bytes| {
        let header = log.header(&ada, 0, kind as u8, fields);
        ada.sign(0, &header, body)
    };
    let (key, message) = (encode(&key_fields(2)), encode(&message_fields(1, 0)));
    let policy = encode(&Control::Policy {
        members_add: false,
        timer: 1,
    });
    let wrong = [
        (EventKind::Key, message.clone(), Bytes::new()),
        (EventKind::Message, key.clone(), Bytes::new()),
        (EventKind::Message, Bytes::new(), Bytes::new()),
        (
            EventKind::Control,
            Bytes::new(),
            Bytes::from_static(b"\xa0"),
        ),
        (EventKind::Control, Bytes::from_static(b"\x80"), policy),
    ];
    for (kind, fields, body) in wrong {
        log.voids(&event(kind, fields, body), Malformed);
    }
}

/// Proves: C22 (who has not accepted neither writes nor opens sessions).
#[test]
fn who_is_pending_does_not_write() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let create = ada.creates(Form::Direct, Some(bob.id()), None);
    let mut log = Log::create(&create, Kept::of(&[&ada, &bob])).unwrap();
    log.voids(&log.key(&bob, 0, 1), Pending);
    log.voids(&log.message(&bob, 0, 1, 0), Pending);
    let unknown = log.header(&bob, 0, 9, Bytes::new());
    log.voids(&bob.sign(0, &unknown, Bytes::new()), Pending);
    log.takes(&log.key(&ada, 0, 1));
    log.takes(&log.message(&ada, 0, 1, 0));
    log.does(&bob, Control::Accept {});
    log.takes(&log.key(&bob, 0, 2));
}

#[test]
fn a_poster_writes_and_receives_nothing() {
    let [ada, bot] = [Person::new(1), Person::new(2)];
    let mut log = Log::room(&[&ada]);
    log.refresh(&[&bot]);
    log.admit(&ada, &bot, Role::Poster);
    log.takes(&log.key(&bot, 0, 1));
    log.takes(&log.message(&bot, 0, 1, 0));
    let recipients: Vec<_> = log.conversation.recipients().collect();
    assert_eq!(recipients, [ada.id()]);
    assert_eq!(log.conversation.recipient_devices(&bot.account).count(), 0);
    assert_eq!(log.conversation.recipient_devices(&ada.account).count(), 1);
}

#[test]
fn an_event_of_a_newer_version_is_kept() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    let header = log.header(&ada, 0, 77, Bytes::from_static(b"whatever"));
    let event = ada.sign(0, &header, Bytes::from_static(b"from tomorrow"));
    assert_eq!(log.takes(&event), Effect::Unknown(77));
    log.voids(&event, VoidReason::Repeated);
    assert_eq!(log.kept.seen.last(), Some(&event_hash(&event)));
}

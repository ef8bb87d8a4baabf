use super::{BoxError, KeyEvent, Opener, Recipient, StoredSession, open_own, seal_share};
use crate::sealed_box::BoxKey;
use crate::secret::Secret;
use bytes::Bytes;
use subrosa_proto::{
    AccountId, BoxKind, ConvId, DeviceId, Event, EventHash, EventKind, Header, KeyFields, LogHash,
    Nonce, SUITE, encode, limits,
};

const OPENER: Opener = Opener {
    conv: ConvId([1; 32]),
    account: AccountId([2; 32]),
    device: DeviceId([3; 32]),
};

fn rng() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

fn key_event(session: &StoredSession, nonce: Nonce) -> Event {
    let fields = KeyFields {
        session: session.session,
        nonce,
        prekey_id: 1,
        quotes: Vec::new(),
    };
    let header = Header {
        suite: SUITE,
        conv: session.conv,
        kind: EventKind::Key as u8,
        account: session.account,
        device: session.device,
        ctl: session.ctl,
        base_n: 1,
        base_log: LogHash([5; 32]),
        fields: encode(&fields),
    };
    Event {
        header: encode(&header),
        body: Bytes::new(),
        signature: [0; 64],
    }
}

fn own() -> (StoredSession, Nonce) {
    open_own(OPENER, EventHash([4; 32]), 1_000, &mut rng())
}

/// A box for `key` with a first key that somebody else made up or took from elsewhere.
fn opened(
    session: &StoredSession,
    nonce: Nonce,
    first_key: &Secret,
) -> Result<StoredSession, BoxError> {
    let key = BoxKey::generate(&mut rng());
    let to = Recipient {
        kind: BoxKind::Device,
        recipient: [7; 32],
        key_id: 1,
        key: key.public(),
    };
    let boxed = seal_share(&session.session, first_key, &to, &mut rng()).unwrap();
    let event = KeyEvent::read(&key_event(session, nonce)).unwrap();
    event.open_first(&[boxed], BoxKind::Device, &[7; 32], 2_000, |_| Some(&key))
}

// Proves: C14
#[test]
fn a_box_with_another_first_key_is_forged_however_well_it_opens() {
    let (session, nonce) = own();
    let genuine = opened(&session, nonce, session.first_key()).unwrap();
    assert_eq!(genuine.first_key().expose(), session.first_key().expose());
    assert_eq!((genuine.ctl, genuine.opened_ms), (session.ctl, 2_000));

    let made_up = Secret::generate(&mut rng());
    assert_eq!(
        opened(&session, nonce, &made_up).unwrap_err(),
        BoxError::Forged
    );
    let other_nonce = Nonce([9; 16]);
    assert_eq!(
        opened(&session, other_nonce, session.first_key()).unwrap_err(),
        BoxError::Forged
    );
}

// Proves: C11
#[test]
fn a_first_key_is_good_for_one_conversation_account_and_device() {
    let (session, nonce) = own();
    let changes: [fn(&mut StoredSession); 3] = [
        |session| session.conv.0[0] ^= 1,
        |session| session.account.0[0] ^= 1,
        |session| session.device.0[0] ^= 1,
    ];
    for change in changes {
        let mut stolen = StoredSession {
            first_key: Secret::copy_of(session.first_key().expose()),
            ..session
        };
        change(&mut stolen);
        assert_eq!(
            opened(&stolen, nonce, session.first_key()).unwrap_err(),
            BoxError::Forged
        );
    }
}

#[test]
fn a_session_is_stored_and_read_back_and_never_shown() {
    let (session, _) = own();
    let mut changes = session.to_changes();
    let (name, contents) = changes.puts.remove(0);
    assert_eq!(name, crate::RecordName::Session(session.session));
    let read = StoredSession::from_record(contents).unwrap();
    assert_eq!(read.first_key().expose(), session.first_key().expose());
    assert_eq!(
        (read.conv, read.account, read.device),
        (session.conv, session.account, session.device)
    );
    let shown = format!("{session:?} {:?}", session.first_key());
    assert!(
        !shown.contains("first_key: ") && shown.contains("redacted"),
        "{shown}"
    );
}

// Proves: C21
#[test]
fn an_index_beyond_the_longest_session_costs_nothing() {
    let (session, _) = own();
    let name = session.session;
    let mut readings = crate::Readings::default();
    let mut key = |index| {
        let reading = readings.reading(&name, &OneSession(&session)).unwrap();
        reading.message_key(index, &[0; 16])
    };
    assert!(key(limits::SESSION_MESSAGES_LARGE - 1).is_some());
    assert!(key(limits::SESSION_MESSAGES_LARGE).is_none());
    assert!(key(u32::MAX).is_none());
}

#[test]
fn a_session_reads_the_same_in_any_order() {
    let (session, _) = own();
    let name = session.session;
    let along = |readings: &mut crate::Readings, index| {
        let reading = readings.reading(&name, &OneSession(&session)).unwrap();
        *reading.message_key(index, &[7; 16]).unwrap().expose()
    };
    let mut readings = crate::Readings::default();
    for index in [0, 1, 2, 7, 7, 3, 99, 0, 98] {
        let afresh = along(&mut crate::Readings::default(), index);
        assert_eq!(along(&mut readings, index), afresh, "{index}");
    }
    assert!(!format!("{readings:?}").contains("first"));
}

#[test]
fn a_session_that_is_forgotten_is_asked_of_the_store_again() {
    let ((session, _), (other, _)) = (own(), own());
    assert_ne!(session.session, other.session);
    let mut readings = crate::Readings::default();
    for held in [&session, &other] {
        let name = held.session;
        assert!(readings.reading(&name, &OneSession(held)).is_some());
    }
    readings.forget(&session.session);
    assert!(readings.reading(&session.session, &Nothing).is_none());
    assert!(readings.reading(&other.session, &Nothing).is_some());
}

/// A store that holds nothing.
struct Nothing;

impl crate::Keyring for Nothing {
    fn session(&self, _: &subrosa_proto::SessionId) -> Option<StoredSession> {
        None
    }
    fn newest_session(&self, _: &ConvId) -> Option<StoredSession> {
        None
    }
    fn salt_used(&self, _: &subrosa_proto::SessionId, _: u32) -> Option<[u8; 16]> {
        None
    }
}

/// A store that holds one session.
struct OneSession<'a>(&'a StoredSession);

impl crate::Keyring for OneSession<'_> {
    fn session(&self, _: &subrosa_proto::SessionId) -> Option<StoredSession> {
        let (_, contents) = self.0.to_changes().puts.pop()?;
        StoredSession::from_record(contents).ok()
    }
    fn newest_session(&self, _: &ConvId) -> Option<StoredSession> {
        None
    }
    fn salt_used(&self, _: &subrosa_proto::SessionId, _: u32) -> Option<[u8; 16]> {
        None
    }
}

// Proves: C19
#[test]
fn first_keys_are_kept_three_days_and_own_ones_seven() {
    let (session, _) = own();
    let days = |days: u64| session.opened_ms + days * limits::DAY_MS;
    assert!(!session.is_over(false, false, days(3)));
    assert!(session.is_over(false, false, days(3) + 1));
    assert!(!session.is_over(false, true, days(7)));
    assert!(session.is_over(false, true, days(7) + 1));
    assert!(!session.is_over(true, true, days(1_000)));
}

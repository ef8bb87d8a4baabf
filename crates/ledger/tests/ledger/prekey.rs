//! Prekeys (docs/spec/ledger.md §4.6).

use crate::world::Person;
use bytes::Bytes;
use subrosa_ledger::{PUBLIC_KEY_BYTES, PrekeyError, check_prekey};
use subrosa_proto::{LOGOUT_ID, Prekey, Signed, decode, encode};

#[test]
fn a_prekey_of_a_live_device_is_good() {
    let person = Person::new(1);
    let signed = person.prekey(0, 3, PUBLIC_KEY_BYTES);
    let prekey = check_prekey(&person.account, &signed).unwrap();
    assert_eq!((prekey.id, prekey.device), (3, person.device(0)));
}

/// Proves: C11, C12 (an unsigned device gets no keys).
#[test]
fn every_rule_of_prekeys_holds() {
    let mut person = Person::new(1);
    let other = Person::new(2);
    let good = person.prekey(0, 3, PUBLIC_KEY_BYTES);
    let refused = |person: &Person, signed: &Signed, error: PrekeyError| {
        assert_eq!(check_prekey(&person.account, signed), Err(error));
    };
    refused(&other, &good, PrekeyError::Foreign);
    let mut unreadable = good.clone();
    unreadable.body = Bytes::from_static(b"\x80");
    assert!(matches!(
        check_prekey(&person.account, &unreadable),
        Err(PrekeyError::Malformed(_))
    ));
    for length in [0, PUBLIC_KEY_BYTES - 1, PUBLIC_KEY_BYTES + 1] {
        refused(
            &person,
            &person.prekey(0, 3, length),
            PrekeyError::KeyLength,
        );
    }
    // A logout carries no key.
    let with_key = person.prekey(0, LOGOUT_ID, PUBLIC_KEY_BYTES);
    refused(&person, &with_key, PrekeyError::KeyLength);

    let stray = person.uncertified_device();
    let uncertified = person.prekey(stray, 3, PUBLIC_KEY_BYTES);
    refused(&person, &uncertified, PrekeyError::NotCertified);
    // One device may not sign for another.
    let mut prekey: Prekey = decode(&good.body).unwrap();
    prekey.id = 4;
    let by_other = person.raw_prekey(stray, &prekey);
    assert!(matches!(
        check_prekey(&person.account, &by_other),
        Err(PrekeyError::Signature(_))
    ));
}

/// Proves: C18 (a revoked device gets no new key).
#[test]
fn a_revoked_device_may_only_log_out() {
    let mut person = Person::new(1);
    let good = person.prekey(0, 3, PUBLIC_KEY_BYTES);
    person.revoke_device(0);
    assert_eq!(
        check_prekey(&person.account, &good),
        Err(PrekeyError::Revoked)
    );
    check_prekey(&person.account, &person.logout(0)).unwrap();
}

/// Proves: C11.
#[test]
fn no_byte_of_a_prekey_can_change() {
    let person = Person::new(1);
    let clean = encode(&person.logout(0));
    for at in 0..clean.len() {
        for bit in 0..8 {
            let mut bytes = clean.to_vec();
            bytes[at] ^= 1 << bit;
            if let Ok(damaged) = decode::<Signed>(&bytes.into()) {
                assert!(check_prekey(&person.account, &damaged).is_err());
            }
        }
    }
}

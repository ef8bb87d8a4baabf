use super::{LoadError, Machine};
use crate::changes::RecordName;
use crate::identity::Identity;
use subrosa_ledger::{text, verify};
use subrosa_proto::{AccountId, ConvId, LOGOUT_ID, Prekey, Statement, StatementOp, decode, limits};
use zeroize::Zeroizing;

const ACCOUNT: AccountId = AccountId([5; 32]);

fn rng() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

#[test]
fn a_machine_is_rebuilt_from_its_records() {
    let (mut machine, mut changes) = Machine::generate(ACCOUNT, &mut rng());
    let (first, later) = machine.next_prekey(1_000, &mut rng());
    changes.then(later);
    let (second, later) = machine.next_prekey(2_000, &mut rng());
    changes.then(later);
    changes.then(machine.prekey_published(3_000));
    // The prekey before the published one was written again: it is superseded now.
    assert_eq!(changes.puts.len(), 3);
    let loaded = Machine::load(changes.puts).unwrap();
    assert_eq!(
        (loaded.account(), loaded.device()),
        (ACCOUNT, machine.device())
    );
    assert_ne!(loaded.prekey(), Some(&first));
    assert_eq!(loaded.prekey(), Some(&second));
    assert_eq!(loaded.sign_login(&[1; 32]), machine.sign_login(&[1; 32]));
}

#[test]
fn records_that_do_not_make_a_machine() {
    assert_eq!(Machine::load([]).unwrap_err(), LoadError::NoDevice);
    for name in [
        RecordName::Device,
        RecordName::Prekey(1),
        RecordName::Outbound(ConvId([1; 32])),
    ] {
        let damaged = Zeroizing::new(vec![0x82, 0x00]);
        let refused = Machine::load([(name, damaged)]).unwrap_err();
        assert!(matches!(refused, LoadError::Damaged { name: found, .. } if found == name));
    }
}

// Proves: C11
#[test]
fn a_login_is_signed_for_one_connection_and_one_account() {
    let (machine, _) = Machine::generate(ACCOUNT, &mut rng());
    let signature = machine.sign_login(&[1; 32]);
    let device = machine.device();
    let verifies = |transcript, account| {
        let text = text::device_auth(&transcript, &account);
        verify(device.as_bytes(), &text, &signature).is_ok()
    };
    assert!(verifies([1; 32], ACCOUNT));
    assert!(!verifies([2; 32], ACCOUNT));
    assert!(!verifies([1; 32], AccountId([6; 32])));
}

#[test]
fn prekeys_are_numbered_from_one_and_renewed_daily() {
    let (mut machine, _) = Machine::generate(ACCOUNT, &mut rng());
    assert!(machine.prekey().is_none() && machine.prekey_due(0));
    let day = limits::PREKEY_ROTATION_MS;
    for id in 1..=3 {
        let now = 10 * day + id * day;
        assert!(machine.prekey_due(now));
        let (signed, _) = machine.next_prekey(now, &mut rng());
        let prekey: Prekey = decode(&signed.body).unwrap();
        assert_eq!(prekey.id, id);
        assert_eq!(prekey.expires_ms, now + limits::PREKEY_MS);
        assert!(!machine.prekey_due(now + day - 1));
    }
    let logout: Prekey = decode(&machine.logout(7).body).unwrap();
    assert_eq!((logout.id, logout.key.len()), (LOGOUT_ID, 0));
}

#[test]
fn an_identity_signs_its_place_in_the_chain() {
    let identity = Identity::generate(&mut rng());
    let op = StatementOp::DeviceRevoke {
        device: subrosa_proto::DeviceId([1; 32]),
    };
    let signed = identity.sign_statement(None, op);
    let statement: Statement = decode(&signed.body).unwrap();
    assert_eq!((statement.account, statement.seq), (identity.id(), 0));
    let text = text::statement(&signed.body);
    assert!(verify(&identity.public_key(), &text, &signed.signature).is_ok());
}

// Proves: C18
#[test]
fn nothing_secret_is_shown() {
    let mut rng = rng();
    let (mut machine, changes) = Machine::generate(ACCOUNT, &mut rng);
    let (_, prekey) = machine.next_prekey(0, &mut rng);
    let id = machine.device();
    assert_eq!(
        format!("{machine:?}"),
        format!("Machine({id:?}, keys redacted)")
    );
    assert_eq!(
        format!("{changes:?}"),
        "Changes { puts: [Device], deletes: [] }"
    );
    assert_eq!(
        format!("{prekey:?}"),
        "Changes { puts: [Prekey(1)], deletes: [] }"
    );
    let identity = Identity::generate(&mut rng);
    let shown = format!("Identity({:?}, key redacted)", identity.id());
    assert_eq!(format!("{identity:?}"), shown);
}

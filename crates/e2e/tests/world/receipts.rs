//! Receipt registers.

use crate::people::{Phone, World, rng};
use subrosa_e2e::{Keyring, Receipt, RegisterError, read_register, read_typing};
use subrosa_proto::{ConvId, Register, Signed, decode, encode};

const RECEIPT: Receipt = Receipt {
    delivered_to: 3,
    read_to: 2,
};

fn talk() -> (World, Phone, Phone, ConvId) {
    let mut world = World::new();
    let mut ann = world.register("ann");
    let mut bob = world.register("bob");
    let conv = world.direct(&ann, &bob);
    ann.say(&mut world, conv, "hello");
    ann.sync(&world, conv);
    bob.sync(&world, conv);
    (world, ann, bob, conv)
}

fn register(phone: &Phone, conv: ConvId, at: u64, receipt: Receipt) -> Signed {
    let newest = phone.store.newest_session(&conv).unwrap();
    phone
        .machine
        .write_register(conv, &newest, at, receipt, &mut rng())
        .unwrap()
}

fn read(phone: &Phone, conv: ConvId, signed: &Signed) -> Result<Receipt, RegisterError> {
    read_register(
        signed,
        phone.conversation(conv),
        phone.known(conv),
        &phone.store,
    )
    .map(|read| read.receipt)
}

#[test]
fn the_author_learns_what_arrived_and_was_read() {
    let (_, ann, bob, conv) = talk();
    let signed = register(&bob, conv, 3, RECEIPT);
    let read = read_register(&signed, ann.conversation(conv), ann.known(conv), &ann.store).unwrap();
    assert_eq!(
        (read.account, read.device),
        (bob.account(), bob.machine.device())
    );
    assert_eq!((read.at, read.receipt), (3, RECEIPT));
    let body: Register = decode(&signed.body).unwrap();
    assert_eq!(body.sealed.len(), 64);
}

#[test]
fn a_register_says_nothing_about_another_conversation() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let other = world.direct(&bob, &ann);
    bob.say(&mut world, other, "elsewhere");
    bob.sync(&world, other);
    ann.sync(&world, other);
    let signed = register(&bob, conv, 3, RECEIPT);
    assert_eq!(read(&ann, other, &signed), Err(RegisterError::Misplaced));
    let newest = bob.store.newest_session(&other).unwrap();
    assert!(
        bob.machine
            .write_register(conv, &newest, 3, RECEIPT, &mut rng())
            .is_none()
    );
}

// Proves: C11
#[test]
fn only_a_members_live_device_says_so() {
    let (mut world, ann, bob, conv) = talk();
    let signed = register(&bob, conv, 3, RECEIPT);
    let altered = |change: fn(&mut Register)| {
        let mut body: Register = decode(&signed.body).unwrap();
        change(&mut body);
        Signed {
            body: encode(&body),
            ..signed.clone()
        }
    };
    assert_eq!(
        read(&ann, conv, &altered(|body| body.at = 9)),
        Err(RegisterError::Forged)
    );
    assert_eq!(
        read(&ann, conv, &altered(|body| body.salt[0] ^= 1)),
        Err(RegisterError::Forged)
    );
    assert_eq!(
        read(&ann, conv, &altered(|body| body.device.0[0] ^= 1)),
        Err(RegisterError::NotMember)
    );

    // A stranger that somehow has the session.
    let mut eve = world.register("eve");
    eve.store
        .save_session(&bob.store.newest_session(&conv).unwrap());
    let hers = register(&eve, conv, 3, RECEIPT);
    assert_eq!(read(&ann, conv, &hers), Err(RegisterError::NotMember));
}

#[test]
fn a_register_that_cannot_be_true_is_refused() {
    let (_, ann, bob, conv) = talk();
    let beyond = Receipt {
        delivered_to: 4,
        read_to: 0,
    };
    assert_eq!(
        read(&ann, conv, &register(&bob, conv, 3, beyond)),
        Err(RegisterError::Forged)
    );
    let unread = Receipt {
        delivered_to: 2,
        read_to: 3,
    };
    assert_eq!(
        read(&ann, conv, &register(&bob, conv, 3, unread)),
        Err(RegisterError::Forged)
    );
}

#[test]
fn a_register_under_a_session_that_is_not_held_waits() {
    let (mut world, ann, mut bob, conv) = talk();
    bob.say(&mut world, conv, "a session ann has not seen");
    bob.sync(&world, conv);
    let signed = register(&bob, conv, 5, RECEIPT);
    assert_eq!(read(&ann, conv, &signed), Err(RegisterError::NoKey));
}

#[test]
fn a_sign_of_typing_is_its_authors_and_no_receipt() {
    let (_, ann, bob, conv) = talk();
    let newest = bob.store.newest_session(&conv).unwrap();
    let sign = |typing| {
        bob.machine
            .write_typing(conv, &newest, 7_000, typing, &mut rng())
            .unwrap()
    };
    let hear =
        |signed: &Signed| read_typing(signed, ann.conversation(conv), ann.known(conv), &ann.store);
    for typing in [true, false] {
        let heard = hear(&sign(typing)).unwrap();
        assert_eq!(
            (heard.account, heard.device, heard.at_ms, heard.typing),
            (bob.account(), bob.machine.device(), 7_000, typing)
        );
    }
    // Both say the same in size.
    let size = |signed: &Signed| decode::<Register>(&signed.body).unwrap().sealed.len();
    assert_eq!((size(&sign(true)), size(&sign(false))), (48, 48));
    // Neither passes for the other.
    assert_eq!(read(&ann, conv, &sign(true)), Err(RegisterError::Forged));
    assert_eq!(
        hear(&register(&bob, conv, 3, RECEIPT)),
        Err(RegisterError::Forged)
    );
    let mut later: Register = decode(&sign(true).body).unwrap();
    later.at += 1;
    let forged = Signed {
        body: encode(&later),
        signature: sign(true).signature,
    };
    assert_eq!(hear(&forged), Err(RegisterError::Forged));
}

//! What a member, the server or a thief may try. The server is the log here: it can place, alter, move and repeat events and
//! boxes as it likes.

use crate::people::{Phone, World, rng};
use bytes::Bytes;
use subrosa_e2e::{BoxError, Content, CopiedDevice, OpenError, PrekeyError, Text};
use subrosa_ledger::{Verdict, VoidReason};
use subrosa_proto::{ConvId, Event, Header, KeyBox, MessageFields, decode, encode, limits};

fn talk() -> (World, Phone, Phone, ConvId) {
    let mut world = World::new();
    let ann = world.register("ann");
    let bob = world.register("bob");
    let conv = world.direct(&ann, &bob);
    (world, ann, bob, conv)
}

fn with_header(event: &Event, change: impl FnOnce(&mut Header)) -> Event {
    let mut header: Header = decode(&event.header).unwrap();
    change(&mut header);
    Event {
        header: encode(&header),
        ..event.clone()
    }
}

fn with_fields(event: &Event, change: impl FnOnce(&mut MessageFields)) -> Event {
    with_header(event, |header| {
        let mut fields: MessageFields = decode(&header.fields).unwrap();
        change(&mut fields);
        header.fields = encode(&fields);
    })
}

fn last_verdict(phone: &mut Phone, world: &World, conv: ConvId) -> Verdict {
    phone.sync(world, conv).pop().unwrap().verdict
}

// Proves: C11
#[test]
fn a_member_who_holds_the_senders_key_cannot_speak_as_the_sender() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let hers = ann.say(&mut world, conv, "hers");
    bob.sync(&world, conv);
    // Bob signs with his device what claims to be a message of hers.
    let his = bob.say(&mut world, conv, "his");
    world.logs.get_mut(&conv).unwrap().pop();
    let (a, d) = (ann.account(), ann.machine.device());
    let spoofed = with_fields(&his.message, |fields| fields.session = hers.session);
    let spoofed = with_header(&spoofed, |header| (header.account, header.device) = (a, d));
    world.post(conv, spoofed, Vec::new());
    assert_eq!(
        last_verdict(&mut ann, &world, conv),
        Verdict::Void(VoidReason::Signature)
    );
}

// Proves: C11
#[test]
fn a_session_is_good_for_its_own_device_only() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let hers = ann.say(&mut world, conv, "hers");
    bob.sync(&world, conv);
    let his = bob.say(&mut world, conv, "his");
    // Even if the ledger were to let it pass, the machine does not open his event under her session.
    let borrowed = with_fields(&his.message, |fields| fields.session = hers.session);
    assert_eq!(
        ann.machine.open(&borrowed, &ann.store).unwrap_err(),
        OpenError::Forged
    );
    assert_eq!(
        bob.machine.open(&borrowed, &bob.store).unwrap_err(),
        OpenError::Forged
    );
}

// Proves: C11
#[test]
fn no_part_of_a_message_can_be_altered() {
    let (mut world, mut ann, mut bob, conv) = talk();
    ann.say(&mut world, conv, "first");
    let sealed = ann.say(&mut world, conv, "genuine");
    bob.sync(&world, conv);
    let event = &sealed.message;
    assert!(bob.machine.open(event, &bob.store).is_ok());
    let altered = [
        with_header(event, |header| header.base_n += 1),
        with_header(event, |header| header.ctl.0[0] ^= 1),
        with_header(event, |header| header.conv.0[0] ^= 1),
        with_header(event, |header| header.account.0[0] ^= 1),
        with_header(event, |header| header.device.0[0] ^= 1),
        with_header(event, |header| header.suite ^= 1),
        with_fields(event, |fields| fields.index = 0),
        with_fields(event, |fields| fields.index = 2),
        with_fields(event, |fields| fields.index = u32::MAX),
        with_fields(event, |fields| fields.salt[0] ^= 1),
        with_fields(event, |fields| fields.timer = 1),
        with_fields(event, |fields| fields.deletes = Some(1)),
        with_fields(event, |fields| fields.blobs.push([0; 32])),
    ];
    for (case, altered) in altered.iter().enumerate() {
        assert_eq!(
            bob.machine.open(altered, &bob.store).unwrap_err(),
            OpenError::Forged,
            "{case}"
        );
    }
    for at in [0, event.body.len() / 2, event.body.len() - 1] {
        let mut body = event.body.to_vec();
        body[at] ^= 1;
        let altered = Event {
            body: Bytes::from(body),
            ..event.clone()
        };
        assert_eq!(
            bob.machine.open(&altered, &bob.store).unwrap_err(),
            OpenError::Forged
        );
    }
    // And the ledger voids it before it comes to that.
    world.post(conv, altered[0].clone(), Vec::new());
    assert!(matches!(
        last_verdict(&mut bob, &world, conv),
        Verdict::Void(_) | Verdict::Fork(_)
    ));
}

// Proves: C11
#[test]
fn a_message_repeated_or_moved_to_another_conversation_does_not_count() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let other = world.direct(&bob, &ann);
    let sealed = ann.say(&mut world, conv, "here and now");
    bob.sync(&world, conv);
    world.post(conv, sealed.message.clone(), Vec::new());
    assert_eq!(
        last_verdict(&mut bob, &world, conv),
        Verdict::Void(VoidReason::Repeated)
    );

    world.post(other, sealed.message.clone(), Vec::new());
    assert_eq!(
        last_verdict(&mut bob, &world, other),
        Verdict::Void(VoidReason::ForeignConversation)
    );
    // The key event with its boxes does not move either.
    let key = sealed.key.unwrap();
    let moved = with_header(&key.event, |header| header.conv = other);
    assert_eq!(
        bob.machine.open_key(&moved, &key.boxes, 0).unwrap_err(),
        BoxError::Forged
    );
}

// Proves: C14
#[test]
fn a_box_opens_at_its_own_key_event_and_for_its_own_device_only() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let mut eve = world.register("eve");
    world.direct(&ann, &eve);
    let first = ann.say(&mut world, conv, "one").key.unwrap();
    world.now_ms += limits::SESSION_MS;
    let second = ann.say(&mut world, conv, "two").key.unwrap();
    bob.look_around(&world);

    assert!(
        bob.machine
            .open_key(&second.event, &second.boxes, 0)
            .is_ok()
    );
    assert_eq!(
        bob.machine
            .open_key(&second.event, &first.boxes, 0)
            .unwrap_err(),
        BoxError::Forged
    );
    assert_eq!(
        bob.machine.open_key(&second.event, &[], 0).unwrap_err(),
        BoxError::NotAddressed
    );
    assert_eq!(
        eve.machine
            .open_key(&second.event, &second.boxes, 0)
            .unwrap_err(),
        BoxError::NotAddressed
    );
    // Addressed anew to another device, it does not open.
    let readdressed: Vec<KeyBox> = second
        .boxes
        .iter()
        .map(|found| KeyBox {
            recipient: *eve.machine.device().as_bytes(),
            ..found.clone()
        })
        .collect();
    assert_eq!(
        eve.machine
            .open_key(&second.event, &readdressed, 0)
            .unwrap_err(),
        BoxError::Forged
    );
    let elsewhere: Vec<KeyBox> = second
        .boxes
        .iter()
        .map(|found| KeyBox {
            key_id: 77,
            ..found.clone()
        })
        .collect();
    assert_eq!(
        bob.machine
            .open_key(&second.event, &elsewhere, 0)
            .unwrap_err(),
        BoxError::KeyGone
    );
    // A genuine box behind forged ones is found.
    let mixed: Vec<KeyBox> = first
        .boxes
        .iter()
        .chain(&elsewhere)
        .chain(&second.boxes)
        .cloned()
        .collect();
    assert!(bob.machine.open_key(&second.event, &mixed, 0).is_ok());
    eve.restart();
}

// Proves: C14
#[test]
fn an_altered_box_or_commitment_gives_no_session() {
    let (mut world, mut ann, bob, conv) = talk();
    let key = ann.say(&mut world, conv, "one").key.unwrap();
    for at in [0, 1_119, 1_120, 1_199] {
        let mut boxes = key.boxes.clone();
        for found in &mut boxes {
            let mut sealed = found.sealed.to_vec();
            sealed[at] ^= 1;
            found.sealed = sealed.into();
        }
        assert_eq!(
            bob.machine.open_key(&key.event, &boxes, 0).unwrap_err(),
            BoxError::Forged,
            "{at}"
        );
    }
    let change = |change: fn(&mut Header)| with_header(&key.event, change);
    for altered in [
        change(|header| header.account.0[0] ^= 1),
        change(|header| header.device.0[0] ^= 1),
        change(|header| header.conv.0[0] ^= 1),
    ] {
        assert_eq!(
            bob.machine.open_key(&altered, &key.boxes, 0).unwrap_err(),
            BoxError::Forged
        );
    }
}

// Proves: C26
#[test]
fn two_machines_from_one_disk_never_use_one_key_and_are_noticed() {
    let (mut world, mut ann, mut bob, conv) = talk();
    ann.say(&mut world, conv, "before the copy");
    bob.sync(&world, conv);
    ann.sync(&world, conv);
    let mut copy = Phone {
        machine: ann.second_machine(),
        store: crate::people::Store::default(),
        prekeys: subrosa_e2e::PrekeyDirectory::default(),
        talks: ann.talks.clone(),
        inbox: std::collections::BTreeMap::new(),
    };
    copy.store.records.clone_from(&ann.store.records);
    let text = Content::new(
        Text {
            text: "the very same".into(),
        },
        5,
        &mut rng(),
    );
    let first = ann.seal(&world, conv, &text).unwrap();
    let second = copy.seal(&world, conv, &text).unwrap();
    assert_eq!((first.session, first.index), (second.session, second.index));
    assert_ne!(first.salt, second.salt);
    assert_ne!(first.message.body, second.message.body);

    world.post_sealed(conv, &first);
    world.post_sealed(conv, &second);
    let met = bob.sync(&world, conv);
    let copied: Vec<_> = met
        .iter()
        .map(|met| met.opened.as_ref().unwrap().as_ref().unwrap().copied)
        .collect();
    assert_eq!(copied, [None, Some(CopiedDevice::PlaceUsedTwice)]);

    // The device itself notices what its copy sent beyond it.
    let ahead = copy.say(&mut world, conv, "ahead");
    let met = ann.sync(&world, conv);
    assert_eq!(ahead.index, 2);
    let last = met
        .last()
        .unwrap()
        .opened
        .as_ref()
        .unwrap()
        .as_ref()
        .unwrap();
    assert_eq!(last.copied, Some(CopiedDevice::NotSentHere));
}

// Proves: C19
#[test]
fn a_prekey_that_this_device_has_not_made_shows_that_it_was_copied() {
    let (mut world, mut ann, _, _) = talk();
    let mut copy = ann.second_machine();
    let (signed, _) = copy.next_prekey(world.now_ms, &mut rng());
    let prekey: subrosa_proto::Prekey = decode(&signed.body).unwrap();
    assert_eq!(
        ann.machine.check_own_prekey(prekey.id),
        Err(CopiedDevice::PrekeyNotMade)
    );
    world.publish_prekey(&mut ann);
    assert_eq!(ann.machine.check_own_prekey(prekey.id), Ok(()));
}

// Proves: C13
#[test]
fn prekeys_do_not_go_back_and_are_not_swapped() {
    let (mut world, ann, mut bob, _) = talk();
    let account = world.accounts[&bob.account()].clone();
    let first = world.prekeys[&bob.machine.device()].clone();
    let mut copy = bob.second_machine();
    world.publish_prekey(&mut bob);
    let second = world.prekeys[&bob.machine.device()].clone();
    let (other_second, _) = copy.next_prekey(world.now_ms, &mut rng());
    let hers = world.prekeys[&ann.machine.device()].clone();

    let mut seen = subrosa_e2e::PrekeyDirectory::default();
    assert_eq!(seen.admit(&account, &first), Ok(true));
    assert_eq!(seen.admit(&account, &second), Ok(true));
    assert_eq!(seen.admit(&account, &second), Ok(false));
    assert_eq!(seen.admit(&account, &first), Err(PrekeyError::RolledBack));
    assert_eq!(
        seen.admit(&account, &other_second),
        Err(PrekeyError::RolledBack)
    );
    // Signed by a device of another account, or not at all.
    assert_eq!(seen.admit(&account, &hers), Err(PrekeyError::Forged));
    let mut forged = second.clone();
    forged.signature[3] ^= 1;
    assert_eq!(seen.admit(&account, &forged), Err(PrekeyError::Forged));
    assert_eq!(seen.newest(&bob.machine.device()).unwrap().id, 2);

    let logout = bob.machine.logout(world.now_ms);
    assert_eq!(seen.admit(&account, &logout), Ok(true));
    assert_eq!(seen.admit(&account, &second), Err(PrekeyError::RolledBack));
}

// Proves: C19
#[test]
fn a_superseded_prekey_is_deleted_after_two_days_and_not_before() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let old = ann
        .say(&mut world, conv, "to the first prekey")
        .key
        .unwrap();
    world.publish_prekey(&mut bob);
    world.now_ms += limits::PREKEY_SUPERSEDED_MS - 1;
    let changes = bob.machine.expire_prekeys(world.now_ms);
    assert!(changes.is_empty());
    assert!(bob.machine.open_key(&old.event, &old.boxes, 0).is_ok());

    world.now_ms += 1;
    let changes = bob.machine.expire_prekeys(world.now_ms);
    assert!(!changes.is_empty());
    bob.store.save(changes);
    assert_eq!(
        bob.machine.open_key(&old.event, &old.boxes, 0).unwrap_err(),
        BoxError::KeyGone
    );
    bob.restart();
    assert_eq!(
        bob.machine.open_key(&old.event, &old.boxes, 0).unwrap_err(),
        BoxError::KeyGone
    );
    // The newest one stays, however old it gets.
    let changes = bob
        .machine
        .expire_prekeys(world.now_ms + 100 * limits::DAY_MS);
    assert!(changes.is_empty());
    assert!(bob.machine.prekey_due(world.now_ms));
}

#[test]
fn a_message_without_its_key_says_which_session_is_missing() {
    let (mut world, mut ann, _, conv) = talk();
    let sealed = ann.say(&mut world, conv, "one");
    let stranger = world.register("eve");
    assert_eq!(
        stranger
            .machine
            .open(&sealed.message, &stranger.store)
            .unwrap_err(),
        OpenError::NoKey(sealed.session)
    );
    let not_a_message = sealed.key.unwrap().event;
    assert!(matches!(
        stranger
            .machine
            .open(&not_a_message, &stranger.store)
            .unwrap_err(),
        OpenError::Malformed(_)
    ));
}

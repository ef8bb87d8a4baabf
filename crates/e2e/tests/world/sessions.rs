//! When a session ends, and who can open it.

use crate::people::{PASSWORD, Phone, RECOVERY, World, secret};
use subrosa_e2e::{BoxError, QuoteVerdict, SealError, Slot, judge_quote, open_vault, seal_pack};
use subrosa_ledger::{Account, Effect, Verdict};
use subrosa_proto::{BoxKind, Control, ConvId, KeyFields, SessionId, limits};

fn talk() -> (World, Phone, Phone, ConvId) {
    let mut world = World::new();
    let mut ann = world.register("ann");
    let mut bob = world.register("bob");
    let conv = world.direct(&ann, &bob);
    ann.say(&mut world, conv, "hello");
    bob.sync(&world, conv);
    (world, ann, bob, conv)
}

fn session_of(phone: &mut Phone, world: &mut World, conv: ConvId) -> SessionId {
    phone.say(world, conv, "next").session
}

#[test]
fn a_session_goes_on_while_nothing_changes() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let first = session_of(&mut ann, &mut world, conv);
    bob.say(&mut world, conv, "a session of my own");
    world.now_ms += limits::SESSION_MS - 1;
    assert_eq!(session_of(&mut ann, &mut world, conv), first);
    // A newer prekey of the same device changes nothing.
    world.publish_prekey(&mut bob);
    assert_eq!(session_of(&mut ann, &mut world, conv), first);
}

#[test]
fn a_control_event_ends_it() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let first = session_of(&mut ann, &mut world, conv);
    let policy = Control::Policy {
        members_add: false,
        timer: 3,
    };
    bob.control(&mut world, conv, &policy);
    let next = ann.say(&mut world, conv, "under another control head");
    assert_ne!(next.session, first);
    assert!(next.key.is_some());
    assert_eq!(
        bob.texts(&world, conv).last().unwrap(),
        "under another control head"
    );
}

// Proves: C16
#[test]
fn a_further_device_ends_it_and_reads_from_then_on() {
    let (mut world, mut ann, bob, conv) = talk();
    let first = session_of(&mut ann, &mut world, conv);
    let mut tablet = world.login(bob.account());
    let next = ann.say(&mut world, conv, "for both");
    assert_ne!(next.session, first);
    assert_eq!(tablet.texts(&world, conv), ["for both"]);
}

#[test]
fn an_own_further_device_ends_it_too() {
    let (mut world, mut ann, _, conv) = talk();
    let first = session_of(&mut ann, &mut world, conv);
    let mut tablet = world.login(ann.account());
    assert_ne!(session_of(&mut ann, &mut world, conv), first);
    assert_eq!(tablet.texts(&world, conv), ["next"]);
}

// Proves: C19
#[test]
fn a_day_ends_it_whichever_way_the_clock_went() {
    let (mut world, mut ann, _, conv) = talk();
    let first = session_of(&mut ann, &mut world, conv);
    world.now_ms += limits::SESSION_MS;
    let second = session_of(&mut ann, &mut world, conv);
    assert_ne!(second, first);
    world.now_ms -= 2 * limits::SESSION_MS;
    assert_ne!(session_of(&mut ann, &mut world, conv), second);
}

#[test]
fn a_hundred_messages_end_it() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let first = session_of(&mut ann, &mut world, conv);
    for _ in 2..limits::SESSION_MESSAGES {
        assert_eq!(session_of(&mut ann, &mut world, conv), first);
    }
    let next = ann.say(&mut world, conv, "one hundred and one");
    assert_ne!(next.session, first);
    assert_eq!(next.index, 0);
    assert_eq!(bob.texts(&world, conv).len(), 100);
}

#[test]
fn a_session_that_was_given_up_is_followed_by_another() {
    let (mut world, mut ann, mut bob, conv) = talk();
    let first = session_of(&mut ann, &mut world, conv);
    let conversation = ann.talks[&conv].0.clone();
    let changes = ann.machine.abandon_session(&conversation);
    ann.store.save(changes);
    ann.restart();
    let next = ann.say(&mut world, conv, "anew");
    assert_ne!(next.session, first);
    assert_eq!(bob.texts(&world, conv).last().unwrap(), "anew");
}

// Proves: C13
#[test]
fn the_key_event_quotes_the_chains_it_rests_on_and_the_authors_prekey() {
    let (mut world, mut ann, mut bob, conv) = talk();
    world.publish_prekey(&mut bob);
    ann.sync(&world, conv);
    let sealed = bob.say(&mut world, conv, "mine");
    let met = ann.sync(&world, conv);
    let Verdict::Valid(Effect::Key(KeyFields {
        session,
        prekey_id,
        quotes,
        ..
    })) = &met[0].verdict
    else {
        panic!("{:?}", met[0].verdict)
    };
    assert_eq!((*session, *prekey_id), (sealed.session, 2));
    assert_eq!(quotes.len(), 2);
    assert_eq!(quotes[0].account, bob.account());
    assert_eq!(quotes[0].head, world.accounts[&bob.account()].head());
    assert_eq!(quotes[1].head, world.accounts[&ann.account()].head());
    assert_eq!(ann.machine.check_own_prekey(1), Ok(()));

    // What ann makes of the quotes, knowing this chain, an older one, another branch, or none.
    let now = &world.accounts[&bob.account()];
    assert_eq!(judge_quote(&quotes[0], Some(now)), QuoteVerdict::Known);
    let older = Account::from_chain(&now.statements()[..3]).unwrap();
    assert_eq!(judge_quote(&quotes[0], Some(&older)), QuoteVerdict::Ahead);
    assert_eq!(judge_quote(&quotes[0], None), QuoteVerdict::Ahead);
    let mut other = quotes[0];
    other.head.hash.0[0] ^= 1;
    assert_eq!(judge_quote(&other, Some(now)), QuoteVerdict::Forked);
}

fn back_fill(world: &World, phone: &mut Phone, conv: ConvId, slot: Slot, word: u8) {
    let id = phone.account();
    let vault = open_vault(
        &world.bundles[&id],
        slot,
        &secret(word, id),
        &world.accounts[&id],
    )
    .unwrap();
    let opener = vault.history_opener();
    drop(vault);
    let mut found = 0;
    for posted in &world.logs[&conv] {
        match opener.open_key(&posted.event, &posted.boxes, world.now_ms) {
            Ok(session) => {
                phone.store.save_session(&session);
                found += 1;
            }
            Err(error) => assert!(matches!(error, BoxError::Malformed(_)), "{error:?}"),
        }
    }
    assert_eq!(found, 2);
}

#[test]
fn the_password_and_the_recovery_code_each_give_a_new_device_the_whole_history() {
    for (slot, word) in [(Slot::Password, PASSWORD), (Slot::Recovery, RECOVERY)] {
        let (mut world, mut ann, mut bob, conv) = talk();
        bob.say(&mut world, conv, "and back");
        ann.say(&mut world, conv, "a third");
        let mut tablet = world.login(bob.account());
        back_fill(&world, &mut tablet, conv, slot, word);
        assert_eq!(tablet.texts(&world, conv), ["hello", "and back", "a third"]);
    }
}

// Proves: C16
#[test]
fn without_archive_there_are_no_boxes_for_history_keys() {
    let mut world = World::new();
    let mut ann = world.register("ann");
    let bob = world.register("bob");
    let conv = world.create(&ann, subrosa_proto::Form::Direct, false, Some(&bob), true);
    let sealed = ann.say(&mut world, conv, "not for ever");
    let boxes = sealed.key.unwrap().boxes;
    assert!(boxes.iter().all(|found| found.kind == BoxKind::Device));
    assert_eq!(boxes.len(), 1);
    let mut tablet = world.login(bob.account());
    assert!(tablet.texts(&world, conv).is_empty());
}

#[test]
fn a_pack_gives_what_the_boxes_in_it_gave() {
    let (mut world, mut ann, mut bob, conv) = talk();
    world.now_ms += limits::DAY_MS;
    ann.say(&mut world, conv, "a day later");
    bob.sync(&world, conv);
    let id = bob.account();
    let account = &world.accounts[&id];
    let sessions: Vec<_> = bob
        .store
        .records
        .iter()
        .filter(|(name, _)| !name.loaded_at_start())
        .map(|(_, record)| subrosa_e2e::StoredSession::from_record(record.clone()).unwrap())
        .collect();
    assert_eq!(sessions.len(), 2);
    let pack = seal_pack(
        conv,
        id,
        account.history_key().unwrap(),
        &sessions,
        &mut crate::people::rng(),
    )
    .unwrap();

    let vault = open_vault(
        &world.bundles[&id],
        Slot::Password,
        &secret(PASSWORD, id),
        account,
    )
    .unwrap();
    let opener = vault.history_opener();
    // In another conversation it is nothing.
    assert_eq!(
        opener.open_pack(ConvId([9; 32]), &pack).unwrap_err(),
        BoxError::Forged
    );
    let opened = opener.open_pack(conv, &pack).unwrap();
    let mut tablet = world.login(id);
    for posted in &world.logs[&conv] {
        if let Ok(session) = opened.session_of(&posted.event, world.now_ms) {
            tablet.store.save_session(&session);
        }
    }
    assert_eq!(tablet.texts(&world, conv), ["hello", "a day later"]);
}

#[test]
fn devices_that_logged_out_or_stayed_away_are_left_out_visibly() {
    let (mut world, mut ann, bob, conv) = talk();
    let tablet = world.login(bob.account());
    let tablet_id = tablet.machine.device();
    let sealed = ann.say(&mut world, conv, "for the tablet too");
    assert!(sealed.left_out.is_empty());
    let session = sealed.session;
    let logout = tablet.machine.logout(world.now_ms);
    world.prekeys.insert(tablet_id, logout);
    let sealed = ann.say(&mut world, conv, "not for the tablet");
    assert_eq!(sealed.left_out, [(bob.account(), tablet_id)]);
    assert_ne!(sealed.session, session);
    let boxes = sealed.key.unwrap().boxes;
    assert!(
        boxes
            .iter()
            .all(|found| found.recipient != *tablet_id.as_bytes())
    );

    world.now_ms += limits::PREKEY_MS + limits::PREKEY_CLOCK_MS + 1;
    let sealed = ann.say(&mut world, conv, "to the archive");
    assert_eq!(sealed.left_out.len(), 2);
    let boxes = sealed.key.unwrap().boxes;
    assert!(boxes.iter().all(|found| found.kind == BoxKind::History));
}

// Proves: C14
#[test]
fn nothing_is_sent_that_would_leave_out_a_device_whose_prekey_is_not_known() {
    let (mut world, mut ann, bob, conv) = talk();
    let tablet = world.login(bob.account());
    world.prekeys.remove(&tablet.machine.device());
    ann.sync(&world, conv);
    let content = subrosa_e2e::Content::new(
        subrosa_e2e::Text { text: "no".into() },
        0,
        &mut crate::people::rng(),
    );
    assert_eq!(
        ann.seal(&world, conv, &content).unwrap_err(),
        SealError::NeedsPrekey(bob.account(), tablet.machine.device())
    );
}

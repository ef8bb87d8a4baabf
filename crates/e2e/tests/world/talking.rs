//! Two people talk.

use crate::people::{Phone, World, rng};
use subrosa_e2e::{
    Body, Content, ContentRef, Delete, Edit, InviteIssued, Keyring, OpenError, Reaction, Text,
};
use subrosa_ledger::{Effect, Verdict};
use subrosa_proto::{ContentId, Form, encode};

fn two() -> (World, Phone, Phone) {
    let mut world = World::new();
    let ann = world.register("ann");
    let bob = world.register("bob");
    (world, ann, bob)
}

// Proves: C8
#[test]
fn texts_go_both_ways_and_the_log_does_not_show_them() {
    let (mut world, mut ann, mut bob) = two();
    let conv = world.direct(&ann, &bob);
    ann.say(&mut world, conv, "a text from ann");
    assert_eq!(bob.texts(&world, conv), ["a text from ann"]);
    bob.say(&mut world, conv, "a text from bob");
    ann.say(&mut world, conv, "another from ann");
    assert_eq!(
        bob.texts(&world, conv),
        ["a text from bob", "another from ann"]
    );
    let all = ["a text from ann", "a text from bob", "another from ann"];
    assert_eq!(ann.texts(&world, conv), all);

    for posted in &world.logs[&conv] {
        let bytes = [
            encode(&posted.event).to_vec(),
            posted
                .boxes
                .iter()
                .flat_map(|found| encode(found).to_vec())
                .collect(),
        ]
        .concat();
        assert!(
            !bytes
                .windows(6)
                .any(|part| part == b"a text" || part == b"anothe")
        );
    }
}

#[test]
fn whoever_sent_a_message_opens_it_too_and_whoever_met_it_once_finds_nothing_odd() {
    let (mut world, mut ann, bob) = two();
    let conv = world.direct(&ann, &bob);
    let sealed = ann.say(&mut world, conv, "mine");
    let met = ann.sync(&world, conv);
    let opened = met[1].opened.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(opened.content.text(), Some("mine"));
    assert_eq!(opened.copied, None);
    assert_eq!(
        (opened.session, opened.index, opened.salt),
        (sealed.session, 0, sealed.salt)
    );
    // The client keeps the salt with the message; meeting the same event again is no sign of a copy.
    let again = ann.machine.open(&sealed.message, &ann.store).unwrap();
    assert_eq!(again.copied, None);
    assert!(ann.store.newest_session(&conv).is_some());
}

// Proves: C26
#[test]
fn a_device_goes_on_where_it_was_after_every_restart() {
    let (mut world, mut ann, mut bob) = two();
    let conv = world.direct(&ann, &bob);
    let mut indices = Vec::new();
    for turn in 0..5 {
        indices.push(ann.say(&mut world, conv, &format!("turn {turn}")).index);
        ann.restart();
        bob.restart();
    }
    assert_eq!(indices, [0, 1, 2, 3, 4]);
    assert_eq!(bob.texts(&world, conv).len(), 5);
}

// Proves: C26
#[test]
fn an_index_that_never_arrived_leaves_a_gap_that_readers_accept() {
    let (mut world, mut ann, mut bob) = two();
    let conv = world.direct(&ann, &bob);
    ann.say(&mut world, conv, "one");
    let lost = Content::new(
        Text {
            text: "lost".into(),
        },
        world.now_ms,
        &mut rng(),
    );
    let first = ann.seal(&world, conv, &lost).unwrap();
    let second = ann.seal(&world, conv, &lost).unwrap();
    assert_eq!((first.index, second.index), (1, 2));
    world.post_sealed(conv, &second);
    assert_eq!(bob.texts(&world, conv), ["one", "lost"]);
}

#[test]
fn a_content_sent_again_keeps_its_id() {
    let (mut world, mut ann, mut bob) = two();
    let conv = world.direct(&ann, &bob);
    let content = Content::new(
        Text {
            text: "once".into(),
        },
        world.now_ms,
        &mut rng(),
    );
    for _ in 0..2 {
        let sealed = ann.seal(&world, conv, &content).unwrap();
        world.post_sealed(conv, &sealed);
    }
    let met = bob.sync(&world, conv);
    let ids: Vec<ContentId> = met
        .iter()
        .filter_map(|met| Some(met.opened.as_ref()?.as_ref().unwrap().content.id))
        .collect();
    assert_eq!(ids, [content.id, content.id]);
}

// Proves: C15
#[test]
fn edits_and_deletions_are_about_the_authors_own_words_only() {
    let (mut world, mut ann, mut bob) = two();
    let conv = world.direct(&ann, &bob);
    let content = Content::new(
        Text {
            text: "original".into(),
        },
        world.now_ms,
        &mut rng(),
    );
    let sealed = ann.seal(&world, conv, &content).unwrap();
    world.post_sealed(conv, &sealed);
    let of = content.id;
    let hers = ContentRef {
        account: ann.account(),
        id: of,
    };

    bob.send(
        &mut world,
        conv,
        Edit {
            of,
            text: "falsified".into(),
        },
    );
    bob.send(&mut world, conv, Delete { of });
    bob.send(
        &mut world,
        conv,
        Reaction {
            to: hers,
            emoji: "🦀".into(),
        },
    );
    ann.send(
        &mut world,
        conv,
        Edit {
            of,
            text: "corrected".into(),
        },
    );

    let targets: Vec<_> = ann
        .sync(&world, conv)
        .into_iter()
        .filter_map(|met| Some((met.author, met.opened?.unwrap().content)))
        .skip(1)
        .filter_map(|(author, content)| Some((content.amends(), author, content.target(author)?)))
        .collect();
    let his = ContentRef {
        account: bob.account(),
        id: of,
    };
    // What bob wrote about her id is about a content of his own, which does not exist.
    assert_eq!(
        targets,
        [
            (true, bob.account(), his),
            (true, bob.account(), his),
            (true, bob.account(), hers),
            (true, ann.account(), hers),
        ]
    );
}

#[test]
fn a_kind_from_a_newer_version_is_kept_as_it_came() {
    let (mut world, mut ann, mut bob) = two();
    let conv = world.direct(&ann, &bob);
    let body = Body::Unknown {
        kind: 4_711,
        fields: bytes::Bytes::from_static(b"whatever that will be"),
    };
    ann.send(&mut world, conv, body.clone());
    let met = bob.sync(&world, conv);
    let opened = met[1].opened.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(opened.content.body, body);
    assert_eq!(
        Content::decode(&opened.content.encode().unwrap()).unwrap(),
        opened.content
    );
}

#[test]
fn the_own_conversation_reaches_the_own_devices() {
    let mut world = World::new();
    let mut phone = world.register("ann");
    let conv = world.create(&phone, Form::Own, true, None, false);
    phone.send(
        &mut world,
        conv,
        InviteIssued {
            secret: [3; 16],
            created_ms: 5,
            room: None,
        },
    );
    let mut tablet = world.login(phone.account());
    phone.send(
        &mut world,
        conv,
        InviteIssued {
            secret: [4; 16],
            created_ms: 6,
            room: None,
        },
    );
    let opened: Vec<_> = tablet
        .sync(&world, conv)
        .into_iter()
        .filter_map(|met| met.opened)
        .collect();
    assert!(matches!(opened[0], Err(OpenError::NoKey(_))));
    let newest = opened[1].as_ref().unwrap();
    assert_eq!(
        newest.content.body,
        Body::InviteIssued(InviteIssued {
            secret: [4; 16],
            created_ms: 6,
            room: None,
        })
    );
}

#[test]
fn a_text_of_the_greatest_length_fits_and_one_byte_more_does_not() {
    let (mut world, mut ann, mut bob) = two();
    let conv = world.direct(&ann, &bob);
    let longest = "x".repeat(subrosa_proto::limits::TEXT_BYTES_MAX);
    ann.say(&mut world, conv, &longest);
    let met = bob.sync(&world, conv);
    assert!(matches!(met[1].verdict, Verdict::Valid(Effect::Message(_))));
    assert_eq!(
        met[1]
            .opened
            .as_ref()
            .unwrap()
            .as_ref()
            .unwrap()
            .content
            .text(),
        Some(&*longest)
    );

    let longer = Content::new(
        Text {
            text: longest + "x",
        },
        0,
        &mut rng(),
    );
    assert!(ann.seal(&world, conv, &longer).is_err());
}

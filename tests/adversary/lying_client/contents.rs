//! Contents that no client of ours writes, sealed as a true client seals.

use crate::stage::liar::copy;
use crate::stage::members::{Seen, header_of};
use crate::stage::people::{
    FIRST, World, fresh_texts, queue, rows, said, send, wait_for_text, wait_for_warning,
};
use crate::stage::puppet::Puppet;
use crate::stage::rng;
use subrosa_client::{RowKind, SendState};
use subrosa_e2e::{Body, Content, ContentRef, Delete, Edit, MessageMeta, Reaction, Reply, Text};
use subrosa_proto::{AccountId, ContentId, EventKind, MessageFields, Response, SessionId, decode};

fn content(body: impl Into<Body>) -> Content {
    Content::new(body, crate::stage::liar::now_ms(), &mut rng())
}

fn text(words: &str) -> Text {
    Text {
        text: words.to_owned(),
    }
}

/// Ada's world, with Bob's device in bad hands, and the content ids of the first words: Ada's and Bob's.
async fn stage() -> (World, Puppet, ContentId, ContentId) {
    let world = World::new().await;
    let ada_account = world.account("ada");
    let ada = world.client("ada").await;
    let shown = rows(&ada, "bob", true).await;
    ada.close().await;
    let id_of = |from: &str| {
        let row = shown
            .iter()
            .find(|row| row.from == from && matches!(row.what, RowKind::Text { .. }));
        ContentId::from_hex(&row.unwrap().id).unwrap()
    };
    let (of_ada, of_bob) = (id_of("ada"), id_of("bob"));
    let puppet = Puppet::of(&world, "bob", ada_account).await;
    (world, puppet, of_ada, of_bob)
}

// Proves: C15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anothers_words_are_not_edited_or_deleted() {
    let (world, mut bob, of_ada, of_bob) = stage().await;
    let ada_account = world.account("ada");
    let lies = [
        content(Edit {
            of: of_ada,
            text: "I owe you a million".to_owned(),
        }),
        content(Delete { of: of_ada }),
        content(Reaction {
            to: ContentRef {
                account: ada_account,
                id: ContentId([7; 16]),
            },
            emoji: "👍".to_owned(),
        }),
        content(Reply {
            to: ContentRef {
                account: ada_account,
                id: ContentId([8; 16]),
            },
            text: "to what you never said".to_owned(),
        }),
    ];
    for lie in &lies {
        let answer = bob.say(lie, &MessageMeta::default()).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    }
    // The same asked for by the header, as an admin of a room may.
    let by_ada = |event: &&bytes::Bytes| {
        let header = header_of(event);
        header.account == ada_account && header.kind == EventKind::Message as u8
    };
    let position_of_ada = bob
        .seen
        .events
        .iter()
        .position(|event| by_ada(&event))
        .unwrap() as u64
        + 1;
    let meta = MessageMeta {
        deletes: Some(position_of_ada),
        ..MessageMeta::default()
    };
    let deletion = content(Delete { of: of_ada });
    let answer = bob.say(&deletion, &meta).await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");

    // The server, which carries out deletions by header where they are rightful, keeps this body.
    let place = usize::try_from(position_of_ada).unwrap() - 1;
    let now = Seen::read(&mut bob.caller, bob.seen.conv).await;
    assert_eq!(now.events[place], bob.seen.events[place]);

    let ada = world.client("ada").await;
    let mut expected = said(&FIRST);
    expected.push(("bob".to_owned(), "to what you never said".to_owned()));
    assert_eq!(fresh_texts(&ada, "bob").await, expected);
    ada.close().await;
    // Of his own words he may do it, and it is seen.
    let own = content(Edit {
        of: of_bob,
        text: "hello, dear ada".to_owned(),
    });
    let answer = bob.say(&own, &MessageMeta::default()).await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    let ada = world.client("ada").await;
    let seen = fresh_texts(&ada, "bob").await;
    assert!(
        seen.contains(&("bob".to_owned(), "hello, dear ada".to_owned())),
        "{seen:?}"
    );
    assert!(seen.contains(&("ada".to_owned(), "hello bob".to_owned())));
    ada.close().await;
}

// Proves: C14, C26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_content_id_means_one_content() {
    let (world, mut bob, of_ada, of_bob) = stage().await;
    // Bob says other words under an id that he used, and under one of Ada's.
    for (id, words) in [
        (of_bob, "I never said hello"),
        (of_ada, "as if it were hers"),
    ] {
        let again = Content {
            id,
            ..content(text(words))
        };
        let answer = bob.say(&again, &MessageMeta::default()).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    }
    let ada = world.client("ada").await;
    let seen = fresh_texts(&ada, "bob").await;
    // An id is the author's own: what Ada wrote is untouched, what Bob wrote first stays.
    let mut expected = said(&FIRST);
    expected.push(("bob".to_owned(), "as if it were hers".to_owned()));
    assert_eq!(seen, expected);
    ada.close().await;
}

// Proves: C19, C26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_home_is_noticed_and_repeats_no_key() {
    let (world, mut thief, ..) = stage().await;
    let answer = thief
        .say(&content(text("from the copy")), &MessageMeta::default())
        .await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    // The true device goes on from where its own disk is: at the same index of the same session.
    let bob = world.client("bob").await;
    assert_eq!(
        send(&bob, "ada", "from the device").await.unwrap(),
        SendState::Sent
    );
    bob.close().await;
    let ada_account = world.account("ada");
    let end = Puppet::of(&world, "bob", ada_account).await;
    let places = places(&end.seen.events, thief.machine.account());
    let twice = places.iter().enumerate().any(|(at, place)| {
        let mut others = places[at + 1..].iter();
        others.any(|other| (other.0, other.1) == (place.0, place.1))
    });
    assert!(twice, "the copy was at the same place: {places:?}");
    let mut salts: Vec<_> = places.iter().map(|place| place.2).collect();
    salts.sort_unstable();
    salts.dedup();
    assert_eq!(salts.len(), places.len(), "no key is used twice");
    let ada = world.client("ada").await;
    let shown = rows(&ada, "bob", true).await;
    let noticed = shown
        .iter()
        .any(|row| matches!(&row.what, RowKind::Info { text } if text.contains("a device of bob")));
    assert!(noticed, "{shown:#?}");
    ada.close().await;
}

/// Places of the messages of one account in a conversation: session, index, salt.
fn places(events: &[bytes::Bytes], account: AccountId) -> Vec<(SessionId, u32, [u8; 16])> {
    let place = |event: &bytes::Bytes| {
        let header = header_of(event);
        let fields = decode::<MessageFields>(&header.fields).ok()?;
        let of = (fields.session, fields.index, fields.salt);
        (header.account == account).then_some(of)
    };
    events.iter().filter_map(place).collect()
}

// Proves: C19, C26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_of_a_home_at_the_same_time_are_noticed_and_repeat_no_key() {
    let world = World::new().await;
    copy(&world.path("bob"), &world.path("copy"));
    let (ada, bob, thief) = (
        world.client("ada").await,
        world.client("bob").await,
        world.client("copy").await,
    );
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    for number in 0..4 {
        for (client, who) in [(&bob, "bob"), (&thief, "copy")] {
            let text = format!("{who} {number}");
            queue(client, "ada", &text).await;
            wait_for_text(&mut at_ada, &text).await;
        }
    }
    wait_for_warning(&mut at_bob, "this home was copied").await;
    let seen = fresh_texts(&ada, "bob").await;
    let mut expected = said(&FIRST);
    for number in 0..4 {
        expected.push(("bob".to_owned(), format!("bob {number}")));
        expected.push(("bob".to_owned(), format!("copy {number}")));
    }
    assert_eq!(
        seen, expected,
        "each once, in the order in which they were said"
    );
    for client in [ada, bob, thief] {
        client.close().await;
    }
    let (account, of_ada) = (world.account("bob"), world.account("ada"));
    let end = Puppet::of(&world, "bob", of_ada).await;
    let places = places(&end.seen.events, account);
    let mut salts: Vec<_> = places.iter().map(|place| place.2).collect();
    salts.sort_unstable();
    salts.dedup();
    assert!(
        places.len() >= 9 && salts.len() == places.len(),
        "no key is used twice: {places:?}"
    );
}

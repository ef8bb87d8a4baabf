//! Two people talk through a real server over TCP.

use crate::world::{World, invite, is_text, rows, send, texts, wait_for};
use subrosa_client::{Answer, Command, Notice, SendState, Trust};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_write_to_each_other() {
    let world = World::start().await;
    let (_, ada) = world.first("ada").await;
    let line = invite(&ada).await;
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    let (_, bob) = world.join("bob", &line).await;
    wait_for(
        &mut at_ada,
        |notice| matches!(notice, Notice::Joined(view) if view.name == "@bob"),
    )
    .await;

    assert_eq!(
        send(&bob, "@ada", "hello ada").await.unwrap(),
        SendState::Sent
    );
    wait_for(&mut at_ada, |notice| is_text(notice, "hello ada")).await;
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    assert_eq!(
        send(&ada, "bob", "hello bob").await.unwrap(),
        SendState::Sent
    );
    wait_for(&mut at_bob, |notice| is_text(notice, "hello bob")).await;
    // Bob's device decrypted it and says so.
    wait_for(&mut at_ada, |notice| {
        matches!(
            notice,
            Notice::State {
                state: SendState::Delivered,
                ..
            }
        )
    })
    .await;

    let expected =
        [("bob", "hello ada"), ("ada", "hello bob")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(texts(&ada, "@bob").await, expected);
    assert_eq!(texts(&bob, "@ada").await, expected);
    for (client, name) in [(&ada, "bob"), (&bob, "ada")] {
        let Answer::Contacts(contacts) = client.call(Command::Contacts {}).await.unwrap() else {
            panic!()
        };
        let contact = contacts
            .iter()
            .find(|contact| contact.name == name)
            .unwrap();
        assert_eq!(contact.trust, Trust::Invited);
    }
    ada.close().await;
    bob.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_the_server_is_away_arrives_once_and_in_order() {
    let mut world = World::start().await;
    let (_, ada) = world.first("ada").await;
    let line = invite(&ada).await;
    let (_, bob) = world.join("bob", &line).await;
    assert_eq!(send(&bob, "@ada", "before").await.unwrap(), SendState::Sent);
    let mut at_ada = ada.subscribe(None, Some(0)).await.unwrap();
    wait_for(&mut at_ada, |notice| is_text(notice, "before")).await;
    world.close().await;
    for number in 0..5 {
        assert_eq!(
            send(&ada, "@bob", &format!("away {number}")).await.unwrap(),
            SendState::Queued
        );
    }
    // The process that wrote them ends before the server is back.
    ada.close().await;
    world.open().await;
    let ada = world.client("ada").await;
    let Answer::Outbox { waiting } = ada.call(Command::Drain {}).await.unwrap() else {
        panic!()
    };
    assert_eq!(waiting, 0);
    let mut expected = vec![("bob".to_owned(), "before".to_owned())];
    expected.extend((0..5).map(|number| ("ada".to_owned(), format!("away {number}"))));
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    wait_for(&mut at_bob, |notice| is_text(notice, "away 4")).await;
    assert_eq!(texts(&bob, "@ada").await, expected);
    assert_eq!(texts(&ada, "@bob").await, expected);
    assert!(
        rows(&ada, Some("@bob"))
            .await
            .iter()
            .all(|row| row.state.is_none_or(|state| state >= SendState::Sent))
    );
    ada.close().await;
    bob.close().await;
}

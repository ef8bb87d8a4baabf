//! Rooms of real clients at a real server.

use crate::world::{PATIENCE, World, invite, rows, send, texts};
use std::time::Duration;
use subrosa_client::{
    Answer, Client, Command, Failure, FailureKind, RoomCommand, RoomRole, RoomStanding, RoomView,
    Row, RowKind, SendState,
};
use subrosa_proto::InviteLine;

async fn room(client: &Client, command: RoomCommand) -> Result<Answer, Failure> {
    tokio::time::timeout(PATIENCE, client.call(Command::Room(command)))
        .await
        .expect("no answer to a command about a room")
}

fn named(name: &str) -> String {
    name.to_owned()
}

async fn create(client: &Client, name: &str, people: &[&str]) -> RoomView {
    let command = RoomCommand::Create {
        name: named(name),
        topic: named("what runs where"),
        archive: true,
        members_add: false,
        people: people.iter().map(|name| named(name)).collect(),
    };
    match room(client, command).await.unwrap() {
        Answer::Room(view) => view,
        other => panic!("{other:?}"),
    }
}

async fn show(client: &Client, name: &str) -> Option<RoomView> {
    match room(client, RoomCommand::List {}).await.unwrap() {
        Answer::Rooms(views) => views.into_iter().find(|view| view.name == name),
        other => panic!("{other:?}"),
    }
}

/// Waits until a room looks as it should at somebody's.
async fn until(client: &Client, name: &str, is_it: impl Fn(&RoomView) -> bool) -> RoomView {
    let wait = async {
        loop {
            match show(client, name).await {
                Some(view) if is_it(&view) => return view,
                // condition: what the loop looks at.
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(view) => view,
        Err(_) => panic!(
            "{name} does not become what it should: {:#?} {:#?}",
            room(client, RoomCommand::List {}).await,
            rows(client, None).await
        ),
    }
}

/// Whether a conversation is here.
async fn knows(client: &Client, name: &str) -> bool {
    match client.call(Command::Conversations {}).await.unwrap() {
        Answer::Conversations(views) => views.iter().any(|view| view.name == name),
        other => panic!("{other:?}"),
    }
}

async fn until_text(client: &Client, name: &str, text: &str) -> Vec<(String, String)> {
    let wait = async {
        loop {
            if knows(client, name).await {
                let texts = texts(client, name).await;
                if texts.iter().any(|(_, other)| other == text) {
                    return texts;
                }
            }
            // condition: what the loop looks at.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{text:?} does not come to {name}"))
}

fn only_texts(texts: &[(String, String)]) -> Vec<&str> {
    texts.iter().map(|(_, text)| text.as_str()).collect()
}

fn joined(view: &RoomView, count: usize) -> bool {
    view.members.len() == count && view.members.iter().all(|member| !member.pending)
}

/// Ada, and others whom she invited.
async fn friends(world: &World, names: &[&str]) -> (Client, Vec<Client>) {
    let (_, ada) = world.first("ada").await;
    let mut others = Vec::new();
    for name in names {
        let line = invite(&ada).await;
        others.push(world.join(name, &line).await.1);
    }
    (ada, others)
}

// Proves: C16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_later_reads_from_then_on_and_who_is_removed_reads_no_further() {
    let world = World::start().await;
    let (ada, others) = friends(&world, &["bob", "carol"]).await;
    let [bob, carol] = &others[..] else { panic!() };
    let view = create(&ada, "ops", &["@bob"]).await;
    assert_eq!(
        (view.name.as_str(), view.title.as_deref()),
        ("#ops", Some("ops"))
    );
    // Bob has a conversation with Ada: his client joins by itself, and learns the name.
    let at_bob = until(bob, "#ops", |view| joined(view, 2)).await;
    assert_eq!(at_bob.topic.as_deref(), Some("what runs where"));
    assert_eq!(at_bob.added_by.as_deref(), Some("ada"));
    assert_eq!(
        send(&ada, "#ops", "before carol").await.unwrap(),
        SendState::Sent
    );
    until_text(bob, "#ops", "before carol").await;

    let add = |people: &str| RoomCommand::Add {
        room: named("#ops"),
        people: vec![named(people)],
        role: RoomRole::Member,
    };
    // The same wish twice is fulfilled twice.
    room(&ada, add("carol")).await.unwrap();
    room(&ada, add("carol")).await.unwrap();
    until(carol, "#ops", |view| joined(view, 3)).await;
    send(bob, "#ops", "with carol").await.unwrap();
    let at_carol = until_text(carol, "#ops", "with carol").await;
    assert_eq!(only_texts(&at_carol), ["with carol"]);
    // What was not for her is no hole.
    assert!(
        !rows(carol, Some("#ops"))
            .await
            .iter()
            .any(|row| matches!(row.what, RowKind::WaitingForKey { .. }))
    );

    let remove = RoomCommand::Remove {
        room: named("#ops"),
        people: vec![named("@bob")],
    };
    room(&ada, remove).await.unwrap();
    until(bob, "#ops", |view| view.standing == RoomStanding::Out).await;
    send(&ada, "#ops", "without bob").await.unwrap();
    until_text(carol, "#ops", "without bob").await;
    let at_bob = texts(bob, "#ops").await;
    assert_eq!(only_texts(&at_bob), ["before carol", "with carol"]);
    let refused = send(bob, "#ops", "still here?").await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotPermitted);
    // Added again he reads from there on.
    room(&ada, add("bob")).await.unwrap();
    until(bob, "#ops", |view| joined(view, 3)).await;
    send(carol, "#ops", "welcome back").await.unwrap();
    let at_bob = until_text(bob, "#ops", "welcome back").await;
    assert_eq!(
        only_texts(&at_bob),
        ["before carol", "with carol", "welcome back"]
    );
    for client in [ada].into_iter().chain(others) {
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_the_last_admin_and_the_end_of_a_room() {
    let world = World::start().await;
    let (ada, others) = friends(&world, &["bob"]).await;
    let bob = &others[0];
    create(&ada, "ops", &["bob"]).await;
    until(bob, "#ops", |view| joined(view, 2)).await;
    let leave = || RoomCommand::Leave {
        room: named("#ops"),
    };
    let refused = room(&ada, leave()).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotPermitted);
    assert!(
        refused.sentence.contains("room promote '#ops'"),
        "{refused}"
    );
    let title = |text: &str| RoomCommand::Title {
        room: named("#ops"),
        name: Some(named(text)),
        topic: None,
    };
    let refused = room(bob, title("mine")).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotPermitted);
    let role = |who: &str, role| RoomCommand::Role {
        room: named("#ops"),
        people: vec![named(who)],
        role,
    };
    let refused = room(bob, role("bob", RoomRole::Admin)).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotPermitted);
    room(&ada, role("bob", RoomRole::Admin)).await.unwrap();
    until(bob, "#ops", |view| view.role == Some(RoomRole::Admin)).await;
    room(bob, title("operations")).await.unwrap();
    let at_ada = until(&ada, "#ops", |view| {
        view.title.as_deref() == Some("operations")
    })
    .await;
    assert_eq!(at_ada.name, "#ops", "a home keeps the name it knows");
    room(&ada, leave()).await.unwrap();
    assert_eq!(
        show(&ada, "#ops").await.unwrap().standing,
        RoomStanding::Out
    );
    send(bob, "#ops", "alone").await.unwrap();
    let close = RoomCommand::Close {
        room: named("#ops"),
    };
    room(bob, close).await.unwrap();
    let refused = send(bob, "#ops", "after the end").await.unwrap_err();
    assert!(refused.sentence.contains("closed"), "{refused}");
    assert_eq!(only_texts(&texts(bob, "#ops").await), ["alone"]);
    // A second room of the name has a name of its own.
    create(&ada, "ops", &[]).await;
    assert_eq!(
        show(&ada, "#ops-2").await.unwrap().title.as_deref(),
        Some("ops")
    );
    ada.close().await;
    for other in others {
        other.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_s_room_is_a_request_and_leaks_nothing() {
    let world = World::start().await;
    let (_, ada) = world.first("ada").await;
    let (_, eve) = world.first("eve").await;
    create(&eve, "pit", &["ada"]).await;
    send(&eve, "#pit", "can you see this?").await.unwrap();
    let asked = |view: &RoomView| view.standing == RoomStanding::Asked;
    let name = loop {
        let Answer::Rooms(views) = room(&ada, RoomCommand::List {}).await.unwrap() else {
            panic!()
        };
        if let Some(view) = views.iter().find(|view| asked(view)) {
            assert_eq!(view.added_by.as_deref(), Some("eve"));
            assert_eq!((view.title.as_deref(), view.topic.as_deref()), (None, None));
            break view.name.clone();
        }
        // condition: what the loop looks at.
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let shown = rows(&ada, Some(&name)).await;
    assert!(
        matches!(&shown[..], [Row { what: RowKind::Info { text }, .. }] if text.contains("eve") && text.contains("subrosa accept")),
        "{shown:?}"
    );
    let refused = send(&ada, &name, "no").await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotPermitted);
    assert!(refused.sentence.contains("subrosa accept"), "{refused}");
    let at_eve = show(&eve, "#pit").await.unwrap();
    let ada_there = at_eve
        .members
        .iter()
        .find(|member| member.name == "ada")
        .unwrap();
    // Of somebody who is pending the genesis is known, and no device.
    assert!(ada_there.pending && ada_there.devices == 0, "{ada_there:?}");
    let refuse = Command::Refuse {
        conversation: name.clone(),
    };
    ada.call(refuse).await.unwrap();
    assert!(show(&ada, &name).await.is_none());
    until(&eve, "#pit", |view| view.members.len() == 1).await;

    // Asked once more, she accepts, and reads from there on.
    let add = RoomCommand::Add {
        room: named("#pit"),
        people: vec![named("ada")],
        role: RoomRole::Member,
    };
    room(&eve, add).await.unwrap();
    until(&ada, &name, asked).await;
    let accept = Command::Accept { conversation: name };
    ada.call(accept).await.unwrap();
    until(&ada, "#pit", |view| joined(view, 2)).await;
    send(&eve, "#pit", "and this?").await.unwrap();
    let at_ada = until_text(&ada, "#pit", "and this?").await;
    assert_eq!(only_texts(&at_ada), ["and this?"]);
    ada.close().await;
    eve.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_into_a_room_leads_there() {
    let world = World::start().await;
    let (ada, others) = friends(&world, &["bob"]).await;
    create(&ada, "ops", &["bob"]).await;
    until(&others[0], "#ops", |view| joined(view, 2)).await;
    let into = || RoomCommand::Invite {
        room: named("#ops"),
    };
    let refused = room(&others[0], into()).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotPermitted);
    let Answer::Invite(view) = room(&ada, into()).await.unwrap() else {
        panic!()
    };
    let line = InviteLine::parse(&view.line).unwrap();
    let (_, carol) = world.join("carol", &line).await;
    until(&carol, "#ops", |view| joined(view, 3)).await;
    send(&carol, "#ops", "hello all").await.unwrap();
    until_text(&others[0], "#ops", "hello all").await;
    // Carol and Bob share a room: what one asks the other is accepted by itself.
    send(&carol, "@bob", "hello bob").await.unwrap();
    until_text(&others[0], "@carol", "hello bob").await;
    // Once removed she is not added again by the line.
    let remove = RoomCommand::Remove {
        room: named("#ops"),
        people: vec![named("carol")],
    };
    room(&ada, remove).await.unwrap();
    ada.close().await;
    let ada = world.client("ada").await;
    send(&ada, "#ops", "just us").await.unwrap();
    until_text(&others[0], "#ops", "just us").await;
    assert_eq!(show(&ada, "#ops").await.unwrap().members.len(), 2);
    ada.close().await;
    carol.close().await;
    for other in others {
        other.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn races_end_in_one_way_and_lose_nothing() {
    let world = World::start().await;
    let (ada, others) = friends(&world, &["bob", "carol"]).await;
    let [bob, carol] = &others[..] else { panic!() };
    create(&ada, "ops", &["bob"]).await;
    until(bob, "#ops", |view| joined(view, 2)).await;
    let promote = RoomCommand::Role {
        room: named("#ops"),
        people: vec![named("bob")],
        role: RoomRole::Admin,
    };
    room(&ada, promote).await.unwrap();
    until(bob, "#ops", |view| view.role == Some(RoomRole::Admin)).await;
    let change = |out: bool| {
        let (room, people) = (named("#ops"), vec![named("carol")]);
        if out {
            RoomCommand::Remove { room, people }
        } else {
            RoomCommand::Add {
                room,
                people,
                role: RoomRole::Member,
            }
        }
    };
    const ROUNDS: usize = 4;
    let talk = async |client: &Client, name: &str| {
        for number in 0..ROUNDS * 2 {
            send(client, "#ops", &format!("{name} {number}"))
                .await
                .unwrap();
        }
    };
    let churn = async |client: &Client| {
        for number in 0..ROUNDS {
            room(client, change(number % 2 == 1)).await.unwrap();
        }
    };
    tokio::join!(talk(&ada, "ada"), talk(bob, "bob"), churn(&ada), churn(bob));
    // Both open a conversation with each other at once: there is one.
    let (one, other) = tokio::join!(send(bob, "@carol", "me"), send(carol, "@bob", "me too"));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    until_text(bob, "@carol", "me too").await;
    until_text(carol, "@bob", "me").await;
    let Answer::Conversations(at_bob) = bob.call(Command::Conversations {}).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        at_bob
            .iter()
            .filter(|view| view.name.contains("carol"))
            .count(),
        1
    );

    room(&ada, change(false)).await.unwrap();
    until(carol, "#ops", |view| joined(view, 3)).await;
    send(&ada, "#ops", "last").await.unwrap();
    let expected = until_text(&ada, "#ops", "last").await;
    assert_eq!(expected.len(), ROUNDS * 4 + 1, "{expected:?}");
    assert_eq!(until_text(bob, "#ops", "last").await, expected);
    for name in ["ada", "bob"] {
        let of: Vec<_> = expected.iter().filter(|(from, _)| from == name).collect();
        let in_order = of.windows(2).all(|pair| {
            let number = |text: &str| {
                text.rsplit(' ')
                    .next()
                    .and_then(|n| n.parse::<usize>().ok())
            };
            number(&pair[0].1) < number(&pair[1].1) || pair[1].1 == "last"
        });
        assert!(in_order, "{of:?}");
    }
    let at_carol = until_text(carol, "#ops", "last").await;
    assert!(
        at_carol.iter().all(|row| expected.contains(row)),
        "{at_carol:?}"
    );
    for client in [ada].into_iter().chain(others) {
        client.close().await;
    }
}

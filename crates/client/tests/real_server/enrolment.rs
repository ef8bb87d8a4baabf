//! Getting in: invite lines, names, passwords, further devices.

use crate::world::{World, invite, is_text, send, texts, wait_for};
use subrosa_client::enrol::{Choice, NameWish, join, login};
use subrosa_client::{Answer, Client, Command, Driver, FailureKind, Notice, SendState};
use subrosa_proto::{Address, InviteLine, Name};
use zeroize::Zeroizing;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

async fn devices(client: &Client) -> usize {
    let Answer::Devices(devices) = client.call(Command::Devices {}).await.unwrap() else {
        panic!()
    };
    devices.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_brings_a_further_device_to_the_whole_history() {
    let world = World::start().await;
    let (sheet, ada) = world.first("ada").await;
    let line = invite(&ada).await;
    let (_, bob) = world.join("bob", &line).await;
    for number in 0..3 {
        send(&bob, "@ada", &format!("from bob {number}"))
            .await
            .unwrap();
        send(&ada, "@bob", &format!("from ada {number}"))
            .await
            .unwrap();
    }
    let mut history = texts(&ada, "@bob").await;
    assert_eq!(history.len(), 6);
    ada.close().await;

    let address = Address::parse(&sheet.address).unwrap();
    let passphrase = sheet.passphrase.unwrap();
    for (home, secret) in [
        ("laptop", passphrase.clone()),
        ("phone", sheet.recovery_code.clone()),
    ] {
        let home_folder = world.home(home);
        login(
            &home_folder,
            &address,
            &name("ada"),
            secret,
            None,
            home,
            &mut |_| {},
        )
        .await
        .unwrap();
        let further = Client::open(home_folder, "test", Driver::new(None))
            .await
            .unwrap();
        assert_eq!(texts(&further, "@bob").await, history, "{home}");
        assert_eq!(
            send(&further, "@bob", &format!("from the {home}"))
                .await
                .unwrap(),
            SendState::Sent
        );
        history.push(("ada".to_owned(), format!("from the {home}")));
        further.close().await;
    }
    let ada = world.client("ada").await;
    let seen = texts(&ada, "@bob").await;
    assert_eq!(seen.last().unwrap().1, "from the phone");
    assert_eq!(devices(&ada).await, 3);
    // What bob writes now reaches all three.
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    wait_for(&mut at_bob, |notice| is_text(notice, "from the phone")).await;
    send(&bob, "@ada", "to all devices").await.unwrap();
    let laptop = Client::open(world.home("laptop"), "test", Driver::new(None))
        .await
        .unwrap();
    for client in [&ada, &laptop] {
        assert_eq!(
            texts(client, "@bob").await.last().unwrap().1,
            "to all devices"
        );
    }
    laptop.close().await;
    ada.close().await;
    bob.close().await;
}

// Proves: C6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_and_an_unknown_name_read_the_same() {
    let world = World::start().await;
    let (sheet, ada) = world.first("ada").await;
    let address = Address::parse(&sheet.address).unwrap();
    let mut sentences = Vec::new();
    for who in ["ada", "nobody"] {
        let home = world.home("other");
        let wrong = Zeroizing::new("not the passphrase of anybody".to_owned());
        let failure = login(&home, &address, &name(who), wrong, None, "x", &mut |_| {})
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::User);
        sentences.push(failure.sentence);
    }
    assert_eq!(sentences[0], sentences[1]);
    ada.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_names_and_passwords_that_do_not_work_say_why() {
    let world = World::start().await;
    let (_, ada) = world.first("ada").await;
    let line = invite(&ada).await;

    let weak = Choice::Password(Zeroizing::new("password1".to_owned()));
    let failure = world.enrol("bob", &line, weak).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::User);

    let failure = {
        let wish = NameWish::Exact(name("ada"));
        join(
            &world.home("x"),
            &line,
            wish,
            Choice::Generate,
            None,
            "x",
            &mut |_| {},
        )
        .await
        .unwrap_err()
    };
    assert!(failure.sentence.contains("taken"), "{failure}");

    // The refusals used nothing up: the line still works, and the next free name is found.
    let wish = NameWish::Free(name("ada"));
    let sheet = join(
        &world.home("x"),
        &line,
        wish,
        Choice::Generate,
        None,
        "x",
        &mut |_| {},
    )
    .await
    .unwrap();
    assert_eq!(sheet.name, "ada2");

    let failure = world
        .enrol("carol", &line, Choice::Generate)
        .await
        .unwrap_err();
    assert!(failure.sentence.contains("used already"), "{failure}");
    let mut foreign = line.clone();
    foreign.secret.0[0] ^= 1;
    let failure = world
        .enrol("carol", &foreign, Choice::Generate)
        .await
        .unwrap_err();
    assert!(failure.sentence.contains("never made"), "{failure}");
    let failure = join(
        &world.home("x"),
        &line,
        NameWish::Free(name("z")),
        Choice::Generate,
        None,
        "x",
        &mut |_| {},
    )
    .await
    .unwrap_err();
    assert!(failure.sentence.contains("holds an account"), "{failure}");
    ada.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_whose_answer_was_lost_is_taken_up_again() {
    let world = World::start().await;
    let mut line = world.server.as_ref().unwrap().admin_invite().await.unwrap();
    let to = world.server.as_ref().unwrap().local_addr().unwrap();
    // The line cuts once the client has said so much that the registration must be complete.
    let proxy = crate::proxy::Proxy::start(to, 4_000).await;
    line.address.hosts = vec![proxy.host()];
    let failure = world
        .enrol("ada", &line, Choice::Generate)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Network);
    assert!(proxy.has_cut());
    // The account is at the server, its keys are here. Another person cannot have the name.
    let other = world.server.as_ref().unwrap().admin_invite().await.unwrap();
    let wish = NameWish::Exact(name("ada"));
    let other_home = world.home("elsewhere");
    let taken = join(
        &other_home,
        &other,
        wish,
        Choice::Generate,
        None,
        "x",
        &mut |_| {},
    )
    .await;
    assert!(taken.unwrap_err().sentence.contains("taken"));
    proxy.mend();
    let sheet = world.enrol("ada", &line, Choice::Generate).await.unwrap();
    assert_eq!(sheet.name, "ada");
    let ada = world.client("ada").await;
    assert_eq!(
        send(&ada, "@ada", "here I am").await.unwrap(),
        SendState::Sent
    );
    ada.close().await;
    // What the sheet says is what opens the account.
    let address = Address::parse(&sheet.address).unwrap();
    let laptop = world.home("laptop");
    let secret = sheet.passphrase.unwrap();
    login(
        &laptop,
        &address,
        &name("ada"),
        secret,
        None,
        "x",
        &mut |_| {},
    )
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_killed_before_its_store_had_its_name_is_not_lost() {
    let world = World::start().await;
    let line = world.server.as_ref().unwrap().admin_invite().await.unwrap();
    world.enrol("ada", &line, Choice::Generate).await.unwrap();
    // As a kill leaves it behind the last step and before the renaming.
    let home = world.home("ada");
    std::fs::rename(home.file("store.db"), home.file("store.joining")).unwrap();
    let again = world.enrol("ada", &line, Choice::Generate).await;
    let sentence = again.unwrap_err().sentence;
    assert!(sentence.contains("it is whole now"), "{sentence}");
    let ada = world.client("ada").await;
    assert_eq!(
        send(&ada, "@ada", "still here").await.unwrap(),
        SendState::Sent
    );
    ada.close().await;
}

// Proves: C1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_another_key_is_not_spoken_to() {
    let world = World::start().await;
    let line = world.server.as_ref().unwrap().admin_invite().await.unwrap();
    let mut wrong: InviteLine = line.clone();
    wrong.address.key = *subrosa_channel::ServerKey::from_bytes([9; 32])
        .public()
        .as_bytes();
    let failure = world
        .enrol("ada", &wrong, Choice::Generate)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Network);
    for cause in ["another key", "another version", "no Subrosa server"] {
        assert!(failure.sentence.contains(cause), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_asks_and_is_heard_after_acceptance() {
    let world = World::start().await;
    let (_, ada) = world.first("ada").await;
    let line = invite(&ada).await;
    let (_, bob) = world.join("bob", &line).await;
    let line = invite(&ada).await;
    let (_, carol) = world.join("carol", &line).await;
    let mut at_carol = carol.subscribe(None, None).await.unwrap();

    let failure = send(&bob, "@dora", "anybody there").await.unwrap_err();
    assert!(failure.sentence.contains("nobody called dora"), "{failure}");
    assert_eq!(
        send(&bob, "@carol", "hello carol").await.unwrap(),
        SendState::Queued
    );
    wait_for(
        &mut at_carol,
        |notice| matches!(notice, Notice::Joined(view) if view.name == "@bob" && view.pending),
    )
    .await;
    assert!(
        texts(&carol, "@bob").await.is_empty(),
        "nothing is heard before acceptance"
    );
    carol
        .call(Command::Accept {
            conversation: "@bob".into(),
        })
        .await
        .unwrap();
    wait_for(&mut at_carol, |notice| is_text(notice, "hello carol")).await;
    for client in [ada, bob, carol] {
        client.close().await;
    }
}

// Proves: C17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_home_opens_with_its_passphrase_only() {
    let world = World::start().await;
    let line = world.server.as_ref().unwrap().admin_invite().await.unwrap();
    let home = world.home("ada");
    let wish = NameWish::Exact(name("ada"));
    join(
        &home,
        &line,
        wish,
        Choice::Generate,
        Some("a local passphrase"),
        "x",
        &mut |_| {},
    )
    .await
    .unwrap();
    let wrong = Some(Zeroizing::new("another".to_owned()));
    let Err(failure) = Client::open(home.clone(), "test", Driver::new(wrong)).await else {
        panic!()
    };
    assert_eq!(failure.kind, FailureKind::User);
    assert!(failure.sentence.contains("passphrase"), "{failure}");
    // Without one it begins locked: nothing is read and nothing is sent.
    let closed = Client::open(home.clone(), "test", Driver::new(None))
        .await
        .unwrap();
    let failure = send(&closed, "@ada", "not now").await.unwrap_err();
    assert!(failure.is_locked(), "{failure}");
    closed.close().await;
    let right = Zeroizing::new("a local passphrase".to_owned());
    let ada = Client::open(home.clone(), "test", Driver::new(Some(right)))
        .await
        .unwrap();
    send(&ada, "@ada", "a note for myself").await.unwrap();
    ada.close().await;
    for entry in std::fs::read_dir(home.dir()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(
            !holds(b"note for myself") && !holds(b"local passphrase"),
            "{path:?}"
        );
    }
}

//! A home that its person locks, for all faces.

use crate::world::{PATIENCE, World};
use subrosa_client::enrol::{Choice, NameWish, join};
use subrosa_client::{Answer, Client, Command, Driver, Failure, Passphrase};
use subrosa_proto::Name;
use zeroize::Zeroizing;

const PASSPHRASE: &str = "what opens the home";

async fn face(world: &World) -> Client {
    let unlock = Some(Zeroizing::new(PASSPHRASE.to_owned()));
    Client::open(world.home("ada"), "test", Driver::new(unlock))
        .await
        .unwrap()
}

async fn ask(client: &Client, command: Command) -> Result<Answer, Failure> {
    tokio::time::timeout(PATIENCE, client.call(command))
        .await
        .expect("an answer")
}

async fn unlock(client: &Client, passphrase: &str) -> Result<Answer, Failure> {
    let passphrase = Passphrase::from(Zeroizing::new(passphrase.to_owned()));
    ask(client, Command::Unlock { passphrase }).await
}

async fn lock(client: &Client, first: Option<&str>) -> Result<Answer, Failure> {
    let passphrase = first.map(|first| Zeroizing::new(first.to_owned()).into());
    ask(client, Command::Lock { passphrase }).await
}

async fn assert_locked(client: &Client) {
    let read = Command::Read {
        conversation: None,
        before: None,
        since: None,
        limit: 10,
        fresh: false,
    };
    for command in [Command::Status {}, Command::Conversations {}, read] {
        let failed = ask(client, command).await.unwrap_err();
        assert!(failed.is_locked(), "{failed}");
    }
    assert!(client.subscribe(None, None).await.unwrap_err().is_locked());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_home_gives_nothing_to_any_face_until_its_passphrase_comes() {
    let world = World::start().await;
    let line = world.server.as_ref().unwrap().admin_invite().await.unwrap();
    let wish = NameWish::Exact(Name::new("ada").unwrap());
    let (home, label) = (world.home("ada"), "test");
    join(
        &home,
        &line,
        wish,
        Choice::Generate,
        Some(PASSPHRASE),
        label,
        &mut |_| {},
    )
    .await
    .unwrap();
    let owner = face(&world).await;
    let guest = face(&world).await;
    let mut heard = guest.subscribe(None, None).await.unwrap();

    assert_eq!(lock(&guest, None).await, Ok(Answer::Done {}));
    assert_locked(&owner).await;
    assert_locked(&guest).await;
    while heard.recv().await.is_some() {}
    let wrong = unlock(&owner, "something else").await.unwrap_err();
    assert!(
        wrong.sentence.contains("wrong") && !wrong.is_locked(),
        "{wrong}"
    );
    assert_locked(&guest).await;

    // Whoever takes over, or comes now, was told the passphrase before the home was locked: it does not count.
    owner.close().await;
    assert_locked(&guest).await;
    let late = face(&world).await;
    assert_locked(&late).await;
    late.close().await;
    assert_eq!(unlock(&guest, PASSPHRASE).await, Ok(Answer::Done {}));
    let Ok(Answer::Account(account)) = ask(&guest, Command::Status {}).await else {
        panic!("it is open");
    };
    assert_eq!(account.name, "ada");
    assert!(
        unlock(&guest, PASSPHRASE).await.is_err(),
        "it is open already"
    );

    // Whoever takes over an open home without its passphrase, which it has forgotten, is asked for it.
    let owner = guest;
    let guest = face(&world).await;
    assert_eq!(lock(&owner, None).await, Ok(Answer::Done {}));
    assert_locked(&guest).await;
    assert_eq!(unlock(&owner, PASSPHRASE).await, Ok(Answer::Done {}));
    assert!(ask(&guest, Command::Status {}).await.is_ok());
    owner.close().await;
    assert_locked(&guest).await;
    assert_eq!(unlock(&guest, PASSPHRASE).await, Ok(Answer::Done {}));
    guest.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_without_a_passphrase_gets_its_first_one_and_loses_nothing() {
    let world = World::start().await;
    let (_, ada) = world.first("ada").await;
    let key = world.home("ada").file("key");
    assert!(key.exists());
    let refused = lock(&ada, None).await.unwrap_err();
    assert_eq!(refused, Failure::no_passphrase());
    assert!(ask(&ada, Command::Status {}).await.is_ok());

    assert_eq!(lock(&ada, Some(PASSPHRASE)).await, Ok(Answer::Done {}));
    assert!(!key.exists(), "nothing on the disk opens it");
    assert_locked(&ada).await;
    assert_eq!(unlock(&ada, PASSPHRASE).await, Ok(Answer::Done {}));
    let again = lock(&ada, Some("another")).await.unwrap_err();
    assert!(again.sentence.contains("already"), "{again}");
    ada.close().await;

    // From now on it is asked for at each start, locked or not.
    let without = Client::open(world.home("ada"), "test", Driver::new(None));
    let without = without.await.unwrap();
    assert_locked(&without).await;
    without.close().await;
    let with = face(&world).await;
    let Ok(Answer::Account(account)) = ask(&with, Command::Status {}).await else {
        panic!("it is open");
    };
    assert_eq!(account.name, "ada");
    with.close().await;
}

#[test]
fn a_passphrase_on_its_way_is_in_no_log() {
    let passphrase = Passphrase::from(Zeroizing::new(PASSPHRASE.to_owned()));
    let shown = format!("{:?}", Command::Unlock { passphrase });
    assert!(!shown.contains(PASSPHRASE), "{shown}");
}

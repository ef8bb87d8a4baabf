//! A chain that is rolled back gets a second statement signed: both sides are shown the fork, and a merge heals it
//! (docs/spec/ledger.md §4.5).

use crate::stage::people::{World, fresh_texts, queue, send, wait_for_text};
use crate::stage::script::{Fate, Told, Word};
use std::time::Duration;
use subrosa_client::enrol::{
    Choice, Handover, Joined, NewSecrets, Proof, Whose, change_password, merge_devices,
    revoke_device,
};
use subrosa_client::{
    About, Answer, Client, Command, EvidenceView, Failure, FailureKind, TrustView, verify_evidence,
};
use subrosa_proto::{AccountId, ErrorCode, Name, Refusal, Request, Response};
use zeroize::Zeroizing;

/// New secrets, as a person writes them down.
#[derive(Default)]
struct Papers {
    passphrase: Option<Zeroizing<String>>,
    code: bool,
}

impl Handover for Papers {
    fn hand_over(&mut self, secrets: &NewSecrets) -> Result<(), Failure> {
        self.passphrase.clone_from(&secrets.passphrase);
        self.code = secrets.recovery_code.is_some();
        Ok(())
    }
    fn withdraw(&mut self) {
        self.passphrase = None;
    }
}

fn passphrase(world: &World) -> Zeroizing<String> {
    world.sheets.ada.passphrase.clone().unwrap()
}

async fn bobs_view(bob: &Client) -> TrustView {
    let contact = Some("ada".to_owned());
    let ask = About::Trust { contact };
    match bob.call(Command::About { ask }).await.unwrap() {
        Answer::Trust(views) => views[0].clone(),
        other => panic!("{other:?}"),
    }
}

/// Nothing is taken into the logs: only chains grow. Told of as often as Bob has tried, which he does
/// when he has been given the newest chains.
fn silence(world: &World, bob: AccountId) -> [Told; 2] {
    let retry_ms = 600_000;
    let later = move || {
        let code = ErrorCode::RateLimited;
        let refusal = Refusal { code, retry_ms };
        Fate::Answer(Response::Refused { refusal })
    };
    let bobs = world.liar.lie(move |whose, word| match word {
        Word::Asked(Request::Append { .. }) if whose.account == Some(bob) => later(),
        _ => Fate::Pass,
    });
    let others = world.liar.lie(move |_, word| match word {
        Word::Asked(Request::Append { .. }) => later(),
        _ => Fate::Pass,
    });
    [bobs, others]
}

async fn own_devices(client: &Client) -> Vec<(String, bool)> {
    match client.call(Command::Devices {}).await.unwrap() {
        Answer::Devices(devices) => {
            let shown = devices
                .into_iter()
                .map(|device| (device.label, device.ended));
            shown.collect()
        }
        other => panic!("{other:?}"),
    }
}

async fn merge(
    world: &World,
    client: &Client,
    evidence: Option<&[u8]>,
    papers: &mut Papers,
) -> Result<Joined, Failure> {
    let Answer::OwnChain(own) = client.call(Command::OwnChain {}).await.unwrap() else {
        panic!()
    };
    let (address, ada) = (world.address(), Name::new("ada").unwrap());
    let whose = Whose {
        address: &address,
        name: &ada,
    };
    let proof = Proof::password(passphrase(world)).unwrap();
    let known = (&own, evidence);
    merge_devices(whose, &proof, known, &Choice::Generate, papers, &mut |_| {}).await
}

async fn refused(client: &Client, to: &str, part: &str) {
    let failure = send(client, to, "into the fork").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    assert!(failure.sentence.contains(part), "{failure}");
}

async fn evidence(client: &Client, about: &str) -> EvidenceView {
    let about = Some(about.to_owned());
    match client.call(Command::Evidence { about }).await.unwrap() {
        Answer::Evidence(mut found) if found.len() == 1 => found.remove(0),
        other => panic!("{other:?}"),
    }
}

/// Bob takes it that Ada has joined her lists, and then what either writes arrives.
async fn heals(ada: &Client, bob: &Client) {
    for _ in 0..1_000 {
        let problem = bobs_view(bob).await.problem.unwrap();
        if problem.contains("--accept-merge") {
            break;
        }
        // condition: the server has told Bob's home, which asks for the chain then.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    refused(bob, "ada", "subrosa trust ada --accept-merge").await;
    let contact = "ada".to_owned();
    let ask = About::AcceptMerge { contact };
    let Answer::Trust(views) = bob.call(Command::About { ask }).await.unwrap() else {
        panic!()
    };
    assert_eq!(views[0].problem, None);
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    send(bob, "ada", "whole again").await.unwrap();
    wait_for_text(&mut at_ada, "whole again").await;
    send(ada, "bob", "so it is").await.unwrap();
    wait_for_text(&mut at_bob, "so it is").await;
}

/// Ada adds a tablet, which she and Bob see. Then the server is put back to before that, and lets a phone in.
async fn parted(world: &mut World) {
    let (before, bob_account) = (world.path("before"), world.account("bob"));
    world.liar.snapshot(&before).await;
    let [mut bobs, others] = silence(world, bob_account);
    world.log_in("ada", "tablet").await.unwrap();
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    fresh_texts(&ada, "bob").await;
    assert_eq!(own_devices(&ada).await.len(), 2);
    queue(&bob, "ada", "to both").await;
    bobs.at_least(1).await;
    assert_eq!(bobs_view(&bob).await.devices.len(), 2);
    ada.close().await;
    bob.close().await;
    world.liar.roll_back(&before).await;
    world.log_in("ada", "phone").await.unwrap();
    bobs.end();
    others.end();
}

// Proves: C10, C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_statement_on_a_chain_rolled_back_is_shown_and_a_merge_heals_it() {
    let mut world = World::new().await;
    parted(&mut world).await;
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    refused(&ada, "bob", "subrosa devices merge").await;
    refused(&bob, "ada", "subrosa devices merge").await;
    for (whose, about) in [(&ada, "ada"), (&bob, "ada")] {
        let found = evidence(whose, about).await;
        assert!(found.proven && verify_evidence(&found.file).unwrap().proven);
    }
    // There is nothing to accept as long as nothing is joined.
    let contact = "ada".to_owned();
    let ask = About::AcceptMerge { contact };
    let failure = bob.call(Command::About { ask }).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    let mut papers = Papers::default();
    let joined = merge(&world, &ada, None, &mut papers).await.unwrap();
    assert_eq!(joined.branches, 1);
    assert!(!joined.added && !joined.renewed && papers.passphrase.is_none());
    assert_eq!(joined.left_out, ["tablet"]);
    let again = merge(&world, &ada, None, &mut papers).await.unwrap();
    assert_eq!((again.branches, again.added), (0, false), "once is enough");
    let labels = own_devices(&ada).await;
    assert!(labels.contains(&("phone".to_owned(), false)), "{labels:?}");
    assert!(
        !labels.iter().any(|(label, _)| label == "tablet"),
        "{labels:?}"
    );
    heals(&ada, &bob).await;
    let phone = world.client("phone").await;
    let at_the_phone = fresh_texts(&phone, "bob").await;
    assert!(at_the_phone.iter().any(|(_, text)| text == "whole again"));
    // The tablet is unknown at the server; what it is told to do makes it known, and Bob reads it.
    let tablet = world.client("tablet").await;
    let failure = send(&tablet, "bob", "am I here?").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Network, "{failure}");
    assert!(
        failure.sentence.contains("`subrosa devices merge`"),
        "{failure}"
    );
    let joined = merge(&world, &tablet, None, &mut papers).await.unwrap();
    assert_eq!((joined.branches, joined.added), (0, true));
    tablet.close().await;
    let tablet = world.client("tablet").await;
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    send(&tablet, "bob", "from the tablet").await.unwrap();
    wait_for_text(&mut at_bob, "from the tablet").await;
    for client in [ada, bob, phone, tablet] {
        client.close().await;
    }
}

// Proves: C10, C13, C16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_keeps_what_a_branch_revoked_and_leaves_no_old_secret_in_force() {
    let mut world = World::new().await;
    world.log_in("ada", "tablet").await.unwrap();
    let (before, bob_account) = (world.path("before"), world.account("bob"));
    world.liar.snapshot(&before).await;
    // What follows from a revocation stays out of the logs, so that only the chain is rolled back.
    let [mut bobs, others] = silence(&world, bob_account);
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    fresh_texts(&ada, "bob").await;
    fresh_texts(&bob, "ada").await;
    let (address, name) = (world.address(), Name::new("ada").unwrap());
    let whose = Whose {
        address: &address,
        name: &name,
    };
    let old = Proof::password(passphrase(&world)).unwrap();
    let mut between = Papers::default();
    change_password(whose, &old, Choice::Generate, &mut between, &mut |_| {})
        .await
        .unwrap();
    let between = between.passphrase.unwrap();
    let proof = Proof::password(between.clone()).unwrap();
    revoke_device(whose, &proof, world.device("tablet"), &mut |_| {})
        .await
        .unwrap();
    queue(&bob, "ada", "to one").await;
    bobs.at_least(1).await;
    assert_eq!(bobs_view(&bob).await.devices.len(), 1);
    assert!(
        own_devices(&ada)
            .await
            .contains(&("tablet".to_owned(), true))
    );
    ada.close().await;
    bob.close().await;
    world.liar.roll_back(&before).await;
    // The old passphrase is good again: whoever had it gets a device in.
    world.log_in("ada", "thief").await.unwrap();
    bobs.end();
    others.end();

    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    refused(&ada, "bob", "subrosa devices merge").await;
    refused(&bob, "ada", "subrosa devices merge").await;
    let mut papers = Papers::default();
    let joined = merge(&world, &ada, None, &mut papers).await.unwrap();
    assert_eq!((joined.branches, joined.renewed), (1, true));
    assert_eq!(joined.revoked, ["tablet"]);
    let fresh = papers.passphrase.clone().unwrap();
    assert!(papers.code, "a new sheet");
    for worthless in [passphrase(&world), between] {
        let refused = world.log_in_with("ada", "nobody", worthless).await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::User);
    }
    // The thief's device shows in the joined list, and is ended there.
    let proof = Proof::password(fresh.clone()).unwrap();
    revoke_device(whose, &proof, world.device("thief"), &mut |_| {})
        .await
        .unwrap();
    heals(&ada, &bob).await;
    let tablet = world.client("tablet").await;
    let failure = send(&tablet, "bob", "still here?").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotPermitted, "{failure}");
    let labels = own_devices(&ada).await;
    for ended in ["tablet", "thief"] {
        assert!(labels.contains(&(ended.to_owned(), true)), "{labels:?}");
    }
    // A further device has everything, by the newest passphrase alone.
    world.log_in_with("ada", "desk", fresh).await.unwrap();
    let desk = world.client("desk").await;
    let read = fresh_texts(&desk, "bob").await;
    for text in ["hello bob", "whole again", "so it is"] {
        assert!(
            read.iter().any(|(_, said)| said == text),
            "{text} in {read:?}"
        );
    }
    for client in [ada, bob, tablet, desk] {
        client.close().await;
    }
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contacts_evidence_brings_the_branch_that_no_device_has() {
    let mut world = World::new().await;
    parted(&mut world).await;
    // The devices that saw the tablet are lost. The phone knows the server's list only.
    let (phone, bob) = (world.client("phone").await, world.client("bob").await);
    refused(&bob, "ada", "subrosa evidence ada --export FILE").await;
    let mut papers = Papers::default();
    let none = merge(&world, &phone, None, &mut papers).await.unwrap();
    assert_eq!(none.branches, 0);
    let file = evidence(&bob, "ada").await.file;
    let mut spoilt = file.clone();
    let middle = spoilt.len() / 2;
    spoilt[middle] ^= 1;
    let failure = merge(&world, &phone, Some(&spoilt), &mut papers)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::User, "{failure}");
    let joined = merge(&world, &phone, Some(&file), &mut papers)
        .await
        .unwrap();
    assert_eq!((joined.branches, joined.added), (1, false));
    heals(&phone, &bob).await;
    phone.close().await;
    bob.close().await;
}

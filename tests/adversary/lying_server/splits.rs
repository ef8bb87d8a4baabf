//! One log of which the server, or a member with it, takes another control event for the last.

use crate::stage::members::{Hand, shared};
use crate::stage::people::{World, fresh_texts, send, texts, wait_for_warning};
use crate::stage::script::{Fate, Word};
use subrosa_client::{Answer, Client, Command, EvidenceView, FailureKind, verify_evidence};
use subrosa_proto::{
    Delivered, EventHash, EventKind, KeyFields, Page, Push, Request, Response, encode,
};

const SPLIT: &str = "other members here than elsewhere";

async fn evidence(client: &Client) -> EvidenceView {
    let about = Some("bob".to_owned());
    match client.call(Command::Evidence { about }).await {
        Ok(Answer::Evidence(mut found)) if found.len() == 1 => found.remove(0),
        other => panic!("{other:?}"),
    }
}

/// What was found reads from its file alone, and nobody's word is called a proof.
fn reads(found: &EvidenceView, part: &str) {
    let finding = verify_evidence(&found.file).unwrap();
    assert_eq!(finding.sentences, found.sentences);
    assert!(!finding.proven && !found.proven);
    let said = finding.sentences.iter().any(|text| text.contains(part));
    assert!(said, "{:?}", finding.sentences);
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_called_stale_for_good_stops_the_conversation() {
    let world = World::new().await;
    let ada_account = world.account("ada");
    let ada = world.client("ada").await;
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    let mut told = world.liar.lie(move |whose, word| match word {
        Word::Asked(Request::Append { .. }) if whose.account == Some(ada_account) => {
            let ctl = EventHash([7; 32]);
            Fate::Answer(Response::Stale { ctl })
        }
        _ => Fate::Pass,
    });
    let failure = send(&ada, "bob", "to other members").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    assert!(
        failure.sentence.contains("`subrosa evidence @bob`"),
        "{failure}"
    );
    told.at_least(1).await;
    wait_for_warning(&mut at_ada, SPLIT).await;
    reads(&evidence(&ada).await, "which nobody signs");
    // It is not tried again by itself.
    let tries = told.times();
    let failure = send(&ada, "bob", "once more").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    assert_eq!(told.times(), tries);
    ada.close().await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_another_membership_stops_the_conversation() {
    let world = World::new().await;
    let ada_account = world.account("ada");
    let bob = Hand::of(&world, "bob");
    let seen = {
        let mut caller = bob.online(&world).await;
        shared(&mut caller, ada_account).await
    };
    // Bob's device has seen all that Ada has, and takes another event for the last control event.
    let fields = KeyFields {
        session: subrosa_proto::SessionId([3; 32]),
        nonce: subrosa_proto::Nonce([3; 16]),
        prekey_id: 1,
        quotes: Vec::new(),
    };
    let mut header = seen.header(&bob, EventKind::Key, encode(&fields));
    header.ctl = seen.ctl_of_nothing();
    let event = encode(&bob.event(&header, bytes::Bytes::new()));
    let page = Page {
        conv: seen.conv,
        first: seen.n + 1,
        head: seen.n + 1,
        events: vec![Delivered {
            time_ms: world.liar.now_ms(),
            event,
            boxes: Vec::new(),
        }],
    };
    let mut told = world.liar.lie(move |whose, word| {
        let followed = matches!(
            word,
            Word::Answered {
                asked: Request::Follow { .. },
                ..
            }
        );
        if followed && whose.account == Some(ada_account) {
            let page = page.clone();
            Fate::With(vec![Push::Events { page }])
        } else {
            Fate::Pass
        }
    });
    let ada = world.client("ada").await;
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    told.at_least(1).await;
    wait_for_warning(&mut at_ada, SPLIT).await;
    let before = texts(&ada, "bob").await;
    let failure = send(&ada, "bob", "to whom?").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    reads(&evidence(&ada).await, "of bob");
    assert_eq!(fresh_texts(&ada, "bob").await, before, "reading goes on");
    ada.close().await;
}

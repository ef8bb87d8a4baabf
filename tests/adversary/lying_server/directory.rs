//! Lies about who people are and which devices they have.

use crate::stage::liar::now_ms;
use crate::stage::people::{self, World, send, texts, wait_for_text, wait_for_warning};
use crate::stage::script::{Fate, Word};
use crate::stage::{members::Hand, random};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use std::sync::{Arc, Mutex};
use subrosa_client::{About, Command, FailureKind, SendState};
use subrosa_ledger::{Account, account_id, statement_hash};
use subrosa_proto::{
    DeviceId, KeyBox, Prekey, Request, Response, Signed, Statement, StatementHash, StatementOp,
    decode, limits,
};

/// Every box that a client puts down, by its recipient.
fn boxes_of(world: &World) -> Arc<Mutex<Vec<[u8; 32]>>> {
    let boxes = Arc::new(Mutex::new(Vec::new()));
    let kept = boxes.clone();
    world.liar.lie(move |_, word| {
        if let Word::Asked(Request::Stage { boxes, .. }) = word {
            let recipients = boxes
                .iter()
                .map(|bytes| decode::<KeyBox>(bytes).unwrap().recipient);
            kept.lock().unwrap().extend(recipients);
        }
        Fate::Pass
    });
    boxes
}

/// A statement after the last of a chain, signed by whoever.
fn next_statement(chain: &[Signed], signer: &SigningKey, op: StatementOp) -> Signed {
    let account = Account::from_chain(chain).unwrap();
    let hand = Hand {
        account: account.id(),
        key: signer.clone(),
    };
    hand.statement(&Statement {
        account: account.id(),
        seq: chain.len() as u64,
        prev: chain.last().map(statement_hash).unwrap(),
        op,
    })
}

// Proves: C10, C12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_the_server_made_up_gets_no_key() {
    let world = World::new().await;
    let (bob_account, bob_device) = (world.account("bob"), world.device("bob"));
    let ghost = SigningKey::from_bytes(&random());
    let ghost_id = DeviceId(ghost.verifying_key().to_bytes());
    world.end_sessions("ada");
    let boxes = boxes_of(&world);
    let mut told = world.liar.lie(move |_, word| {
        let Word::Answered {
            response: Response::People {
                chains, prekeys, ..
            },
            ..
        } = word
        else {
            return Fate::Pass;
        };
        let (mut chains, mut prekeys) = (chains.clone(), prekeys.clone());
        let Some(chain) = chains
            .iter_mut()
            .find(|chain| Account::from_chain(chain).unwrap().id() == bob_account)
        else {
            return Fate::Pass;
        };
        // The server has no key of Bob's: it signs with the ghost's own.
        let label = "phone".to_owned();
        let device = ghost_id;
        chain.push(next_statement(
            chain,
            &ghost,
            StatementOp::DeviceAdd { device, label },
        ));
        let hand = Hand {
            account: bob_account,
            key: ghost.clone(),
        };
        prekeys.push(hand.prekey(&Prekey {
            account: bob_account,
            device: ghost_id,
            id: 1,
            key: Bytes::from(vec![5; 1_216]),
            expires_ms: now_ms() + limits::PREKEY_MS,
        }));
        Fate::Answer(Response::People {
            chains,
            prekeys,
            more: false,
        })
    });
    let ada = world.client("ada").await;
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    people::queue(&ada, "bob", "for bob alone").await;
    told.at_least(1).await;
    wait_for_warning(&mut at_ada, "does not hold").await;
    assert!(
        !boxes.lock().unwrap().contains(&ghost_id.0),
        "nothing is sealed to the ghost"
    );
    // The truth mends it, and the message was only waiting.
    told.end();
    ada.close().await;
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    wait_for_text(&mut at_bob, "for bob alone").await;
    let boxes = boxes.lock().unwrap().clone();
    assert!(!boxes.contains(&ghost_id.0));
    assert!(boxes.contains(&bob_device.0), "Bob's device got its box");
    ada.close().await;
    bob.close().await;
}

/// What the server says of Bob's prekey, and what Ada makes of it: a box for the key that his device published, and
/// for no other.
async fn prekey_lie(forge: impl Fn(&Hand, &Prekey) -> Signed + Send + 'static) {
    let world = World::new().await;
    world.end_sessions("ada");
    let bob = Hand::of(&world, "bob");
    let bob_account = bob.account;
    let (sealed_to, published) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let (kept, device) = (sealed_to.clone(), bob.device());
    world.liar.lie(move |_, word| {
        if let Word::Asked(Request::Stage { boxes, .. }) = word {
            let boxes = boxes.iter().map(|bytes| decode::<KeyBox>(bytes).unwrap());
            let to_bob = boxes.filter(|sealed| sealed.recipient == device.0);
            kept.lock()
                .unwrap()
                .extend(to_bob.map(|sealed| sealed.key_id));
        }
        Fate::Pass
    });
    let true_id = published.clone();
    let mut told = world.liar.lie(move |_, word| {
        let Word::Answered {
            response: Response::People {
                chains, prekeys, ..
            },
            ..
        } = word
        else {
            return Fate::Pass;
        };
        let mut prekeys = prekeys.clone();
        let Some((signed, prekey)) = prekeys.iter_mut().find_map(|signed| {
            let prekey: Prekey = decode(&signed.body).unwrap();
            (prekey.account == bob_account).then_some((signed, prekey))
        }) else {
            return Fate::Pass;
        };
        *true_id.lock().unwrap() = prekey.id;
        *signed = forge(&bob, &prekey);
        Fate::Answer(Response::People {
            chains: chains.clone(),
            prekeys,
            more: false,
        })
    });
    let ada = world.client("ada").await;
    people::queue(&ada, "bob", "sealed to a true key").await;
    told.at_least(1).await;
    let bob = world.client("bob").await;
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    // Bob reads it, so it was sealed to the key of his that Ada knew before: the lie changed nothing.
    wait_for_text(&mut at_bob, "sealed to a true key").await;
    assert_eq!(*sealed_to.lock().unwrap(), [*published.lock().unwrap()]);
    ada.close().await;
    bob.close().await;
}

// Proves: C11, C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prekey_that_its_device_did_not_sign_is_not_sealed_to() {
    prekey_lie(|_, prekey| {
        let forger = Hand {
            account: prekey.account,
            key: SigningKey::from_bytes(&random()),
        };
        forger.prekey(&Prekey {
            id: prekey.id + 1,
            key: Bytes::from(vec![5; 1_216]),
            ..prekey.clone()
        })
    })
    .await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prekey_under_an_older_number_is_not_gone_back_to() {
    // Signed by Bob's own key: as if an older one, whose private half leaked, were served again.
    prekey_lie(|bob, prekey| {
        bob.prekey(&Prekey {
            id: 0,
            key: Bytes::from(vec![5; 1_216]),
            ..prekey.clone()
        })
    })
    .await;
}

// Proves: C11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_name_keeps_its_key() {
    let world = World::new().await;
    // The server makes an account of its own under Bob's name, and says it is Bob's.
    let identity = SigningKey::from_bytes(&random());
    let public = identity.verifying_key().to_bytes();
    let hand = Hand {
        account: account_id(&public),
        key: identity,
    };
    let genesis = hand.statement(&Statement {
        account: hand.account,
        seq: 0,
        prev: StatementHash::NONE,
        op: StatementOp::Genesis {
            identity: public,
            name: subrosa_proto::Name::new("bob").unwrap(),
        },
    });
    let bob_account = world.account("bob");
    let mut told = world.liar.lie(move |_, word| match word {
        Word::Answered {
            asked: Request::Lookup { .. } | Request::Genesis { .. },
            ..
        } => Fate::Answer(Response::Account {
            genesis: genesis.clone(),
        }),
        Word::Answered {
            response: Response::People {
                chains, prekeys, ..
            },
            ..
        } => {
            let mut chains = chains.clone();
            let is_bob =
                |chain: &&mut Vec<Signed>| Account::from_chain(chain).unwrap().id() == bob_account;
            match chains.iter_mut().find(is_bob) {
                Some(chain) => *chain = vec![genesis.clone()],
                None => return Fate::Pass,
            }
            Fate::Answer(Response::People {
                chains,
                prekeys: prekeys.clone(),
                more: false,
            })
        }
        _ => Fate::Pass,
    });
    let ada = world.client("ada").await;
    let before = people::contact(&ada, "bob").await;
    let failure = send(&ada, "bob", "to whom?").await.unwrap_err();
    told.at_least(1).await;
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    assert!(failure.sentence.contains("another key"), "{failure}");
    let after = people::contact(&ada, "bob").await;
    assert_eq!(
        (before.account, before.safety_number),
        (after.account, after.safety_number)
    );
    // The truth alone does not mend it: Ada has to ask Bob, and to say whom she means.
    told.end();
    ada.close().await;
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    let failure = send(&ada, "bob", "still to whom?").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    let keep = About::DecideName {
        contact: "bob".to_owned(),
        accept_new: false,
    };
    ada.call(Command::About { ask: keep }).await.unwrap();
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    wait_for_text(&mut at_bob, "to whom?").await;
    assert_eq!(send(&ada, "bob", "again").await.unwrap(), SendState::Sent);
    assert!(texts(&ada, "bob").await.len() >= 4);
    ada.close().await;
    bob.close().await;
}

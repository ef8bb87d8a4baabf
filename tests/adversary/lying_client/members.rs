//! A member, or a stranger, who signs with a true key what is not true.

use crate::stage::caller::Caller;
use crate::stage::members::{Hand, Seen, header_of, shared};
use crate::stage::people::{FIRST, World, fresh_texts, said, send, texts, wait_for_text};
use crate::stage::random;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use subrosa_client::SendState;
use subrosa_ledger::text;
use subrosa_proto::{
    BoxKind, Control, ConvId, Cursor, DeviceId, ErrorCode, Event, EventKind, HashHead, KeyBox,
    KeyFields, LOGOUT_ID, LogHash, MessageFields, Nonce, Prekey, Quote, Register, Request,
    Response, Role, SessionId, Signed, StatementHash, decode, encode, limits,
};

struct Ground {
    world: World,
    ada: Hand,
    bob: Hand,
    carol: Hand,
    /// Bob's connection, and the conversation of Ada and Bob as he sees it.
    at_bob: Caller,
    seen: Seen,
    counter: u64,
}

impl Ground {
    async fn new() -> Self {
        let world = World::new().await;
        let [ada, bob, carol] = ["ada", "bob", "carol"].map(|name| Hand::of(&world, name));
        let mut at_bob = bob.online(&world).await;
        let seen = shared(&mut at_bob, ada.account).await;
        Self {
            world,
            ada,
            bob,
            carol,
            at_bob,
            seen,
            counter: 1_000_000,
        }
    }

    async fn append(&mut self, event: Bytes) -> Response {
        self.counter += 1;
        let request = Request::Append {
            counter: self.counter,
            conv: self.seen.conv,
            events: vec![event],
        };
        self.at_bob.ask(request).await
    }

    /// A message of Bob's that a reader cannot open but a server takes: the last one he sent, under the next index.
    fn next_message(&self) -> Bytes {
        let last = self.last_of_bob();
        self.bob.resign(&last, |header, _| {
            let mut fields: MessageFields = decode(&header.fields).unwrap();
            fields.index += 1;
            fields.salt = random();
            header.fields = encode(&fields);
            (header.base_n, header.base_log) = (self.seen.n, self.seen.log);
        })
    }

    fn last_of_bob(&self) -> Bytes {
        let by_bob = |event: &&Bytes| {
            let header = header_of(event);
            header.account == self.bob.account && header.kind == EventKind::Message as u8
        };
        self.seen.events.iter().rev().find(by_bob).unwrap().clone()
    }

    async fn head(&mut self) -> u64 {
        Seen::read(&mut self.at_bob, self.seen.conv).await.n
    }
}

// Proves: C11, C12, C16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_takes_no_event_that_is_not_what_it_says() {
    let mut ground = Ground::new().await;
    let true_one = ground.next_message();
    let (seen, ada, bob, carol) = (
        ground.seen.clone(),
        ground.ada.clone(),
        ground.bob.clone(),
        ground.carol.clone(),
    );
    let lies: Vec<(&str, Bytes)> = vec![
        (
            "another author",
            bob.resign(&true_one, |header, _| header.account = ada.account),
        ),
        (
            "another device",
            bob.resign(&true_one, |header, _| header.device = ada.device()),
        ),
        ("another's signature", carol.resign(&true_one, |_, _| {})),
        (
            "another conversation",
            bob.resign(&true_one, |header, _| header.conv = ConvId(random())),
        ),
        (
            "a base beyond the log",
            bob.resign(&true_one, |header, _| header.base_n += 1),
        ),
        (
            "a base that is no log",
            bob.resign(&true_one, |header, _| header.base_log = LogHash(random())),
        ),
        (
            "a base that goes back",
            bob.resign(&true_one, |header, _| {
                (header.base_n, header.base_log) = (0, LogHash::START);
            }),
        ),
        (
            "a control head that is not",
            bob.resign(&true_one, |header, _| header.ctl = seen.ctl_of_nothing()),
        ),
        (
            "a session of another's",
            bob.resign(&true_one, |header, _| {
                let of_ada = seen
                    .events
                    .iter()
                    .map(header_of)
                    .find(|header| {
                        header.kind == EventKind::Message as u8 && header.account == ada.account
                    })
                    .unwrap();
                header.fields = of_ada.fields;
            }),
        ),
        (
            "another suite",
            bob.resign(&true_one, |header, _| header.suite = 0),
        ),
        ("an event that is there already", ground.last_of_bob()),
    ];
    for (what, lie) in lies {
        let answer = ground.append(lie).await;
        assert!(
            matches!(answer, Response::Refused { .. } | Response::Stale { .. }),
            "{what}: {answer:?}"
        );
        assert_eq!(ground.head().await, seen.n, "{what}: nothing was stored");
    }
    for control in [
        Control::Add {
            account: carol.account,
            role: Role::Member,
            pending: true,
        },
        Control::Remove {
            account: ada.account,
        },
        Control::SetRole {
            account: bob.account,
            role: Role::Admin,
        },
        Control::Close {},
        Control::Policy {
            members_add: true,
            timer: 0,
        },
        Control::Revoke {
            account: ada.account,
            statement: Signed {
                body: Bytes::from_static(b"no statement"),
                signature: [0; 64],
            },
            logout: false,
        },
    ] {
        let event = encode(&bob.control(&seen, &control));
        let answer = ground.append(event).await;
        assert!(
            matches!(answer, Response::Refused { .. }),
            "{control:?}: {answer:?}"
        );
    }
    assert_eq!(ground.head().await, seen.n);
    // And the truth is taken.
    let answer = ground.append(true_one).await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
}

// Proves: C12, C22
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_gets_nothing_of_a_conversation() {
    let mut ground = Ground::new().await;
    let mut at_carol = ground.carol.online(&ground.world).await;
    let event = ground.next_message();
    let of_carol = ground.carol.resign(&event, |header, _| {
        header.account = ground.carol.account;
        header.device = ground.carol.device();
    });
    let session = SessionId(random());
    let register = |conv| {
        let body = encode(&Register {
            conv,
            account: ground.carol.account,
            device: ground.carol.device(),
            at: 1,
            session,
            salt: random(),
            sealed: Bytes::from(vec![0; 64]),
        });
        let signature = ground.carol.sign(&text::register(&body));
        Signed { body, signature }
    };
    let questions = |conv: ConvId| {
        vec![
            Request::Read {
                conv,
                from: 1,
                count: 10,
            },
            Request::People { conv, after: None },
            Request::AckBoxes { conv, to: 5 },
            Request::PutReceipt {
                conv,
                register: register(conv),
            },
            Request::Append {
                counter: 77,
                conv,
                events: vec![of_carol.clone()],
            },
        ]
    };
    // The same answers as for a conversation that there is not.
    let mut answers = Vec::new();
    for conv in [ground.seen.conv, ConvId(random())] {
        let mut of_conv = Vec::new();
        for question in questions(conv) {
            let answer = at_carol.ask(question.clone()).await;
            // Boxes are deleted by their recipient alone: there were none for her, and nothing is said about it.
            let harmless = matches!(question, Request::AckBoxes { .. });
            assert!(
                harmless || matches!(answer, Response::Refused { .. }),
                "{question:?}: {answer:?}"
            );
            of_conv.push(answer);
        }
        answers.push(of_conv);
    }
    assert_eq!(answers[0], answers[1]);
    // Following it brings nothing either, while a member is told at once.
    let cursors = vec![Cursor {
        conv: ground.seen.conv,
        next: 1,
    }];
    drop(at_carol.ask(Request::Follow { cursors }).await);
    let answer = ground.append(event).await;
    assert!(matches!(answer, Response::Appended { .. }));
    assert_eq!(at_carol.ask(Request::Ping {}).await, Response::Done {});
    assert!(at_carol.pushes.is_empty(), "{:?}", at_carol.pushes);
    // Of Bob, whom Carol does not know, she is given the genesis and no more.
    let answer = at_carol
        .ask(Request::Genesis {
            account: ground.bob.account,
        })
        .await;
    assert!(matches!(answer, Response::Account { .. }), "{answer:?}");
}

// Proves: C11, C12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_publishes_for_another_device() {
    let mut ground = Ground::new().await;
    let now_ms = ground.world.liar.now_ms();
    let stranger = Hand {
        account: ground.bob.account,
        key: SigningKey::from_bytes(&random()),
    };
    let prekey = |hand: &Hand, id, expires_ms| {
        hand.prekey(&Prekey {
            account: hand.account,
            device: hand.device(),
            id,
            key: if id == LOGOUT_ID {
                Bytes::new()
            } else {
                Bytes::from(vec![5; 1_216])
            },
            expires_ms,
        })
    };
    let good_ms = now_ms + limits::PREKEY_MS;
    let forged = {
        let true_one = prekey(&ground.bob, 9, good_ms);
        Signed {
            signature: [7; 64],
            ..true_one
        }
    };
    let lies = [
        ("of another account", prekey(&ground.ada, 9, good_ms)),
        (
            "a logout of another device",
            prekey(&ground.ada, LOGOUT_ID, now_ms),
        ),
        (
            "of a device that nobody certified",
            prekey(&stranger, 9, good_ms),
        ),
        ("under another's signature", forged),
        (
            "expired",
            prekey(&ground.bob, 9, now_ms - limits::PREKEY_MS),
        ),
        (
            "good for years",
            prekey(&ground.bob, 9, now_ms + 400 * limits::DAY_MS),
        ),
        ("under an old number", prekey(&ground.bob, 0, good_ms)),
    ];
    for (what, prekey) in lies {
        let answer = ground.at_bob.ask(Request::PutPrekey { prekey }).await;
        assert!(
            matches!(answer, Response::Refused { .. }),
            "{what}: {answer:?}"
        );
    }
    let prekey = prekey(&ground.bob, 9, good_ms);
    assert_eq!(
        ground.at_bob.ask(Request::PutPrekey { prekey }).await,
        Response::Done {}
    );
    // A register, likewise.
    let conv = ground.seen.conv;
    let register = |account, device, signer: &Hand| {
        let body = encode(&Register {
            conv,
            account,
            device,
            at: 1,
            session: SessionId(random()),
            salt: random(),
            sealed: Bytes::from(vec![0; 80]),
        });
        let signature = signer.sign(&text::register(&body));
        Signed { body, signature }
    };
    let (ada, bob) = (&ground.ada, &ground.bob);
    for (account, device, signer) in [
        (ada.account, ada.device(), ada),
        (ada.account, ada.device(), bob),
        (bob.account, bob.device(), ada),
        (bob.account, ada.device(), bob),
    ] {
        let register = register(account, device, signer);
        let answer = ground
            .at_bob
            .ask(Request::PutReceipt { conv, register })
            .await;
        assert!(matches!(answer, Response::Refused { .. }), "{answer:?}");
    }
}

// Proves: C14, C26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_words_under_another_base_are_shown_once() {
    let mut ground = Ground::new().await;
    // Bob signs his own last message once more: same session, index, salt and ciphertext, later base. The server
    // cannot tell it from another message; a reader can.
    let again = ground.bob.resign(&ground.last_of_bob(), |header, _| {
        (header.base_n, header.base_log) = (ground.seen.n, ground.seen.log);
    });
    let answer = ground.append(again).await;
    let ada = ground.world.client("ada").await;
    let seen = fresh_texts(&ada, "bob").await;
    assert_eq!(seen, said(&FIRST), "{answer:?}");
    assert_eq!(send(&ada, "bob", "and on").await.unwrap(), SendState::Sent);
    ada.close().await;
}

// Proves: C14, C15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anothers_ciphertext_is_not_ones_own() {
    let mut ground = Ground::new().await;
    // Bob puts what Ada wrote under a header of his own.
    let of_ada = ground
        .seen
        .events
        .iter()
        .find(|event| {
            let header = header_of(event);
            header.account == ground.ada.account && header.kind == EventKind::Message as u8
        })
        .unwrap()
        .clone();
    let words: Event = decode(&of_ada).unwrap();
    let stolen = ground
        .bob
        .resign(&ground.next_message(), |_, body| *body = words.body.clone());
    let answer = ground.append(stolen).await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    let ada = ground.world.client("ada").await;
    assert_eq!(fresh_texts(&ada, "bob").await, said(&FIRST));
    assert_eq!(send(&ada, "bob", "and on").await.unwrap(), SendState::Sent);
    ada.close().await;
}

// Proves: C13, C14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_of_what_there_is_not_block_nobody() {
    let mut ground = Ground::new().await;
    let bob = ground.bob.clone();
    let session = SessionId(random());
    let fields = KeyFields {
        session,
        nonce: Nonce(random()),
        prekey_id: u64::MAX >> 2,
        quotes: [ground.ada.account, ground.bob.account, ground.carol.account]
            .map(|account| Quote {
                account,
                head: HashHead {
                    seq: u64::MAX >> 1,
                    hash: StatementHash(random()),
                },
            })
            .to_vec(),
    };
    let key = ground.seen.header(&bob, EventKind::Key, encode(&fields));
    let key = encode(&bob.event(&key, Bytes::new()));
    // Without a box for each device it is not taken; nor with one for somebody else in its place.
    let answer = ground.append(key.clone()).await;
    assert!(
        matches!(answer, Response::Stale { .. } | Response::Refused { .. }),
        "{answer:?}"
    );
    let sealed = |kind, recipient: [u8; 32]| {
        encode(&KeyBox {
            kind,
            recipient,
            key_id: 1,
            sealed: Bytes::from([&recipient[..], &[9; 1_136]].concat()),
        })
    };
    let to = |device: DeviceId| sealed(BoxKind::Device, device.0);
    let history =
        [ground.ada.account, ground.bob.account].map(|account| sealed(BoxKind::History, account.0));
    let stage = |boxes: Vec<Bytes>| Request::Stage { session, boxes };
    let wrong = stage([vec![to(ground.carol.device())], history.to_vec()].concat());
    drop(ground.at_bob.ask(wrong).await);
    let answer = ground.append(key.clone()).await;
    assert!(
        matches!(answer, Response::Stale { .. } | Response::Refused { .. }),
        "{answer:?}"
    );
    let right = stage([vec![to(ground.ada.device())], history.to_vec()].concat());
    drop(ground.at_bob.ask(right).await);
    let mut at_bob = ground.bob.online(&ground.world).await;
    std::mem::swap(&mut at_bob, &mut ground.at_bob);
    let right = stage([vec![to(ground.ada.device())], history.to_vec()].concat());
    assert_eq!(ground.at_bob.ask(right).await, Response::Done {});
    let answer = ground.append(key).await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    // Ada is told nothing false, writes on, and Bob's own client reads it.
    let ada = ground.world.client("ada").await;
    assert_eq!(fresh_texts(&ada, "bob").await, said(&FIRST));
    assert_eq!(send(&ada, "bob", "unmoved").await.unwrap(), SendState::Sent);
    let bob = ground.world.client("bob").await;
    let mut notices = bob.subscribe(None, Some(0)).await.unwrap();
    wait_for_text(&mut notices, "unmoved").await;
    assert_eq!(texts(&bob, "ada").await.len(), FIRST.len() + 1);
    ada.close().await;
    bob.close().await;
}

// Proves: C21
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_or_too_many_is_refused() {
    let mut ground = Ground::new().await;
    let conv = ground.seen.conv;
    let event = ground.next_message();
    let large = ground.bob.resign(&event, |_, body| {
        *body = Bytes::from(vec![0; limits::EVENT_BYTES_MAX]);
    });
    assert_eq!(
        ground.append(large).await,
        Response::refused(ErrorCode::TooLarge)
    );
    let refused = [
        Request::Append {
            counter: 1,
            conv,
            events: vec![event.clone(); limits::APPEND_EVENTS_MAX + 1],
        },
        Request::Append {
            counter: 2,
            conv,
            events: Vec::new(),
        },
        Request::Stage {
            session: SessionId(random()),
            boxes: vec![Bytes::from_static(b"no box")],
        },
        Request::Follow {
            cursors: vec![Cursor { conv, next: 1 }; limits::CURSORS_MAX + 1],
        },
        Request::InviteNew {
            code_hash: random(),
            expires_ms: u64::MAX,
            note: Bytes::from(vec![0; limits::NOTE_BYTES_MAX + 1]),
        },
    ];
    for request in refused {
        let shown = format!("{request:?}").chars().take(40).collect::<String>();
        let answer = ground.at_bob.ask(request).await;
        assert!(
            matches!(answer, Response::Refused { .. }),
            "{shown}: {answer:?}"
        );
    }
    // Numbers without measure are answered or refused, and the connection goes on.
    for (from, count) in [(0, 0), (u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX)] {
        let answer = ground.at_bob.ask(Request::Read { conv, from, count }).await;
        if let Response::Page { page } = answer {
            assert!(page.events.len() <= limits::PAGE_EVENTS_MAX);
        }
    }
    assert_eq!(ground.at_bob.ask(Request::Ping {}).await, Response::Done {});
    let answer = ground.append(event).await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
}

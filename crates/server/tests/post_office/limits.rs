//! Limits: what one client may ask for, and what it costs to be nobody.

use crate::ground::{Ground, everywhere};
use crate::person::{Pair, Person};
use crate::wire::Client;
use bytes::Bytes;
use std::time::{Duration, Instant};
use subrosa_login::InviteSecret;
use subrosa_proto::*;
use subrosa_server::Rates;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
// Proves: C21
async fn too_long_a_message_ends_the_connection() {
    everywhere(|ground| async move {
        let mut nobody = ground.connect().await;
        nobody
            .send_bytes(&vec![0; limits::MESSAGE_BYTES_UNAUTHENTICATED_MAX + 1])
            .await;
        nobody.ended().await;
        let ada = Person::new("ada");
        let mut client = ada.register(&ground, &ground.invite().await.0).await;
        // After the login there is room, but not for everything.
        let conv = ConvId([1; 32]);
        let events = vec![Bytes::from(vec![0; limits::EVENT_BYTES_MAX + 1])];
        let refused = client
            .refused(Request::Append {
                counter: 1,
                conv,
                events,
            })
            .await;
        assert_eq!(refused, ErrorCode::TooLarge);
        let events = vec![Bytes::new(); limits::APPEND_EVENTS_MAX + 1];
        let refused = client
            .refused(Request::Append {
                counter: 2,
                conv,
                events,
            })
            .await;
        assert_eq!(refused, ErrorCode::TooLarge);
        let cursors = vec![Cursor { conv, next: 1 }; limits::CURSORS_MAX + 1];
        assert_eq!(
            client.refused(Request::Follow { cursors }).await,
            ErrorCode::TooLarge
        );
        let note = Bytes::from(vec![0; limits::NOTE_BYTES_MAX + 1]);
        let request = Request::InviteNew {
            code_hash: [0; 32],
            expires_ms: ground.now_ms() + 1_000,
            note,
        };
        assert_eq!(client.refused(request).await, ErrorCode::TooLarge);
        let boxes = vec![Bytes::from(vec![0; 2_000])];
        let refused = client
            .refused(Request::Stage {
                session: SessionId([0; 32]),
                boxes,
            })
            .await;
        assert_eq!(refused, ErrorCode::TooLarge);
        client.done(Request::Ping {}).await;
    })
    .await;
}

#[tokio::test]
// Proves: C21
async fn what_is_no_request_ends_the_connection() {
    everywhere(|ground| async move {
        let ada = Person::new("ada");
        ada.register(&ground, &ground.invite().await.0).await;
        let ping = encode(&FromClient {
            id: 1,
            request: Request::Ping {},
        });
        let trailing = [&ping[..], &[0]].concat();
        for bytes in [
            &b""[..],
            b"hello",
            &[0x9f, 0x01, 0xff],
            &trailing,
            &[0x82, 0x01, 0x81, 0x18, 0x63],
        ] {
            for logged_in in [false, true] {
                let mut client = ground.connect().await;
                if logged_in {
                    ada.log_in(&mut client).await;
                }
                client.send_bytes(bytes).await;
                while let Some(message) = client.next().await {
                    assert_eq!(
                        message,
                        FromServer::Push {
                            push: Push::Closing {}
                        }
                    );
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_done_before_its_turn() {
    everywhere(|ground| async move {
        let ada = Person::new("ada");
        ada.register(&ground, &ground.invite().await.0).await;
        let mut nobody = ground.connect().await;
        for request in [
            Request::Lookup {
                name: ada.name.clone(),
            },
            Request::Conversations { after: None },
            Request::PasswordFinish {
                ke3: Bytes::from(vec![0; 64]),
            },
            Request::ChainAppend {
                statements: Vec::new(),
                bundle: None,
                prekey: None,
            },
            ada.login(&[0; 32]),
        ] {
            let last = matches!(request, Request::DeviceLogin { .. });
            let refused = nobody.refused(request).await;
            assert_eq!(
                refused,
                if last {
                    ErrorCode::NotAuthenticated
                } else {
                    ErrorCode::OutOfTurn
                }
            );
        }
        assert!(nobody.ended().await);
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_events_is_slowed_down() {
    let rates = Rates {
        events_burst: 5,
        events_per_s: 1,
        ..Rates::unlimited()
    };
    let ground = Ground::with_rates(rates).await;
    let mut pair = Pair::new(&ground).await;
    pair.bob_opens(b"two events").await;
    for _ in 0..3 {
        pair.bob
            .say(&mut pair.bob_client, &mut pair.bob_view, b"more")
            .await;
    }
    let event = pair
        .bob
        .message_event(&mut pair.bob_view.clone(), b"too much");
    let (counter, conv) = (pair.bob.counter(), pair.bob_view.conv);
    let request = Request::Append {
        counter,
        conv,
        events: vec![event],
    };
    let refusal = pair.bob_client.refusal(request).await;
    assert_eq!(refusal.code, ErrorCode::RateLimited);
    assert!((1..=1_000).contains(&refusal.retry_ms), "{refusal:?}");
    // Ada has a pace of her own.
    let page = pair
        .ada_client
        .ask(Request::Read {
            conv,
            from: 2,
            count: 99,
        })
        .await;
    let Response::Page { page } = page else {
        panic!("{page:?}")
    };
    pair.ada_view.read(&page);
    pair.ada_opens(b"mine").await;
}

#[tokio::test]
async fn a_flood_of_requests_is_slowed_down() {
    let rates = Rates {
        requests_burst: 10,
        requests_per_s: 1,
        ..Rates::unlimited()
    };
    let ground = Ground::with_rates(rates).await;
    let ada = Person::new("ada");
    let mut client = ada.register(&ground, &ground.invite().await.0).await;
    for _ in 0..10 {
        client.done(Request::Ping {}).await;
    }
    assert_eq!(
        client.refused(Request::Ping {}).await,
        ErrorCode::RateLimited
    );
}

#[tokio::test]
// Proves: C7
async fn guesses_are_capped_and_devices_are_not() {
    let rates = Rates {
        login_burst: 4,
        login_per_min: 1,
        ..Rates::unlimited()
    };
    let ground = Ground::with_rates(rates).await;
    let ada = Person::new("ada");
    let line = ground.invite().await.0;
    let code_of_ada = *InviteSecret::from_bytes(&line).code().as_bytes();
    ada.register(&ground, &line).await;
    // The first step of a registration helps a guess as much as a login does: one is spent.
    let code = *InviteSecret::from_bytes(&ground.invite().await.0)
        .code()
        .as_bytes();
    let mut client = ground.connect().await;
    let start = Person::new("nobody").register_start(code);
    let reply = client.ask(start).await;
    assert!(matches!(reply, Response::RegisterReply { .. }), "{reply:?}");
    // Known and unknown names are counted alike.
    for name in ["ada", "nobody"] {
        let mut outcomes = Vec::new();
        for _ in 0..5 {
            let mut client = ground.connect().await;
            let ke1 = Bytes::from(vec![0; 96]);
            let name = Name::new(name).unwrap();
            outcomes.push(
                client
                    .refused(Request::PasswordStart {
                        credential: 0,
                        name,
                        ke1,
                    })
                    .await,
            );
        }
        let (malformed, limited) = (ErrorCode::Malformed, ErrorCode::RateLimited);
        assert_eq!(
            outcomes,
            [malformed, malformed, malformed, limited, limited]
        );
    }
    ada.online(&ground).await;
    // A used line is good for its name again, and not for more guesses at it.
    let mut client = ground.connect().await;
    let start = ada.register_start(code_of_ada);
    assert_eq!(client.refused(start).await, ErrorCode::RateLimited);
}

#[tokio::test]
// Proves: C1
async fn a_scanner_gets_no_byte() {
    let rates = Rates {
        handshake: Duration::from_millis(300),
        ..Rates::unlimited()
    };
    let ground = Ground::with_rates(rates).await;
    let to = ground.server().local_addr().unwrap();
    for sent in [
        &b""[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[1; 1_233],
        &[1; 5_000],
    ] {
        let mut tcp = TcpStream::connect(to).await.unwrap();
        tcp.write_all(sent).await.unwrap();
        let mut got = Vec::new();
        // A reset is no byte either.
        let _ = tcp.read_to_end(&mut got).await;
        assert!(
            got.is_empty(),
            "{} bytes sent, {} received",
            sent.len(),
            got.len()
        );
    }
    assert!(
        Client::try_connect(to, [9; 32]).await.is_err(),
        "another key"
    );
}

#[tokio::test]
async fn who_says_nothing_is_let_go() {
    let rates = Rates {
        authenticate: Duration::from_millis(200),
        ..Rates::unlimited()
    };
    let ground = Ground::with_rates(rates).await;
    let mut nobody = ground.connect().await;
    let begun = Instant::now();
    assert!(nobody.ended().await);
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_crowd_of_nobodies_makes_room_for_others() {
    let rates = Rates {
        unauthenticated_max: 8,
        ..Rates::unlimited()
    };
    let ground = Ground::with_rates(rates).await;
    let ada = Person::new("ada");
    let mut first = ada.register(&ground, &ground.invite().await.0).await;
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(ground.connect().await);
    }
    // The oldest of the crowd had to go, the last ones are still heard, and Ada was never asked.
    let mut gone = crowd.remove(0);
    assert!(gone.ended().await);
    crowd.last_mut().unwrap().done(Request::Ping {}).await;
    first.done(Request::Ping {}).await;
    ada.online(&ground).await;
}

#[tokio::test]
async fn a_source_that_comes_too_often_waits() {
    let rates = Rates {
        source_burst: 3,
        source_per_s: 10,
        ..Rates::unlimited()
    };
    let ground = Ground::with_rates(rates).await;
    let begun = Instant::now();
    for _ in 0..6 {
        ground.connect().await.done(Request::Ping {}).await;
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(250),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn requests_of_strangers_are_counted() {
    let ground = Ground::with_rates(Rates::unlimited()).await;
    let ada = Person::new("ada");
    ada.register(&ground, &ground.invite().await.0).await;
    let mut refused = 0;
    for n in 0..=limits::PENDING_REQUESTS_MAX {
        let mut eve = Person::new(&format!("eve-{n}"));
        let mut client = eve.register(&ground, &ground.invite().await.0).await;
        let create = eve.create_event(Form::Direct, Some(ada.account()), None);
        match eve.create(&mut client, &create).await {
            Response::Appended { .. } => {}
            other => {
                assert_eq!(other, Response::refused(ErrorCode::NotPermitted));
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 1);
}

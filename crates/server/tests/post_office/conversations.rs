//! Conversations: who may open one, what may be appended, and that a repetition changes nothing.

use crate::ground::{Ground, everywhere};
use crate::person::{Pair, Person, View, key, random, sign, stage};
use bytes::Bytes;
use std::sync::Arc;
use subrosa_ledger::text;
use subrosa_proto::*;
use subrosa_server::storage::faulty::{Fault, Faulty};
use subrosa_server::storage::memory::MemoryStore;

#[tokio::test]
async fn two_people_write_to_each_other() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.follow_both().await;
        let position = pair.bob_opens(b"sealed by bob").await;
        assert_eq!(position, 3);
        let page = pair.ada_client.page().await;
        pair.ada_view.read(&page);
        assert_eq!(page.events.len(), 2);
        let event: Event = decode(&page.events[1].event).unwrap();
        assert_eq!(event.body, Bytes::from_static(b"sealed by bob"));
        let position = pair.ada_opens(b"sealed by ada").await;
        assert_eq!(position, 5);
        assert_eq!(
            pair.ada
                .say(&mut pair.ada_client, &mut pair.ada_view, b"and more")
                .await,
            6
        );
        while pair.bob_view.n < 6 {
            let page = pair.bob_client.page().await;
            // Its own events come back too: the cursor does not skip.
            let skip = (pair.bob_view.n + 1 - page.first) as usize;
            for delivered in page.events.iter().skip(skip) {
                pair.bob_view.see(&delivered.event);
            }
        }
        assert_eq!(pair.bob_view.log, pair.ada_view.log);
    })
    .await;
}

#[tokio::test]
async fn one_conversation_with_oneself_and_one_for_each_pair() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let own = pair.ada.create_own(&mut pair.ada_client).await;
        let again = pair.ada.create_event(Form::Own, None, None);
        let answer = pair.ada.create(&mut pair.ada_client, &again).await;
        assert_eq!(answer, Response::refused(ErrorCode::Conflict));
        let peer = Some(pair.bob.account());
        let other = pair.ada.create_event(Form::Direct, peer, None);
        let answer = pair.ada.create(&mut pair.ada_client, &other).await;
        assert_eq!(answer, Response::refused(ErrorCode::Conflict));
        let login = pair.ada.log_in(&mut ground.connect().await).await;
        let mut known: Vec<_> = login.heads.iter().map(|head| head.conv).collect();
        known.sort();
        let mut expected = vec![own.conv, pair.ada_view.conv];
        expected.sort();
        assert_eq!(known, expected);
    })
    .await;
}

#[tokio::test]
async fn the_same_request_again_gets_the_first_answer() {
    everywhere(|mut ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.bob_opens(b"first").await;
        let message = pair.bob.message_event(&mut pair.bob_view, b"once");
        let counter = pair.bob.counter();
        let request = Request::Append {
            counter,
            conv: pair.bob_view.conv,
            events: vec![message.clone()],
        };
        let first = pair.bob_client.ask(request.clone()).await;
        assert!(
            matches!(first, Response::Appended { first: 4, .. }),
            "{first:?}"
        );
        assert_eq!(pair.bob_client.ask(request.clone()).await, first);
        ground.restart().await;
        let mut bob = pair.bob.online(&ground).await;
        assert_eq!(bob.ask(request).await, first, "also after a restart");
        // Another event under that number is not what was stored, whether it would be valid or not.
        let other = pair.bob.message_event(&mut pair.bob_view, b"another");
        for events in [vec![other], vec![message.clone(), message.clone()]] {
            let request = Request::Append {
                counter,
                conv: pair.bob_view.conv,
                events,
            };
            let answer = bob.ask(request).await;
            assert!(!matches!(answer, Response::Appended { .. }), "{answer:?}");
        }
        // The same event under another number is refused, not stored again.
        let answer = pair
            .bob
            .append(&mut bob, &pair.bob_view, vec![message])
            .await;
        assert_eq!(answer, Response::refused(ErrorCode::Conflict));
        let head = pair.bob.log_in(&mut ground.connect().await).await.heads[0].head;
        assert_eq!(head, 4);
    })
    .await;
}

#[tokio::test]
// Proves: C14, C16
async fn what_no_longer_fits_is_stale_and_not_stored() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let accounts = pair.accounts();
        let ctl = pair.bob_view.ctl;
        let stale = Response::Stale { ctl };
        // Not every device has a box: none for Ada's, then none for Bob's history key.
        for (devices, with) in [
            (vec![], &accounts[..]),
            (vec![pair.ada.id()], &accounts[..1]),
        ] {
            let mut view = pair.bob_view.clone();
            let key = pair.bob.key_event(&mut view);
            stage(&mut pair.bob_client, view.session, &devices, with).await;
            let message = pair.bob.message_event(&mut view, b"for whom?");
            let answer = pair
                .bob
                .append(&mut pair.bob_client, &view, vec![key, message])
                .await;
            assert_eq!(answer, stale);
        }
        // A session that nobody has opened.
        let mut view = View {
            session: SessionId(random()),
            ..pair.bob_view.clone()
        };
        let message = pair.bob.message_event(&mut view, b"no session");
        assert_eq!(
            pair.bob
                .append(&mut pair.bob_client, &view, vec![message])
                .await,
            stale
        );
        pair.bob_opens(b"fits").await;
        // Under a control event that is not the last.
        let mut view = View {
            ctl: EventHash(random()),
            ..pair.bob_view.clone()
        };
        let message = pair.bob.message_event(&mut view, b"old");
        assert_eq!(
            pair.bob
                .append(&mut pair.bob_client, &view, vec![message])
                .await,
            stale
        );
        let page = pair
            .bob_client
            .ask(Request::Read {
                conv: view.conv,
                from: 1,
                count: 99,
            })
            .await;
        let Response::Page { page } = page else {
            panic!("{page:?}")
        };
        assert_eq!((page.events.len(), page.head), (3, 3));
    })
    .await;
}

#[tokio::test]
// Proves: C11, C12
async fn only_a_members_own_certified_device_appends() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.bob_opens(b"hello").await;
        // Bob's event from Ada's connection.
        let event = pair
            .bob
            .message_event(&mut pair.bob_view.clone(), b"not mine");
        let answer = pair
            .ada
            .append(&mut pair.ada_client, &pair.ada_view, vec![event])
            .await;
        assert_eq!(answer, Response::refused(ErrorCode::NotPermitted));
        // A changed body under the old signature.
        let event = pair
            .bob
            .message_event(&mut pair.bob_view.clone(), b"signed");
        let mut forged: Event = decode(&event).unwrap();
        forged.body = Bytes::from_static(b"forged");
        let answer = pair
            .bob
            .append(&mut pair.bob_client, &pair.bob_view, vec![encode(&forged)])
            .await;
        assert_eq!(answer, Response::refused(ErrorCode::Malformed));
        // Somebody who is not in it: it does not exist for her.
        let mut eve = Person::new("eve");
        let mut client = eve.register(&ground, &ground.invite().await.0).await;
        let event = eve.message_event(&mut pair.bob_view.clone(), b"let me in");
        let answer = eve.append(&mut client, &pair.bob_view, vec![event]).await;
        assert_eq!(answer, Response::refused(ErrorCode::NotFound));
        let conv = pair.bob_view.conv;
        for request in [
            Request::Read {
                conv,
                from: 1,
                count: 10,
            },
            Request::People { conv, after: None },
            Request::Read {
                conv: ConvId([1; 32]),
                from: 1,
                count: 10,
            },
        ] {
            assert_eq!(client.refused(request).await, ErrorCode::NotFound);
        }
        // In a direct conversation nobody adds anybody.
        let add = Control::Add {
            account: eve.account(),
            role: Role::Member,
            pending: true,
        };
        let event = pair.bob.control(Some(&pair.bob_view), &add);
        let answer = pair
            .bob
            .append(&mut pair.bob_client, &pair.bob_view, vec![event])
            .await;
        assert_eq!(answer, Response::refused(ErrorCode::NotPermitted));
    })
    .await;
}

#[tokio::test]
// Proves: C13
async fn a_quoted_log_that_is_not_this_one_is_refused() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.bob_opens(b"one").await;
        for (n, log) in [
            (pair.bob_view.n, LogHash(random())),
            (pair.bob_view.n + 5, pair.bob_view.log),
        ] {
            let mut view = View {
                n,
                log,
                ..pair.bob_view.clone()
            };
            let event = pair.bob.message_event(&mut view, b"another past");
            let answer = pair
                .bob
                .append(&mut pair.bob_client, &view, vec![event])
                .await;
            assert_eq!(answer, Response::refused(ErrorCode::Conflict));
        }
    })
    .await;
}

#[tokio::test]
async fn a_base_far_back_is_judged_by_the_log_itself() {
    everywhere(|mut ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.follow_both().await;
        pair.ada_opens(b"early").await;
        let mut early = pair.ada_view.clone();
        let page = pair.bob_client.page().await;
        pair.bob_view.read(&page);
        pair.bob_opens(b"talks a lot").await;
        for _ in 0..600 {
            pair.bob
                .say(&mut pair.bob_client, &mut pair.bob_view, b"and on")
                .await;
        }
        ground.restart().await;
        let mut client = pair.ada.online(&ground).await;
        let event = pair.ada.message_event(&mut early, b"I lag behind");
        let answer = pair
            .ada
            .append(&mut client, &early, vec![event.clone()])
            .await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        let answer = pair.ada.append(&mut client, &early, vec![event]).await;
        assert_eq!(
            answer,
            Response::refused(ErrorCode::Conflict),
            "the same event again"
        );
        let mut wrong = View {
            log: LogHash(random()),
            ..early
        };
        let event = pair.ada.message_event(&mut wrong, b"another past");
        let answer = pair.ada.append(&mut client, &wrong, vec![event]).await;
        assert_eq!(
            answer,
            Response::refused(ErrorCode::Conflict),
            "another log"
        );
    })
    .await;
}

#[tokio::test]
// Proves: C22
async fn a_stranger_waits_until_he_is_accepted() {
    everywhere(|ground| async move {
        let (mut ada, mut eve) = (Person::new("ada"), Person::new("eve"));
        let mut ada_client = ada.register(&ground, &ground.invite().await.0).await;
        let mut eve_client = eve.register(&ground, &ground.invite().await.0).await;
        // By name there is only the genesis.
        let answer = eve_client
            .ask(Request::Lookup {
                name: ada.name.clone(),
            })
            .await;
        assert_eq!(
            answer,
            Response::Account {
                genesis: ada.chain[0].clone()
            }
        );
        let unknown = Name::new("nobody").unwrap();
        assert_eq!(
            eve_client.refused(Request::Lookup { name: unknown }).await,
            ErrorCode::NotFound
        );
        // An invite that was never given cannot be claimed.
        let claim = eve.create_event(Form::Direct, Some(ada.account()), Some(random()));
        assert_eq!(
            eve.create(&mut eve_client, &claim).await,
            Response::refused(ErrorCode::NotPermitted)
        );
        let create = eve.create_event(Form::Direct, Some(ada.account()), None);
        assert!(matches!(
            eve.create(&mut eve_client, &create).await,
            Response::Appended { first: 1, .. }
        ));
        let mut view = View::from_create(&create);
        assert_eq!(
            ada_client.push().await,
            Some(Push::Joined { conv: view.conv })
        );
        // Ada sees who asks; Eve sees no device of Ada's.
        let people = eve_client
            .ask(Request::People {
                conv: view.conv,
                after: None,
            })
            .await;
        let Response::People {
            chains, prekeys, ..
        } = people
        else {
            panic!("{people:?}")
        };
        let of_ada = chains
            .iter()
            .find(|chain| chain[0] == ada.chain[0])
            .unwrap();
        assert_eq!(of_ada.len(), 1);
        assert_eq!(prekeys.len(), 1, "her own");
        let people = ada_client
            .ask(Request::People {
                conv: view.conv,
                after: None,
            })
            .await;
        let Response::People { prekeys, .. } = people else {
            panic!("{people:?}")
        };
        assert_eq!(prekeys.len(), 1, "her own: she seals nothing yet");
        // No receipt before acceptance, and no message of Ada's by the way.
        let event = ada.message_event(&mut view.clone(), b"?");
        let answer = ada.append(&mut ada_client, &view, vec![event]).await;
        assert_eq!(answer, Response::refused(ErrorCode::NotPermitted));
        let accept = ada.control(Some(&view), &Control::Accept {});
        let answer = ada
            .append(&mut ada_client, &view, vec![accept.clone()])
            .await;
        assert!(
            matches!(answer, Response::Appended { first: 2, .. }),
            "{answer:?}"
        );
        view.see(&accept);
        let people = eve_client
            .ask(Request::People {
                conv: view.conv,
                after: None,
            })
            .await;
        let Response::People { prekeys, .. } = people else {
            panic!("{people:?}")
        };
        assert_eq!(prekeys.len(), 2);
        let (devices, accounts) = ([ada.id()], [ada.account(), eve.account()]);
        eve.open_session(&mut eve_client, &mut view, &devices, &accounts, b"hello")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_room_grows_and_shrinks_by_its_admin() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let create = pair.bob.create_event(Form::Room, None, None);
        pair.bob.create(&mut pair.bob_client, &create).await;
        let mut view = View::from_create(&create);
        let add = Control::Add {
            account: pair.ada.account(),
            role: Role::Member,
            pending: true,
        };
        let add = pair.bob.control(Some(&view), &add);
        let answer = pair
            .bob
            .append(&mut pair.bob_client, &view, vec![add.clone()])
            .await;
        assert!(
            matches!(answer, Response::Appended { first: 2, .. }),
            "{answer:?}"
        );
        view.see(&add);
        while pair.ada_client.push().await != Some(Push::Joined { conv: view.conv }) {}
        let accept = pair.ada.control(Some(&view), &Control::Accept {});
        pair.ada
            .append(&mut pair.ada_client, &view, vec![accept.clone()])
            .await;
        view.see(&accept);
        pair.ada_client
            .done(Request::Follow {
                cursors: vec![Cursor {
                    conv: view.conv,
                    next: 1,
                }],
            })
            .await;
        let page = pair.ada_client.page().await;
        assert_eq!(
            (page.first, page.events.len()),
            (2, 2),
            "nothing from before her place"
        );
        let remove = Control::Remove {
            account: pair.ada.account(),
        };
        let remove = pair.bob.control(Some(&view), &remove);
        pair.bob
            .append(&mut pair.bob_client, &view, vec![remove.clone()])
            .await;
        view.see(&remove);
        assert_eq!(
            pair.ada_client.page().await.first,
            4,
            "she sees that she was removed"
        );
        let accounts = [pair.bob.account()];
        pair.bob
            .open_session(
                &mut pair.bob_client,
                &mut view,
                &[],
                &accounts,
                b"without her",
            )
            .await;
        let page = pair
            .ada_client
            .ask(Request::Read {
                conv: view.conv,
                from: 1,
                count: 99,
            })
            .await;
        let Response::Page { page } = page else {
            panic!("{page:?}")
        };
        assert_eq!(
            (page.first, page.events.len(), page.head),
            (2, 3, 4),
            "and nothing after"
        );
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_found_again() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let ground = Ground::faulty(store.clone()).await;
    let mut pair = Pair::new(&ground).await;
    pair.bob_opens(b"first").await;
    for fault in [Fault::REQUEST_LOST, Fault::ANSWER_LOST] {
        let message = pair
            .bob
            .message_event(&mut pair.bob_view, b"did it arrive?");
        let counter = pair.bob.counter();
        let conv = pair.bob_view.conv;
        let request = Request::Append {
            counter,
            conv,
            events: vec![message.clone()],
        };
        store.fail(1, fault);
        assert_eq!(
            pair.bob_client.refused(request.clone()).await,
            ErrorCode::Internal
        );
        let answer = pair.bob_client.ask(request).await;
        assert!(matches!(answer, Response::Appended { first, .. } if first == pair.bob_view.n + 1));
        pair.bob_view.see(&message);
    }
    // The state in memory has followed: the next one fits.
    pair.bob
        .say(&mut pair.bob_client, &mut pair.bob_view, b"goes on")
        .await;
}

#[tokio::test]
async fn receipts_reach_the_others_and_outlast_a_restart() {
    everywhere(|mut ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.follow_both().await;
        let position = pair.bob_opens(b"read me").await;
        let register = |at| {
            let (account, device) = (pair.ada.account(), pair.ada.id());
            let (conv, session) = (pair.ada_view.conv, SessionId([1; 32]));
            let sealed = Bytes::from_static(b"sealed numbers");
            let body = encode(&Register {
                conv,
                account,
                device,
                at,
                session,
                salt: [0; 16],
                sealed,
            });
            let signature = sign(&pair.ada.device, &text::register(&body));
            Signed { body, signature }
        };
        let conv = pair.ada_view.conv;
        let first = register(position);
        pair.ada_client
            .done(Request::PutReceipt {
                conv,
                register: first.clone(),
            })
            .await;
        loop {
            match pair.bob_client.push().await.unwrap() {
                Push::Receipt { conv: of, register } => {
                    assert_eq!((of, &register), (conv, &first));
                    break;
                }
                _ => continue,
            }
        }
        let back = Request::PutReceipt {
            conv,
            register: register(position - 1),
        };
        assert_eq!(pair.ada_client.refused(back).await, ErrorCode::Conflict);
        let foreign = Signed {
            signature: sign(&key(), b"x"),
            ..first.clone()
        };
        let refused = pair
            .ada_client
            .refused(Request::PutReceipt {
                conv,
                register: foreign,
            })
            .await;
        assert_eq!(refused, ErrorCode::Malformed);
        ground.restart().await;
        let mut bob = pair.bob.online(&ground).await;
        bob.done(Request::Follow {
            cursors: vec![Cursor { conv, next: 9 }],
        })
        .await;
        assert_eq!(
            bob.push().await,
            Some(Push::Receipt {
                conv,
                register: first
            })
        );
    })
    .await;
}

//! Delivery: everything in order, from any position, to each only its own boxes.

use crate::ground::everywhere;
use crate::person::{Pair, Person, device_box, history_box, random, sign};
use subrosa_proto::*;

fn boxes(page: &Page) -> Vec<bytes::Bytes> {
    page.events
        .iter()
        .flat_map(|delivered| delivered.boxes.clone())
        .collect()
}

async fn read(client: &mut crate::wire::Client, conv: ConvId) -> Page {
    match client
        .ask(Request::Read {
            conv,
            from: 1,
            count: 500,
        })
        .await
    {
        Response::Page { page } => page,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
// Proves: C12
async fn each_device_is_handed_its_own_boxes_until_it_has_them() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.follow_both().await;
        pair.bob_opens(b"sealed").await;
        let conv = pair.ada_view.conv;
        let page = pair.ada_client.page().await;
        assert_eq!(boxes(&page), [device_box(pair.ada.id())]);
        assert_eq!(
            boxes(&read(&mut pair.ada_client, conv).await),
            [device_box(pair.ada.id())]
        );
        assert!(boxes(&read(&mut pair.bob_client, conv).await).is_empty());
        // Bob cannot throw Ada's away.
        pair.bob_client
            .done(Request::AckBoxes { conv, to: 99 })
            .await;
        assert_eq!(
            boxes(&read(&mut pair.ada_client, conv).await),
            [device_box(pair.ada.id())]
        );
        pair.ada_client
            .done(Request::AckBoxes {
                conv,
                to: page.first,
            })
            .await;
        assert!(boxes(&read(&mut pair.ada_client, conv).await).is_empty());
    })
    .await;
}

#[tokio::test]
async fn boxes_that_nobody_asked_for_are_dropped() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        // One for a device that Ada does not have, and one for Bob himself.
        let ghost = DeviceId([7; 32]);
        let devices = [pair.ada.id(), ghost, pair.bob.id()];
        let accounts = pair.accounts();
        pair.bob
            .open_session(
                &mut pair.bob_client,
                &mut pair.bob_view,
                &devices,
                &accounts,
                b"psst",
            )
            .await;
        let conv = pair.bob_view.conv;
        assert_eq!(
            boxes(&read(&mut pair.ada_client, conv).await),
            [device_box(pair.ada.id())]
        );
        assert!(boxes(&read(&mut pair.bob_client, conv).await).is_empty());
        // No box takes another account's history key for a device of its own.
        assert_ne!(
            device_box(DeviceId(accounts[0].0)),
            history_box(accounts[0])
        );
    })
    .await;
}

#[tokio::test]
async fn a_cursor_reads_from_anywhere_in_pages() {
    everywhere(|mut ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.bob_opens(&[1; 900]).await;
        for n in 0..600_u32 {
            pair.bob
                .say(
                    &mut pair.bob_client,
                    &mut pair.bob_view,
                    &n.to_be_bytes().repeat(200),
                )
                .await;
        }
        ground.restart().await;
        let (conv, head) = (pair.bob_view.conv, pair.bob_view.n);
        let mut client = pair.ada.online(&ground).await;
        client
            .done(Request::Follow {
                cursors: vec![Cursor { conv, next: 2 }],
            })
            .await;
        let mut pages = 0;
        while pair.ada_view.n < head {
            let page = client.page().await;
            assert!(encode(&page).len() < limits::MESSAGE_BYTES_MAX);
            assert_eq!(page.head, head);
            pair.ada_view.read(&page);
            pages += 1;
        }
        assert!(pages > 3, "{pages} pages");
        assert_eq!(pair.ada_view.log, pair.bob_view.log);
        // Again from the middle: the same connection, the same conversation.
        client
            .done(Request::Follow {
                cursors: vec![Cursor { conv, next: 300 }],
            })
            .await;
        assert_eq!(client.page().await.first, 300);
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_misses_nothing_and_holds_nobody_up() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.follow_both().await;
        pair.bob_opens(b"begin").await;
        // Ada reads nothing while Bob sends more than any socket buffer holds.
        let body = vec![7; 40 * 1_024];
        for _ in 0..400 {
            pair.bob
                .say(&mut pair.bob_client, &mut pair.bob_view, &body)
                .await;
        }
        while pair.ada_view.n < pair.bob_view.n {
            let page = pair.ada_client.page().await;
            pair.ada_view.read(&page);
        }
        assert_eq!(pair.ada_view.log, pair.bob_view.log);
    })
    .await;
}

#[tokio::test]
async fn requests_in_flight_keep_their_order() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.bob_opens(b"begin").await;
        let conv = pair.bob_view.conv;
        let mut sent = Vec::new();
        for n in 0..100_u32 {
            // All quote the same base: none waits for the answer to the one before.
            let event = pair.bob.message_event(&mut pair.bob_view, &n.to_be_bytes());
            let counter = pair.bob.counter();
            sent.push(
                pair.bob_client
                    .send(Request::Append {
                        counter,
                        conv,
                        events: vec![event],
                    })
                    .await,
            );
        }
        for (position, id) in (4..).zip(sent) {
            let answer = pair.bob_client.answer(id).await.unwrap();
            assert!(
                matches!(answer, Response::Appended { first, .. } if first == position),
                "{answer:?}"
            );
        }
    })
    .await;
}

/// A sign of typing, as the person's device signs it. The server cannot tell what it says.
fn typing(person: &Person, conv: ConvId) -> Signed {
    let body = encode(&Register {
        conv,
        account: person.account(),
        device: person.id(),
        at: 1,
        session: SessionId(random()),
        salt: random(),
        sealed: vec![0; 48].into(),
    });
    let signature = sign(&person.device, &subrosa_ledger::text::typing(&body));
    Signed { body, signature }
}

#[tokio::test]
async fn typing_is_passed_on_to_followers_and_kept_nowhere() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.follow_both().await;
        let conv = pair.ada_view.conv;
        let register = typing(&pair.bob, conv);
        let sign = |register: &Signed| Request::Typing {
            conv,
            register: register.clone(),
        };
        pair.bob_client.done(sign(&register)).await;
        let heard = loop {
            match pair.ada_client.push().await.unwrap() {
                Push::Typing { conv: of, register } if of == conv => break register,
                _ => {}
            }
        };
        assert_eq!(heard, register);
        // Another's, or one that is signed as something else, is not passed on.
        let code = pair.ada_client.refused(sign(&register)).await;
        assert_eq!(code, ErrorCode::Malformed);
        let mut forged = register.clone();
        forged.signature[0] ^= 1;
        let code = pair.bob_client.refused(sign(&forged)).await;
        assert_eq!(code, ErrorCode::Malformed);
        // Whoever comes later is told nothing of it.
        let mut late = pair.ada.online(&ground).await;
        let cursors = vec![Cursor { conv, next: 1 }];
        late.done(Request::Follow { cursors }).await;
        late.done(Request::Ping {}).await;
        pair.bob_opens(b"after").await;
        loop {
            match late.push().await.unwrap() {
                Push::Typing { .. } => panic!("it was kept"),
                Push::Events { page } if page.first + page.events.len() as u64 > 2 => break,
                _ => {}
            }
        }
    })
    .await;
}

#[tokio::test]
// Proves: C21
async fn a_flood_of_typing_is_refused_and_disturbs_nothing_else() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let conv = pair.bob_view.conv;
        let register = typing(&pair.bob, conv);
        let mut refused = 0;
        for _ in 0..20 {
            let register = register.clone();
            match pair
                .bob_client
                .ask(Request::Typing { conv, register })
                .await
            {
                Response::Done {} => {}
                Response::Refused { refusal } => {
                    assert_eq!(refusal.code, ErrorCode::RateLimited);
                    refused += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(refused >= 14, "{refused}");
        pair.bob_opens(b"not disturbed").await;
    })
    .await;
}

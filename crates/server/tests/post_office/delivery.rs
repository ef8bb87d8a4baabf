//! Delivery: everything in order, from any position, to each only its own boxes.

use crate::ground::everywhere;
use crate::person::{Pair, device_box, history_box};
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

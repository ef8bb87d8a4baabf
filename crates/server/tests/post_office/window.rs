//! Many appends of one conversation on their way at once: each keeps its order and its own answer,
//! whatever becomes of those beside it.

use crate::ground::everywhere;
use crate::person::Pair;
use bytes::Bytes;
use subrosa_proto::*;

/// The same event with a signature that is none.
fn forged(event: &Bytes) -> Bytes {
    let mut event: Event = decode(event).unwrap();
    event.signature[5] ^= 1;
    encode(&event)
}

#[tokio::test]
// Proves: C14, C16
async fn appends_in_flight_are_judged_and_answered_each_by_itself() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.follow_both().await;
        let opened = pair.bob_opens(b"begin").await;
        let conv = pair.bob_view.conv;
        for round in 0..12 {
            let mut requests = Vec::new();
            for n in 0..14_u8 {
                let event = match n {
                    // One that disappears has a record beside it, so it goes by itself.
                    9 => pair.bob.message_with(&mut pair.bob_view, &[n], 7, None),
                    _ => pair.bob.message_event(&mut pair.bob_view, &[n]),
                };
                let event = if n == 5 { forged(&event) } else { event };
                requests.push(Request::Append {
                    counter: pair.bob.counter(),
                    conv,
                    events: vec![event],
                });
            }
            // Sent once more before its first answer is there.
            requests.push(requests[2].clone());
            let mut ids = Vec::new();
            for request in requests {
                ids.push(pair.bob_client.send(request).await);
            }
            let mut answers = Vec::new();
            for id in ids {
                answers.push(pair.bob_client.answer(id).await.unwrap());
            }
            let mut expected = opened + 1 + round * 13;
            for (n, answer) in answers.iter().enumerate().take(14) {
                if n == 5 {
                    assert_eq!(*answer, Response::refused(ErrorCode::Malformed));
                    continue;
                }
                assert!(
                    matches!(answer, Response::Appended { first, .. } if *first == expected),
                    "round {round}, {n}: {answer:?}, and {expected} was due"
                );
                expected += 1;
            }
            assert_eq!(answers[14], answers[2], "the first answer again");
        }
        let last = opened + 12 * 13;
        let mut heard = 0;
        while heard < last {
            let page = pair.ada_client.page().await;
            assert!(page.first > heard);
            heard = page.first + page.events.len() as u64 - 1;
        }
        let alone = pair.bob.message_event(&mut pair.bob_view, b"and one alone");
        let answer = pair
            .bob
            .append(&mut pair.bob_client, &pair.bob_view, vec![alone])
            .await;
        assert!(
            matches!(answer, Response::Appended { first, .. } if first == last + 1),
            "{answer:?}"
        );
    })
    .await;
}

//! Logs: contiguity, idempotency, guards, trimming, restart.

use super::{DAY_MS, Engine, NOW, all, current, idem, key, log, one, put, revision, row, texts};
use crate::storage::faulty::{Fault, Faulty};
use crate::storage::{
    Append, Commit, Guard, NewEvent, Page, Read, Revision, Store, StoreError, StoredEvent, Write,
};
use std::sync::Arc;

pub async fn positions_have_no_gaps_under_concurrency(engine: impl Engine) {
    let store = Arc::new(engine.open());
    let tasks: Vec<_> = (0..32_u8)
        .map(|device| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for counter in 0..10_u64 {
                    let log = log(1 + (device + counter as u8) % 2);
                    let texts = [0, 1].map(|n| NewEvent::plain(format!("{device} {counter} {n}")));
                    let done = store
                        .append(Append::new(log, idem(device, counter), NOW, texts.to_vec()))
                        .await;
                    let done = done.unwrap();
                    assert_eq!(done.count, 2);
                    // Never below an acknowledged append.
                    assert!(store.heads(vec![log]).await.unwrap()[0] >= done.last());
                    let page = store
                        .read(Read {
                            from: done.first,
                            count: 2,
                            ..all(log, Vec::new())
                        })
                        .await;
                    assert_eq!(
                        &page.unwrap().events[1].bytes[..],
                        format!("{device} {counter} 1").as_bytes()
                    );
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for log in [log(1), log(2)] {
        let page = store.read(all(log, Vec::new())).await.unwrap();
        assert_eq!(page.head, 320);
        assert!(page.events.iter().map(|event| event.position).eq(1..=320));
        let mut texts = texts(&*store, log).await;
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 320);
    }
}

pub async fn pages_end_where_they_should(engine: impl Engine) {
    let store = engine.open();
    let empty = store.read(all(log(9), Vec::new())).await.unwrap();
    assert_eq!(
        empty,
        Page {
            events: Vec::new(),
            head: 0,
            trimmed_to: 0
        }
    );
    let events = (0..10).map(|n| NewEvent::plain(vec![n; 100])).collect();
    store
        .append(Append::new(log(1), idem(1, 1), NOW, events))
        .await
        .unwrap();
    let page = |from, count, bytes| {
        let read = Read {
            from,
            count,
            bytes,
            ..all(log(1), Vec::new())
        };
        let store = &store;
        async move {
            let page = store.read(read).await.unwrap();
            assert_eq!((page.head, page.trimmed_to), (10, 0));
            page.events
                .iter()
                .map(|event| event.position)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(page(0, 3, 9_999).await, [1, 2, 3]);
    assert_eq!(page(8, 100, 9_999).await, [8, 9, 10]);
    assert_eq!(page(4, 100, 350).await, [4, 5, 6]);
    assert_eq!(
        page(4, 100, 1).await,
        [4],
        "a page with something to show is never empty"
    );
    assert_eq!(page(11, 100, 9_999).await, [0_u64; 0]);
    assert_eq!(page(1, 0, 9_999).await, [0_u64; 0]);
    let event = store
        .read(Read {
            from: 7,
            count: 1,
            ..all(log(1), Vec::new())
        })
        .await
        .unwrap()
        .events
        .remove(0);
    let expected = StoredEvent {
        position: 7,
        time_ms: NOW,
        bytes: vec![6; 100].into(),
        side: Vec::new(),
    };
    assert_eq!(event, expected);
}

pub async fn the_same_idem_returns_the_first_result(engine: impl Engine) {
    let store = engine.open();
    let mut first = one(log(1), idem(1, 3), "a");
    first.writes = vec![put(&key(1, "state"), Revision::ABSENT, "1")];
    let done = store.append(first.clone()).await.unwrap();
    assert!(!done.repeated);
    for counter in [1, 2, 9, 4] {
        store
            .append(one(log(1), idem(1, counter), "b"))
            .await
            .unwrap();
    }
    store.append(one(log(1), idem(2, 3), "c")).await.unwrap();
    // Repeated later, by a clock that went on, with a condition that no longer holds.
    first.now_ms += 3 * DAY_MS;
    let again = store.append(first).await.unwrap();
    assert!(again.repeated);
    assert_eq!(
        (again.first, again.count, again.time_ms, again.revision),
        (1, 1, NOW, done.revision)
    );
    assert_eq!(texts(&store, log(1)).await, ["a", "b", "b", "b", "b", "c"]);
}

pub async fn an_idem_names_one_request_only(engine: impl Engine) {
    let store = engine.open();
    store.append(one(log(1), idem(1, 1), "a")).await.unwrap();
    assert_eq!(
        store.append(one(log(2), idem(1, 1), "a")).await,
        Err(StoreError::IdemReused)
    );
    let writes = vec![put(&key(1, "a"), Revision::ABSENT, "a")];
    let commit = Commit {
        idem: Some(idem(1, 1)),
        now_ms: NOW,
        guards: Vec::new(),
        writes,
    };
    assert_eq!(store.commit(commit).await, Err(StoreError::IdemReused));
    assert_eq!(store.heads(vec![log(1), log(2)]).await.unwrap(), [1, 0]);
}

pub async fn appends_in_flight_follow_each_other_or_not_at_all(engine: impl Engine) {
    let store = engine.open();
    let at = |first, counter, text| Append {
        first: Some(first),
        ..one(log(1), idem(1, counter), text)
    };
    // All are handed over before any is answered.
    let (a, b, c) = tokio::join!(
        store.append(at(1, 1, "a")),
        store.append(at(2, 2, "b")),
        store.append(at(4, 3, "a gap before it")),
    );
    assert_eq!((a.unwrap().first, b.unwrap().first), (1, 2));
    assert_eq!(c, Err(StoreError::Moved));
    let late = store.append(at(2, 4, "taken by another")).await;
    assert_eq!(late, Err(StoreError::Moved));
    // A repetition gets its first answer, and is none of the next.
    assert!(store.append(at(1, 1, "a")).await.unwrap().repeated);
    assert_eq!(store.heads(vec![log(1)]).await.unwrap(), [2]);
    assert_eq!(store.append(at(3, 4, "now")).await.unwrap().first, 3);
}

pub async fn answers_are_kept_for_seven_days(engine: impl Engine) {
    let store = engine.open();
    for day in 0..3 {
        let append = Append {
            now_ms: NOW + day * DAY_MS,
            ..one(log(1), idem(1, day), "x")
        };
        store.append(append).await.unwrap();
    }
    store.sweep(NOW + 7 * DAY_MS).await.unwrap();
    for day in 0..3 {
        assert!(
            store
                .append(one(log(1), idem(1, day), "x"))
                .await
                .unwrap()
                .repeated,
            "day {day}"
        );
    }
    store.sweep(NOW + 9 * DAY_MS).await.unwrap();
    assert!(
        store
            .append(one(log(1), idem(1, 2), "x"))
            .await
            .unwrap()
            .repeated
    );
    assert!(
        !store
            .append(one(log(1), idem(1, 0), "x"))
            .await
            .unwrap()
            .repeated
    );
    assert_eq!(store.heads(vec![log(1)]).await.unwrap(), [4]);
}

pub async fn a_retry_after_a_lost_answer_changes_nothing(engine: impl Engine) {
    let store = Faulty::new(engine.open());
    for counter in 0..5 {
        store.fail(1, Fault::ANSWER_LOST);
        let append = one(log(1), idem(1, counter), &format!("{counter}"));
        assert_eq!(store.append(append.clone()).await, Err(StoreError::Unknown));
        let done = store.append(append).await.unwrap();
        assert!(done.repeated);
        assert_eq!(done.first, counter + 1);
    }
    assert_eq!(texts(&store, log(1)).await, ["0", "1", "2", "3", "4"]);
}

pub async fn a_retry_after_a_lost_request_happens_once(engine: impl Engine) {
    let store = Faulty::new(engine.open());
    store.fail(2, Fault::REQUEST_LOST);
    for counter in 0..3 {
        let append = one(log(1), idem(1, counter), &format!("{counter}"));
        let done = match store.append(append.clone()).await {
            Err(StoreError::Unknown) => store.append(append).await.unwrap(),
            other => other.unwrap(),
        };
        assert!(!done.repeated);
    }
    assert_eq!(store.calls(), 4);
    assert_eq!(store.inner().heads(vec![log(1)]).await.unwrap(), [3]);
    assert_eq!(texts(&store, log(1)).await, ["0", "1", "2"]);
}

/// Messages race with the removal of a member: what comes after it must not have been checked
/// before it.
pub async fn nothing_follows_a_control_event_under_the_old_guard(engine: impl Engine) {
    let store = Arc::new(engine.open());
    let head = key(1, "control head");
    let mut create = one(log(1), idem(0, 0), "create");
    create.writes = vec![put(&head, Revision::ABSENT, "create")];
    let expected = store.append(create).await.unwrap().revision;
    let tasks: Vec<_> = (1..60_u8)
        .map(|device| {
            let (store, head) = (Arc::clone(&store), head.clone());
            tokio::spawn(async move {
                if device == 30 {
                    let mut remove = one(log(1), idem(device, 0), "remove");
                    remove.writes = vec![put(&head, expected, "remove")];
                    store.append(remove).await
                } else {
                    let mut message = one(log(1), idem(device, 0), "message");
                    message.guards = vec![Guard {
                        key: head,
                        expected,
                    }];
                    store.append(message).await
                }
            })
        })
        .collect();
    let (mut accepted, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(error) => {
                assert_eq!(error, StoreError::GuardFailed { key: head.clone() });
                refused += 1;
            }
        }
    }
    let texts = texts(&*store, log(1)).await;
    assert_eq!(texts.len(), accepted + 1);
    assert_eq!(accepted + refused, 59);
    assert_eq!(texts.last().map(String::as_str), Some("remove"));
}

pub async fn an_append_and_its_record_writes_are_one(engine: impl Engine) {
    let store = engine.open();
    let (state, index) = (key(1, "state"), key(2, "index"));
    let mut create = one(log(1), idem(1, 1), "create");
    create.writes = vec![
        put(&state, Revision::ABSENT, "s"),
        put(&index, Revision::ABSENT, "i"),
    ];
    let done = store.append(create.clone()).await.unwrap();
    assert_eq!(revision(&store, &state).await, done.revision);
    assert_eq!(revision(&store, &index).await, done.revision);
    // Somebody else creates the same conversation: no event, no record, no trace of the log.
    let second = Append {
        log: log(2),
        idem: idem(2, 1),
        ..create
    };
    assert_eq!(
        store.append(second).await,
        Err(StoreError::Conflict { key: state.clone() })
    );
    assert_eq!(store.heads(vec![log(1), log(2)]).await.unwrap(), [1, 0]);
    let mut end = one(log(1), idem(1, 2), "close");
    end.writes = vec![Write {
        key: index.clone(),
        expected: done.revision,
        value: None,
    }];
    store.append(end).await.unwrap();
    assert_eq!(current(&store, &index).await, None);
    assert!(current(&store, &state).await.is_some());
}

pub async fn trimmed_events_are_gone_and_their_positions_too(engine: impl Engine) {
    let store = engine.open();
    let events = (0..2_500)
        .map(|n| NewEvent::plain(format!("{n}")))
        .collect();
    store
        .append(Append::new(log(1), idem(1, 1), NOW, events))
        .await
        .unwrap();
    store
        .append(one(log(2), idem(1, 2), "other"))
        .await
        .unwrap();
    store.trim(log(1), 2_490).await.unwrap();
    store.trim(log(1), 5).await.unwrap();
    let page = store.read(all(log(1), Vec::new())).await.unwrap();
    assert_eq!((page.head, page.trimmed_to), (2_500, 2_490));
    assert!(
        page.events
            .iter()
            .map(|event| event.position)
            .eq(2_491..=2_500)
    );
    store.trim(log(1), 2_500).await.unwrap();
    assert_eq!(store.heads(vec![log(1)]).await.unwrap(), [2_500]);
    let store = {
        engine.close(store).await;
        engine.open()
    };
    assert_eq!(store.heads(vec![log(1)]).await.unwrap(), [2_500]);
    assert_eq!(
        store
            .append(one(log(1), idem(1, 3), "next"))
            .await
            .unwrap()
            .first,
        2_501
    );
    assert_eq!(texts(&store, log(1)).await, ["next"]);
    assert_eq!(texts(&store, log(2)).await, ["other"]);
}

pub async fn everything_is_there_after_a_restart(engine: impl Engine) {
    let store = engine.open();
    let name = key(1, "alice");
    let mut append = one(log(1), idem(1, 1), "a");
    append.writes = vec![put(&name, Revision::ABSENT, "x")];
    append.events[0].side = vec![row(1, "box")];
    let done = store.append(append.clone()).await.unwrap();
    engine.close(store).await;
    let store = engine.open();
    assert_eq!(revision(&store, &name).await, done.revision);
    assert!(store.append(append).await.unwrap().repeated);
    let page = store
        .read(all(log(1), vec![super::recipient(1)]))
        .await
        .unwrap();
    assert_eq!(page.events[0].side, [row(1, "box")]);
    let next = store.append(one(log(1), idem(1, 2), "b")).await.unwrap();
    assert_eq!(next.first, 2);
    let later = Commit {
        idem: None,
        now_ms: NOW,
        guards: Vec::new(),
        writes: vec![put(&name, done.revision, "y")],
    };
    assert!(store.commit(later).await.unwrap().revision > done.revision);
    engine.close(store).await;
}

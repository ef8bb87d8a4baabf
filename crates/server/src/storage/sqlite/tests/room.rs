//! A full disk: nothing is lost, small requests are served while large ones are not, and all is
//! well when there is room again. The disk is played by SQLite's limit on pages.

use super::Sqlite;
use crate::storage::conformance::{NOW, idem, key, log, one, put, texts};
use crate::storage::sqlite::{SqliteStore, Tuning};
use crate::storage::{Append, Commit, NewEvent, Revision, Store, StoreError};
use std::sync::Arc;

fn small(engine: &Sqlite) -> SqliteStore {
    SqliteStore::open(
        engine.0.path(),
        Tuning {
            pages_max: Some(160),
            ..Tuning::default()
        },
    )
    .unwrap()
}

fn large(counter: u64) -> Append {
    Append::new(
        log(1),
        idem(1, counter),
        NOW,
        vec![NewEvent::plain(vec![7; 40_000])],
    )
}

/// Appends until nothing more fits; the number of events.
async fn fill(store: &SqliteStore) -> u64 {
    for counter in 1.. {
        match store.append(large(counter)).await {
            Ok(done) => assert_eq!(done.first, counter),
            Err(error) => {
                assert_eq!(error, StoreError::Full);
                return counter - 1;
            }
        }
    }
    unreachable!("some append is refused")
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_heals() {
    let engine = Sqlite::new();
    let store = small(&engine);
    let stored = fill(&store).await;
    assert!(stored > 5, "{stored}");
    assert!(!StoreError::Full.is_fatal());
    for _ in 0..3 {
        assert_eq!(store.append(large(stored + 1)).await, Err(StoreError::Full));
    }
    store.health().await.unwrap();
    assert_eq!(store.heads(vec![log(1)]).await.unwrap(), [stored]);
    // Room is made; the request that found none gets the position that was never given out.
    store.trim(log(1), 3).await.unwrap();
    let done = store.append(large(stored + 1)).await.unwrap();
    assert_eq!((done.first, done.repeated), (stored + 1, false));
    store.close().await;
    let store = small(&engine);
    assert_eq!(texts(&store, log(1)).await.len() as u64, stored - 2);
    store.verify().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_gives_no_revision_out_twice() {
    let engine = Sqlite::new();
    let store = small(&engine);
    fill(&store).await;
    let name = key(1, "alice");
    let commit = |value: String, expected| Commit {
        idem: None,
        now_ms: NOW,
        guards: Vec::new(),
        writes: vec![put(&name, expected, &value)],
    };
    let made = store.commit(commit("x".into(), Revision::ABSENT)).await;
    store.trim(log(1), 4).await.unwrap();
    let made = match made {
        Err(StoreError::Full) => store
            .commit(commit("x".into(), Revision::ABSENT))
            .await
            .unwrap(),
        other => other.unwrap(),
    };
    let too_large = store
        .commit(commit("y".repeat(2 << 20), made.revision))
        .await;
    assert_eq!(too_large, Err(StoreError::Full));
    let next = store
        .commit(commit("z".into(), made.revision))
        .await
        .unwrap();
    assert!(next.revision > made.revision);
}

#[tokio::test]
async fn a_request_without_room_does_not_fail_those_beside_it() {
    let engine = Sqlite::new();
    let store = Arc::new(small(&engine));
    let mut tasks = Vec::new();
    for n in 0..40_u8 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let append = match n {
                20 => Append::new(
                    log(2),
                    idem(n, 1),
                    NOW,
                    vec![NewEvent::plain(vec![7; 900_000])],
                ),
                _ => one(log(1), idem(n, 1), "small"),
            };
            (n, store.append(append).await)
        }));
    }
    let mut firsts = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (20, answer) => assert_eq!(answer, Err(StoreError::Full)),
            (_, answer) => firsts.push(answer.unwrap().first),
        }
    }
    firsts.sort_unstable();
    assert!(firsts.into_iter().eq(1..=39));
    assert_eq!(store.heads(vec![log(1), log(2)]).await.unwrap(), [39, 0]);
}

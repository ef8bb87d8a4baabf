//! Group commit, and the settings that make an answer durable.

use super::{Engine, Sqlite};
use crate::storage::conformance::{all, idem, log, one};
use crate::storage::{Durability, Store};
use rusqlite::Connection;
use std::sync::Arc;

#[tokio::test]
async fn waiting_requests_share_a_transaction() {
    let engine = Sqlite::new();
    let store = Arc::new(engine.open());
    let tasks: Vec<_> = (0..600_u64)
        .map(|n| {
            let store = Arc::clone(&store);
            let append = one(log((n % 7) as u8), idem((n % 50) as u8, n), "x");
            tokio::spawn(async move { store.append(append).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let done = store.work_done();
    assert_eq!(done.requests, 600);
    assert!(done.transactions <= 60, "{done:?}");
    let heads = store.heads((0..7).map(log).collect()).await.unwrap();
    assert_eq!(heads.iter().sum::<u64>(), 600);
}

#[tokio::test]
async fn one_request_is_one_transaction() {
    let engine = Sqlite::new();
    let store = engine.open();
    for n in 0..5 {
        store.append(one(log(1), idem(1, n), "x")).await.unwrap();
    }
    let done = store.work_done();
    assert_eq!((done.requests, done.transactions), (5, 5));
}

#[tokio::test]
async fn the_database_is_kept_durable() {
    let engine = Sqlite::new();
    let store = engine.open();
    assert_eq!(store.health().await, Ok(Durability::Durable));
    let mode: String = Connection::open(engine.database())
        .unwrap()
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    let writer = Connection::open(engine.0.path().join("other.db")).unwrap();
    assert!(
        crate::storage::sqlite::schema::set_up_writer(&writer, &super::Tuning::default()).unwrap()
    );
    let setting = |name: &str| -> i64 {
        writer
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(setting("synchronous"), 2);
    assert_eq!(setting("wal_autocheckpoint"), 4_000);
    let in_memory = Connection::open_in_memory().unwrap();
    let durable =
        crate::storage::sqlite::schema::set_up_writer(&in_memory, &super::Tuning::default());
    assert!(
        !durable.unwrap(),
        "a database that cannot have a write-ahead log is noticed"
    );
}

/// An answered append is seen by a read that starts afterwards, whoever reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_what_was_acknowledged() {
    let engine = Sqlite::new();
    let store = Arc::new(engine.open());
    let tasks: Vec<_> = (0..8_u8)
        .map(|device| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for counter in 0..20 {
                    let done = store
                        .append(one(log(1), idem(device, counter), "x"))
                        .await
                        .unwrap();
                    let page = store.read(all(log(1), Vec::new())).await.unwrap();
                    assert!(page.head >= done.last());
                    assert_eq!(
                        page.events.len() as u64,
                        page.head,
                        "a page and its head are one snapshot"
                    );
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

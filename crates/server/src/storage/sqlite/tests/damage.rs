//! Damage to the file: whatever is flipped, nothing wrong is told, nothing crashes, and a store
//! that cannot go on says so.

use super::{Engine, Sqlite};
use crate::storage::conformance::{NOW, all, idem, key, log, one, put, recipient, row};
use crate::storage::sqlite::failure::Trouble;
use crate::storage::sqlite::{OpenError, SqliteStore, Tuning};
use crate::storage::{
    Answer, Append, Commit, NewEvent, Page, Record, RecordKey, Revision, Store, StoreError,
};
use rusqlite::ffi;

const PAGE: usize = 4_096;

async fn fill(store: &SqliteStore) {
    for n in 0..12_u8 {
        let events = (0..4).map(|_| NewEvent {
            side: vec![row(1, "box")],
            ..NewEvent::plain(vec![n; 700])
        });
        store
            .append(Append::new(log(n % 3), idem(n, 1), NOW, events.collect()))
            .await
            .unwrap();
        let writes = vec![put(
            &key(1, &format!("{n}")),
            Revision::ABSENT,
            &"v".repeat(900),
        )];
        store
            .commit(Commit {
                idem: None,
                now_ms: NOW,
                guards: Vec::new(),
                writes,
            })
            .await
            .unwrap();
    }
}

type Content = (Vec<Page>, Vec<(RecordKey, Record)>, Vec<Option<Record>>);

async fn content(store: &SqliteStore) -> Answer<Content> {
    let mut pages = Vec::new();
    for n in 0..3 {
        pages.push(store.read(all(log(n), vec![recipient(1)])).await?);
    }
    let keys = (0..12).map(|n| key(1, &format!("{n}"))).collect();
    Ok((
        pages,
        store.scan(RecordKey::new(1, &[]), None, 100).await?,
        store.get(keys).await?,
    ))
}

/// One flipped byte at a time, spread over every page of the database. Proves: C21
#[tokio::test]
async fn a_flipped_byte_is_refused_or_harmless() {
    let engine = Sqlite::new();
    let store = engine.open();
    fill(&store).await;
    let expected = content(&store).await.unwrap();
    engine.close(store).await;
    let whole = std::fs::read(engine.database()).unwrap();
    let pages = whole.len() / PAGE;
    assert!(pages > 20, "{pages}");
    let (mut refused, mut corrupt, mut harmless) = (0, 0, 0);
    for page in 0..pages {
        for within in [0, 5, 12, 1_500, 3_000, 4_090] {
            let mut flipped = whole.clone();
            flipped[page * PAGE + within] ^= 0x41;
            std::fs::write(engine.database(), &flipped).unwrap();
            let store = match SqliteStore::open(engine.0.path(), Tuning::default()) {
                Ok(store) => store,
                Err(error) => {
                    let sentence = error.to_string();
                    let known = ["damaged", "newer server", "not a Subrosa server's database"];
                    assert!(
                        known.iter().any(|part| sentence.contains(part)),
                        "{sentence}"
                    );
                    refused += 1;
                    continue;
                }
            };
            match content(&store).await {
                Ok(found) => {
                    assert_eq!(
                        found, expected,
                        "page {page} byte {within}: wrong data as if it were right"
                    );
                    harmless += 1;
                }
                Err(StoreError::Corrupt(_)) => corrupt += 1,
                Err(error) => panic!("page {page} byte {within}: {error}"),
            }
            engine.close(store).await;
        }
    }
    assert!(
        refused > pages && corrupt > 10,
        "{refused} {corrupt} {harmless}"
    );
}

#[tokio::test]
async fn a_truncated_database_is_refused() {
    let engine = Sqlite::new();
    let store = engine.open();
    fill(&store).await;
    engine.close(store).await;
    let whole = std::fs::read(engine.database()).unwrap();
    for len in [100, PAGE, whole.len() / 2, whole.len() - PAGE] {
        std::fs::write(engine.database(), &whole[..len]).unwrap();
        let error = SqliteStore::open(engine.0.path(), Tuning::default())
            .err()
            .expect("refused");
        assert!(
            matches!(error, OpenError::Damaged { .. } | OpenError::Foreign(_)),
            "{len}: {error}"
        );
    }
}

/// The file is damaged under the running server: the writer notices, answers, and stops.
#[tokio::test]
async fn a_writer_that_meets_damage_stops_for_good() {
    let engine = Sqlite::new();
    let store = engine.open();
    fill(&store).await;
    engine.close(store).await;
    let tuning = Tuning {
        writer_cache_kib: 4,
        ..Tuning::default()
    };
    let store = SqliteStore::open(engine.0.path(), tuning).unwrap();
    let mut whole = std::fs::read(engine.database()).unwrap();
    whole[PAGE..].fill(0xa5);
    std::fs::write(engine.database(), &whole).unwrap();
    let mut heard = Vec::new();
    for n in 0..20 {
        match store.append(one(log(n), idem(n, 7), "x")).await {
            Ok(_) => {}
            Err(error) => heard.push(error),
        }
    }
    assert!(
        matches!(heard.first(), Some(StoreError::Corrupt(_))),
        "{heard:?}"
    );
    assert!(
        heard[1..]
            .iter()
            .all(|error| matches!(error, StoreError::Stopped(_))),
        "{heard:?}"
    );
    assert!(heard.iter().all(StoreError::is_fatal));
    assert!(matches!(store.health().await, Err(StoreError::Stopped(_))));
    assert!(store.until_stopped().await.contains("damaged"));
    assert!(matches!(store.verify().await, Err(StoreError::Corrupt(_))));
}

/// After a failed commit on a failing disk nobody knows what is on it; before the commit, nothing is.
#[test]
fn troubles_are_told_apart() {
    use crate::storage::sqlite::writer::Lost;
    let trouble = |code| Trouble::of(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
    let lost = |code, committing| {
        Lost {
            trouble: trouble(code),
            committing,
        }
        .answer()
    };
    for code in [
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_IOERR,
    ] {
        assert_eq!(trouble(code), Trouble::Disk);
        assert!(trouble(code).stops().is_some());
        assert_eq!(lost(code, true), StoreError::Unknown);
        assert!(matches!(lost(code, false), StoreError::Stopped(_)));
    }
    for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
        assert_eq!(trouble(code), Trouble::Full);
        assert!(trouble(code).stops().is_none());
        assert_eq!(lost(code, true), StoreError::Full);
    }
    assert_eq!(lost(ffi::SQLITE_BUSY, false), StoreError::Busy);
    assert!(trouble(ffi::SQLITE_BUSY).stops().is_none());
    for code in [
        ffi::SQLITE_CORRUPT,
        ffi::SQLITE_NOTADB,
        ffi::SQLITE_CONSTRAINT,
    ] {
        assert_eq!(trouble(code), Trouble::Damaged);
    }
    assert_eq!(trouble(ffi::SQLITE_NOMEM), Trouble::Other);
    assert!(matches!(trouble(ffi::SQLITE_NOMEM).stops(), Some(reason) if reason.contains("start")));
}

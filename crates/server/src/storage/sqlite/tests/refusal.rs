//! A folder or database that must not be used is refused in one sentence, and left as it was.

use super::{Engine, Sqlite};
use crate::storage::conformance::{idem, log, one};
use crate::storage::sqlite::schema::VERSION;
use crate::storage::sqlite::{OpenError, SqliteStore, Tuning};
use crate::storage::{Store, StoreError};
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt;

fn refused(engine: &Sqlite) -> OpenError {
    let before = std::fs::read(engine.database()).unwrap();
    let error = SqliteStore::open(engine.0.path(), Tuning::default())
        .err()
        .expect("refused");
    assert_eq!(
        before,
        std::fs::read(engine.database()).unwrap(),
        "a refused file is left alone"
    );
    error
}

/// A store with one event, closed.
async fn filled() -> Sqlite {
    let engine = Sqlite::new();
    let store = engine.open();
    store.append(one(log(1), idem(1, 1), "a")).await.unwrap();
    engine.close(store).await;
    engine
}

fn sql(engine: &Sqlite, sql: &str) {
    Connection::open(engine.database())
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}

#[tokio::test]
async fn a_second_server_is_refused_and_a_later_one_is_not() {
    let engine = Sqlite::new();
    let store = engine.open();
    let error = SqliteStore::open(engine.0.path(), Tuning::default())
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::InUse(_)));
    assert!(
        error.to_string().contains("another server is using"),
        "{error}"
    );
    store.append(one(log(1), idem(1, 1), "a")).await.unwrap();
    store.close().await;
    let reopened = engine.open();
    assert_eq!(reopened.heads(vec![log(1)]).await.unwrap(), [1]);
    assert_eq!(
        store.health().await,
        Err(StoreError::Stopped("it was closed"))
    );
    assert_eq!(
        store.append(one(log(1), idem(1, 2), "b")).await,
        Err(StoreError::Stopped("it was closed"))
    );
    assert_eq!(
        store.heads(vec![log(1)]).await,
        Err(StoreError::Stopped("it was closed"))
    );
    assert_eq!(store.until_stopped().await, "it was closed");
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let engine = filled().await;
    sql(&engine, &format!("PRAGMA user_version={}", VERSION + 1));
    let error = refused(&engine);
    assert!(matches!(error, OpenError::Newer { found, .. } if found == VERSION + 1));
    let sentence = error.to_string();
    assert!(
        sentence.contains("newer server") && sentence.contains("install the newer program"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_version_that_never_was_is_refused() {
    let engine = filled().await;
    sql(&engine, "PRAGMA user_version=0");
    assert!(matches!(refused(&engine), OpenError::Damaged { .. }));
}

#[test]
fn another_programs_database_is_refused() {
    let engine = Sqlite::new();
    sql(&engine, "CREATE TABLE notes(text); PRAGMA user_version=1");
    let error = refused(&engine);
    assert!(matches!(error, OpenError::Foreign(_)));
    assert!(
        error
            .to_string()
            .contains("is not a Subrosa server's database"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let engine = Sqlite::new();
    std::fs::write(
        engine.database(),
        "Dear diary, today I made a file. ".repeat(200),
    )
    .unwrap();
    assert!(matches!(refused(&engine), OpenError::Foreign(_)));
}

#[tokio::test]
async fn tables_that_are_not_ours_are_refused() {
    for change in [
        "DROP INDEX side_by_day",
        "DROP TABLE staged",
        "ALTER TABLE logs ADD COLUMN colour TEXT",
        "CREATE TRIGGER sly AFTER INSERT ON events BEGIN DELETE FROM events; END",
    ] {
        let engine = filled().await;
        sql(&engine, change);
        let error = refused(&engine);
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "{change}: {error}"
        );
        assert!(
            error.to_string().contains("restore it from a backup"),
            "{error}"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let engine = Sqlite::new();
    let file = engine.0.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqliteStore::open(&file.join("data"), Tuning::default())
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::Folder { .. }));
    assert!(
        error.to_string().contains("cannot use the data folder"),
        "{error}"
    );
}

/// What another server left half-made when it was killed is an empty database.
#[tokio::test]
async fn an_empty_file_becomes_a_database() {
    let engine = Sqlite::new();
    std::fs::write(engine.database(), "").unwrap();
    let store = engine.open();
    store.append(one(log(1), idem(1, 1), "a")).await.unwrap();
    engine.close(store).await;
}

#[tokio::test]
async fn files_are_for_this_user_only() {
    let engine = Sqlite::new();
    let folder = engine.0.path().join("made").join("here");
    let store = SqliteStore::open(&folder, Tuning::default()).unwrap();
    store.append(one(log(1), idem(1, 1), "a")).await.unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(
        names,
        ["lock", "subrosa.db", "subrosa.db-shm", "subrosa.db-wal"]
    );
    store.close().await;
    assert!(
        !folder.join("subrosa.db-wal").exists(),
        "closed in order: one file"
    );
    let path = folder.join("subrosa.db");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    SqliteStore::open(&folder, Tuning::default())
        .unwrap()
        .close()
        .await;
    assert_eq!(mode(&path), 0o600);
}

//! What the operator can learn about an account, compared with the database that a server has
//! written: whatever is there has to be shown.

use crate::ground::Ground;
use crate::person::{Pair, Person, device_box, random, sign};
use bytes::Bytes;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use subrosa_ledger::text;
use subrosa_proto::*;
use subrosa_server::view::{View, ViewError, look};

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

/// A server's folder with something in every table and of every kind that concerns Ada.
async fn folder() -> (tempfile::TempDir, PathBuf) {
    let mut ground = Ground::durable().await;
    let mut pair = Pair::new(&ground).await;
    let conv = pair.bob_view.conv;
    pair.bob_opens(b"for ada").await;
    // Enough for a log hash to be written down.
    for _ in 0..64 {
        pair.bob
            .say(&mut pair.bob_client, &mut pair.bob_view, b"more")
            .await;
    }
    pair.ada_view = View_::of(&pair);
    pair.ada_opens(b"for bob").await;
    let (ada, ada_client, view) = (&mut pair.ada, &mut pair.ada_client, &mut pair.ada_view);
    let timed = ada.message_with(view, b"goes", 7, None);
    let answer = ada.append(ada_client, view, vec![timed]).await;
    assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    // Boxes whose message has not followed, a receipt, an invite, a stranger's request.
    ada_client
        .done(Request::Stage {
            session: SessionId(random()),
            boxes: vec![device_box(pair.bob.id())],
        })
        .await;
    let body = encode(&Register {
        conv,
        account: ada.account(),
        device: ada.id(),
        at: 3,
        session: SessionId([1; 32]),
        salt: [0; 16],
        sealed: Bytes::from_static(b"sealed numbers"),
    });
    let signature = sign(&ada.device, &text::register(&body));
    let register = Signed { body, signature };
    ada_client
        .done(Request::PutReceipt { conv, register })
        .await;
    ada.invite(&ground, ada_client).await;
    let mut eve = Person::new("eve");
    let mut client = eve.register(&ground, &ground.invite().await.0).await;
    let create = eve.create_event(Form::Direct, Some(ada.account()), None);
    eve.create(&mut client, &create).await;
    ground.stop().await;
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("server");
    copy_folder(&ground.config().data, &path);
    (copy, path)
}

/// Bob's view, as far as Ada has to know it.
struct View_;

impl View_ {
    fn of(pair: &Pair) -> crate::person::View {
        crate::person::View {
            session: SessionId([0; 32]),
            index: 0,
            ..pair.bob_view.clone()
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("db")).unwrap();
    for file in ["subrosa.db", "subrosa.db-wal"] {
        let source = from.join("db").join(file);
        if source.exists() {
            std::fs::copy(source, to.join("db").join(file)).unwrap();
        }
    }
}

fn open(folder: &Path) -> Connection {
    Connection::open(folder.join("db/subrosa.db")).unwrap()
}

/// The tables and their columns, as the database itself names them.
fn columns(folder: &Path) -> Vec<(String, String)> {
    let db = open(folder);
    let mut tables = db
        .prepare("SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type = 'table'")
        .unwrap();
    let rows = tables
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

/// What is shown when something in the database is another than it is.
fn changed(folder: &Path, change: &str) -> Result<View, ViewError> {
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("server");
    copy_folder(folder, &path);
    let db = open(&path);
    let rows = db.execute(change, []).unwrap();
    assert!(rows > 0, "there is something: {change}");
    drop(db);
    look(&path, &name("ada"), false)
}

/// The columns of which nothing is shown: whatever stands in them, the view is the same.
fn unshown(folder: &Path) -> Vec<String> {
    let whole = look(folder, &name("ada"), false).unwrap();
    let other = |column: &str| {
        format!(
            "CASE typeof({column}) WHEN 'integer' THEN {column} + 1000003 WHEN 'null' THEN NULL ELSE CAST({column} || x'00' AS BLOB) END"
        )
    };
    let hidden = columns(folder).into_iter().filter(|(table, column)| {
        let change = format!("UPDATE {table} SET {column} = {}", other(column));
        changed(folder, &change).is_ok_and(|view| view == whole)
    });
    hidden
        .map(|(table, column)| format!("{table}.{column}"))
        .collect()
}

#[tokio::test]
async fn every_column_is_shown() {
    let (_kept, folder) = folder().await;
    assert!(columns(&folder).len() > 30);
    assert_eq!(unshown(&folder), Vec::<String>::new());
    // A column that somebody adds is found out.
    let db = open(&folder);
    db.execute_batch("ALTER TABLE events ADD COLUMN seen_by INTEGER NOT NULL DEFAULT 7")
        .unwrap();
    drop(db);
    assert_eq!(unshown(&folder), ["events.seen_by"]);
}

#[tokio::test]
async fn every_kind_of_record_is_shown() {
    let (_kept, folder) = folder().await;
    let whole = look(&folder, &name("ada"), false).unwrap();
    let db = open(&folder);
    let mut kinds = db
        .prepare("SELECT DISTINCT substr(key, 1, 1) FROM records ORDER BY 1")
        .unwrap();
    let kinds = kinds.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let kinds: Vec<u8> = kinds.map(|kind| kind.unwrap()[0]).collect();
    assert_eq!(
        String::from_utf8_lossy(&kinds),
        "!ABCGHIJKLMNPRSUWX",
        "the test has one of each"
    );
    for kind in kinds {
        let change = format!(
            "UPDATE records SET revision = revision + 1000003 WHERE substr(key, 1, 1) = x'{kind:02x}'"
        );
        let view = changed(&folder, &change);
        assert!(view.is_err() || view.unwrap() != whole, "kind {kind:02x}");
    }
    // A kind that nobody has heard of is shown as that.
    let new = "INSERT INTO records(key, revision, value, crc) VALUES(x'7a01', 1, x'00', 0)";
    let view = changed(&folder, new).unwrap();
    let records = view.sections.iter().find(|one| one.title == "records");
    assert!(records.unwrap().rows.iter().any(|row| row[0] == "unknown"));
}

#[tokio::test]
async fn what_is_shown_is_about_the_one_who_is_asked_about() {
    let (_kept, folder) = folder().await;
    let view = look(&folder, &name("ada"), true).unwrap();
    let section = |title: &str| {
        let found = view.sections.iter().find(|section| section.title == title);
        found.unwrap().clone()
    };
    // With Bob, and with Eve who is not accepted.
    assert_eq!(section("conversations").rows.len(), 2);
    let events = section("events").rows;
    assert_eq!(events.len(), 1 + 2 + 64 + 2 + 1 + 1);
    let says = |row: &Vec<String>| row[6].contains("timer 7");
    assert_eq!(events.iter().filter(|row| says(row)).count(), 1);
    assert_eq!(section("staged").rows.len(), 1);
    assert_eq!(section("boxes").rows.len(), 2, "her device and history key");
    assert!(!format!("{view:?}").contains("for bob"), "no body");
    assert!(!view.hidden.is_empty());
    assert!(matches!(
        look(&folder, &name("nobody"), false),
        Err(ViewError::NoAccount(_))
    ));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        look(empty.path(), &name("ada"), false),
        Err(ViewError::NoServer(_))
    ));
}

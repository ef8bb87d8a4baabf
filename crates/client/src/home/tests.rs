use super::*;
use crate::command::{Answer, Call, Command, Failure, Wait};
use crate::view::{Notice, Row, RowKind, SendState};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// A service that remembers each caller once, as the real store does.
#[derive(Clone, Default)]
struct Ledger {
    sent: Arc<Mutex<Vec<(String, String)>>>,
    /// Swallow answers while this is set, as an owner that is killed would.
    mute: Arc<Mutex<bool>>,
}

struct Fake(Ledger);

impl Start for Fake {
    fn start(&mut self, _: &Home) -> super::seat::Starting {
        let ledger = self.0.clone();
        Box::pin(async move {
            let (calls, mut incoming) = mpsc::channel::<Call>(8);
            let driver = tokio::spawn(async move {
                while let Some(call) = incoming.recv().await {
                    serve(&ledger, call).await;
                }
            });
            Ok((calls, driver))
        })
    }
}

async fn serve(ledger: &Ledger, call: Call) {
    let answer = match call.command {
        Command::Send { text, .. } => {
            let mut sent = ledger.sent.lock().unwrap();
            if !sent.iter().any(|(caller, _)| *caller == call.caller.0) {
                sent.push((call.caller.0.clone(), text));
            }
            if *ledger.mute.lock().unwrap() {
                return;
            }
            Answer::Sent {
                id: call.caller.0,
                conversation: "@bob".into(),
                state: SendState::Sent,
                waits_for: None,
            }
        }
        Command::Subscribe { since, .. } => {
            let notices = call.notices.unwrap();
            for cursor in since.unwrap_or(0) + 1..=since.unwrap_or(0) + 3 {
                notices.send(Notice::Row(row(cursor))).await.unwrap();
            }
            Answer::Subscribed {
                cursor: since.unwrap_or(0),
            }
        }
        _ => Answer::Done {},
    };
    drop(call.reply.send(Ok(answer)));
}

fn row(cursor: u64) -> Row {
    Row {
        checking: false,
        cursor,
        id: String::new(),
        conversation: "@bob".into(),
        conv: String::new(),
        position: Some(cursor),
        from: "bob".into(),
        own: false,
        time_ms: 0,
        time_of_arrival: false,
        state: None,
        what: RowKind::Text {
            text: format!("row {cursor}"),
        },
        beside: Box::default(),
    }
}

fn send(text: &str) -> Command {
    Command::Send {
        conversation: "@bob".into(),
        text: text.into(),
        wait: Wait::Sent,
        queue: true,
        within_ms: None,
        timer: None,
    }
}

async fn seat(dir: &std::path::Path, ledger: &Ledger, face: &str) -> Result<Client, Failure> {
    Client::open(Home::open(dir).unwrap(), face, Fake(ledger.clone())).await
}

#[tokio::test]
async fn the_second_process_is_a_guest_and_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::default();
    let owner = seat(dir.path(), &ledger, "up").await.unwrap();
    let guest = seat(dir.path(), &ledger, "send").await.unwrap();
    assert!(matches!(
        guest.call(send("one")).await,
        Ok(Answer::Sent { .. })
    ));
    assert!(matches!(
        owner.call(send("two")).await,
        Ok(Answer::Sent { .. })
    ));
    owner.close().await;
    assert!(matches!(
        guest.call(send("three")).await,
        Ok(Answer::Sent { .. })
    ));
    guest.close().await;
    let texts: Vec<_> = ledger
        .sent
        .lock()
        .unwrap()
        .iter()
        .map(|(_, text)| text.clone())
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(
        Home::open(dir.path()).unwrap().lock().unwrap().is_some(),
        "the lock is free in the end"
    );
}

#[tokio::test]
async fn what_was_not_answered_is_repeated_under_the_same_caller() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::default();
    let owner = seat(dir.path(), &ledger, "up").await.unwrap();
    let guest = seat(dir.path(), &ledger, "send").await.unwrap();
    *ledger.mute.lock().unwrap() = true;
    let asking = tokio::spawn(async move { (guest.call(send("once")).await, guest) });
    while ledger.sent.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    *ledger.mute.lock().unwrap() = false;
    owner.close().await;
    let (answer, guest) = asking.await.unwrap();
    assert!(matches!(answer, Ok(Answer::Sent { .. })), "{answer:?}");
    assert_eq!(
        ledger.sent.lock().unwrap().len(),
        1,
        "the same caller is not served twice"
    );
    guest.close().await;
}

#[tokio::test]
async fn a_subscription_goes_on_after_its_last_row() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::default();
    let owner = seat(dir.path(), &ledger, "up").await.unwrap();
    let guest = seat(dir.path(), &ledger, "tail").await.unwrap();
    let mut rows = guest.subscribe(None, Some(10)).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let Some(Notice::Row(row)) = rows.recv().await else {
            panic!()
        };
        seen.push(row.cursor);
    }
    owner.close().await;
    for _ in 0..3 {
        let Some(Notice::Row(row)) = rows.recv().await else {
            panic!()
        };
        seen.push(row.cursor);
    }
    assert_eq!(seen, [11, 12, 13, 14, 15, 16]);
    guest.close().await;
}

#[tokio::test]
async fn a_plate_of_a_dead_owner_does_not_stop_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#"{"pid":1,"build":"x","face":"up","socket":"/nonexistent/socket"}"#;
    std::fs::write(dir.path().join("lock"), text).unwrap();
    let owner = seat(dir.path(), &Ledger::default(), "up").await.unwrap();
    assert!(matches!(
        owner.call(Command::Status {}).await,
        Ok(Answer::Done {})
    ));
    owner.close().await;
}

#[tokio::test]
async fn a_copied_home_leaves_the_owner_of_the_first_alone() {
    let dir = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let (first, second) = (Ledger::default(), Ledger::default());
    let owner = seat(dir.path(), &first, "up").await.unwrap();
    let plate = dir.path().join("lock");
    std::fs::copy(plate, copy.path().join("lock")).unwrap();
    let other = seat(copy.path(), &second, "send").await.unwrap();
    assert!(other.call(send("in the copy")).await.is_ok());
    let guest = seat(dir.path(), &first, "send").await.unwrap();
    assert!(guest.call(send("in the first")).await.is_ok());
    let count = |ledger: &Ledger| ledger.sent.lock().unwrap().len();
    assert_eq!((count(&first), count(&second)), (1, 1));
    for client in [other, guest, owner] {
        client.close().await;
    }
}

#[tokio::test]
async fn an_owner_of_another_build_is_named_with_the_fix() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open(dir.path()).unwrap();
    let _lock = home.lock().unwrap().unwrap();
    let socket = home.file("socket");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let plate = format!(r#"{{"pid":77,"build":"subrosa 9.9","face":"up","socket":{socket:?}}}"#);
    std::fs::write(dir.path().join("lock"), plate).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (from, mut to) = stream.into_split();
        let mut line = String::new();
        tokio::io::BufReader::new(from)
            .read_line(&mut line)
            .await
            .unwrap();
        to.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"hello\":{\"build\":\"subrosa 9.9\",\"face\":\"up\"}}}\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let Err(failure) = seat(dir.path(), &Ledger::default(), "send").await else {
        panic!()
    };
    assert!(
        failure.sentence.contains("subrosa 9.9") && failure.sentence.contains("pid 77"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_home_with_a_long_path_has_its_socket_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("x".repeat(60)).join("y".repeat(60));
    let owner = seat(&deep, &Ledger::default(), "up").await.unwrap();
    let guest = seat(&deep, &Ledger::default(), "send").await.unwrap();
    assert!(matches!(
        guest.call(send("far")).await,
        Ok(Answer::Sent { .. })
    ));
    guest.close().await;
    owner.close().await;
}

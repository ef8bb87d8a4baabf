//! kill -9 of a server under load: every event that was answered is in the log afterwards, once,
//! at the position the answer named; what was not answered is repeated under the same number and
//! stands there once too.

use crate::ground::{Ground, PATIENCE};
use crate::person::{Person, View};
use crate::wire::Client;
use bytes::Bytes;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use subrosa_proto::*;
use subrosa_server::{Config, Rates, Server};
use tokio::time::timeout;

const KILLS: u64 = 20;
/// Answers between two kills, more or less.
const ANSWERS: u64 = 60;

fn config(data: &Path) -> Config {
    let mut config = Config::new(data);
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.limits = Rates::unlimited();
    config
}

/// Names the folder to the process that is killed: this test, once more.
const CHILD: &str = "SUBROSA_TEST_SERVES";
/// The test, by the name that test runners ask for.
const TEST: &str = "killing::nothing_answered_is_lost_or_doubled";

/// The process that is killed.
async fn serve(folder: &Path) {
    let server = Server::start(config(folder)).await.unwrap();
    let text = format!("listening {}\n", server.local_addr().unwrap());
    std::io::stdout().write_all(text.as_bytes()).unwrap();
    std::future::pending::<()>().await;
}

fn spawn(folder: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines
        .map(Result::unwrap)
        // The test runner writes into the same line.
        .find_map(|line| {
            line.split_once("listening ")
                .map(|(_, address)| address.to_owned())
        })
        .expect("the server listens")
        .parse()
        .unwrap();
    (child, address)
}

/// Where the server is now, and how much it has answered.
struct Stage {
    address: Mutex<SocketAddr>,
    key: [u8; 32],
    answers: AtomicU64,
    over: AtomicU64,
}

impl Stage {
    /// A connection to whichever server runs, however often that takes.
    async fn connect(&self, person: &Person) -> Client {
        loop {
            let to = *self.address.lock().unwrap();
            let login = async {
                let mut client = Client::try_connect(to, self.key).await.ok()?;
                let request = person.login(&client.transcript());
                let id = client.send_if_up(request).await?;
                matches!(client.answer(id).await?, Response::LoggedIn { .. }).then_some(client)
            };
            match timeout(Duration::from_secs(5), login).await {
                Ok(Some(client)) => return client,
                // condition: a server is up again
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

/// Talks to himself until told to stop; gives his view of the log, with all that was answered in it.
async fn talk(stage: Arc<Stage>, mut person: Person, mut view: View) -> View {
    let mut client = stage.connect(&person).await;
    while stage.over.load(Ordering::Relaxed) == 0 {
        let text = format!("{} says {}", person.name, view.n);
        let event = person.message_event(&mut view, text.as_bytes());
        let counter = person.counter();
        let request = Request::Append {
            counter,
            conv: view.conv,
            events: vec![event.clone()],
        };
        let first = loop {
            let answer = match client.send_if_up(request.clone()).await {
                Some(id) => client.answer(id).await,
                None => None,
            };
            match answer {
                Some(Response::Appended { first, .. }) => break first,
                // Outcome unknown: the same again.
                None => client = stage.connect(&person).await,
                Some(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(first, view.n + 1, "neither lost nor doubled");
        view.see(&event);
        stage.answers.fetch_add(1, Ordering::Relaxed);
    }
    view
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_is_lost_or_doubled() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return serve(Path::new(&folder)).await;
    }
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("server");
    let mut talkers = Vec::new();
    let key;
    // The cast is made on a server that ends in order.
    {
        let mut ground = Ground::at(&folder).await;
        key = ground.server().address().key;
        for name in ["ada", "bob", "cyd", "dot"] {
            let mut person = Person::new(name);
            let mut client = person.register(&ground, &ground.invite().await.0).await;
            let mut view = person.create_own(&mut client).await;
            let account = [person.account()];
            person
                .open_session(&mut client, &mut view, &[], &account, b"begin")
                .await;
            talkers.push((person, view));
        }
        ground.stop().await;
    }
    let (mut child, address) = spawn(&folder);
    let stage = Arc::new(Stage {
        address: Mutex::new(address),
        key,
        answers: AtomicU64::new(0),
        over: AtomicU64::new(0),
    });
    let tasks: Vec<_> = talkers
        .into_iter()
        .map(|(person, view)| {
            let again = person.twin();
            (again, tokio::spawn(talk(stage.clone(), person, view)))
        })
        .collect();
    for kill in 1..=KILLS {
        let due = stage.answers.load(Ordering::Relaxed) + ANSWERS + kill % 7;
        let wait = async {
            // condition: so many more answers
            while stage.answers.load(Ordering::Relaxed) < due {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("events are answered");
        child.kill().unwrap();
        child.wait().unwrap();
        let (next, address) = spawn(&folder);
        child = next;
        *stage.address.lock().unwrap() = address;
    }
    stage.over.store(1, Ordering::Relaxed);
    for (person, task) in tasks {
        let view = timeout(PATIENCE, task)
            .await
            .expect("all come to an end")
            .unwrap();
        check(&stage, &person, &view).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The log on the server is, event for event, the one that its author was answered about.
async fn check(stage: &Stage, person: &Person, expected: &View) {
    let mut client = stage.connect(person).await;
    let mut seen: HashSet<Bytes> = HashSet::new();
    let mut view: Option<View> = None;
    while view.as_ref().is_none_or(|view| view.n < expected.n) {
        let from = view.as_ref().map_or(1, |view| view.n + 1);
        let request = Request::Read {
            conv: expected.conv,
            from,
            count: 500,
        };
        let Response::Page { page } = client.ask(request).await else {
            panic!("no page")
        };
        assert_eq!(page.head, expected.n);
        for delivered in page.events {
            assert!(
                seen.insert(delivered.event.clone()),
                "an event stands in the log twice"
            );
            match &mut view {
                Some(view) => view.see(&delivered.event),
                None => view = Some(View::from_create(&delivered.event)),
            }
        }
    }
    assert_eq!(view.unwrap().log, expected.log);
}

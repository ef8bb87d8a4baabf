//! How long a further device takes to have the whole history: the real server in this process, the
//! real login over loopback TCP, everything checked and stored. First the figure a person feels,
//! then the parts of it, each alone.
//!
//! `cargo bench -p subrosa-client --bench backfill -- 100000`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that meets the unexpected has failed"
)]

#[path = "../tests/filling/mod.rs"]
mod filling;

use filling::{Device, fill};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use subrosa_client::engine::Frame;
use subrosa_client::enrol::{Choice, NameWish, Sheet, join, login};
use subrosa_client::{Answer, Client, Command, Driver, Home};
use subrosa_proto::{InviteLine, Name, Request};
use subrosa_server::{Config, Rates, Server};
use zeroize::Zeroizing;

const PEERS: [&str; 4] = ["bob", "carol", "dan", "eve"];
const MESSAGES: u64 = 10_000;

fn main() {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(given.unwrap_or(MESSAGES)));
}

async fn serve(folder: &Path, limits: Rates, port: u16) -> Server {
    let mut config = Config::new(folder.join("server"));
    config.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
    config.limits = limits;
    Server::start(config).await.unwrap()
}

fn home(folder: &Path, name: &str) -> PathBuf {
    folder.join("homes").join(name)
}

async fn enrol(folder: &Path, name: &str, line: &InviteLine) -> Sheet {
    let at = Home::open(&home(folder, name)).unwrap();
    let wish = NameWish::Exact(Name::new(name).unwrap());
    join(
        &at,
        line,
        wish,
        Choice::Generate,
        None,
        "bench",
        &mut |_| {},
    )
    .await
    .unwrap()
}

async fn client(folder: &Path, name: &str) -> Client {
    let at = Home::open(&home(folder, name)).unwrap();
    Client::open(at, "bench", Driver::new(None)).await.unwrap()
}

/// Waits until the home has what the server has; how many rows the newest page holds.
async fn fresh(client: &Client, conversation: Option<&str>) -> usize {
    let command = Command::Read {
        conversation: conversation.map(str::to_owned),
        before: None,
        since: None,
        limit: 100,
        fresh: true,
    };
    match client.call(command).await.unwrap() {
        Answer::Rows(rows) => rows.len(),
        other => panic!("{other:?}"),
    }
}

/// Processor time of this process, all threads.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

struct Timed {
    wall: Instant,
    processor: Duration,
}

impl Timed {
    fn start() -> Self {
        Self {
            wall: Instant::now(),
            processor: processor(),
        }
    }
    fn told(&self, what: &str, messages: u64) {
        let (wall, spent) = (self.wall.elapsed(), processor() - self.processor);
        println!(
            "{what:44} {:7.2} s, processor {:7.2} s, {:6.1} µs a message",
            wall.as_secs_f64(),
            spent.as_secs_f64(),
            spent.as_secs_f64() * 1e6 / messages as f64
        );
    }
}

async fn measure(messages: u64) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let server = serve(dir, Rates::unlimited(), 0).await;
    let port = server.local_addr().unwrap().port();
    let line = server.admin_invite().await.unwrap();
    let sheet = enrol(dir, "ada", &line).await;
    let ada = client(dir, "ada").await;
    for peer in PEERS {
        let line = match ada.call(Command::Invite {}).await.unwrap() {
            Answer::Invite(view) => InviteLine::parse(&view.line).unwrap(),
            other => panic!("{other:?}"),
        };
        enrol(dir, peer, &line).await;
        let person = client(dir, peer).await;
        fresh(&person, None).await;
        person.close().await;
    }
    fresh(&ada, None).await;
    // Everybody's keys are wanted before anybody writes.
    for peer in PEERS {
        for (from, to) in [("ada", peer), (peer, "ada")] {
            let other = if from == "ada" {
                None
            } else {
                Some(client(dir, from).await)
            };
            let command = Command::Send {
                conversation: to.to_owned(),
                text: "hello".to_owned(),
                wait: subrosa_client::Wait::Sent,
                queue: true,
                within_ms: None,
                timer: None,
            };
            other.as_ref().unwrap_or(&ada).call(command).await.unwrap();
            if let Some(other) = other {
                other.close().await;
            }
        }
    }
    fresh(&ada, None).await;
    ada.close().await;
    let started = Timed::start();
    let each = messages / PEERS.len() as u64;
    let mut lane = 0;
    let filled = PEERS.map(|peer| {
        lane += 1;
        let (ada, peer) = (home(dir, "ada"), home(dir, peer));
        tokio::spawn(async move { fill(&ada, &peer, lane, each).await })
    });
    for task in filled {
        task.await.unwrap();
    }
    let messages = each * PEERS.len() as u64;
    started.told(&format!("{messages} messages written"), messages);
    server.shutdown().await;

    let server = serve(dir, Rates::default(), port).await;
    let passphrase = sheet.passphrase.unwrap();
    for round in 1..=2 {
        let name = format!("further-{round}");
        let started = Timed::start();
        let at = Home::open(&home(dir, &name)).unwrap();
        let address = server.address().clone();
        let ada_name = Name::new("ada").unwrap();
        let typed = Zeroizing::new(passphrase.to_string());
        login(&at, &address, &ada_name, typed, None, "bench", &mut |_| {})
            .await
            .unwrap();
        let further = client(dir, &name).await;
        started.told("password, keys", messages);
        assert!(fresh(&further, None).await > 0);
        started.told("all is here", messages);
        for peer in PEERS {
            assert_eq!(fresh(&further, Some(peer)).await, 100.min(each as usize));
        }
        further.close().await;
    }
    parts(dir, messages).await;
    server.shutdown().await;
}

/// What the parts cost, each alone.
async fn parts(dir: &Path, messages: u64) {
    let device = Device::read(&home(dir, "ada"));
    let mut wire = device.link().await;
    let started = Timed::start();
    let mut pages = Vec::new();
    for state in &device.states {
        let (conv, mut from) = (state.id(), 1);
        loop {
            let count = subrosa_proto::limits::PAGE_EVENTS_MAX as u64;
            wire.send(Request::Read { conv, from, count }).await;
            let bytes = wire.answer_bytes().await;
            let subrosa_proto::FromServer::Answer {
                response: subrosa_proto::Response::Page { page },
                ..
            } = subrosa_proto::decode(&bytes).unwrap()
            else {
                panic!("no page");
            };
            from += page.events.len() as u64;
            let (over, head) = (page.events.is_empty(), page.head);
            pages.push(bytes);
            if over || from > head {
                break;
            }
        }
    }
    let bytes: usize = pages.iter().map(bytes::Bytes::len).sum();
    started.told(
        &format!("read alone, {} pages, {} kB", pages.len(), bytes / 1_000),
        messages,
    );
    let started = Timed::start();
    let frames: Vec<_> = pages.iter().map(Frame::checked).collect();
    started.told("signatures alone", messages);
    drop(frames);
    let started = Timed::start();
    let frames: Vec<_> = pages.iter().map(Frame::plain).collect();
    started.told("decoding alone", messages);
    drop(frames);
}

//! `channel`: bulk bytes through one channel over the loopback, and handshakes; no server takes part.

use crate::outcome::{Outcome, defect, link, system, unverified};
use crate::randomness;
use crate::report::{Case, Report, us_each};
use crate::watch::Watch;
use rustix::time::{ClockId, clock_gettime};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use subrosa_channel::io::{Config, Link, accept, connect};
use subrosa_channel::{Hello, MESSAGE_BYTES_MAX, ServerKey, ServerPublicKey};
use subrosa_client::Failure;
use subrosa_proto::{BUILD, PROTOCOL_MAX, PROTOCOL_MIN};
use tokio::net::{TcpListener, TcpStream};

/// Sealed bytes that are queued before they are written.
const QUEUE: usize = 512 * 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Megabytes (of 1,048,576 bytes) that are sent.
    pub megabytes: u64,
    /// Bytes of one message.
    pub message: usize,
    /// Handshakes that are made.
    pub handshakes: u32,
}

/// What one end did.
struct End {
    /// Of its thread.
    cpu: Duration,
    handshakes_cpu: Duration,
    took: Duration,
}

/// Measures. Blocks until it is done.
///
/// # Errors
/// A [`Failure`] in one sentence; then there are no figures.
pub fn run(settings: Settings, watch: &dyn Watch) -> Outcome<Report> {
    if settings.message < 8 || settings.message > MESSAGE_BYTES_MAX || settings.megabytes == 0 {
        return Err(Failure::user(format!(
            "messages of 8 to {MESSAGE_BYTES_MAX} bytes can be sent, and at least one megabyte: choose others"
        )));
    }
    watch.begin("sending and receiving", 0);
    let key = ServerKey::from_bytes(randomness::bytes());
    let public = *key.public();
    let (tell, told) = mpsc::channel();
    let (sent, received) = std::thread::scope(|scope| {
        let receiver = scope.spawn(move || on_thread(receive(&key, tell, settings)));
        let sender = scope.spawn(move || match told.recv() {
            Ok(to) => on_thread(send(to, &public, settings)),
            Err(error) => Err(defect(error)),
        });
        (joined(sender.join()), joined(receiver.join()))
    });
    let (received, sent) = (received?, sent?);
    Ok(report(settings, &sent, &received))
}

fn joined<T>(end: std::thread::Result<Outcome<T>>) -> Outcome<T> {
    end.map_err(|_| defect("a thread broke off"))?
}

fn on_thread<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| system("the system gives no thread", error))?;
    runtime.block_on(work)
}

fn report(settings: Settings, sent: &End, received: &End) -> Report {
    let mut report = Report::new("channel");
    report.set("megabytes", settings.megabytes);
    report.set("message_bytes", settings.message);
    report.set("handshakes", settings.handshakes);
    let mut case = Case::default();
    let bytes = (settings.megabytes * 1_048_576) as f64;
    let gib = bytes / 1_073_741_824.0;
    let both = (sent.cpu + received.cpu).as_secs_f64();
    case.add("verified_mb", "received as it was sent, MB", bytes / 1e6);
    case.add("wall_s", "time, s", received.took.as_secs_f64());
    case.add(
        "mb_per_s",
        "MB each second",
        bytes / 1e6 / received.took.as_secs_f64(),
    );
    case.add(
        "cpu_s_per_gib",
        "processor time for a GiB, both ends, s",
        both / gib,
    );
    case.add(
        "sender_cpu_s_per_gib",
        "of it the sender's, s",
        sent.cpu.as_secs_f64() / gib,
    );
    case.add(
        "receiver_cpu_s_per_gib",
        "of it the receiver's, s",
        received.cpu.as_secs_f64() / gib,
    );
    let each = |end: &End| us_each(end.handshakes_cpu, settings.handshakes.into());
    if settings.handshakes > 0 {
        case.add(
            "handshake_server_cpu_us",
            "server's processor time for a handshake, µs",
            each(received),
        );
        case.add(
            "handshake_client_cpu_us",
            "client's processor time for a handshake, µs",
            each(sent),
        );
    }
    report.cases.push(case);
    report
}

fn config() -> Outcome<Config> {
    let hello = Hello::new(PROTOCOL_MIN, PROTOCOL_MAX, BUILD).map_err(defect)?;
    Ok(Config::new(hello))
}

/// Processor time of this thread.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// Message `number`: it differs from all others, and each of its bytes is known.
fn number(message: &mut [u8], number: u64) {
    if let Some(head) = message.get_mut(..8) {
        head.copy_from_slice(&number.to_le_bytes());
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

async fn send(to: SocketAddr, key: &ServerPublicKey, settings: Settings) -> Outcome<End> {
    let config = config()?;
    let mut rng = randomness::system();
    let before = thread_cpu();
    for _ in 0..settings.handshakes {
        let tcp = TcpStream::connect(to).await.map_err(defect)?;
        let made = connect(tcp, key, &config, &mut rng).await;
        end(&mut made.map_err(|error| link(&error))?).await?;
    }
    let handshakes_cpu = thread_cpu() - before;
    let tcp = TcpStream::connect(to).await.map_err(defect)?;
    let made = connect(tcp, key, &config, &mut rng).await;
    let mut made = made.map_err(|error| link(&error))?;
    let (before, begun) = (thread_cpu(), Instant::now());
    let mut message = pattern(settings.message);
    let (mut left, mut next) = (settings.megabytes * 1_048_576, 0);
    while left > 0 {
        let len = usize::try_from(left).map_or(settings.message, |left| left.min(settings.message));
        number(&mut message, next);
        let writer = made.writer();
        let part = message.get(..len).unwrap_or_default();
        writer.send(part).map_err(|error| link(&error.into()))?;
        if writer.queued_bytes() >= QUEUE {
            writer.flush().await.map_err(|error| link(&error.into()))?;
        }
        left -= len as u64;
        next += 1;
    }
    end(&mut made).await?;
    Ok(End {
        cpu: thread_cpu() - before,
        handshakes_cpu,
        took: begun.elapsed(),
    })
}

/// Closes, and waits until the peer has closed too.
async fn end(link: &mut Link) -> Outcome<()> {
    let ended = |error| crate::outcome::link(&error);
    link.writer().close().await.map_err(ended)?;
    while link.reader().recv().await.map_err(ended)?.is_some() {}
    Ok(())
}

async fn receive(
    key: &ServerKey,
    tell: mpsc::Sender<SocketAddr>,
    settings: Settings,
) -> Outcome<End> {
    let config = config()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(|error| system("nothing can listen on the loopback", error))?;
    tell.send(listener.local_addr().map_err(defect)?)
        .map_err(defect)?;
    let mut rng = randomness::system();
    let before = thread_cpu();
    for _ in 0..settings.handshakes {
        let (tcp, _) = listener.accept().await.map_err(defect)?;
        let made = accept(tcp, key, &config, &mut rng).await;
        end(&mut made.map_err(|error| link(&error))?).await?;
    }
    let handshakes_cpu = thread_cpu() - before;
    let (tcp, _) = listener.accept().await.map_err(defect)?;
    let made = accept(tcp, key, &config, &mut rng).await;
    let mut made = made.map_err(|error| link(&error))?;
    let (before, begun) = (thread_cpu(), Instant::now());
    let mut expected = pattern(settings.message);
    let (mut bytes, mut next) = (0, 0);
    while let Some(message) = made.reader().recv().await.map_err(|error| link(&error))? {
        number(&mut expected, next);
        if expected.get(..message.len()) != Some(&message[..]) {
            return Err(unverified("a message is not the one that was sent"));
        }
        bytes += message.len() as u64;
        next += 1;
    }
    let took = begun.elapsed();
    if bytes != settings.megabytes * 1_048_576 {
        return Err(unverified(format!("only {bytes} bytes came")));
    }
    end(&mut made).await?;
    Ok(End {
        cpu: thread_cpu() - before,
        handshakes_cpu,
        took,
    })
}

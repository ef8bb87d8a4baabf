//! What a channel costs: handshakes per second on one core, and bytes per second over one TCP connection on the
//! loopback. `cargo bench -p subrosa-channel`; without `--bench` (as `cargo test --benches` runs it) a small round only.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench prints, and stops where something fails"
)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench measures time, over sockets"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use rand_core::UnwrapErr;
use subrosa_channel::io::{self, Config, Link};
use subrosa_channel::{Hello, ServerKey, accept, dial};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use x25519_dalek::x25519;

fn main() {
    let whole = std::env::args().any(|argument| argument == "--bench");
    let (rounds, handshakes, mebibytes) = if whole { (15, 400, 1_024) } else { (1, 5, 4) };
    bench_handshakes(rounds, handshakes);
    for message_len in [256 * 1024, 64_000, 4_096, 200] {
        // Short messages are bound by their number, so fewer bytes take as long.
        let share = if message_len < 1_024 { 32 } else { 1 };
        bench_loopback(message_len, mebibytes * 1_024 * 1_024 / share);
    }
    bench_round_trips(if whole { 20_000 } else { 10 });
}

/// Rounds take turns, so that whatever else the machine does hits all alike. The least and the median are shown.
fn bench_handshakes(rounds: usize, count: usize) {
    let server = ServerKey::from_bytes([7; 32]);
    let mut rng = UnwrapErr(SysRng);
    let (mut at_client, mut at_server, mut refusing, mut yardstick) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        let dialled: Vec<_> = (0..count)
            .map(|_| dial(server.public(), &mut rng).unwrap())
            .collect();
        let dialling = start.elapsed();

        let start = Instant::now();
        let accepted: Vec<_> = dialled
            .iter()
            .map(|(_, m1)| accept(&server, m1, &mut rng).unwrap())
            .collect();
        at_server.push(start.elapsed());

        let start = Instant::now();
        for ((await_reply, _), (open, m2)) in dialled.into_iter().zip(accepted) {
            assert_eq!(
                await_reply.reply(&m2).unwrap().transcript(),
                open.transcript()
            );
        }
        at_client.push(dialling + start.elapsed());

        let mut noise = vec![0x5a; subrosa_channel::M1_LEN];
        noise[0] = subrosa_channel::VERSION;
        let start = Instant::now();
        for _ in 0..count {
            assert!(accept(&server, &noise, &mut rng).is_err());
        }
        refusing.push(start.elapsed());

        let start = Instant::now();
        for _ in 0..count {
            black_box(x25519(
                black_box([5; 32]),
                black_box(*server.public().as_bytes()),
            ));
        }
        yardstick.push(start.elapsed());
    }
    let both: Vec<_> = at_client
        .iter()
        .zip(&at_server)
        .map(|(client, server)| *client + *server)
        .collect();
    let figures = [
        ("handshake, server", at_server),
        ("handshake, client", at_client),
        ("handshake, both ends", both),
        ("handshake, server, refusing a bad first message", refusing),
        ("for comparison, one multiplication on X25519", yardstick),
    ];
    for (what, times) in figures {
        let mut times: Vec<f64> = times
            .iter()
            .map(|time| time.as_secs_f64() * 1e6 / count as f64)
            .collect();
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[times.len() / 2]);
        println!(
            "{what}: {least:.0} us least, {median:.0} us median, {:.0} a second on one core",
            1e6 / least
        );
    }
}

async fn links() -> (Link, Link) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = Config::new(Hello::new(1, 1, "bench").unwrap());
    let server = ServerKey::from_bytes([7; 32]);
    let (mut client_rng, mut server_rng) = (UnwrapErr(SysRng), UnwrapErr(SysRng));
    let (client, server) = tokio::join!(
        async {
            let tcp = TcpStream::connect(address).await.unwrap();
            io::connect(tcp, server.public(), &config, &mut client_rng).await
        },
        async {
            let (tcp, _) = listener.accept().await.unwrap();
            io::accept(tcp, &server, &config, &mut server_rng).await
        }
    );
    (client.unwrap(), server.unwrap())
}

/// One sender and one receiver, a thread each.
fn bench_loopback(message_len: usize, bytes: usize) {
    let count = bytes / message_len;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (elapsed, cpu) = runtime.block_on(async {
        let (client, server) = links().await;
        let ((_client_reader, mut writer), (mut reader, _server_writer)) =
            (client.split(), server.split());
        let message = vec![0x42; message_len];
        let (start, cpu) = (Instant::now(), cpu_time());
        let sender = tokio::spawn(async move {
            for _ in 0..count {
                writer.send(&message).unwrap();
                if writer.queued_bytes() >= 256 * 1024 {
                    writer.flush().await.unwrap();
                }
            }
            writer.close().await.unwrap();
        });
        let receiver = tokio::spawn(async move {
            let mut received = 0;
            while let Some(message) = reader.recv().await.unwrap() {
                received += message.len();
            }
            assert_eq!(received, count * message_len);
        });
        sender.await.unwrap();
        receiver.await.unwrap();
        (start.elapsed(), cpu_time() - cpu)
    });
    let gibibytes = (count * message_len) as f64 / (1_024.0 * 1_024.0 * 1_024.0);
    let megabytes = (count * message_len) as f64 / 1e6;
    println!(
        "loopback, messages of {message_len} bytes: {:.0} MB/s, {:.0} messages/s, {:.2} CPU s per GiB for both ends",
        megabytes / elapsed.as_secs_f64(),
        count as f64 / elapsed.as_secs_f64(),
        cpu.as_secs_f64() / gibibytes
    );
}

/// 200 bytes there and back, on one thread.
fn bench_round_trips(count: usize) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, server) = links().await;
        let ((mut client_reader, mut client_writer), (mut reader, mut writer)) =
            (client.split(), server.split());
        let echo = async {
            while let Some(message) = reader.recv().await.unwrap() {
                writer.send(&message).unwrap();
                writer.flush().await.unwrap();
            }
        };
        let ask = async {
            let start = Instant::now();
            for _ in 0..count {
                client_writer.send(&[0x42; 200]).unwrap();
                client_writer.flush().await.unwrap();
                client_reader.recv().await.unwrap().unwrap();
            }
            client_writer.close().await.unwrap();
            start.elapsed()
        };
        let (elapsed, ()) = tokio::join!(ask, echo);
        println!(
            "round trip of 200 bytes, both ends on one thread: {:.1} us",
            elapsed.as_secs_f64() * 1e6 / count as f64
        );
    });
}

/// User and system time of this process (proc(5), fields 14 and 15 of stat, in hundredths of a second).
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 10)
}

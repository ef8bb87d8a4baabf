//! The adapter over real TCP on the loopback. Time is tokio's, held still: it jumps to the next deadline when nothing
//! else can happen.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "these tests are about sockets and time"
)]

mod naive;
mod script;

use std::io;
use std::time::Duration;

use script::Script;
use subrosa_channel::io::{Config, HANDSHAKE_TIMEOUT, Link, LinkError, accept, connect};
use subrosa_channel::{
    HandshakeError, Hello, HelloError, M1_LEN, M2_LEN, MESSAGE_BYTES_MAX, ReceiveError,
    RecordError, SendError, ServerKey, dial,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

fn server_key() -> ServerKey {
    ServerKey::from_bytes([0x77; 32])
}

fn config(min: u16, max: u16) -> Config {
    Config::new(Hello::new(min, max, "loopback").unwrap())
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

async fn links_of(
    client: &Config,
    server: &Config,
) -> (Result<Link, LinkError>, Result<Link, LinkError>) {
    let (at_client, at_server) = sockets().await;
    let key = server_key();
    let (mut client_rng, mut server_rng) = (Script::seed(1), Script::seed(2));
    tokio::join!(
        connect(at_client, key.public(), client, &mut client_rng),
        accept(at_server, &key, server, &mut server_rng),
    )
}

async fn links() -> (Link, Link) {
    let (client, server) = links_of(&config(1, 1), &config(1, 1)).await;
    (client.unwrap(), server.unwrap())
}

/// A client that can do whatever it likes with the records: its keys, and the socket after the server's greeting.
async fn hostile_client() -> (TcpStream, naive::Outcome, Link) {
    let (mut socket, at_server) = sockets().await;
    let key = server_key();
    let client = async {
        let (client, m1) = naive::m1(key.public().as_bytes(), [5; 32], [6; 64]);
        socket.write_all(&m1).await.unwrap();
        let mut m2 = [0; M2_LEN];
        socket.read_exact(&mut m2).await.unwrap();
        let outcome = naive::read_m2(client, &m2).unwrap();
        let hello = naive::seal_record(
            &outcome.k_cs,
            0,
            naive::HELLO,
            &naive::hello(1, 1, b"hostile"),
        );
        socket.write_all(&hello).await.unwrap();
        outcome
    };
    let (server_config, mut rng) = (config(1, 1), Script::seed(2));
    let (outcome, link) = tokio::join!(client, accept(at_server, &key, &server_config, &mut rng));
    (socket, outcome, link.unwrap())
}

/// What a peer reads until the other end is gone.
async fn read_to_end(socket: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    bytes
}

// ---- what works

#[tokio::test]
async fn messages_pass_both_ways_and_a_close_ends_each() {
    let (client, server) = links().await;
    assert_eq!(client.transcript(), server.transcript());
    assert_eq!((client.version(), server.version()), (1, 1));
    assert_eq!(client.peer().build(), "loopback");
    let (mut client_reader, mut client_writer) = client.split();
    let (mut server_reader, mut server_writer) = server.split();

    let messages: Vec<Vec<u8>> = [0, 1, 100, 70_000, MESSAGE_BYTES_MAX]
        .iter()
        .map(|len| vec![9; *len])
        .collect();
    let send = async {
        for message in &messages {
            client_writer.send(message).unwrap();
        }
        client_writer.flush().await.unwrap();
        assert_eq!(client_writer.queued_bytes(), 0);
        client_writer.close().await.unwrap();
        assert_eq!(client_writer.send(b"more"), Err(SendError::OutOfTurn));
    };
    let receive = async {
        for message in &messages {
            assert!(server_reader.recv().await.unwrap().unwrap() == message[..]);
        }
        assert_eq!(server_reader.recv().await.unwrap(), None);
        assert_eq!(server_reader.recv().await.unwrap(), None);
    };
    tokio::join!(send, receive);

    // The other direction is still open.
    server_writer.send(b"answer").unwrap();
    server_writer.close().await.unwrap();
    assert_eq!(client_reader.recv().await.unwrap().unwrap(), b"answer"[..]);
    assert_eq!(client_reader.recv().await.unwrap(), None);
}

#[tokio::test]
async fn a_future_that_is_dropped_loses_nothing() {
    let (client, server) = links().await;
    let (_client_reader, mut writer) = client.split();
    let (mut reader, _server_writer) = server.split();
    let messages: Vec<Vec<u8>> = (0..40_u8).map(|i| vec![i; 60_000]).collect();
    let send = async {
        for message in &messages {
            writer.send(message).unwrap();
        }
        // Polled once each time: the socket's buffers are far smaller than what is queued.
        loop {
            tokio::select! {
                biased;
                done = writer.flush() => break done.unwrap(),
                () = tokio::task::yield_now() => {}
            }
        }
    };
    let receive = async {
        for message in &messages {
            let received = loop {
                tokio::select! {
                    biased;
                    received = reader.recv() => break received.unwrap().unwrap(),
                    () = tokio::task::yield_now() => {}
                }
            };
            assert!(received == message[..]);
        }
    };
    tokio::join!(send, receive);
}

// Proves: C5
#[tokio::test]
async fn the_limit_starts_small_and_grows() {
    let (client, server) = links_of(
        &config(1, 1),
        &Config {
            message_limit: 4_096,
            ..config(1, 1)
        },
    )
    .await;
    let ((_reader, mut writer), (mut reader, _writer)) =
        (client.unwrap().split(), server.unwrap().split());
    writer.send(&[1; 4_096]).unwrap();
    writer.flush().await.unwrap();
    assert_eq!(reader.recv().await.unwrap().unwrap().len(), 4_096);
    reader.set_message_limit(50_000);
    writer.send(&[1; 50_000]).unwrap();
    writer.send(&[1; 50_001]).unwrap();
    writer.flush().await.unwrap();
    assert_eq!(reader.recv().await.unwrap().unwrap().len(), 50_000);
    let error = reader.recv().await.unwrap_err();
    assert!(
        matches!(
            error,
            LinkError::Receive(ReceiveError::MessageTooLong(50_000))
        ),
        "{error:?}"
    );
}

// ---- versions

#[tokio::test]
async fn the_highest_common_version_is_spoken() {
    let (client, server) = links_of(&config(1, 4), &config(2, 3)).await;
    assert_eq!(
        (client.unwrap().version(), server.unwrap().version()),
        (3, 3)
    );
}

// Proves: C4
#[tokio::test]
async fn both_ends_name_both_ranges_when_there_is_no_common_version() {
    let (client, server) = links_of(&config(1, 2), &config(5, 6)).await;
    for error in [client.unwrap_err(), server.unwrap_err()] {
        assert!(
            matches!(error, LinkError::Hello(HelloError::NoCommonVersion { .. })),
            "{error:?}"
        );
        let said = error.to_string();
        assert!(
            said.contains("versions 1 to 2") && said.contains("versions 5 to 6"),
            "{said}"
        );
    }
}

// Proves: C4
#[tokio::test]
async fn a_client_refuses_a_version_below_the_pinned_one() {
    let (client, _) = links_of(
        &Config {
            pinned: 3,
            ..config(1, 3)
        },
        &config(1, 2),
    )
    .await;
    let error = client.unwrap_err();
    assert!(
        matches!(
            error,
            LinkError::Hello(HelloError::BelowPinned {
                spoken: 2,
                pinned: 3,
                ..
            })
        ),
        "{error:?}"
    );
}

// ---- scanners, slow and silent peers

/// Runs a server against a client that writes `bytes` and then waits: what the client reads until the server closes,
/// how long that took, and the server's error.
async fn probe(bytes: &[u8]) -> (Vec<u8>, Duration, LinkError) {
    let (mut client, at_server) = sockets().await;
    let start = Instant::now();
    let key = server_key();
    let scan = async {
        client.write_all(bytes).await.unwrap();
        let answer = read_to_end(&mut client).await;
        (answer, start.elapsed())
    };
    let (server_config, mut rng) = (config(1, 1), Script::seed(2));
    let ((answer, elapsed), link) =
        tokio::join!(scan, accept(at_server, &key, &server_config, &mut rng));
    (answer, elapsed, link.unwrap_err())
}

// Proves: C1
#[tokio::test(start_paused = true)]
async fn a_scanner_gets_no_byte_and_learns_nothing_from_the_time() {
    let (_, good) = dial(server_key().public(), &mut Script::seed(1)).unwrap();
    let (_, other_key) = dial(
        ServerKey::from_bytes([1; 32]).public(),
        &mut Script::seed(1),
    )
    .unwrap();
    let mut zero_point = good.clone();
    zero_point[1..33].fill(0);
    let other_version = [&[2], &good[1..]].concat();
    let longer = [&other_key[..], &[0; 5_000]].concat();
    let refused = [
        (&other_key[..], HandshakeError::Refused),
        (&zero_point, HandshakeError::Refused),
        (&longer, HandshakeError::Refused),
        (&other_version, HandshakeError::Version(2)),
        (b"GET / HTTP/1.1\r\n\r\n", HandshakeError::Version(b'G')),
    ];
    for (bytes, expected) in refused {
        let (answer, elapsed, error) = probe(bytes).await;
        assert!(
            matches!(error, LinkError::Handshake(error) if error == expected),
            "{error:?}"
        );
        assert!(answer.is_empty());
        assert_eq!(elapsed.as_millis(), HANDSHAKE_TIMEOUT.as_millis());
    }
    for unfinished in [&[][..], &good[..1], &good[..M1_LEN - 1]] {
        let (answer, elapsed, error) = probe(unfinished).await;
        assert!(matches!(error, LinkError::Timeout), "{error:?}");
        assert!(answer.is_empty());
        assert_eq!(elapsed.as_millis(), HANDSHAKE_TIMEOUT.as_millis());
    }
}

// Proves: C1, C5
#[tokio::test(start_paused = true)]
async fn a_flood_is_left_unread_and_cut_off_in_time() {
    let (mut client, at_server) = sockets().await;
    let start = Instant::now();
    let flood = async {
        client.write_all(&[0; 200_000]).await.unwrap();
        // The connection ends or is reset, as the unread bytes have it; there is no answer in either case.
        assert!(matches!(client.read(&mut [0; 16]).await, Ok(0) | Err(_)));
    };
    let (key, server_config, mut rng) = (server_key(), config(1, 1), Script::seed(2));
    let serve = async {
        let link = accept(at_server, &key, &server_config, &mut rng).await;
        (link.unwrap_err(), start.elapsed())
    };
    let ((), (error, elapsed)) = tokio::join!(flood, serve);
    assert!(
        matches!(error, LinkError::Handshake(HandshakeError::Version(0))),
        "{error:?}"
    );
    assert_eq!(elapsed.as_millis(), HANDSHAKE_TIMEOUT.as_millis());
}

// Proves: C5
#[tokio::test(start_paused = true)]
async fn a_byte_a_second_does_not_hold_a_connection_open() {
    let (mut client, at_server) = sockets().await;
    let (_, m1) = dial(server_key().public(), &mut Script::seed(1)).unwrap();
    let start = Instant::now();
    let drip = async {
        let mut each_second = tokio::time::interval(Duration::from_secs(1));
        for byte in m1 {
            each_second.tick().await;
            if client.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        start.elapsed()
    };
    let key = server_key();
    let serve = async {
        let link = accept(at_server, &key, &config(1, 1), &mut Script::seed(2)).await;
        assert_eq!(start.elapsed().as_millis(), HANDSHAKE_TIMEOUT.as_millis());
        link.unwrap_err()
    };
    let (dripped, error) = tokio::join!(drip, serve);
    assert!(matches!(error, LinkError::Timeout), "{error:?}");
    assert!(dripped < Duration::from_secs(60), "{dripped:?}");
}

// Proves: C5
#[tokio::test(start_paused = true)]
async fn who_gets_a_reply_and_sends_no_hello_is_cut_off_as_well() {
    let (_, m1) = dial(server_key().public(), &mut Script::seed(1)).unwrap();
    let (answer, elapsed, error) = probe(&m1).await;
    assert!(matches!(error, LinkError::Timeout), "{error:?}");
    assert!(answer.len() > M2_LEN);
    assert_eq!(elapsed.as_millis(), HANDSHAKE_TIMEOUT.as_millis());
}

#[tokio::test(start_paused = true)]
async fn a_client_without_an_answer_says_what_it_can_mean() {
    // Somebody who accepts and says nothing.
    let (client, silent) = sockets().await;
    let error = connect(
        client,
        server_key().public(),
        &config(1, 1),
        &mut Script::seed(1),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, LinkError::NoAnswer), "{error:?}");
    drop(silent);
    // Somebody who closes.
    let (client, gone) = sockets().await;
    drop(gone);
    let error = connect(
        client,
        server_key().public(),
        &config(1, 1),
        &mut Script::seed(1),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, LinkError::NoAnswer), "{error:?}");
    assert_eq!(
        error.to_string(),
        "no answer: the server has another key, speaks another version of the handshake, or is no such server"
    );
}

#[tokio::test]
async fn a_client_refuses_an_answer_that_is_not_the_servers() {
    let (client, mut other) = sockets().await;
    let answer = async {
        other.write_all(&[0x42; M2_LEN]).await.unwrap();
        other
    };
    let key = server_key();
    let (client_config, mut rng) = (config(1, 1), Script::seed(1));
    let (link, _other) = tokio::join!(
        connect(client, key.public(), &client_config, &mut rng),
        answer
    );
    let error = link.unwrap_err();
    assert!(
        matches!(error, LinkError::Handshake(HandshakeError::Refused)),
        "{error:?}"
    );
}

// ---- streams that are cut or altered

// Proves: C2
#[tokio::test]
async fn an_end_without_a_close_is_truncation() {
    let (client, mut server) = links().await;
    let (client_reader, mut writer) = client.split();
    writer.send(b"the last that arrives").unwrap();
    writer.flush().await.unwrap();
    drop((client_reader, writer));
    assert_eq!(
        server.reader().recv().await.unwrap().unwrap(),
        b"the last that arrives"[..]
    );
    let error = server.reader().recv().await.unwrap_err();
    assert!(
        matches!(error, LinkError::Receive(ReceiveError::Truncated)),
        "{error:?}"
    );
    let again = server.reader().recv().await.unwrap_err();
    assert!(
        matches!(again, LinkError::Receive(ReceiveError::Dead)),
        "{again:?}"
    );
}

// Proves: C2
#[tokio::test]
async fn an_end_within_a_record_or_a_message_is_truncation() {
    for cut in [1, 3, 40, 1_100] {
        let (mut socket, outcome, mut link) = hostile_client().await;
        let more = naive::seal_record(&outcome.k_cs, 1, naive::MORE, &[1; 1_024]);
        let last = naive::seal_record(&outcome.k_cs, 2, naive::LAST, b"end");
        socket
            .write_all(&[more, last].concat()[..cut])
            .await
            .unwrap();
        socket.shutdown().await.unwrap();
        let error = link.reader().recv().await.unwrap_err();
        assert!(
            matches!(error, LinkError::Receive(ReceiveError::Truncated)),
            "{cut}: {error:?}"
        );
    }
}

// Proves: C2, C21
#[tokio::test]
async fn hostile_records_are_refused_and_nothing_is_said_about_it() {
    let refused = LinkErrorKind::Receive(ReceiveError::Record(RecordError::Refused));
    let length = LinkErrorKind::Receive(ReceiveError::Record(RecordError::Length));
    let unknown = LinkErrorKind::Receive(ReceiveError::UnknownType(9));
    for (make, expected) in [
        (altered as fn(&naive::Outcome) -> Vec<u8>, refused.clone()),
        (replayed_hello, refused),
        (impossible_length, length),
        (unknown_type, unknown),
    ] {
        let (mut socket, outcome, link) = hostile_client().await;
        socket.write_all(&make(&outcome)).await.unwrap();
        let (mut reader, writer) = link.split();
        assert_eq!(
            LinkErrorKind::of(reader.recv().await.unwrap_err()),
            expected
        );
        drop((reader, writer));
        let said = read_to_end(&mut socket).await;
        let (kind, _, rest) = naive::open_record(&outcome.k_sc, 0, &said).unwrap();
        assert_eq!(
            (kind, rest),
            (naive::HELLO, &[][..]),
            "beside its hello the server says nothing"
        );
    }
}

#[derive(Clone, Debug, PartialEq)]
enum LinkErrorKind {
    Receive(ReceiveError),
    Io(io::ErrorKind),
}

impl LinkErrorKind {
    fn of(error: LinkError) -> Self {
        match error {
            LinkError::Receive(error) => Self::Receive(error),
            LinkError::Io(error) => Self::Io(error.kind()),
            other => panic!("{other:?}"),
        }
    }
}

fn altered(outcome: &naive::Outcome) -> Vec<u8> {
    let mut record = naive::seal_record(&outcome.k_cs, 1, naive::LAST, b"message");
    record[20] ^= 4;
    record
}

fn replayed_hello(outcome: &naive::Outcome) -> Vec<u8> {
    naive::seal_record(
        &outcome.k_cs,
        0,
        naive::HELLO,
        &naive::hello(1, 1, b"hostile"),
    )
}

fn impossible_length(_: &naive::Outcome) -> Vec<u8> {
    vec![0xff, 0xff, 0xff]
}

fn unknown_type(outcome: &naive::Outcome) -> Vec<u8> {
    naive::seal_record(&outcome.k_cs, 1, 9, b"from a newer version")
}

// Proves: C5
#[tokio::test]
async fn a_connection_is_small_while_it_waits() {
    let (_client, server) = sockets().await;
    let (key, server_config, mut rng) = (server_key(), config(1, 1), Script::seed(1));
    let accepting = accept(server, &key, &server_config, &mut rng);
    let accepting_bytes = size_of_val(&accepting);
    println!("accepting: {accepting_bytes}, link: {}", size_of::<Link>());
    assert!(accepting_bytes <= 12 * 1_024, "{accepting_bytes}");
    assert!(size_of::<Link>() <= 6 * 1_024, "{}", size_of::<Link>());
}

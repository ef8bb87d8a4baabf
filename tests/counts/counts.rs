//! The hot paths, each run by itself so that `cargo xtask counts` can count its instructions under valgrind: a count
//! hardly moves where a time would, on a machine that has other things to do.
//!
//! `counts` lists the features of the processor that matter and the names; `counts NAME TIMES` runs one so often.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    reason = "a measurement that meets the unexpected has failed; a module shared with the ledger's tests"
)]

#[path = "../../crates/ledger/tests/ledger/world.rs"]
mod world;

use std::collections::VecDeque;
use std::hint::black_box;

use getrandom::SysRng;
use rand_core::UnwrapErr;
use subrosa_channel::{Event as Arrived, Hello, Inbound, Outbound, ServerKey};
use subrosa_cipher::{Key, LANES, SealKey, Sealed, Text, purpose};
use subrosa_proto::{Event, Header, decode, encode};
use world::{Log, Person};

const AAD: [u8; 3] = [0, 0x40, 0x30];

/// Prepares what a name stands for and gives back what is run.
type Case = (&'static str, fn() -> Box<dyn FnMut()>);

const CASES: &[Case] = &[
    ("seal-200-bytes", || seal(200)),
    ("seal-16-KiB", || seal(16 * 1024)),
    ("open-16-KiB", || open(16 * 1024)),
    ("seal-16-lanes-of-200-bytes", || seal_many(200)),
    ("seal-16-lanes-of-16-KiB", || seal_many(16 * 1024)),
    ("open-16-lanes-of-16-KiB", || open_many(16 * 1024)),
    ("frame-16-messages-of-200-bytes", || frame(200, 16)),
    ("frame-a-message-of-256-KiB", || frame(256 * 1024, 1)),
    ("decode-an-event", decode_event),
    ("judge-a-message", judge_message),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [name, times] if !name.starts_with('-') => {
            let (_, prepare) = CASES.iter().find(|(known, _)| *known == name).unwrap();
            let mut run = prepare();
            for _ in 0..times.parse().unwrap() {
                run();
            }
        }
        _ => {
            println!("features {}", features());
            for (name, _) in CASES {
                println!("{name}");
            }
        }
    }
}

/// What the libraries below choose their code by.
fn features() -> String {
    let mut features = vec![std::env::consts::ARCH];
    #[cfg(target_arch = "x86_64")]
    features.extend(
        [
            ("aes", is_x86_feature_detected!("aes")),
            ("sha", is_x86_feature_detected!("sha")),
            ("avx2", is_x86_feature_detected!("avx2")),
            ("vaes", is_x86_feature_detected!("vaes")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
        ]
        .iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| *name),
    );
    features.join("+")
}

fn key() -> SealKey<purpose::Record> {
    Key::from_bytes([0x5a; 32]).prepare()
}

fn seal(len: usize) -> Box<dyn FnMut()> {
    let (key, plaintext, mut out) = (key(), vec![7; len], Vec::new());
    Box::new(move || {
        out.clear();
        key.seal(1, &AAD, &plaintext, &mut out);
        black_box(&out);
    })
}

fn open(len: usize) -> Box<dyn FnMut()> {
    let (key, mut sealed, mut out) = (key(), Vec::new(), Vec::new());
    key.seal(1, &AAD, &vec![7; len], &mut sealed);
    Box::new(move || {
        out.clear();
        key.open(1, &AAD, &sealed, &mut out).unwrap();
        black_box(&out);
    })
}

fn seal_many(len: usize) -> Box<dyn FnMut()> {
    let (key, plaintext, mut out) = (key(), vec![7; len], Vec::new());
    Box::new(move || {
        out.clear();
        let texts: [Text<'_>; LANES] = std::array::from_fn(|n| Text {
            n: n as u64,
            aad: &AAD,
            lead: &AAD,
            first: Some(3),
            plaintext: &plaintext,
        });
        key.seal_many(&texts, &mut out);
        black_box(&out);
    })
}

fn open_many(len: usize) -> Box<dyn FnMut()> {
    let (key, mut sealed, mut out) = (key(), Vec::new(), Vec::new());
    key.seal(1, &AAD, &vec![7; len], &mut sealed);
    Box::new(move || {
        out.clear();
        let one = Sealed {
            n: 1,
            aad: &AAD,
            sealed: &sealed,
        };
        for authentic in key.verify_many(&[one; LANES]) {
            authentic.decrypt_behind_first(&mut out).unwrap();
        }
        assert_eq!(out.len(), LANES * (len - 1));
    })
}

/// Both ends of a channel behind their hellos.
fn channel() -> (Outbound, Inbound) {
    let mut rng = UnwrapErr(SysRng);
    let server = ServerKey::from_bytes([7; 32]);
    let (await_reply, m1) = subrosa_channel::dial(server.public(), &mut rng).unwrap();
    let (at_server, m2) = subrosa_channel::accept(&server, &m1, &mut rng).unwrap();
    let (mut outbound, _) = await_reply.reply(&m2).unwrap().split();
    let (_, mut inbound) = at_server.split();
    let mut wire = Vec::new();
    outbound
        .hello(&Hello::new(1, 1, "counts").unwrap(), &mut wire)
        .unwrap();
    inbound.read(&wire).unwrap();
    (outbound, inbound)
}

/// Messages from one end to the other, without the socket.
fn frame(len: usize, count: usize) -> Box<dyn FnMut()> {
    let ((mut outbound, mut inbound), message) = (channel(), vec![7; len]);
    let (mut wire, mut events) = (Vec::new(), VecDeque::new());
    Box::new(move || {
        wire.clear();
        let messages = std::iter::repeat_n(&message[..], count);
        outbound.messages(messages, &mut wire).unwrap();
        let mut read = 0;
        while read < wire.len() {
            read += inbound
                .read_many(&wire[read..], &mut events)
                .unwrap()
                .consumed;
        }
        let bytes = events.drain(..).map(|event| match event {
            Arrived::Message(message) => message.len(),
            other => panic!("{other:?}"),
        });
        assert_eq!(bytes.sum::<usize>(), len * count);
    })
}

/// A direct conversation with an open session, and the next message in it.
fn talk() -> (Log, Event) {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&ada, 0, 1));
    let message = log.message(&ada, 0, 1, 0);
    (log, message)
}

fn decode_event() -> Box<dyn FnMut()> {
    let (_, message) = talk();
    let bytes = encode(&message);
    Box::new(move || {
        let event: Event = decode(black_box(&bytes)).unwrap();
        let header: Header = decode(&event.header).unwrap();
        black_box((event, header));
    })
}

fn judge_message() -> Box<dyn FnMut()> {
    let (log, message) = talk();
    Box::new(move || {
        let mut conversation = log.conversation.clone();
        let position = conversation.head().0 + 1;
        let verdict = conversation.apply(position, &message, &log.kept);
        assert!(matches!(verdict, Ok(subrosa_ledger::Verdict::Valid(_))));
    })
}

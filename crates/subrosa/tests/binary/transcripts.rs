//! What is typed, what is said to it, and the exit code; and ends that come in the middle.

use crate::machine::{Machine, texts};
use crate::running::PATIENCE;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// A command line, what is on standard input, the exit code, and parts of what is printed on both outputs.
type Step = (&'static str, &'static [u8], i32, &'static str);

const STEPS: &[Step] = &[
    ("send bob one", b"", 0, "✓ sent to @bob"),
    ("send bob", b"from a pipe\n", 0, "✓ sent to @bob"),
    ("send bob", b"", 1, "the message is empty: nothing was sent"),
    (
        "send bob",
        b"\xff\xfe",
        1,
        "standard input is not text in UTF-8: nothing was sent",
    ),
    ("send nobody hello", b"", 1, "nobody"),
    (
        "send #nowhere hello",
        b"",
        1,
        "there is no conversation #nowhere here",
    ),
    (
        "read nowhere",
        b"",
        1,
        "there is no conversation nowhere here",
    ),
    (
        "tail nowhere",
        b"",
        1,
        "there is no conversation nowhere here",
    ),
    (
        "read bob --since teatime",
        b"",
        1,
        "it is no time and no cursor",
    ),
    (
        "read bob --before 2026-13-01",
        b"",
        1,
        "it is no time and no cursor",
    ),
    ("read bob --limit 0", b"", 1, "0 is not in 1..=1000"),
    ("send bob --reply 00 x", b"", 1, "00 is no id of a message"),
    (
        "send bob --reply 0000 x",
        b"",
        1,
        "no message in @bob has an id that begins with 0000",
    ),
    (
        "send bob --timeout 0s x",
        b"",
        1,
        "it is no time; write 30s, 5m or 1h",
    ),
    ("on bob", b"", 1, "the command is missing"),
    (
        "on nowhere -- true",
        b"",
        1,
        "there is no conversation nowhere here",
    ),
    ("agent --stdio", b"this is no JSON\n", 0, "\"code\":-32700"),
    (
        "agent --stdio",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nothing\"}",
        0,
        "\"code\":-32601",
    ),
    ("room show #nowhere", b"", 1, "#nowhere"),
    ("room create ops", b"", 0, "#ops"),
    ("read ops", b"", 1, "there is no conversation ops here"),
    ("read bob", b"", 0, "ada: one"),
];

#[test]
fn what_is_typed_is_answered_in_these_words() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    for (line, input, code, part) in STEPS {
        let mut args = vec!["-p", "ada"];
        args.extend(line.split(' '));
        let done = machine.pipe(&args, input);
        assert_eq!(done.code, Some(*code), "{line}: {done:?}");
        let said = format!("{}{}", done.out, done.err);
        assert!(said.contains(part), "{line}: {part} is not in {done:?}");
        if *code == 0 {
            assert!(!done.err.contains("subrosa: "), "{line}: {done:?}");
        } else {
            done.failed(*code);
        }
    }
}

/// Ends a `send` while the server does not answer: what it had taken over arrives, once.
#[test]
fn a_signal_in_the_middle_of_a_send_loses_and_doubles_nothing() {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "-p", "ada", "bob", "before"]).ok();
    let agent = machine.start(&["agent", "-p", "ada"]);
    agent.out.line("its socket", |line| line.starts_with('/'));
    for (signal, number, text) in [
        (Signal::INT, 130, "interrupted"),
        (Signal::TERM, 143, "terminated"),
    ] {
        machine
            .run(&["send", "-p", "ada", "bob", "--to", "ada", text])
            .ok();
        server.signal(Signal::STOP);
        let send = machine.start(&[
            "send",
            "-p",
            "ada",
            "bob",
            "--json",
            &format!("{text} in the middle"),
        ]);
        let deadline = Instant::now() + PATIENCE;
        // It has been taken over once the home counts it as waiting.
        while !waiting(&machine) {
            assert!(Instant::now() < deadline);
            // condition: the message is in the outbox
            std::thread::sleep(Duration::from_millis(10));
        }
        send.signal(signal);
        let done = send.wait();
        assert_eq!(
            (done.code, done.out.as_str()),
            (Some(number), ""),
            "{done:?}"
        );
        server.signal(Signal::CONT);
        let middle = format!("{text} in the middle");
        machine.until(&["read", "-p", "bob", "ada", "--json"], |out| {
            texts(out).iter().any(|(_, text)| *text == middle)
        });
    }
    let read = machine.run(&["read", "-p", "bob", "ada", "--json"]).ok();
    let read: Vec<_> = texts(&read).into_iter().map(|(_, text)| text).collect();
    let expected = [
        "before",
        "interrupted",
        "interrupted in the middle",
        "terminated",
        "terminated in the middle",
    ];
    assert_eq!(read, expected);
    assert_eq!(agent.interrupt().code, Some(0));
}

fn waiting(machine: &Machine) -> bool {
    let ask = br#"{"jsonrpc":"2.0","id":1,"method":"status"}"#;
    let out = machine.pipe(&["agent", "--stdio", "-p", "ada"], ask).ok();
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    answer["result"]["account"]["outbox"] != 0
}

/// Whoever copies a home while it is used has a copy that opens, or is told that it does not; the first goes on.
#[test]
fn a_home_that_is_copied_while_it_is_used_harms_nobody() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let agent = machine.start(&["agent", "-p", "ada"]);
    agent.out.line("its socket", |line| line.starts_with('/'));
    machine
        .run(&["send", "-p", "ada", "bob", "before the copy"])
        .ok();
    let copy = machine.path("copy");
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(machine.home("ada")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    let read = machine.run(&["read", "--home", copy.to_str().unwrap(), "bob", "--json"]);
    if read.code == Some(0) {
        assert!(texts(&read.out).contains(&("ada".to_owned(), "before the copy".to_owned())));
    } else {
        assert!(read.failed(1).contains("restore the home from a copy"));
    }
    // The first is served as before, by the owner that it had.
    machine
        .run(&["send", "-p", "ada", "bob", "after the copy"])
        .ok();
    assert!(machine.home("ada").join("socket").exists());
    let done = agent.interrupt();
    assert_eq!(done.code, Some(0), "{done:?}");
    let read = machine.run(&["read", "-p", "bob", "ada", "--json"]).ok();
    let read: Vec<_> = texts(&read).into_iter().map(|(_, text)| text).collect();
    assert_eq!(read, ["before the copy", "after the copy"]);
}

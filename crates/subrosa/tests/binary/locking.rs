//! A home that is locked for every face, and opened again.

use crate::machine::{Machine, texts};
use crate::tmux::Tmux;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

const PASSPHRASE: &str = "seven roses under a wall";

/// What a program gets that asks at the home's socket.
fn asked(machine: &Machine, method: &str, params: &Value) -> Value {
    let stream = UnixStream::connect(machine.home("ada").join("socket")).unwrap();
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    writeln!(&stream, "{request}").unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

// Proves: C17
#[test]
fn a_locked_home_refuses_every_face_and_loses_nothing() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    machine
        .run(&["-p", "bob", "send", "ada", "before the lock"])
        .ok();
    let tmux = Tmux { machine: &machine };
    tmux.terminal("ada", "-p ada chat bob");
    tmux.shows("ada", "before the lock");

    let program = UnixStream::connect(machine.home("ada").join("socket")).unwrap();
    writeln!(
        &program,
        r#"{{"jsonrpc":"2.0","id":7,"method":"subscribe"}}"#
    )
    .unwrap();
    let mut told = BufReader::new(&program).lines();
    assert!(told.next().unwrap().unwrap().contains("subscribed"));

    let none = machine.run(&["-p", "ada", "lock", "--no-input"]).failed(1);
    assert!(none.contains("no passphrase yet"), "{none}");
    let file = machine.write("passphrase.txt", PASSPHRASE);
    machine
        .run(&["-p", "ada", "lock", "--unlock-file", &file])
        .ok();
    assert!(!machine.home("ada").join("key").exists());
    let shown = tmux.shows("ada", "locked");
    assert!(!shown.contains("before the lock"), "{shown}");
    let ended = told
        .map(Result::unwrap)
        .find(|line| line.contains(r#""ended""#))
        .unwrap();
    let ended: Value = serde_json::from_str(&ended).unwrap();
    assert_eq!(ended["params"]["subscription"], 7, "{ended}");
    assert_eq!(ended["params"]["error"]["code"], -32006, "{ended}");

    machine
        .run(&["-p", "bob", "send", "ada", "while it was locked"])
        .ok();
    for verb in [
        &["send", "bob", "let me"][..],
        &["send", "bob", "let me", "--unlock-file", &file],
        &["read", "bob"],
        &["tail", "bob"],
        &["devices"],
        &["export", machine.path("export").to_str().unwrap()],
    ] {
        let told = machine.run(&[&["-p", "ada"], verb].concat()).failed(6);
        assert!(
            told.contains("locked") && told.contains("subrosa unlock"),
            "{told}"
        );
    }
    let refused = asked(&machine, "status", &json!({}));
    assert_eq!(refused["error"]["code"], -32006, "{refused}");

    let wrong = machine.write("wrong.txt", "eight roses");
    let told = machine
        .run(&["-p", "ada", "unlock", "--unlock-file", &wrong])
        .failed(1);
    assert!(told.contains("wrong"), "{told}");
    let doctor = machine.run(&["-p", "ada", "doctor", "--no-input"]).out;
    assert!(doctor.contains("✓ permissions"), "{doctor}");
    assert!(doctor.contains("this home is locked"), "{doctor}");
    tmux.terminal("late", "-p ada chat bob");
    tmux.shows("late", "The passphrase of this home");
    tmux.types("ada", "eight roses");
    tmux.shows("ada", "the passphrase is wrong");
    tmux.types("ada", PASSPHRASE);
    let shown = tmux.shows("ada", "while it was locked");
    assert!(!shown.contains("roses"), "{shown}");
    tmux.shows("late", "while it was locked");
    tmux.types("ada", "open again");
    machine.until(&["-p", "bob", "read", "ada", "--json"], |out| {
        out.contains("open again")
    });
    machine
        .run(&["-p", "ada", "send", "bob", "and from a verb"])
        .ok();
    let unlocked = asked(&machine, "unlock", &json!({"passphrase": PASSPHRASE}));
    assert_eq!(unlocked["error"]["code"], -32001, "it is open: {unlocked}");
    let read = texts(&machine.run(&["-p", "bob", "read", "ada", "--json"]).ok());
    let said: Vec<_> = read.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        said,
        [
            "before the lock",
            "while it was locked",
            "open again",
            "and from a verb"
        ]
    );
}

#[test]
fn a_home_stays_locked_whoever_owns_it_next() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let file = machine.write("passphrase.txt", PASSPHRASE);
    machine
        .run(&["-p", "ada", "lock", "--unlock-file", &file])
        .ok();
    let told = machine
        .run(&["-p", "ada", "send", "bob", "x", "--unlock-file", &file])
        .failed(6);
    assert!(told.contains("this home is locked"), "{told}");
    let done = machine.run(&["-p", "ada", "unlock", "--unlock-file", &file, "--json"]);
    assert_eq!(done.ok().trim(), r#"{"locked":false}"#);
    let told = machine.run(&["-p", "ada", "send", "bob", "x"]).failed(1);
    assert!(told.contains("--unlock-file"), "{told}");
    machine
        .run(&["-p", "ada", "send", "bob", "x", "--unlock-file", &file])
        .ok();
}

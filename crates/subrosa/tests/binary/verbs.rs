//! Each verb, as scripts use it.

use crate::machine::{Machine, line_of, sheet, texts};
use std::os::unix::fs::PermissionsExt;

#[test]
fn send_read_and_tail() {
    let machine = Machine::new();
    let (server, address) = machine.serve();
    server.err.line("that nobody has an account yet", |line| {
        line.contains("admin invite")
    });
    machine.ada_and_bob();
    let empty = machine.run(&["read", "bob"]);
    assert_eq!(empty.code, Some(0), "{empty:?}");

    let tail = machine.start(&["-p", "bob", "tail", "--json"]);
    tail.out
        .line("the link", |line| line.contains("\"online\""));
    machine.run(&["send", "bob", "lunch", "at", "one?"]).ok();
    machine.pipe(&["send", "@bob"], b"two\nlines\n").ok();
    let first = tail
        .out
        .line("the first", |line| line.contains("lunch at one?"));
    tail.out
        .line("the second", |line| line.contains("two\\nlines"));
    assert_eq!(
        tail.interrupt().code,
        Some(0),
        "an interrupt is the ordinary end"
    );

    let read = machine.run(&["-p", "bob", "read", "ada", "--json"]).ok();
    let expected = [("ada", "lunch at one?"), ("ada", "two\nlines")];
    assert_eq!(
        texts(&read),
        expected.map(|(from, text)| (from.to_owned(), text.to_owned()))
    );
    let own = machine.until(&["read", "bob"], |own| {
        own.matches("✓✓ delivered").count() == 2
    });
    assert!(own.contains("ada: lunch at one?  ✓✓ delivered"), "{own}");
    assert!(own.contains("ada: two\n    lines  ✓✓ delivered"), "{own}");

    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    let cursor = first["cursor"].to_string();
    let after = machine
        .run(&["-p", "bob", "read", "--json", "--since", &cursor])
        .ok();
    assert_eq!(texts(&after).len(), 1, "{after}");
    let resumed = machine.start(&["-p", "bob", "tail", "--since", &cursor]);
    let line = resumed.out.line("what came after", |_| true);
    assert!(line.contains("ada: two"), "{line}");

    let told: String = machine.run(&["address"]).ok();
    assert_eq!(told.trim(), address);
    let devices = machine.run(&["devices", "--json"]).ok();
    assert!(
        devices.contains("\"this\":true") && devices.lines().count() == 1,
        "{devices}"
    );
}

#[test]
fn what_is_sent_while_the_server_is_away_arrives_once_and_in_order() {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "zero"]).ok();
    assert_eq!(server.interrupt().code, Some(0));

    for text in ["one", "two"] {
        let told = machine.run(&["send", "bob", text]).failed(3);
        assert!(told.contains("waits in the outbox"), "{told}");
    }
    let told = machine
        .run(&["send", "bob", "--no-queue", "never"])
        .failed(3);
    assert!(!told.contains("waits in the outbox"), "{told}");
    let read = machine.run(&["read", "bob"]);
    assert!(read.out.contains("ada: one  … waiting"), "{read:?}");
    let piped = machine.pipe(&["chat", "bob"], b"three\n");
    let told = piped.failed(3);
    assert!(told.contains("3 of your messages wait"), "{told}");

    let (_server, _) = machine.serve();
    machine.run(&["send", "bob", "four"]).ok();
    machine.run(&["chat", "bob"]).ok();
    let read = machine.run(&["-p", "bob", "read", "ada", "--json"]).ok();
    let read: Vec<_> = texts(&read).into_iter().map(|(_, text)| text).collect();
    assert_eq!(read, ["zero", "one", "two", "three", "four"]);
}

#[test]
fn a_further_device_reads_everything_by_passphrase_and_by_recovery_code() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "from the first device"]).ok();
    let (_, passphrase, code) = sheet(&machine.home("ada"));
    for (there, secret, home) in [(1, passphrase, "by-passphrase"), (2, code, "by-code")] {
        let file = machine.write("secret.txt", &secret);
        let home = machine.path(home);
        let home = home.to_str().unwrap();
        machine
            .run(&[
                "--home",
                home,
                "login",
                &address,
                "--name",
                "ada",
                "--password-file",
                &file,
            ])
            .ok();
        let read = machine.run(&["--home", home, "read", "bob", "--json"]).ok();
        assert_eq!(texts(&read).len(), there, "{read}");
        machine
            .run(&["--home", home, "send", "bob", "from a further device"])
            .ok();
    }
    let home = machine.path("by-code");
    let devices = machine
        .run(&["--home", home.to_str().unwrap(), "devices"])
        .ok();
    assert_eq!(devices.lines().count(), 3, "{devices}");
    let read = machine.run(&["-p", "bob", "read", "ada", "--json"]).ok();
    assert_eq!(texts(&read).len(), 3, "{read}");
}

#[test]
fn a_locked_home_opens_with_its_passphrase_only() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    let right = machine.write("right.txt", "open sesame\n");
    let wrong = machine.write("wrong.txt", "open barley\n");
    let line = machine.admin_line();
    machine
        .run(&[
            "join",
            &line,
            "--lock",
            "--unlock-file",
            &right,
            "--no-input",
        ])
        .ok();
    let told = machine.run(&["address"]).failed(1);
    assert!(told.contains("--unlock-file"), "{told}");
    let told = machine.run(&["address", "--unlock-file", &wrong]).failed(1);
    assert!(told.contains("passphrase"), "{told}");
    machine.run(&["address", "--unlock-file", &right]).ok();
    let piped = machine.pipe(&["address", "--unlock-file", "-"], b"open sesame\n");
    piped.ok();
}

#[test]
fn a_password_of_ones_own_and_a_line_from_standard_input() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    let line = machine.admin_line();
    let own = machine.write("own.txt", "vermilion-octopus-89-unhurried-lanterns\n");
    machine
        .pipe(
            &[
                "join",
                "-",
                "--name",
                "ada",
                "--password-file",
                &own,
                "--no-input",
            ],
            format!("{line}\n").as_bytes(),
        )
        .ok();
    let (_, passphrase, _) = sheet(&machine.home("ada"));
    assert_eq!(passphrase, "the one you chose");
    let data = machine.home("ada");
    assert_eq!(
        std::fs::metadata(data).unwrap().permissions().mode() & 0o077,
        0,
        "for this user only"
    );
}

#[test]
fn invite_and_send_work_while_up_runs() {
    let machine = Machine::new();
    let (up, _) = machine.up();
    let invite: serde_json::Value =
        serde_json::from_str(&machine.run(&["invite", "--json"]).ok()).unwrap();
    let line = invite["line"].as_str().unwrap();
    assert_eq!(invite["join"], format!("subrosa join {line}"));
    assert!(invite["expires_ms"].as_u64().unwrap() > 0);
    machine.run(&["join", line, "--no-input"]).ok();
    machine.run(&["send", "ada2", "from beside"]).ok();
    machine.run(&["-p", "ada2", "send", "ada", "heard"]).ok();
    up.out.line("the answer", |line| line == "ada2: heard");
    let admin = machine.run(&["admin", "invite"]).ok();
    machine.run(&["join", &line_of(&admin), "--no-input"]).ok();
    assert!(machine.home("ada3").is_dir());
}

#[test]
fn help_and_completions() {
    let machine = Machine::new();
    let help = machine.run(&["send", "--help"]).ok();
    assert!(help.starts_with("Examples:\n  subrosa send bob"), "{help}");
    let version = machine.run(&["--version"]).ok();
    assert!(version.starts_with("subrosa "), "{version}");
    for shell in ["bash", "zsh", "fish"] {
        let script = machine.run(&["completions", shell]).ok();
        assert!(
            script.contains("subrosa") && script.contains("devices"),
            "{shell}"
        );
    }
}

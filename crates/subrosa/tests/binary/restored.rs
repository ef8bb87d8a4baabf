//! A server put back from a copy and a line on paper, with the real binary.

use crate::machine::{Machine, line_of, sheet, texts};
use std::os::unix::fs::PermissionsExt;

fn data(machine: &Machine) -> String {
    machine.path("server").to_str().unwrap().to_owned()
}

fn path(machine: &Machine, name: &str) -> String {
    machine.path(name).to_str().unwrap().to_owned()
}

/// Starts the server again on the port it had.
fn serve_again(machine: &Machine, address: &str) -> crate::running::Running {
    let server = machine.start(&["serve", "--listen", "127.0.0.1:0", "--data", &data(machine)]);
    let again = server
        .out
        .line("the address", |line| line.starts_with("subrosa://"));
    assert_eq!(again, address, "same key, same port");
    server
}

#[test]
fn a_server_comes_back_from_a_copy_and_the_line_on_paper_alone() {
    let machine = Machine::new();
    let (server, address) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "before the copy"]).ok();
    let open_line = line_of(&machine.run(&["invite"]).ok());
    let copy = path(&machine, "copy");
    let made = machine.run(&["admin", "backup", "--data", &data(&machine), &copy]);
    assert!(made.ok().contains("copy"), "{made:?}");
    assert!(made.err.contains("admin secrets"), "it complains: {made:?}");
    let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let twice = machine.run(&["admin", "backup", "--data", &data(&machine), &copy]);
    assert!(twice.failed(1).contains("already"), "{twice:?}");

    // Paper: printed, read back wrong, read back right.
    let printed = machine
        .run(&["admin", "secrets", "--data", &data(&machine)])
        .ok();
    let seed = printed.trim().to_owned();
    let bytes = std::fs::read(&copy).unwrap();
    let hex = seed.split([':', '-']).nth(3).unwrap().as_bytes();
    assert_eq!(hex.len(), 64, "{seed}");
    assert!(
        !bytes.windows(64).any(|part| part == hex),
        "the seed is in the copy"
    );
    let wrong = seed.replace(
        &seed[20..22],
        if &seed[20..22] == "ab" { "cd" } else { "ab" },
    );
    let confirm = [
        "admin",
        "secrets",
        "--confirm",
        "-",
        "--data",
        &data(&machine),
    ];
    assert!(
        machine
            .pipe(&confirm, wrong.as_bytes())
            .failed(1)
            .contains("typing error")
    );
    machine.pipe(&confirm, seed.to_uppercase().as_bytes()).ok();
    let quiet = machine.run(&[
        "admin",
        "backup",
        "--data",
        &data(&machine),
        &path(&machine, "copy2"),
    ]);
    quiet.ok();
    assert!(!quiet.err.contains("admin secrets"), "{quiet:?}");

    // Not while it runs; not with another seed; not without one.
    let restore = ["admin", "restore", &copy, "--data", &data(&machine)];
    assert!(machine.run(&restore).failed(3).contains("already running"));
    server.kill();
    std::fs::remove_dir_all(machine.path("server")).unwrap();
    assert!(machine.run(&restore).failed(1).contains("--secrets"));
    let junk = machine.write("junk", "no database");
    let paper = machine.write("paper", format!("{seed}\n"));
    let bad = [
        "admin",
        "restore",
        &junk,
        "--data",
        &data(&machine),
        "--secrets",
        &paper,
    ];
    assert!(machine.run(&bad).failed(1).contains("cannot be used"));
    let good = [
        "admin",
        "restore",
        &copy,
        "--data",
        &data(&machine),
        "--secrets",
        &paper,
    ];
    assert!(machine.run(&good).ok().contains("2 accounts"));
    let server = serve_again(&machine, &address);

    // The line that was open before is void; people and passwords are as they were.
    let join = ["join", &open_line, "--name", "eve", "--no-input"];
    let told = machine.run(&join).failed(1);
    assert!(told.contains("new one"), "{told}");
    machine.run(&["send", "bob", "after it"]).ok();
    machine.until(&["-p", "bob", "read", "ada"], |out| {
        out.contains("before the copy") && out.contains("after it")
    });
    let (name, passphrase, _) = sheet(&machine.home("ada"));
    let password = machine.write("password", format!("{passphrase}\n"));
    let login = [
        "login",
        &address,
        "--name",
        &name,
        "--password-file",
        &password,
        "-p",
        "second",
    ];
    machine.run(&login).ok();
    let read = machine.run(&["-p", "second", "read", "bob", "--json"]).ok();
    assert_eq!(texts(&read).len(), 2, "{read}");
    server.kill();
}

/// The server is killed, a copy put in its place, and started again.
fn killed_and_restored(
    machine: &Machine,
    server: crate::running::Running,
    copy: &str,
    address: &str,
) -> crate::running::Running {
    server.kill();
    machine
        .run(&["admin", "restore", copy, "--data", &data(machine)])
        .ok();
    serve_again(machine, address)
}

/// The texts of a conversation as a profile reads them, in order.
fn told(machine: &Machine, profile: &str, with: &str) -> Vec<String> {
    let read = machine.run(&["-p", profile, "read", with, "--json"]).ok();
    texts(&read).into_iter().map(|(_, text)| text).collect()
}

// Proves: C25
#[test]
fn what_came_after_the_copy_comes_back_from_those_who_have_it() {
    let machine = Machine::new();
    let (server, address) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "one"]).ok();
    let copy = path(&machine, "copy");
    machine
        .run(&["admin", "backup", "--data", &data(&machine), &copy])
        .ok();

    // After the copy: messages both ways, a new account, a new device that writes.
    machine.run(&["send", "bob", "two"]).ok();
    machine.run(&["-p", "bob", "send", "ada", "three"]).ok();
    let used_line = line_of(&machine.run(&["invite"]).ok());
    machine
        .run(&["join", &used_line, "--name", "carl", "--no-input"])
        .ok();
    machine
        .run(&["-p", "carl", "send", "ada", "carl is here"])
        .ok();
    machine.until(&["-p", "ada", "read", "carl"], |out| {
        out.contains("carl is here")
    });
    machine.run(&["-p", "ada", "send", "carl", "welcome"]).ok();
    let (name, passphrase, _) = sheet(&machine.home("ada"));
    let password = machine.write("password", format!("{passphrase}\n"));
    let login = |profile: &'static str| {
        let args = [
            "login",
            &address,
            "--name",
            &name,
            "--password-file",
            &password,
            "-p",
            profile,
        ];
        machine.run(&args).ok();
    };
    login("second");
    machine.run(&["-p", "second", "send", "bob", "four"]).ok();
    let all = ["one", "two", "three", "four"];
    for (profile, with) in [("ada", "bob"), ("second", "bob"), ("bob", "ada")] {
        assert_eq!(told(&machine, profile, with), all, "{profile} before");
    }
    assert_eq!(told(&machine, "carl", "ada").len(), 2);

    // The account that the copy does not have brings itself back, and what it has.
    let server = killed_and_restored(&machine, server, &copy, &address);
    machine
        .run(&["-p", "carl", "send", "ada", "still here"])
        .ok();
    machine.run(&["-p", "bob", "send", "ada", "five"]).ok();
    let all = ["one", "two", "three", "four", "five"];
    for (profile, with) in [("ada", "bob"), ("second", "bob"), ("bob", "ada")] {
        assert_eq!(told(&machine, profile, with), all, "{profile} after");
    }
    let carls = ["carl is here", "welcome", "still here"];
    assert_eq!(told(&machine, "ada", "carl"), carls);
    assert_eq!(told(&machine, "carl", "ada"), carls);
    // A device that is new now reads it all, since the keys for the archive came back too.
    login("third");
    assert_eq!(told(&machine, "third", "bob"), all);
    assert_eq!(told(&machine, "third", "carl"), carls);
    // The line that carl used makes no second account.
    machine
        .run(&["join", &used_line, "--name", "eve", "--no-input"])
        .failed(1);
    machine.run(&["-p", "third", "send", "bob", "six"]).ok();
    assert_eq!(told(&machine, "bob", "ada").last().unwrap(), "six");
    server.kill();
}

/// The password was changed, a device revoked and a member removed, each by its verb, after the copy was made: the copy
/// does not bring the old state back beyond the first device that knows better.
// Proves: C25
#[test]
fn a_changed_password_a_revocation_and_a_removal_outlive_the_copy() {
    let machine = Machine::new();
    let (server, address) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "one"]).ok();
    machine.run(&["room", "create", "ops", "@bob"]).ok();
    machine.run(&["send", "#ops", "in the room"]).ok();
    machine.until(&["-p", "bob", "read", "#ops"], |out| {
        out.contains("in the room")
    });
    let (name, passphrase, _) = sheet(&machine.home("ada"));
    let old = machine.write("old", passphrase);
    let login = |file: &str, profile: &str| {
        machine.run(&[
            "login",
            &address,
            "--name",
            &name,
            "--password-file",
            file,
            "-p",
            profile,
        ])
    };
    login(&old, "lost").ok();
    machine
        .run(&["-p", "lost", "devices", "rename", "lost"])
        .ok();
    let copy = path(&machine, "copy");
    machine
        .run(&["admin", "backup", "--data", &data(&machine), &copy])
        .ok();

    machine.run(&["passwd", "--password-file", &old]).ok();
    let text = std::fs::read_to_string(machine.home("ada").join("passphrase.txt")).unwrap();
    let new = machine.write("new", text.lines().nth(2).unwrap().trim());
    machine
        .run(&["devices", "revoke", "lost", "--password-file", &new])
        .ok();
    machine.run(&["room", "remove", "#ops", "@bob"]).ok();
    machine.run(&["send", "#ops", "without bob"]).ok();

    let server = killed_and_restored(&machine, server, &copy, &address);
    // Whoever knows brings it back with its next command.
    machine.run(&["send", "bob", "two"]).ok();
    let refused = login(&old, "thief").failed(1);
    assert!(refused.contains("wrong"), "{refused}");
    let refused = machine
        .run(&["-p", "lost", "send", "bob", "still?"])
        .failed(6);
    assert!(refused.contains("revoked"), "{refused}");
    let refused = machine
        .run(&["-p", "bob", "send", "#ops", "still?"])
        .failed(6);
    assert!(refused.contains("#ops"), "{refused}");
    let read = machine.run(&["-p", "bob", "read", "#ops"]).ok();
    assert!(
        read.contains("in the room") && !read.contains("without bob"),
        "{read}"
    );
    login(&new, "second").ok();
    assert_eq!(
        told(&machine, "second", "#ops"),
        ["in the room", "without bob"]
    );
    server.kill();
}

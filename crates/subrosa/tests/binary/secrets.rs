//! Passwords, recovery codes and devices, as a person handles them.

use crate::machine::{Machine, sheet, texts};
use std::path::Path;

/// The new passphrase that `passwd` has left in a home.
fn new_passphrase(home: &Path) -> String {
    let text = std::fs::read_to_string(home.join("passphrase.txt")).unwrap();
    text.lines().nth(2).unwrap().trim().to_owned()
}

// Proves: C8
#[test]
fn a_password_is_changed_and_the_old_one_is_worth_nothing() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    let (_, old, _) = sheet(&machine.home("ada"));
    let old = machine.write("old.txt", old);
    let told = machine.run(&["passwd", "--no-input"]).failed(1);
    assert!(told.contains("--password-file"), "{told}");
    let weak = machine.write("weak.txt", "password1");
    let change = ["passwd", "--password-file", &old, "--new-password-file"];
    let told = machine.run(&[&change[..], &[&weak]].concat()).failed(1);
    assert!(told.contains("too easy to guess"), "{told}");
    let done = machine.run(&["passwd", "--password-file", &old, "--json"]);
    let changed: serde_json::Value = serde_json::from_str(done.ok().trim()).unwrap();
    assert_eq!(changed["recovery_code"], "unchanged");
    let new = new_passphrase(&machine.home("ada"));
    assert!(!done.out.contains(&new) && !done.err.contains(&new));
    let read = machine.run(&["read", "ada"]).ok();
    for words in [
        "password of this account was changed",
        "changed by the device",
    ] {
        assert!(read.contains(words), "{read}");
    }
    let home = machine.path("further");
    let login = |file: &str| {
        let home = home.to_str().unwrap();
        machine.run(&[
            "--home",
            home,
            "login",
            &address,
            "--name",
            "ada",
            "--password-file",
            file,
        ])
    };
    let told = login(&old).failed(1);
    assert!(told.contains("subrosa recover"), "{told}");
    login(&machine.write("new.txt", new)).ok();
}

// Proves: C8, C10
#[test]
fn an_account_is_taken_back_by_its_recovery_code() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "from the old device"]).ok();
    let (_, _, code) = sheet(&machine.home("ada"));
    let home = machine.path("new");
    let home = home.to_str().unwrap();
    let recover = |file: &str| {
        machine.run(&[
            "--home",
            home,
            "recover",
            &address,
            "--name",
            "ada",
            "--code-file",
            file,
        ])
    };
    let mut wrong = code.clone().into_bytes();
    wrong[0] = if wrong[0] == b'7' { b'8' } else { b'7' };
    let told = recover(&machine.write("wrong.txt", wrong)).failed(1);
    assert!(told.contains("typing error"), "{told}");
    let code = machine.write("code.txt", code);
    recover(&code).ok();
    let (name, passphrase, new_code) = sheet(Path::new(home));
    assert_eq!(name, "ada");
    let read = machine.run(&["--home", home, "read", "bob", "--json"]).ok();
    assert_eq!(
        texts(&read),
        [("ada".to_owned(), "from the old device".to_owned())]
    );
    machine.run(&["--home", home, "send", "bob", "back"]).ok();
    let read = machine.run(&["-p", "bob", "read", "ada", "--json"]).ok();
    assert_eq!(texts(&read).len(), 2, "the same person: {read}");
    // The old code does not work any more, and says what else helps; the new one does.
    let elsewhere = machine.path("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    let told = machine
        .run(&[
            "--home",
            elsewhere,
            "recover",
            &address,
            "--name",
            "ada",
            "--code-file",
            &code,
        ])
        .failed(1);
    assert!(told.contains("admin release"), "{told}");
    assert!(new_code.len() == 34 && passphrase.split(' ').count() == 6);
    let devices = machine.run(&["--home", home, "devices"]).ok();
    assert_eq!(devices.lines().count(), 2, "{devices}");
}

// Proves: C16, C18
#[test]
fn a_device_is_named_revoked_and_says_what_happened() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "hello"]).ok();
    let (_, passphrase, _) = sheet(&machine.home("ada"));
    let file = machine.write("passphrase.txt", passphrase);
    let phone = machine.path("phone");
    let phone = phone.to_str().unwrap();
    machine
        .run(&[
            "--home",
            phone,
            "login",
            &address,
            "--name",
            "ada",
            "--password-file",
            &file,
        ])
        .ok();
    machine
        .run(&["--home", phone, "devices", "rename", "pocket"])
        .ok();
    // The older device lists it by its name, at once, and was told of it.
    let devices = machine.run(&["devices"]).ok();
    assert!(
        devices.contains("pocket") && devices.lines().count() == 2,
        "{devices}"
    );
    let read = machine.run(&["read", "ada"]).ok();
    assert!(
        read.contains("a new device") && read.contains("devices revoke"),
        "{read}"
    );
    let this = devices.lines().find(|line| line.ends_with("this one"));
    let this = this.unwrap().split(' ').next().unwrap();
    let told = machine.run(&["devices", "revoke", this, "--password-file", &file]);
    assert!(told.failed(1).contains("subrosa logout"));
    let told = machine.run(&["devices", "revoke", "tablet", "--password-file", &file]);
    assert!(told.failed(1).contains("subrosa devices"));
    machine
        .run(&["devices", "revoke", "pocket", "--password-file", &file])
        .ok();
    let devices = machine.run(&["devices"]).ok();
    let pocket = devices
        .lines()
        .find(|line| line.contains("pocket"))
        .unwrap();
    assert!(pocket.ends_with("ended"), "{devices}");
    // The device: exit 6, one sentence, and its history stays readable.
    let told = machine
        .run(&["--home", phone, "send", "bob", "still?"])
        .failed(6);
    assert!(told.contains("revoked"), "{told}");
    let read = machine
        .run(&["--home", phone, "read", "bob", "--json"])
        .ok();
    assert_eq!(texts(&read).len(), 1, "{read}");
    let read = machine.run(&["-p", "bob", "read", "ada"]).ok();
    assert!(read.contains("a device of ada was revoked"), "{read}");
}

// Proves: C16
#[test]
fn a_device_logs_out_and_forgets() {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "hello"]).ok();
    machine.run(&["logout", "--no-input"]).ok();
    let told = machine.run(&["send", "bob", "gone"]).failed(6);
    assert!(told.contains("has logged out"), "{told}");
    let read = machine.run(&["read", "bob", "--json"]).ok();
    assert_eq!(texts(&read).len(), 1, "{read}");
    let read = machine.run(&["-p", "bob", "read", "ada"]).ok();
    assert!(read.contains("a device of ada logged out"), "{read}");
    // Out of reach it says so, and is logged out still: the home can be forgotten.
    drop(server);
    let told = machine
        .run(&["-p", "bob", "logout", "--no-input"])
        .failed(3);
    assert!(told.contains("needs the server"), "{told}");
    machine.run(&["logout", "--forget", "--no-input"]).ok();
    assert!(!machine.home("ada").exists());
}

// Proves: C10
#[test]
fn a_released_name_is_another_accounts() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let data = machine.path("server");
    let data = data.to_str().unwrap();
    let release = ["admin", "release", "bob", "--data", data];
    let told = machine
        .run(&[&release[..], &["--no-input"]].concat())
        .failed(1);
    assert!(told.contains("--yes"), "{told}");
    machine.run(&[&release[..], &["--yes"]].concat()).ok();
    let told = machine.run(&[&release[..], &["--yes"]].concat()).failed(1);
    assert!(told.contains("no account called bob"), "{told}");
    let told = machine.run(&["-p", "bob", "invite"]).failed(3);
    assert!(told.contains("does not know this device"), "{told}");
    machine
        .run(&["join", &machine.admin_line(), "--name", "bob", "--no-input"])
        .ok();
    let id = |profile: &str| {
        let home = machine.home(profile);
        std::fs::metadata(home.join("store.db")).unwrap().len()
    };
    assert!(
        id("bob") > 0 && id("bob-2") > 0,
        "two people of one name, on one machine"
    );
}

#[test]
fn a_join_that_fails_leaves_nothing_behind() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    let line = machine.admin_line();
    machine
        .run(&["join", &line, "--name", "ada", "--no-input"])
        .ok();
    machine
        .run(&["join", &line, "--name", "bob", "--no-input"])
        .failed(1);
    let taken = machine.admin_line();
    machine
        .run(&["join", &taken, "--name", "ada", "--no-input"])
        .failed(1);
    let homes = machine.home("ada");
    let homes = homes.parent().unwrap();
    let left: Vec<_> = std::fs::read_dir(homes)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["ada"]);
}

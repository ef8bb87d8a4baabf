//! What is known of people, and what the devices of one account agree on.

use crate::machine::{Machine, sheet};

/// A second device of Ada, by her passphrase.
fn second(machine: &Machine, address: &str) -> String {
    let (_, passphrase, _) = sheet(&machine.home("ada"));
    let file = machine.write("passphrase.txt", &passphrase);
    let home = machine.path("second");
    let home = home.to_str().unwrap().to_owned();
    machine
        .run(&[
            "--home",
            &home,
            "login",
            address,
            "--name",
            "ada",
            "--password-file",
            &file,
        ])
        .ok();
    home
}

#[test]
fn what_is_read_on_one_device_is_read_on_the_other() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    let second = second(&machine, &address);
    for text in ["one", "two", "three"] {
        machine.run(&["-p", "bob", "send", "ada", text]).ok();
    }
    let both = [vec!["-p", "ada"], vec!["--home", second.as_str()]];
    for device in &both {
        let args = [device.as_slice(), &["read", "--unread"]].concat();
        assert_eq!(machine.run(&args).ok(), "@bob (3 unread)\n");
    }
    let all = machine.run(&["-p", "ada", "read"]);
    assert!(all.err.contains("unread: @bob (3 unread)"), "{all:?}");
    machine
        .run(&["-p", "ada", "read", "bob", "--mark-read"])
        .ok();
    for device in &both {
        let args = [device.as_slice(), &["read", "--unread"]].concat();
        let done = machine.run(&args);
        assert_eq!(done.ok(), "", "{done:?}");
        assert!(done.err.contains("all is read"), "{done:?}");
    }
    machine.run(&["-p", "bob", "send", "ada", "four"]).ok();
    let args = ["--home", &second, "read", "--unread", "--json"];
    let json = machine.run(&args).ok();
    assert!(json.contains("\"unread\":1"), "{json}");
}

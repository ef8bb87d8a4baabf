//! Rooms, as people and scripts use them.

use crate::machine::{Machine, line_of, sheet, texts};

fn only_texts(out: &str) -> Vec<String> {
    texts(out).into_iter().map(|(_, text)| text).collect()
}

// Proves: C16
#[test]
fn three_people_in_a_room() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let empty = machine.run(&["room", "list"]);
    assert!(empty.err.contains("room create"), "{empty:?}");
    let made = machine
        .run(&[
            "room",
            "create",
            "ops",
            "@bob",
            "--topic",
            "what runs where",
        ])
        .ok();
    assert!(made.starts_with("#ops  2 members"), "{made}");
    // Who was away when he was added finds the room, its name and what was written since.
    machine.run(&["send", "#ops", "are you there?"]).ok();
    let list = machine.run(&["-p", "bob", "room", "list"]).ok();
    assert!(
        list.starts_with("#ops  2 members") && list.contains("what runs where"),
        "{list}"
    );
    let read = machine.run(&["-p", "bob", "read", "#ops", "--json"]).ok();
    assert_eq!(only_texts(&read), ["are you there?"]);
    // Somebody of the room has to be there to let in who comes by a line.
    let _ada = machine.start(&["tail"]);
    machine.run(&["-p", "bob", "send", "#ops", "just us"]).ok();

    // A line into the room: an account, the contact and the room by one command.
    let told = machine.run(&["-p", "bob", "invite", "#ops"]).failed(6);
    assert!(told.contains("admins"), "{told}");
    let line = line_of(&machine.run(&["invite", "#ops"]).ok());
    machine
        .run(&["join", &line, "--name", "carol", "--no-input"])
        .ok();
    machine.until(&["-p", "carol", "room", "list"], |list| {
        list.starts_with("#ops  3 members")
    });
    machine.run(&["send", "#ops", "hello both"]).ok();
    let read = machine.run(&["-p", "carol", "read", "#ops", "--json"]).ok();
    assert_eq!(
        only_texts(&read),
        ["hello both"],
        "nothing from before, and no hole"
    );
    let shown = machine.run(&["-p", "carol", "read", "#ops"]).ok();
    assert!(
        shown.contains("ada added you") && !shown.contains("not readable"),
        "{shown}"
    );

    let shown = machine.run(&["room", "show", "#ops"]).ok();
    for part in [
        "you       admin",
        "members   3",
        "  ada    admin   1 device",
        "  carol  member",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let show = machine.run(&["room", "show", "#ops", "--json"]).ok();
    let show: serde_json::Value = serde_json::from_str(&show).unwrap();
    assert_eq!(
        (show["standing"].as_str(), show["archive"].as_bool()),
        (Some("in"), Some(true))
    );

    machine.until(&["-p", "bob", "read", "#ops"], |read| {
        read.contains("hello both")
    });
    machine.run(&["room", "remove", "#ops", "bob"]).ok();
    machine.run(&["send", "#ops", "without bob"]).ok();
    let read = machine.run(&["-p", "bob", "read", "#ops", "--json"]).ok();
    assert_eq!(
        only_texts(&read),
        ["are you there?", "just us", "hello both"]
    );
    let told = machine
        .run(&["-p", "bob", "send", "#ops", "hello?"])
        .failed(6);
    assert!(told.contains("not a member of #ops"), "{told}");

    let told = machine.run(&["room", "leave", "#ops"]).failed(6);
    assert!(told.contains("room promote '#ops'"), "{told}");
    machine.run(&["room", "promote", "#ops", "@carol"]).ok();
    machine.run(&["room", "leave", "#ops"]).ok();
    let list = machine.run(&["room", "list"]).ok();
    assert!(list.contains(", left"), "{list}");
    machine.run(&["-p", "carol", "room", "close", "#ops"]).ok();
    let told = machine
        .run(&["-p", "carol", "send", "#ops", "late"])
        .failed(6);
    assert!(told.contains("closed"), "{told}");
}

#[test]
fn mistakes_in_rooms_are_told_with_the_next_step() {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["room", "create", "ops"]).ok();
    for (args, code, part) in [
        (&["room", "show", "#nowhere"][..], 1, "room create nowhere"),
        (&["room", "show", "@bob"], 1, "is a person"),
        (
            &["room", "add", "#ops", "@nobody"],
            1,
            "nobody called nobody",
        ),
        (&["room", "add", "#ops", "No Body"], 1, "no account name"),
        (
            &["room", "promote", "#ops", "@bob"],
            1,
            "room add '#ops' @bob",
        ),
        (&["room", "remove", "#ops", "@ada"], 1, "room leave"),
        (&["room", "create", "  "], 1, "needs a name"),
        (&["room", "policy", "#ops"], 1, "--members-add on"),
        (&["accept", "#nowhere"], 1, "no conversation #nowhere"),
        (&["refuse", "#ops"], 1, "room leave '#ops'"),
        (&["send", "#nowhere", "x"], 1, "no conversation #nowhere"),
        (&["room", "demote", "#ops", "ada"], 6, "only admin"),
    ] {
        let told = machine.run(args).failed(code);
        assert!(told.contains(part), "{args:?}: {told}");
    }
    assert_eq!(server.interrupt().code, Some(0));
    let told = machine.run(&["room", "add", "#ops", "@bob"]).failed(3);
    assert!(told.contains("nothing was changed"), "{told}");
    let told = machine.run(&["room", "create", "later"]).failed(3);
    assert!(told.contains("no room was made"), "{told}");
    let (_server, _) = machine.serve();
    let list = machine.run(&["room", "list"]).ok();
    assert_eq!(list.trim(), "#ops  1 member");
}

#[test]
fn a_chat_in_a_room() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["room", "create", "ops"]).ok();
    let chat = machine.pipe(
        &["chat", "#ops"],
        b"one\n/add bob\n/members\n/leave\n/to bob\n",
    );
    assert_eq!(chat.code, Some(6), "the last admin stays: {chat:?}");
    for part in [
        "added to #ops: bob",
        "members   2",
        "only admin",
        "you write to @bob",
    ] {
        assert!(chat.err.contains(part), "{part}: {chat:?}");
    }
    let read = machine.run(&["read", "#ops", "--json"]).ok();
    assert_eq!(only_texts(&read), ["one"]);
}

/// What a device does of itself, and what it is told to do, at one moment: it carries the end of another into each
/// conversation and makes a room; it learns of its own removal and has something to send.
#[test]
fn the_first_command_after_others_changed_things_does_its_work_or_says_why() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    let (_, passphrase, _) = sheet(&machine.home("ada"));
    let file = machine.write("passphrase", passphrase);
    let login = [
        "-p",
        "phone",
        "login",
        &address,
        "--name",
        "ada",
        "--password-file",
        &file,
    ];
    machine.run(&login).ok();
    machine.run(&["-p", "phone", "logout", "--keep"]).ok();
    let create = machine.start(&["-p", "ada", "room", "create", "ops", "@bob"]);
    let made = create.wait().ok();
    assert!(made.contains("2 members"), "{made}");
    let read = machine.run(&["-p", "ada", "read", "ada"]).ok();
    assert!(!read.contains("does not hold"), "{read}");
    machine.run(&["-p", "ada", "send", "#ops", "hello"]).ok();
    machine.until(&["-p", "bob", "read", "#ops"], |out| out.contains("hello"));
    let told = machine.run(&["-p", "bob", "trust", "ada"]).ok();
    assert_eq!(
        told.matches("device ").count(),
        1,
        "those that are over are left out: {told}"
    );

    machine
        .run(&["-p", "ada", "room", "remove", "#ops", "@bob"])
        .ok();
    let told = machine
        .run(&["-p", "bob", "send", "#ops", "still?"])
        .failed(6);
    assert!(told.contains("not a member"), "{told}");
    let read = machine.run(&["-p", "bob", "read", "#ops"]).ok();
    assert!(!read.contains("still?"), "nothing waits for good: {read}");
}

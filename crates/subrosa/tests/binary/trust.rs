//! What is known of people, and what the devices of one account agree on.

use crate::machine::{Machine, line_of, sheet, texts};

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

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text.trim()).unwrap()
}

// Proves: C10
#[test]
fn two_people_compare_safety_numbers() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    // Nobody has written yet: the line alone makes both of them invited.
    for (who, other, why) in [
        ("ada", "bob", "invited: came by your invite line"),
        ("bob", "ada", "invited: you came by their invite line"),
    ] {
        let told = machine.until(&["-p", who, "trust", other], |out| out.contains("device"));
        assert!(told.contains(why), "{told}");
        assert!(
            told.contains(&format!("to do: subrosa verify @{other}")),
            "{told}"
        );
    }
    let of_ada = json(&machine.run(&["-p", "ada", "verify", "bob", "--json"]).ok());
    let of_bob = json(&machine.run(&["-p", "bob", "verify", "@ada", "--json"]).ok());
    for field in ["safety_number", "code"] {
        assert_eq!(of_ada[field], of_bob[field]);
    }
    let shown = machine.run(&["-p", "ada", "verify", "bob", "--qr"]);
    assert_eq!(shown.out.lines().count(), 25 + 1 + 3, "{shown:?}");
    assert!(shown.err.contains("subrosa verify bob --mark"), "{shown:?}");

    let number = of_bob["safety_number"].as_str().unwrap();
    let other = if number.starts_with('0') { '1' } else { '0' };
    let wrong = format!("{other}{}", &number[1..]);
    let told = machine
        .run(&["-p", "ada", "verify", "bob", "--number", &wrong])
        .failed(4);
    assert!(told.contains("differ"), "{told}");
    let told = machine
        .run(&["-p", "ada", "verify", "bob", "--number", "12345"])
        .failed(1);
    assert!(told.contains("60 digits"), "{told}");
    machine.run(&["-p", "ada", "verify", "carol"]).failed(1);
    let right = machine.run(&["-p", "ada", "verify", "bob", "--number", number]);
    right.ok();
    assert!(right.err.contains("bob is verified"), "{right:?}");
    let told = machine.run(&["-p", "ada", "trust"]).ok();
    assert!(
        told.starts_with("@bob  verified: safety numbers compared on "),
        "{told}"
    );
    let scanned = of_ada["code"].as_str().unwrap();
    machine
        .run(&["-p", "bob", "verify", "ada", "--code", scanned])
        .ok();
    machine
        .run(&["-p", "bob", "verify", "ada", "--code", "SUBROSA:1:AA:BB"])
        .failed(4);
    machine
        .run(&["-p", "bob", "verify", "ada", "--unmark"])
        .ok();
    let told = machine.run(&["-p", "bob", "trust", "ada", "--json"]).ok();
    assert_eq!(json(&told)["trust"], "invited");
}

#[test]
fn blocks_mutes_and_settings_hold_on_all_devices() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["-p", "bob", "send", "ada", "one"]).ok();
    let second = second(&machine, &address);
    machine.run(&["-p", "ada", "mute", "bob"]).ok();
    machine
        .run(&["-p", "ada", "settings", "read-receipts", "off"])
        .ok();
    let told = machine.run(&["--home", &second, "read", "--unread"]).ok();
    assert_eq!(told, "@bob (1 unread, muted)\n");
    let told = machine.run(&["--home", &second, "settings"]).ok();
    assert!(told.starts_with("read-receipts = off"), "{told}");
    machine
        .run(&["-p", "ada", "settings", "read-receipts", "loud"])
        .failed(1);
    machine
        .run(&["-p", "ada", "settings", "colour", "red"])
        .failed(1);

    machine.run(&["--home", &second, "block", "bob"]).ok();
    machine.run(&["-p", "bob", "send", "ada", "two"]).ok();
    let read = machine.run(&["-p", "ada", "read"]).ok();
    assert!(!read.contains("one") && !read.contains("two"), "{read}");
    let empty = machine.run(&["-p", "ada", "read", "bob"]);
    assert!(empty.err.contains("bob is blocked"), "{empty:?}");
    let told = machine
        .run(&["-p", "ada", "send", "bob", "hello"])
        .failed(1);
    assert!(told.contains("subrosa unblock @bob"), "{told}");
    machine.run(&["-p", "ada", "unblock", "bob"]).ok();
    let read = machine.run(&["-p", "ada", "read"]).ok();
    assert!(read.contains("one") && read.contains("two"), "{read}");
}

/// Bob has lost all that he had, the operator frees his name, and he begins anew under it by this line.
fn bob_begins_anew(machine: &Machine, line: impl FnOnce() -> String) {
    std::fs::remove_dir_all(machine.home("bob")).unwrap();
    let data = machine.path("server");
    let data = data.to_str().unwrap();
    machine
        .run(&["admin", "release", "bob", "--data", data, "--yes"])
        .ok();
    machine
        .run(&["join", &line(), "--name", "bob", "--no-input"])
        .ok();
}

/// The command in a sentence that has this word in it.
fn told_command(sentence: &str, word: &str) -> Vec<String> {
    let commands = sentence.split('`').skip(1).step_by(2);
    let mut commands = commands.filter_map(|text| text.strip_prefix("subrosa "));
    let command = commands.find(|command| command.contains(word));
    let command = command.unwrap_or_else(|| panic!("no command with {word} in {sentence}"));
    command.split(' ').map(str::to_owned).collect()
}

/// Two texts each way, and the numbers compared.
fn known(machine: &Machine) {
    machine.ada_and_bob();
    machine.run(&["send", "bob", "from ada, before"]).ok();
    machine
        .run(&["-p", "bob", "send", "ada", "from bob, before"])
        .ok();
    machine.run(&["verify", "bob", "--mark"]).ok();
    machine.until(&["read", "bob"], |out| out.contains("from bob, before"));
}

// Proves: C10
#[test]
fn a_changed_identity_stops_a_message_until_the_command_that_is_told() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    known(&machine);
    bob_begins_anew(&machine, || machine.admin_line());

    let told = machine.run(&["send", "bob", "is it you?"]).failed(4);
    let mend = told_command(&told, "--accept-new");
    assert_eq!(mend, ["trust", "@bob", "--accept-new"]);
    // Trying again helps nothing, and nothing has left.
    machine.run(&["send", "@bob", "hello?"]).failed(4);
    let doubted = json(
        machine
            .run(&["trust", "bob~new", "--json"])
            .ok()
            .lines()
            .next()
            .unwrap(),
    );
    assert_eq!(doubted["standing"], "newcomer", "{doubted}");
    assert_eq!(machine.run(&["-p", "bob", "read", "--json"]).ok(), "");

    machine
        .run(&mend.iter().map(String::as_str).collect::<Vec<_>>())
        .ok();
    // He knows nobody any more: what is written to him leaves when he has accepted.
    let told = machine.run(&["send", "bob", "is it you?"]).failed(3);
    assert!(told.contains("bob has not accepted"), "{told}");
    machine.run(&["-p", "bob", "accept", "ada"]).ok();
    machine.run(&["send", "bob", "to the new one"]).ok();
    let out = machine.until(&["-p", "bob", "read", "ada", "--json"], |out| {
        out.contains("to the new one")
    });
    assert_eq!(
        texts(&out),
        ["is it you?", "to the new one"].map(|text| ("ada".to_owned(), text.to_owned()))
    );
    // A comparison of numbers does not pass from one account to another.
    let now = json(
        machine
            .run(&["trust", "bob", "--json"])
            .ok()
            .lines()
            .next()
            .unwrap(),
    );
    assert_eq!(now["trust"], "unverified", "{now}");

    // What was said with the earlier one stays, and is his.
    let before = machine.run(&["read", "bob~old", "--json"]).ok();
    assert_eq!(
        texts(&before),
        [("ada", "from ada, before"), ("bob~old", "from bob, before")]
            .map(|(from, text)| (from.to_owned(), text.to_owned()))
    );
    machine.run(&["-p", "bob", "send", "ada", "it is me"]).ok();
    let now = machine.until(&["read", "bob", "--json"], |out| out.contains("it is me"));
    assert!(!now.contains("before"), "{now}");
    assert!(texts(&now).contains(&("bob".to_owned(), "it is me".to_owned())));
}

// Proves: C10
#[test]
fn who_begins_anew_by_ones_own_invite_line_is_another_person_too() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    known(&machine);
    bob_begins_anew(&machine, || line_of(&machine.run(&["invite"]).ok()));

    let told = machine.run(&["send", "bob", "is it you?"]).failed(4);
    let mend = told_command(&told, "--accept-new");
    machine
        .run(&mend.iter().map(String::as_str).collect::<Vec<_>>())
        .ok();
    // The line was Ada's: the new account need not accept what it asked for itself.
    machine.run(&["send", "bob", "is it you?"]).ok();
    let out = machine.until(&["-p", "bob", "read", "ada", "--json"], |out| {
        out.contains("is it you?")
    });
    assert_eq!(texts(&out), [("ada".to_owned(), "is it you?".to_owned())]);
    let before = machine.run(&["read", "bob~old"]).ok();
    assert!(before.contains("bob~old: from bob, before"), "{before}");
}

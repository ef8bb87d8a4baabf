//! What is said about messages in a room, by three people.

use crate::machine::{Machine, line_of, texts};
use crate::running::Running;
use serde_json::Value;

/// Ada, Bob and Carol in #ops, of which Ada is the admin. Ada stays there, so that Carol is let in.
fn three(machine: &Machine) -> Running {
    machine.ada_and_bob();
    machine.run(&["room", "create", "ops", "@bob"]).ok();
    let ada = machine.start(&["tail"]);
    let line = line_of(&machine.run(&["invite", "#ops"]).ok());
    machine
        .run(&["join", &line, "--name", "carol", "--no-input"])
        .ok();
    for who in ["bob", "carol"] {
        machine.until(&["-p", who, "room", "list"], |list| {
            list.starts_with("#ops  3 members")
        });
    }
    ada
}

/// The row of a text as somebody is shown it.
fn row(machine: &Machine, who: &str, text: &str) -> Value {
    let out = machine.until(&["-p", who, "read", "#ops", "--json"], |out| {
        texts(out).iter().any(|(_, shown)| shown == text)
    });
    let rows = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut rows = rows.filter(|row| row["text"] == text);
    rows.next_back().unwrap()
}

fn id(machine: &Machine, who: &str, text: &str) -> String {
    row(machine, who, text)["id"].as_str().unwrap().to_owned()
}

// Proves: C15
#[test]
fn three_people_say_things_about_messages() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    let _ada = three(&machine);
    let send =
        |who: &str, args: &[&str]| machine.run(&[&["-p", who, "send", "#ops"], args].concat());

    send("bob", &["lunch at one?"]).ok();
    let lunch = id(&machine, "carol", "lunch at one?");
    send("carol", &["--reply", &lunch, "@bob sure"]).ok();
    send("ada", &["--react", &lunch, "👍"]).ok();
    // Nobody but its author edits a message, and no plain member deletes another's.
    for (who, args) in [
        ("ada", &["--edit", &lunch, "no lunch"][..]),
        ("carol", &["--edit", &lunch, "no lunch"]),
        ("carol", &["--delete", &lunch]),
    ] {
        let told = send(who, args).failed(6);
        assert!(told.contains("bob's"), "{told}");
    }
    send("bob", &["--edit", &lunch, "lunch at two?"]).ok();
    for who in ["ada", "bob", "carol"] {
        let shown = row(&machine, who, "lunch at two?");
        assert_eq!(shown["id"], lunch.as_str(), "{shown}");
        assert!(shown["edited_ms"].is_u64(), "{shown}");
        assert_eq!(shown["reactions"][0]["emoji"], "👍", "{shown}");
        let answer = row(&machine, who, "@bob sure");
        assert_eq!(answer["reply_to"]["excerpt"], "lunch at two?", "{answer}");
    }

    // How far it has come is told to its author, of each who can read it: for all as far as for the last.
    let state = || {
        let shown = row(&machine, "bob", "lunch at two?");
        shown["state"].as_str().unwrap().to_owned()
    };
    let receipts = ["-p", "bob", "receipts", "#ops", &lunch];
    let reads = |who| {
        machine
            .run(&["-p", who, "read", "#ops", "--mark-read"])
            .ok()
    };
    machine.until(&receipts, |told| told.matches("delivered").count() == 2);
    reads("ada");
    let told = machine.until(&receipts, |told| told.contains("ada    ✓✓ read"));
    assert!(told.contains("carol  ✓✓ delivered"), "{told}");
    assert_eq!(state(), "delivered");
    reads("carol");
    machine.until(&receipts, |told| told.contains("carol  ✓✓ read"));
    assert_eq!(state(), "read");
    let told = machine
        .run(&["-p", "ada", "receipts", "#ops", &lunch])
        .failed(1);
    assert!(told.contains("not yours"), "{told}");

    send("bob", &["--delete", &lunch]).ok();
    let sure = id(&machine, "ada", "@bob sure");
    send("ada", &["--delete", &sure]).ok();
    for who in ["ada", "bob", "carol"] {
        machine.until(&["-p", who, "read", "#ops"], |shown| {
            shown.contains("deleted by its author")
                && shown.contains("removed by ada, an admin of the room")
                && !shown.contains("lunch at")
                && !shown.contains("@bob sure")
        });
    }

    let told = machine.run(&["-p", "bob", "timer", "#ops", "1d"]).failed(6);
    assert!(told.contains("only admins"), "{told}");
    assert_eq!(machine.run(&["timer", "#ops", "1d"]).ok(), "1d\n");
    assert_eq!(machine.run(&["-p", "carol", "timer", "#ops"]).ok(), "1d\n");
    send("carol", &["for a day"]).ok();
    let shown = row(&machine, "bob", "for a day");
    assert!(shown["expires_ms"].is_u64(), "{shown}");
    let shown = machine.run(&["room", "show", "#ops"]).ok();
    assert!(
        shown.contains("messages disappear 1d after they arrive"),
        "{shown}"
    );
    machine
        .run(&["room", "policy", "#ops", "--timer", "off"])
        .ok();
    assert_eq!(machine.run(&["timer", "#ops"]).ok(), "off\n");
}

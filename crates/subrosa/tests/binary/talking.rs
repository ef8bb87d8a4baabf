//! What is said about earlier messages.

use crate::machine::Machine;
use serde_json::Value;

/// The objects that `read --json` prints.
fn rows(machine: &Machine, args: &[&str]) -> Vec<Value> {
    let read = machine.run(&[args, &["--json"]].concat()).ok();
    let rows = read.lines().map(|line| serde_json::from_str(line).unwrap());
    rows.filter(|row: &Value| row["id"] != "").collect()
}

/// The first digits of the id of the message with this text, as `read --ids` shows them.
fn id(machine: &Machine, args: &[&str], text: &str) -> String {
    let read = machine.run(&[args, &["--ids"]].concat()).ok();
    let line = read.lines().find(|line| line.contains(text));
    let line = line.unwrap_or_else(|| panic!("{text} is not in {read}"));
    line.split(' ').next().unwrap().to_owned()
}

// Proves: C15
#[test]
fn reply_edit_react_and_delete() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let of_bob = ["-p", "bob", "read", "ada"];
    machine.run(&["send", "bob", "lunch at one?"]).ok();
    machine.until(&of_bob, |read| read.contains("lunch at one?"));
    let lunch = id(&machine, &of_bob, "lunch");
    assert_eq!(lunch.len(), 8);
    let as_bob = |args: &[&str]| machine.run(&[&["-p", "bob", "send", "ada"], args].concat());
    as_bob(&["--reply", &lunch, "sure,", "@ada"]).ok();
    as_bob(&["--react", &lunch, "👍"]).ok();
    machine
        .run(&["send", "bob", "--edit", &lunch, "lunch at two?"])
        .ok();
    let read = machine.until(&of_bob, |read| read.contains("lunch at two?"));
    assert!(
        read.contains("ada: lunch at two? (edited)  👍 bob"),
        "{read}"
    );
    let read = machine.run(&["read", "bob"]).ok();
    assert!(
        read.contains("bob: [to ada: lunch at two?] sure, @ada (names you)"),
        "{read}"
    );

    // Not one's own, not there, not an id, two things at once.
    let refused = as_bob(&["--edit", &lunch, "no lunch"]).failed(6);
    assert!(refused.contains("ada's"), "{refused}");
    as_bob(&["--delete", &lunch]).failed(6);
    assert!(
        as_bob(&["--delete", "ffffffffffff"])
            .failed(1)
            .contains("no message")
    );
    assert!(
        as_bob(&["--react", "soup", "👍"])
            .failed(1)
            .contains("no id")
    );
    as_bob(&["--delete", &lunch, "--unreact", &lunch]).failed(1);
    as_bob(&["--delete", &lunch, "and a text"]).failed(1);
    assert!(
        as_bob(&["--react", &lunch, ""])
            .failed(1)
            .contains("--unreact")
    );

    as_bob(&["--unreact", &lunch]).ok();
    let sent = machine
        .run(&["send", "bob", "--delete", &lunch, "--json"])
        .ok();
    let sent: Value = serde_json::from_str(&sent).unwrap();
    machine.until(&of_bob, |read| {
        read.contains("[gone: deleted by its author]")
    });
    for rows in [rows(&machine, &of_bob), rows(&machine, &["read", "bob"])] {
        let [gone, reply] = &rows[..] else {
            panic!("{rows:?}");
        };
        assert_eq!((&gone["kind"], &gone["id"]), (&"gone".into(), &sent["id"]));
        assert_eq!(gone.get("reactions"), None);
        assert_eq!(
            (&reply["text"], &reply["reply_to"]["excerpt"]),
            (&"sure, @ada".into(), &Value::Null)
        );
    }
}

#[test]
fn what_is_said_about_a_message_while_the_server_is_away_arrives_in_order() {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "one"]).ok();
    assert_eq!(server.interrupt().code, Some(0));
    let one = id(&machine, &["read", "bob"], "one");
    machine
        .run(&["send", "bob", "--edit", &one, "two"])
        .failed(3);
    machine.run(&["send", "bob", "unsent"]).failed(3);
    let unsent = id(&machine, &["read", "bob"], "unsent");
    // It never leaves: nobody has to hear of it.
    machine.run(&["send", "bob", "--delete", &unsent]).ok();
    let refused = machine
        .run(&["send", "bob", "--no-queue", "--react", &one, "👍"])
        .failed(3);
    assert!(refused.contains("not kept"), "{refused}");
    assert!(
        machine
            .run(&["read", "bob"])
            .ok()
            .contains("ada: two (edited)")
    );
    let (_server, _) = machine.serve();
    machine.drain(&["chat", "bob"]);
    let rows = rows(&machine, &["-p", "bob", "read", "ada"]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        (&rows[0]["text"], rows[0].get("reactions")),
        (&"two".into(), None)
    );
}

#[test]
fn typing_receipts_timers_and_settings() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "hello"]).ok();
    let tail = machine.start(&["-p", "bob", "tail", "--json"]);
    let hears = |what: &str, typing: bool| {
        let said = format!("\"typing\":{typing}");
        tail.out.line(what, |line| {
            line.contains("\"notice\":\"typing\"") && line.contains(&said)
        });
    };
    tail.out
        .line("the link", |line| line.contains("\"online\""));
    // A key of hers that he has comes with a message.
    machine.run(&["send", "bob", "a moment"]).ok();
    tail.out.line("it", |line| line.contains("a moment"));
    machine.run(&["typing", "bob"]).ok();
    hears("that ada types", true);
    machine.run(&["send", "bob", "done"]).ok();
    hears("that she has stopped", false);
    tail.interrupt();

    let done = id(&machine, &["read", "bob"], "done");
    let told = machine.until(&["receipts", "bob", &done], |told| told.contains("✓✓"));
    assert_eq!(told, "bob  ✓✓ delivered\n");
    let other = id(&machine, &["-p", "bob", "read", "ada"], "done");
    let refused = machine.run(&["-p", "bob", "receipts", "ada", &other]);
    assert!(refused.failed(1).contains("not yours"));

    let told = machine.run(&["settings", "read-receipts", "off"]).ok();
    assert!(told.contains("read-receipts = off"), "{told}");

    assert_eq!(machine.run(&["timer", "bob"]).ok(), "off\n");
    assert_eq!(machine.run(&["timer", "bob", "1w"]).ok(), "7d\n");
    let told = machine.run(&["-p", "bob", "timer", "ada", "--json"]).ok();
    assert!(told.contains("\"timer\":\"7d\""), "{told}");
    machine
        .run(&["-p", "bob", "send", "ada", "for a week"])
        .ok();
    let rows = rows(&machine, &["read", "bob"]);
    let week = rows.iter().find(|row| row["text"] == "for a week").unwrap();
    let life = week["expires_ms"].as_u64().unwrap() - week["time_ms"].as_u64().unwrap();
    assert!(life.abs_diff(7 * 86_400_000) < 60_000, "{week}");
    assert!(
        rows.iter()
            .all(|row| row == week || row.get("expires_ms").is_none())
    );
    assert!(
        machine
            .run(&["timer", "bob", "soon"])
            .failed(1)
            .contains("choose one of")
    );
    assert_eq!(
        machine.run(&["-p", "bob", "timer", "ada", "off"]).ok(),
        "off\n"
    );
}

#[test]
fn a_chat_speaks_about_earlier_messages() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "bob", "which one?"]).ok();
    let mut bob = machine.start(&["-p", "bob", "chat", "ada"]);
    bob.err.line("whom he writes to", |line| {
        line.contains("you write to @ada")
    });
    machine.run(&["send", "bob", "the red or the blue?"]).ok();
    bob.out
        .line("her question", |line| line.contains("the red or the blue?"));
    bob.type_line("/reply 1 the blue");
    bob.type_line("/react 1 👍");
    bob.type_line("oops");
    bob.type_line("/edit 1 the blue, please");
    bob.type_line("nothing");
    bob.type_line("/delete 1");
    bob.type_line("/delete 7");
    bob.err
        .line("a refusal", |line| line.contains("no such message"));
    bob.end_input();
    assert_eq!(bob.wait().code, Some(1), "one line was refused");
    let read = machine.until(&["read", "bob"], |read| {
        read.contains("the blue, please (edited)")
    });
    assert!(
        read.contains("[to ada: the red or the blue?] the blue"),
        "{read}"
    );
    assert!(read.contains("the red or the blue?  👍 bob"), "{read}");
    assert!(
        !read.contains("nothing") && !read.contains("oops"),
        "{read}"
    );
}

//! Bots: two commands from nothing to the first encrypted message, and not a step further than
//! their owner lets them.

use crate::machine::{Machine, texts};

fn read(machine: &Machine, args: &[&str]) -> Vec<(String, String)> {
    texts(&machine.run(args).ok())
}

// Proves: C12
#[test]
fn two_commands_and_no_human_step_to_a_bots_first_message() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["room", "create", "ops", "@bob"]).ok();
    machine.run(&["room", "create", "dev", "@bob"]).ok();
    machine.run(&["send", "#ops", "before the bot"]).ok();
    let new = machine.run(&["bot", "new", "ci", "--can", "post:#ops,read:#dev"]);
    let line = new.ok();
    assert!(line.trim().ends_with("/ci"), "the line alone: {line}");
    let ci = machine.path("ci");
    let ci = ci.to_str().unwrap();
    let joined = machine.pipe(&["join", "-", "--home", ci], line.as_bytes());
    assert_eq!(joined.ok(), "ci\n");
    assert!(!machine.path("ci/sheet.txt").exists(), "nothing to keep");
    let sent = machine.pipe(&["send", "#ops", "--home", ci], b"the build is green\n");
    assert!(sent.err.contains("sent to #ops"), "{sent:?}");

    let last = ("ci".to_owned(), "the build is green".to_owned());
    let ops = read(&machine, &["-p", "bob", "read", "#ops", "--json"]);
    assert_eq!(ops.last(), Some(&last));
    let shown = machine.run(&["-p", "bob", "room", "show", "#ops"]).ok();
    assert!(
        shown.contains("ci") && shown.contains("poster") && shown.contains("a bot of ada"),
        "{shown}"
    );
    // It writes into a room that it cannot read, and reads one in which it cannot write.
    machine.run(&["send", "#ops", "not for ci"]).ok();
    machine.run(&["send", "#dev", "for ci"]).ok();
    assert_eq!(
        read(&machine, &["read", "#ops", "--json", "--home", ci]),
        [last]
    );
    let dev = read(&machine, &["read", "#dev", "--json", "--home", ci]);
    assert_eq!(dev, [("ada".to_owned(), "for ci".to_owned())]);
    for (line, part) in [
        ("send #dev no", "may read in #dev and not post there"),
        ("send bob no", "this home is a bot of @ada"),
        ("invite", "this home is a bot of @ada"),
        ("room create mine", "this home is a bot of @ada"),
        ("room add #dev @bob", "this home is a bot of @ada"),
        ("bot new child", "a bot makes no bots"),
    ] {
        let mut args = vec!["--home", ci];
        args.extend(line.split(' '));
        let told = machine.run(&args).failed(6);
        assert!(told.contains(part), "{line}: {told}");
    }
    machine
        .run(&["send", "ada", "to my owner", "--home", ci])
        .ok();
    let told = machine.pipe(&["join", "-", "--home", &format!("{ci}2")], line.as_bytes());
    assert!(told.failed(1).contains("used already"), "{told:?}");
    let list = machine.run(&["bot", "list"]).ok();
    assert_eq!(list, "ci  post:#ops,read:#dev  has its home\n");
}

#[test]
fn an_ended_bot_says_nothing_more_and_the_next_has_its_name() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["room", "create", "ops", "@bob"]).ok();
    let told = machine.run(&["-p", "bob", "bot", "new", "spy", "--can", "post:#ops"]);
    assert!(told.failed(6).contains("only an admin of #ops"), "{told:?}");
    let new = ["bot", "new", "ci", "--can", "post:#ops"];
    let home = |name: &str| machine.path(name).to_str().unwrap().to_owned();
    let (one, two) = (home("one"), home("two"));
    let line = machine.run(&new).ok();
    machine
        .pipe(&["join", "-", "--home", &one], line.as_bytes())
        .ok();
    machine.run(&["send", "#ops", "first", "--home", &one]).ok();
    assert!(machine.run(&new).failed(1).contains("ci is taken"));
    machine.run(&["bot", "end", "ci"]).ok();
    assert!(
        machine
            .run(&["bot", "end", "ci"])
            .failed(1)
            .contains("no bot called ci")
    );
    let told = machine.run(&["send", "#ops", "late", "--no-queue", "--home", &one]);
    assert!(
        told.failed(6).contains("its owner has ended it"),
        "{told:?}"
    );

    // A line that nobody used ends with its bot, and the name goes on.
    let unused = machine.run(&new).ok();
    machine.run(&["bot", "end", "ci"]).ok();
    let told = machine.pipe(&["join", "-", "--home", &two], unused.as_bytes());
    told.failed(1);
    let line = machine.run(&new).ok();
    machine
        .pipe(&["join", "-", "--home", &two], line.as_bytes())
        .ok();
    machine
        .run(&["send", "#ops", "second", "--home", &two])
        .ok();
    let ops = read(&machine, &["-p", "bob", "read", "#ops", "--json"]);
    let said: Vec<&str> = ops.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(said, ["first", "second"]);
    assert_eq!(ops[1].0, "ci", "the name means the one that lives");
}

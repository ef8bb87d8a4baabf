//! A command of the person's own that tells of new messages.

use crate::machine::Machine;
use crate::running::PATIENCE;
use std::time::{Duration, Instant};

/// Waits for a line in a file that the command writes.
fn line(machine: &Machine, name: &str, part: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(machine.path(name)).unwrap_or_default();
        if let Some(line) = text.lines().find(|line| line.contains(part)) {
            return line.to_owned();
        }
        assert!(Instant::now() < deadline, "{part} is not in {text:?}");
        // condition: the command has written the line
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_command_tells_of_new_messages_and_is_given_no_text_unless_asked_for() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let write = |name: &str| {
        let path = machine.path(name);
        format!(
            "echo \"$SUBROSA_FROM $SUBROSA_CONVERSATION mention=$SUBROSA_MENTION text=[$(cat)]\" >> {}",
            path.display()
        )
    };
    let (all, texts, named) = (write("all"), write("texts"), write("named"));
    let agent = machine.start(&["agent", "-p", "bob", "--notify", &all]);
    agent.out.line("its socket", |line| line.starts_with('/'));
    let tail = [
        "tail",
        "-p",
        "bob",
        "--json",
        "--notify",
        &texts,
        "--notify-text",
    ];
    let tail = machine.start(&tail);
    let other = [
        "tail",
        "-p",
        "bob",
        "--json",
        "--notify",
        &named,
        "--notify-mentions",
    ];
    let other = machine.start(&other);
    for stream in [&tail, &other] {
        stream
            .out
            .line("its link", |line| line.contains("\"online\""));
    }
    machine.run(&["send", "-p", "bob", "ada", "my own"]).ok();
    for stream in [&tail, &other] {
        stream
            .out
            .line("the line of one's own", |line| line.contains("my own"));
    }
    machine.run(&["send", "bob", "the first"]).ok();
    assert_eq!(line(&machine, "all", "ada"), "ada @ada mention=0 text=[]");
    let with_text = line(&machine, "texts", "first");
    assert_eq!(with_text, "ada @ada mention=0 text=[the first]");
    machine.run(&["mute", "-p", "bob", "ada"]).ok();
    machine.run(&["send", "bob", "nobody hears"]).ok();
    machine.run(&["send", "bob", "@bob look"]).ok();
    let loud = line(&machine, "texts", "look");
    assert_eq!(loud, "ada @ada mention=1 text=[@bob look]");
    assert_eq!(line(&machine, "named", "ada"), "ada @ada mention=1 text=[]");
    for name in ["all", "texts", "named"] {
        let text = std::fs::read_to_string(machine.path(name)).unwrap();
        assert!(
            !text.contains("bob @") && !text.contains("nobody hears"),
            "{name}: {text}"
        );
    }
    for running in [tail, other, agent] {
        assert_eq!(running.interrupt().code, Some(0));
    }
}

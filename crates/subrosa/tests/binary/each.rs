//! `on`: a command for each message, whatever is killed.

use crate::machine::Machine;
use crate::running::{PATIENCE, Running};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Starts `on` of bob's home with a shell line, and waits until it works.
fn on(machine: &Machine, options: &[&str], line: &str) -> Running {
    let mut args = vec!["on", "-p", "bob"];
    args.extend(options);
    args.extend(["--", "sh", "-c", line]);
    let mut command = machine.command(&args);
    command
        .env("WHERE", machine.path(""))
        .stdin(std::process::Stdio::piped());
    let on = Running::new(&mut command);
    on.err.line("that it works", |line| {
        line.contains("waiting for messages as")
    });
    on
}

fn lines(machine: &Machine, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(machine.path(name)).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

fn until(machine: &Machine, name: &str, is_it: impl Fn(&[String]) -> bool) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let lines = lines(machine, name);
        if is_it(&lines) {
            return lines;
        }
        assert!(Instant::now() < deadline, "{name}: {lines:?}");
        // condition: the command has written what is waited for
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn send(machine: &Machine, text: &str) {
    machine.run(&["send", "-p", "ada", "bob", text]).ok();
}

/// Two people who have written to each other.
fn friends() -> (Machine, Running) {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    machine.ada_and_bob();
    send(&machine, "from before");
    machine.run(&["read", "-p", "bob"]).ok();
    (machine, server)
}

const NOTE: &str = r#"text=$(cat); echo "$SUBROSA_FROM $SUBROSA_CONVERSATION $SUBROSA_OWN $SUBROSA_ATTEMPT $text" >> "$WHERE/log""#;

#[test]
fn a_command_is_given_each_message_once_and_in_order() {
    let (machine, _server) = friends();
    let running = on(&machine, &["ada"], NOTE);
    for text in ["one", "two", "three"] {
        send(&machine, text);
    }
    machine.run(&["send", "-p", "bob", "ada", "my own"]).ok();
    let expected = ["one", "two", "three"].map(|text| format!("ada @ada 0 1 {text}"));
    until(&machine, "log", |lines| lines.len() >= 3);
    let told = machine
        .run(&["on", "-p", "bob", "ada", "--", "true"])
        .failed(1);
    assert!(told.contains("--as"), "two at once: {told}");
    assert_eq!(running.interrupt().code, Some(0));
    // What comes while nothing runs is done by the next.
    send(&machine, "four");
    let running = on(&machine, &["ada"], NOTE);
    let log = until(&machine, "log", |lines| lines.len() >= 4);
    assert_eq!(
        log[..3],
        expected,
        "from before and my own are not among them"
    );
    assert_eq!(log[3], "ada @ada 0 1 four");
    assert_eq!(running.interrupt().code, Some(0));

    let list = machine.run(&["on", "-p", "bob", "--list"]).ok();
    assert_eq!(list, "ada  @ada, 0 to do\n");
    machine.run(&["on", "-p", "bob", "--forget", "ada"]).ok();
    assert_eq!(machine.run(&["on", "-p", "bob", "--list"]).ok(), "");
    machine
        .run(&["on", "-p", "bob", "--forget", "ada"])
        .failed(1);
}

#[test]
fn what_fails_is_tried_again_while_the_others_go_on() {
    let (machine, _server) = friends();
    let line = r#"text=$(cat); echo "$SUBROSA_ATTEMPT $text" >> "$WHERE/log"; [ "$text" != bad ] || [ "$SUBROSA_ATTEMPT" = 3 ]"#;
    let running = on(&machine, &["ada", "--own", "--as", "tries"], line);
    send(&machine, "bad");
    send(&machine, "good");
    machine.run(&["send", "-p", "bob", "ada", "my own"]).ok();
    let log = until(&machine, "log", |lines| lines.len() >= 5);
    assert_eq!(
        (&log[0], &log[1]),
        (&"1 bad".to_owned(), &"1 good".to_owned())
    );
    let mut rest = log[2..].to_vec();
    rest.sort();
    assert_eq!(rest, ["1 my own", "2 bad", "3 bad"]);
    running.err.line("the failure", |line| {
        line.contains("exit 1") && line.contains("again in 1 s")
    });
    machine.until(&["on", "-p", "bob", "--list"], |out| {
        out == "tries  @ada, your own messages too, 0 to do\n"
    });
    assert_eq!(running.interrupt().code, Some(0));

    let told = machine.run(&["on", "-p", "bob", "ada"]).failed(1);
    assert!(told.contains("behind --"), "{told}");
    let told = machine
        .run(&["on", "-p", "bob", "nobody", "--", "true"])
        .failed(1);
    assert!(told.contains("no conversation nobody"), "{told}");
}

#[test]
fn a_command_that_cannot_be_started_leaves_the_message_to_the_next() {
    let (machine, _server) = friends();
    let running = on(&machine, &["ada"], "exit 1");
    assert_eq!(running.interrupt().code, Some(0));
    send(&machine, "wait for me");
    let told = machine
        .run(&["on", "-p", "bob", "ada", "--", "/nonexistent/command"])
        .failed(1);
    assert!(told.contains("cannot be started"), "{told}");
    let running = on(&machine, &["ada"], NOTE);
    until(&machine, "log", |lines| {
        lines == ["ada @ada 0 1 wait for me"]
    });
    assert_eq!(running.interrupt().code, Some(0));
}

/// kill -9 of the command, of `on`, and of the owner whose guest `on` is: each message is given at least once.
#[test]
fn no_message_is_lost_to_any_kill() {
    let (machine, _server) = friends();
    let owner = machine.start(&["agent", "-p", "bob"]);
    owner.out.line("its socket", |line| line.starts_with('/'));
    let line = r#"text=$(cat); echo "$$ $text" >> "$WHERE/pids"; [ -e "$WHERE/go" ] || sleep 60; echo "$text" >> "$WHERE/log""#;
    let running = on(&machine, &["ada"], line);
    send(&machine, "command killed");
    let pids = until(&machine, "pids", |lines| lines.len() == 1);
    let pid: i32 = pids[0].split(' ').next().unwrap().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    running
        .err
        .line("that it was seen", |line| line.contains("signal 9"));

    send(&machine, "on killed");
    until(&machine, "pids", |lines| {
        lines.iter().any(|line| line.ends_with("on killed"))
    });
    running.kill();
    send(&machine, "owner killed");
    owner.kill();

    machine.write("go", "");
    let owner = machine.start(&["agent", "-p", "bob"]);
    owner.out.line("its socket", |line| line.starts_with('/'));
    let running = on(&machine, &["ada"], line);
    let has = |lines: &[String], text: &str| lines.iter().any(|line| line == text);
    until(&machine, "log", |lines| {
        ["command killed", "on killed", "owner killed"]
            .iter()
            .all(|text| has(lines, text))
    });
    // Its owner dies while it works; it takes over and goes on.
    owner.kill();
    send(&machine, "after all");
    let log = until(&machine, "log", |lines| has(lines, "after all"));
    machine.until(&["on", "-p", "bob", "--list"], |out| {
        out == "ada  @ada, 0 to do\n"
    });
    assert_eq!(running.interrupt().code, Some(0));
    assert_eq!(
        log.len(),
        4,
        "and none twice where nothing was killed in between: {log:?}"
    );
}

#[test]
fn several_run_at_once_and_an_interrupt_lets_them_end() {
    let (machine, _server) = friends();
    let line = r#"echo began >> "$WHERE/began"; while [ ! -e "$WHERE/go" ]; do sleep 0.05; done; echo ended >> "$WHERE/ended""#;
    let running = on(&machine, &["--concurrency", "3"], line);
    for text in ["one", "two", "three", "four"] {
        send(&machine, text);
    }
    until(&machine, "began", |lines| lines.len() == 3);
    running.signal(Signal::TERM);
    machine.write("go", "");
    let done = running.wait();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(lines(&machine, "ended").len(), 3, "what ran has ended");
    let list = machine.run(&["on", "-p", "bob", "--list"]).ok();
    assert_eq!(list, "all  all conversations, 1 to do\n");
}

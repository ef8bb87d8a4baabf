//! A terminal: prompts, the demonstration's screen, and the terminal left as it was.

use crate::machine::Machine;
use crate::running::Running;
use std::process::{Command, Stdio};

/// Runs a shell script at a terminal of its own; `script` is part of every Debian.
fn at_terminal(machine: &Machine, script: &str) -> Running {
    let binary = env!("CARGO_BIN_EXE_subrosa");
    let mut command = Command::new("script");
    let of_machine = machine.command(&[]);
    command
        .args([
            "-q",
            "-e",
            "-c",
            &script.replace("subrosa ", &format!("{binary} ")),
            "/dev/null",
        ])
        .envs(
            of_machine
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("TERM", "xterm-256color")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running::new(&mut command)
}

const SANE: &str =
    "stty -a | tr ' ;' '\\n\\n' | grep -x -e echo -e icanon -e isig | sort | tr '\\n' '+'; echo";

#[test]
fn an_interrupted_prompt_leaves_the_terminal_as_it_was() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    for key in ["\u{3}", "\u{4}"] {
        let mut terminal = at_terminal(
            &machine,
            &format!("trap '' INT; subrosa login {address} --name ada; echo code $?; {SANE}"),
        );
        terminal.out.prompt("the question", "Password of ada");
        terminal.type_line(key);
        let code = terminal.out.line("the code", |line| line.contains("code "));
        let expected = if key == "\u{3}" { "code 130" } else { "code 1" };
        assert!(code.contains(expected), "{code}");
        terminal
            .out
            .line("a sane terminal", |line| line.contains("echo+icanon+isig+"));
    }
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    let (_, passphrase, _) = crate::machine::sheet(&machine.home("ada"));
    let home = machine.path("further");
    let mut terminal = at_terminal(
        &machine,
        &format!(
            "subrosa --home {} login {address} --name ada; echo code $?",
            home.display()
        ),
    );
    terminal.out.prompt("the question", "Password of ada");
    terminal.type_line(&passphrase);
    terminal.out.line("success", |line| line.contains("code 0"));
    let shown = terminal.out.all().join("\n");
    assert!(!shown.contains(&passphrase), "{shown}");
}

#[test]
fn the_sheet_is_shown_at_a_terminal_and_not_written() {
    let machine = Machine::new();
    let mut up = at_terminal(
        &machine,
        &format!("stty rows 40 cols 120; subrosa up --listen 127.0.0.1:0; echo code $?; {SANE}"),
    );
    up.out.prompt("the question", "Your name there [ada]: ");
    up.type_line("Ada Lovelace");
    up.out.prompt("what is wrong with that", "letters a to z");
    up.type_line("lovelace");
    let sheet = up.out.whole_screen("the sheet", "I have written it down");
    for part in ["passphrase  ", "recovery code  ", "lovelace"] {
        assert!(sheet.contains(part), "{part}: {sheet}");
    }
    assert!(!machine.home("lovelace").join("sheet.txt").exists());
    up.type_raw("\r");
    let shown = up
        .out
        .whole_screen("the join line", "Their conversation opens here");
    assert!(!shown.contains("recovery code"), "{shown}");
    let join_line = wrapped_join_line(&shown);
    let mut join = machine.start(&["join", &join_line]);
    join.type_line("hello at the terminal");
    up.out.screen("it", "hello at the terminal");
    up.type_raw("and back\r");
    join.out.line("it", |line| line == "lovelace: and back");
    up.type_raw("/quit\r");
    let asked = up
        .out
        .whole_screen("the question", "The server stops when you leave.");
    assert!(asked.contains("`subrosa serve`"), "{asked}");
    up.type_raw("\r");
    up.out.line("the end", |line| line.contains("code 0"));
    up.out
        .line("a sane terminal", |line| line.contains("echo+icanon+isig+"));
}

/// The line behind `subrosa join` on a screen, where it takes several lines.
fn wrapped_join_line(shown: &str) -> String {
    let (_, rest) = shown.split_once("subrosa join").unwrap();
    let (line, _) = rest.split_once("Their conversation").unwrap();
    line.split_whitespace().collect()
}

#[test]
fn line_by_line_is_still_to_be_had_at_a_terminal() {
    let machine = Machine::new();
    let mut up = at_terminal(
        &machine,
        "subrosa up --plain --name ada --listen 127.0.0.1:0; echo code $?",
    );
    up.out.line("the passphrase", |line| {
        line.trim_start().starts_with("passphrase")
    });
    let line = up
        .out
        .line("the join line", |line| line.starts_with("subrosa join "));
    let mut join = machine.start(&[
        "join",
        crate::machine::line_of(&line).trim(),
        "--name",
        "bob",
    ]);
    join.type_line("hello at the terminal");
    up.out
        .line("it", |line| line.contains("bob: hello at the terminal"));
    up.type_line("/quit");
    up.out.line("the end", |line| line.contains("code 0"));
}

#[test]
fn a_first_chat_makes_an_account_with_a_join_line() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    let line = machine.admin_line();
    let mut chat = at_terminal(
        &machine,
        &format!("stty rows 40 cols 120; subrosa chat; echo code $?; {SANE}"),
    );
    chat.out
        .screen("what to do", "There is no account on this machine yet");
    chat.type_raw("nonsense\r");
    chat.out
        .screen("what is wrong", "neither a join line nor an address");
    chat.type_raw(&"\u{7f}".repeat(8));
    chat.type_raw(&format!("{line}\r"));
    chat.out
        .screen("the name", "How shall the others call you?");
    chat.type_raw("\r");
    let sheet = chat.out.whole_screen("the sheet", "I have written it down");
    assert!(sheet.contains("passphrase  "), "{sheet}");
    chat.type_raw("\r");
    chat.out.screen("nobody", "Nobody is here yet.");
    chat.type_raw("\u{3}");
    chat.out.line("the end", |line| line.contains("code 0"));
    chat.out
        .line("a sane terminal", |line| line.contains("echo+icanon+isig+"));
}

#[test]
fn the_demonstration_draws_and_leaves_the_terminal_as_it_was() {
    let machine = Machine::new();
    let mut terminal = at_terminal(
        &machine,
        &format!("stty rows 40 cols 120; subrosa demo; echo code $?; {SANE}"),
    );
    terminal.out.screen("the screen", "what the server sees");
    terminal.out.screen("both people", "write to @ada");
    terminal.type_raw("a text that is typed in the demo\r");
    terminal
        .out
        .screen("it, with bob", "a text that is typed in the demo");
    terminal.type_raw("\tand bob answers it in the demo\r");
    terminal
        .out
        .screen("the answer", "and bob answers it in the demo");
    terminal.type_raw("\u{3}");
    terminal
        .out
        .line("the verdict", |line| line.contains("✓ none of"));
    terminal
        .out
        .line("the code", |line| line.contains("code 0"));
    terminal
        .out
        .line("a sane terminal", |line| line.contains("echo+icanon+isig+"));
}

#[test]
fn a_demonstration_that_is_told_to_end_leaves_the_terminal_as_it_was() {
    let machine = Machine::new();
    let pid = machine.path("pid");
    let script = format!(
        "stty rows 40 cols 120; sh -c 'echo $$ > {}; exec subrosa demo'; echo code $?; {SANE}",
        pid.display()
    );
    let terminal = at_terminal(&machine, &script);
    terminal.out.screen("the screen", "what the server sees");
    let pid = std::fs::read_to_string(pid)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    terminal.out.line("the code", |line| line.contains("code "));
    terminal
        .out
        .line("a sane terminal", |line| line.contains("echo+icanon+isig+"));
}

#[test]
fn nobody_is_asked_with_no_input() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    let script = format!(
        "subrosa login {address} --name ada --no-input; subrosa send bob --no-input; echo done"
    );
    let terminal = at_terminal(&machine, &script);
    terminal
        .out
        .line("where to give it", |line| line.contains("--password-file"));
    terminal.out.line("what is missing", |line| {
        line.contains("message is missing")
    });
    terminal.out.line("the end", |line| line == "done");
}

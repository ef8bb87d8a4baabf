//! Two people at terminals, as tmux shows them, and a server that is killed between what they say.

use crate::machine::{Machine, texts};
use crate::running::PATIENCE;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Terminals of a machine, ended when dropped.
pub struct Tmux<'a> {
    pub machine: &'a Machine,
}

impl Tmux<'_> {
    pub fn run(&self, args: &[&str]) -> Output {
        let of_machine = self.machine.command(&[]);
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.machine.path("tmux")).args(args);
        for (name, value) in of_machine.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env_remove("TMUX")
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh");
        command.output().expect("tmux is installed")
    }

    /// A terminal in which the binary runs with these arguments.
    pub fn terminal(&self, name: &str, args: &str) {
        let binary = env!("CARGO_BIN_EXE_subrosa");
        let command = format!("exec {binary} {args}");
        let done = self.run(&[
            "new-session",
            "-d",
            "-s",
            name,
            "-x",
            "100",
            "-y",
            "30",
            &command,
        ]);
        assert!(done.status.success(), "{done:?}");
    }

    pub fn types(&self, name: &str, text: &str) {
        assert!(
            self.run(&["send-keys", "-t", name, "-l", text])
                .status
                .success()
        );
        assert!(
            self.run(&["send-keys", "-t", name, "Enter"])
                .status
                .success()
        );
    }

    pub fn pid(&self, name: &str) -> String {
        let done = self.run(&["display-message", "-p", "-t", name, "#{pane_pid}"]);
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Waits until a terminal shows something, and gives all that it shows then.
    pub fn shows(&self, name: &str, part: &str) -> String {
        self.shows_when(name, &format!("{part:?}"), |shown| shown.contains(part))
    }

    pub fn shows_when(&self, name: &str, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let done = self.run(&["capture-pane", "-p", "-t", name]);
            let shown = String::from_utf8_lossy(&done.stdout).into_owned();
            if is_there(&shown) {
                return shown;
            }
            assert!(
                Instant::now() < deadline,
                "{name} does not show {what}:\n{shown}"
            );
            // condition: the terminal shows it
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

/// Asserts that a person has each of these once, in this order.
fn has_once(machine: &Machine, who: &str, with: &str, wanted: &[(&str, &str)]) {
    let args = ["-p", who, "read", with, "--json"];
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(from, text)| ((*from).to_owned(), (*text).to_owned()))
        .collect();
    let of = |from: &str, all: &[(String, String)]| -> Vec<String> {
        all.iter()
            .filter(|(author, _)| author == from)
            .map(|(_, text)| text.clone())
            .collect()
    };
    let read = texts(&machine.run(&args).ok());
    for author in ["ada", "bob"] {
        assert_eq!(
            of(author, &read),
            of(author, &wanted),
            "{who} reads {read:?}"
        );
    }
}

#[test]
fn what_two_people_type_arrives_once_though_the_server_is_killed_in_between() {
    let machine = Machine::new();
    let (server, address) = machine.serve();
    machine.ada_and_bob();
    let tmux = Tmux { machine: &machine };
    tmux.terminal("ada", "-p ada chat bob");
    tmux.terminal("bob", "-p bob chat");
    tmux.shows("ada", "● online");
    tmux.shows("bob", "@ada");
    tmux.types("ada", "one, from ada");
    tmux.shows("bob", "one, from ada");
    tmux.types("bob", "two, from bob");
    tmux.shows("ada", "two, from bob");
    tmux.shows("bob", "✓✓ read");

    server.kill();
    tmux.shows("ada", "○ offline");
    tmux.shows("bob", "○ offline");
    tmux.types("ada", "three, while nobody listens");
    tmux.types("ada", "four, 日本語 as well");
    tmux.types("bob", "five, into the dark");
    tmux.shows("ada", "… waiting");
    tmux.shows("bob", "… waiting");

    let port = address.split([':', '/']).nth(4).unwrap();
    let data = machine.path("server");
    let listen = format!("127.0.0.1:{port}");
    let again = machine.start(&[
        "serve",
        "--listen",
        &listen,
        "--data",
        data.to_str().unwrap(),
    ]);
    again
        .out
        .line("the address", |line| line.starts_with("subrosa://"));
    let shown = tmux.shows("bob", "four, 日本語 as well");
    assert_eq!(
        shown.matches("three, while nobody listens").count(),
        1,
        "{shown}"
    );
    let shown = tmux.shows("ada", "five, into the dark");
    assert_eq!(
        shown.matches("three, while nobody listens").count(),
        1,
        "{shown}"
    );
    tmux.shows("ada", "✓✓ read");
    let wanted = [
        ("ada", "one, from ada"),
        ("bob", "two, from bob"),
        ("ada", "three, while nobody listens"),
        ("ada", "four, 日本語 as well"),
        ("bob", "five, into the dark"),
    ];
    has_once(&machine, "ada", "bob", &wanted);
    has_once(&machine, "bob", "ada", &wanted);
}

#[test]
fn a_terminal_goes_on_when_the_one_that_owned_the_home_is_killed() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let tmux = Tmux { machine: &machine };
    tmux.terminal("owner", "-p ada chat bob");
    tmux.shows("owner", "● online");
    tmux.terminal("guest", "-p ada chat bob");
    tmux.shows("guest", "● online");
    tmux.types("owner", "from the owner");
    tmux.shows("guest", "from the owner");
    let killed = Command::new("kill")
        .args(["-9", &tmux.pid("owner")])
        .status()
        .unwrap();
    assert!(killed.success());
    tmux.types("guest", "from whoever is left");
    tmux.shows("guest", "✓");
    machine.until(&["-p", "bob", "read", "ada", "--json"], |out| {
        out.contains("from whoever is left")
    });
    has_once(
        &machine,
        "ada",
        "bob",
        &[("ada", "from the owner"), ("ada", "from whoever is left")],
    );
}

#[test]
fn a_terminal_that_is_told_to_end_or_stopped_is_left_as_it_was() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let tmux = Tmux { machine: &machine };
    let binary = env!("CARGO_BIN_EXE_subrosa");
    let pid = machine.path("pid");
    let done = tmux.run(&[
        "new-session",
        "-d",
        "-s",
        "shell",
        "-x",
        "100",
        "-y",
        "30",
        "sh",
    ]);
    assert!(done.status.success());
    tmux.types(
        "shell",
        &format!(
            "PS1='%% '; set -m; sh -c 'echo $$ > {}; exec {binary} -p ada chat bob'; echo code $?",
            pid.display()
        ),
    );
    tmux.shows("shell", "● online");
    tmux.run(&["send-keys", "-t", "shell", "C-z"]);
    // What is typed before the shell has its terminal back is lost.
    tmux.shows("shell", "code 148");
    tmux.types("shell", "echo stopped $((40+2))");
    tmux.shows("shell", "stopped 42");
    tmux.types("shell", "fg");
    tmux.shows("shell", "● online");
    tmux.types("shell", "typed after fg");
    tmux.shows("shell", "✓");
    tmux.run(&["resize-window", "-t", "shell", "-x", "50", "-y", "20"]);
    tmux.shows("shell", "Enter send   Ctrl+K go to");
    let shown = tmux.shows("shell", "typed after fg");
    assert!(
        shown.lines().all(|line| line.chars().count() <= 50),
        "{shown}"
    );
    has_once(&machine, "ada", "bob", &[("ada", "typed after fg")]);
    let child = std::fs::read_to_string(pid).unwrap();
    let told = Command::new("kill")
        .args(["-TERM", child.trim()])
        .status()
        .unwrap();
    assert!(told.success());
    // What is typed before the shell has its terminal back is lost.
    tmux.shows_when("shell", "a prompt at its end", |shown| {
        shown.trim_end().ends_with("\n%%")
    });
    tmux.types("shell", "stty -a | grep -c -e ' echo ' -e ' icanon '");
    let shown = tmux.shows("shell", "\n1\n");
    assert!(!shown.contains("● online"), "{shown}");
}

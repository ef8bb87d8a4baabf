//! Verbs of the command line that run beside the conversations of the terminal UI.

use crate::machine::{Machine, sheet};
use crate::running::PATIENCE;
use crate::tmux::Tmux;
use std::time::{Duration, Instant};

const PASSPHRASE: &str = "seven roses under a wall";

#[test]
fn verbs_run_from_within_a_chat_and_secrets_are_typed_beside_it() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    machine.ada_and_bob();
    let tmux = Tmux { machine: &machine };
    tmux.terminal("ada", "-p ada chat bob");
    tmux.shows("ada", "● online");
    tmux.types("ada", "what becomes of this?");
    tmux.shows("ada", "✓");
    tmux.types("ada", "/why");
    tmux.shows("ada", "╭ why @bob");
    tmux.run(&["send-keys", "-t", "ada", "q"]);
    tmux.shows("ada", "write to @bob");
    tmux.types("ada", "/address");
    let key = address.split('/').next_back().unwrap();
    tmux.shows("ada", key.get(..20).unwrap());
    tmux.run(&["send-keys", "-t", "ada", "q"]);

    tmux.types("ada", "/passwd");
    tmux.shows("ada", "Password of ada");
    let (_, passphrase, _) = sheet(&machine.home("ada"));
    tmux.types("ada", &passphrase);
    let shown = tmux.shows("ada", "Any key goes back");
    assert!(
        shown.contains("the old one is worth nothing now"),
        "{shown}"
    );
    assert!(!shown.contains(&passphrase), "{shown}");
    tmux.run(&["send-keys", "-t", "ada", "Space"]);
    tmux.shows("ada", "what becomes of this?");

    tmux.types("ada", "/lock");
    tmux.shows("ada", "New passphrase of this home");
    tmux.types("ada", PASSPHRASE);
    tmux.shows("ada", "again");
    tmux.types("ada", PASSPHRASE);
    tmux.shows("ada", "Any key goes back");
    tmux.run(&["send-keys", "-t", "ada", "Space"]);
    tmux.shows("ada", "The passphrase of this home opens it");
    tmux.types("ada", PASSPHRASE);
    let shown = tmux.shows("ada", "what becomes of this?");
    assert!(!shown.contains("roses"), "{shown}");

    tmux.types("ada", "/logout --forget");
    tmux.shows("ada", "Passphrase of this home");
    tmux.types("ada", PASSPHRASE);
    let deadline = Instant::now() + PATIENCE;
    while machine.home("ada").exists() {
        assert!(Instant::now() < deadline, "the home is still there");
        // condition: the home has gone
        std::thread::sleep(Duration::from_millis(20));
    }
}

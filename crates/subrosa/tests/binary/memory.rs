//! What a thief finds who reads the memory of a process that has made an account and goes on.

use crate::machine::{Machine, sheet};
use crate::remains::{holds, memory_of};

/// Neither secret, whole or without its spaces and hyphens, nor half of one.
fn holds_secrets(memory: &[u8], passphrase: &str, code: &str) -> Vec<String> {
    let words: Vec<&str> = passphrase.split(' ').collect();
    let groups: Vec<&str> = code.split('-').collect();
    assert_eq!((words.len(), groups.len()), (6, 7));
    let parts = [
        words[..3].join(" "),
        words[3..].join(" "),
        words.concat(),
        groups[..3].join("-"),
        groups[4..].join("-"),
        groups.concat(),
    ];
    parts
        .into_iter()
        .filter(|part| holds(memory, part.as_bytes()))
        .collect()
}

/// The memory of `up` and of `join`, which go on after they have made an account.
// Proves: C18
#[test]
fn a_process_that_made_an_account_has_forgotten_its_secrets() {
    let machine = Machine::new();
    let (up, line) = machine.up();
    let (ada, passphrase, code) = sheet(&machine.home("ada"));
    let memory = memory_of(up.id());
    // The search finds what is there.
    assert!(
        holds(&memory, format!("subrosa join {line}").as_bytes()) && holds(&memory, ada.as_bytes())
    );
    assert_eq!(holds_secrets(&memory, &passphrase, &code), [""; 0]);

    let mut bob = machine.start(&["join", &line, "--name", "bob"]);
    bob.type_line("hello, this is bob");
    up.out
        .line("the text", |line| line.contains("hello, this is bob"));
    let (_, passphrase, code) = sheet(&machine.home("bob"));
    let memory = memory_of(bob.id());
    assert!(holds(&memory, b"hello, this is bob"));
    assert_eq!(holds_secrets(&memory, &passphrase, &code), [""; 0]);
}

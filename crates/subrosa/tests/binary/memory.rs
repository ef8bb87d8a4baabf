//! What a thief finds who reads the memory of a process that has made an account and goes on.

use crate::machine::{Machine, sheet};
use crate::running::Running;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

impl Running {
    /// Everything that the process can write: heap, stacks, globals.
    fn memory(&self) -> Vec<u8> {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.id())).unwrap();
        let mut memory = File::open(format!("/proc/{}/mem", self.id())).unwrap();
        let mut all = Vec::new();
        for map in maps.lines() {
            let (range, rest) = map.split_once(' ').unwrap();
            if !rest.starts_with("rw") {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
            memory.seek(SeekFrom::Start(start)).unwrap();
            // A part of it may be gone by now.
            let _ = (&mut memory).take(end - start).read_to_end(&mut all);
        }
        all
    }
}

fn holds(memory: &[u8], secret: &str) -> bool {
    memory
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

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
        .filter(|part| holds(memory, part))
        .collect()
}

/// The memory of `up` and of `join`, which go on after they have made an account.
#[test]
#[ignore = "both secrets are still found: SQLite leaves copies of what passed through it"]
fn a_process_that_made_an_account_has_forgotten_its_secrets() {
    let machine = Machine::new();
    let (up, line) = machine.up();
    let (ada, passphrase, code) = sheet(&machine.home("ada"));
    let memory = up.memory();
    // The search finds what is there.
    assert!(holds(&memory, &format!("subrosa join {line}")) && holds(&memory, &ada));
    assert_eq!(holds_secrets(&memory, &passphrase, &code), [""; 0]);

    let mut bob = machine.start(&["join", &line, "--name", "bob", "--no-input"]);
    bob.type_line("hello, this is bob");
    up.out
        .line("the text", |line| line.contains("hello, this is bob"));
    let (_, passphrase, code) = sheet(&machine.home("bob"));
    let memory = bob.memory();
    assert!(holds(&memory, "hello, this is bob"));
    assert_eq!(holds_secrets(&memory, &passphrase, &code), [""; 0]);
}

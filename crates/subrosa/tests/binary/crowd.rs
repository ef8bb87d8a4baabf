//! Eight verbs at a time in one home, a thousand in all, any of them killed at any moment: nothing
//! that was acknowledged is lost, and nothing arrives twice.

use crate::machine::{Machine, texts};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const VERBS: usize = 1_000;
const AT_A_TIME: usize = 8;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Exit 0 or 3: it must arrive, once.
    Promised,
    /// Killed before it said: it may arrive, once.
    Open,
}

#[test]
fn a_thousand_verbs_of_which_many_are_killed() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let next = AtomicUsize::new(0);
    let fates = Mutex::new(HashMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= VERBS {
                        return;
                    }
                    one(&machine, number, &fates);
                }
            });
        }
    });
    // All that waits leaves, and arrives.
    machine.drain(&["-p", "ada", "chat", "bob"]);
    let mut arrived: HashMap<String, usize> = HashMap::new();
    let mut cursor = 0;
    loop {
        let page = machine
            .run(&[
                "-p",
                "bob",
                "read",
                "ada",
                "--json",
                "--limit",
                "1000",
                "--since",
                &cursor.to_string(),
            ])
            .ok();
        for (_, text) in texts(&page) {
            *arrived.entry(text).or_default() += 1;
        }
        let Some(last) = page.lines().last() else {
            break;
        };
        cursor = serde_json::from_str::<serde_json::Value>(last).unwrap()["cursor"]
            .as_u64()
            .unwrap();
    }
    let fates = fates.into_inner().unwrap();
    let lost: Vec<_> = fates
        .iter()
        .filter(|(text, fate)| **fate == Fate::Promised && !arrived.contains_key(*text))
        .collect();
    let twice: Vec<_> = arrived.iter().filter(|(_, count)| **count != 1).collect();
    let strange: Vec<_> = arrived
        .keys()
        .filter(|text| !fates.contains_key(*text))
        .collect();
    assert!(
        lost.is_empty() && twice.is_empty() && strange.is_empty(),
        "lost {lost:?}, twice {twice:?}, strange {strange:?}"
    );
    let promised = fates
        .values()
        .filter(|fate| **fate == Fate::Promised)
        .count();
    assert!(
        promised >= 100 && fates.len() - promised >= 20,
        "{promised} of {} were not killed",
        fates.len()
    );
}

/// One verb; every third sends, and many are killed on the way.
fn one(machine: &Machine, number: usize, fates: &Mutex<HashMap<String, Fate>>) {
    let text = format!("message {number}");
    let sends = number.is_multiple_of(3);
    let args: &[&str] = match number % 12 {
        1 | 5 => &["-p", "ada", "read", "bob", "--json"],
        2 | 7 => &["-p", "ada", "devices"],
        4 => &["-p", "ada", "address"],
        8 => &["-p", "ada", "read", "--limit", "3"],
        10 => &["-p", "ada", "chat", "bob", "--json"],
        11 => &["-p", "ada", "tail", "--json"],
        _ => &["-p", "ada", "send", "bob", &text],
    };
    let chats = number % 12 == 10;
    let endless = number % 12 == 11;
    let mut running = machine.start(args);
    running.end_input();
    // Spread over the life of a verb, without chance, so that a failure comes again.
    let killed = endless || number % 5 == 3;
    if sends {
        fates.lock().unwrap().insert(text.clone(), Fate::Open);
    }
    if killed {
        let after = Duration::from_millis(u64::try_from(number * 7_919 % 97).unwrap());
        // condition: none; the moment of the kill is the random part of this test
        std::thread::sleep(after);
        return running.kill();
    }
    let done = running.wait();
    match done.code {
        Some(0) => {}
        Some(3) if sends || chats => {}
        _ => panic!("{args:?}: {done:?}"),
    }
    if sends {
        fates.lock().unwrap().insert(text, Fate::Promised);
    }
}

//! The server killed under load, again and again: no acknowledged message is lost, none is doubled.

use crate::machine::{Machine, texts};

const KILLS: usize = 20;
/// Messages acknowledged between two kills, at least.
const BETWEEN: usize = 5;

#[test]
fn what_was_acknowledged_outlives_the_server() {
    let machine = Machine::new();
    let (mut server, address) = machine.serve();
    machine.ada_and_bob();
    let mut chat = machine.start(&["-p", "ada", "chat", "bob", "--json"]);
    let acknowledged =
        |line: &str| line.contains("\"notice\":\"state\"") && line.contains("\"sent\"");
    let mut sent = 0;
    for kill in 0..KILLS {
        for _ in 0..BETWEEN * 3 {
            chat.type_line(&format!("line {sent}"));
            sent += 1;
        }
        chat.out
            .count("acknowledgements", kill * BETWEEN + BETWEEN, acknowledged);
        server.kill();
        let again;
        (server, again) = machine.serve();
        assert_eq!(again, address, "the same port and key");
        // Whoever reads has the server tried at once, whatever the pause would be.
        machine
            .run(&["-p", "ada", "read", "bob", "--limit", "1"])
            .ok();
    }
    chat.end_input();
    let done = chat.wait();
    assert_eq!(
        done.code,
        Some(0),
        "all is acknowledged in the end: {}",
        done.err
    );
    let read = machine
        .run(&["-p", "bob", "read", "ada", "--json", "--limit", "1000"])
        .ok();
    let read: Vec<_> = texts(&read).into_iter().map(|(_, text)| text).collect();
    let expected: Vec<_> = (0..sent).map(|number| format!("line {number}")).collect();
    assert_eq!(read, expected);
    drop(server);
}

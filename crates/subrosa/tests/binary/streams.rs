//! Sending to several and waiting for them, reading by time, and following without a gap.

use crate::machine::{Machine, texts};
use serde_json::Value;

#[test]
fn one_text_goes_to_several_each_by_itself() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    machine
        .run(&["room", "create", "ops", "@bob", "-p", "ada"])
        .ok();
    let done = machine.run(&[
        "send", "-p", "ada", "--json", "bob", "--to", "#ops", "--to", "@ada", "to", "all",
    ]);
    let sent: Vec<Value> = done
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let to: Vec<_> = sent
        .iter()
        .map(|sent| sent["conversation"].as_str().unwrap())
        .collect();
    assert_eq!(to, ["@bob", "#ops", "@ada"]);
    let read = machine.run(&["read", "-p", "bob", "--json"]).ok();
    assert_eq!(
        texts(&read)
            .iter()
            .filter(|(_, text)| text == "to all")
            .count(),
        2
    );

    let done = machine.run(&[
        "send", "-p", "ada", "bob", "--to", "#nowhere", "--to", "nobody", "half",
    ]);
    let told = done.failed(1);
    assert!(told.contains("2 of 3 recipients"), "{told}");
    assert!(
        done.err
            .contains("#nowhere: there is no conversation #nowhere"),
        "{done:?}"
    );
    let told = machine
        .run(&[
            "send", "-p", "ada", "bob", "--to", "#ops", "--delete", "3f2a91c0",
        ])
        .failed(1);
    assert!(told.contains("cannot be used with"), "{told}");
}

#[test]
fn a_send_waits_as_far_as_it_is_told() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    machine.run(&["send", "-p", "ada", "bob", "first"]).ok();
    let done = machine.run(&[
        "send",
        "-p",
        "ada",
        "--json",
        "--wait",
        "read",
        "--timeout",
        "200ms",
        "bob",
        "nobody is there",
    ]);
    let told: Value = serde_json::from_str(done.err.lines().last().unwrap()).unwrap();
    assert_eq!(
        (done.code, &told["error"]),
        (Some(3), &"network".into()),
        "{done:?}"
    );
    assert!(
        told["sentence"]
            .as_str()
            .unwrap()
            .contains("subrosa receipts @bob"),
        "{told}"
    );
    let sent: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(sent["state"], "sent", "the server has it");

    let tail = machine.start(&["tail", "-p", "bob", "--json"]);
    let done = machine.run(&[
        "send",
        "-p",
        "ada",
        "--json",
        "--wait",
        "delivered",
        "bob",
        "somebody is there",
    ]);
    let sent: Value = serde_json::from_str(&done.ok()).unwrap();
    assert_eq!(sent["state"], "delivered");
    let waiting = machine.start(&["send", "-p", "ada", "--wait", "read", "bob", "and reads"]);
    tail.out
        .line("the message", |line| line.contains("and reads"));
    machine
        .run(&["read", "-p", "bob", "ada", "--mark-read"])
        .ok();
    let done = waiting.wait();
    assert!(
        done.code == Some(0) && done.err.contains("✓✓ read to @bob"),
        "{done:?}"
    );

    for wrong in [
        ["--timeout", "soon"],
        ["--wait", "seen"],
        ["--expire", "2d"],
        ["--expire", "off"],
    ] {
        let told = machine
            .run(&["send", "-p", "ada", wrong[0], wrong[1], "bob", "x"])
            .failed(1);
        assert!(told.contains(wrong[0]) && told.contains("--help"), "{told}");
    }
    machine
        .run(&["send", "-p", "ada", "--expire", "1h", "bob", "not for long"])
        .ok();
    let read = machine
        .run(&["read", "-p", "bob", "ada", "--json", "--limit", "1"])
        .ok();
    let row: Value = serde_json::from_str(&read).unwrap();
    let life = row["expires_ms"].as_u64().unwrap() - row["time_ms"].as_u64().unwrap();
    assert!((3_590_000..3_610_000).contains(&life), "{row}");
}

#[test]
fn ten_megabytes_are_refused_at_once_with_what_is_possible() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let told = machine
        .pipe(&["send", "-p", "ada", "bob"], &vec![b'x'; 10 * 1024 * 1024])
        .failed(1);
    assert!(told.contains("48 KiB") && told.contains("files"), "{told}");
    let told = machine
        .pipe(&["send", "-p", "ada", "bob"], b"\xc3\x28")
        .failed(1);
    assert!(told.contains("UTF-8"), "{told}");
    let read = machine.run(&["read", "-p", "bob", "ada", "--json"]).ok();
    assert!(texts(&read).is_empty(), "{read}");
}

#[test]
fn rows_are_read_by_time_and_by_cursor() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    for text in ["one", "two", "three"] {
        machine.run(&["send", "-p", "ada", "bob", text]).ok();
    }
    let read = |options: &[&str]| {
        let mut args = vec!["read", "-p", "ada", "bob", "--json"];
        args.extend(options);
        let out = machine.run(&args).ok();
        texts(&out)
            .into_iter()
            .map(|(_, text)| text)
            .collect::<Vec<_>>()
    };
    let rows = machine.run(&["read", "-p", "ada", "bob", "--json"]).ok();
    let rows: Vec<Value> = rows
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let second = rows.iter().find(|row| row["text"] == "two").unwrap();
    let cursor = second["cursor"].as_u64().unwrap().to_string();
    assert_eq!(read(&["--since", &cursor]), ["three"]);
    assert_eq!(read(&["--before", &cursor]), ["one"]);
    assert_eq!(read(&["--limit", "2"]), ["two", "three"]);
    assert_eq!(read(&["--since", "1h"]), ["one", "two", "three"]);
    assert_eq!(read(&["--since", "1h", "--limit", "3"]), ["one", "two"]);
    assert_eq!(
        read(&["--since", "1h", "--before", "2999-01-01"]),
        ["one", "two", "three"]
    );
    assert_eq!(read(&["--before", "yesterday"]), [""; 0]);
    assert_eq!(read(&["--since", "2999-01-01"]), [""; 0]);
    let at = second["time_ms"].as_i64().unwrap();
    let at = jiff::Timestamp::from_millisecond(at).unwrap().to_string();
    assert_eq!(read(&["--since", &at]), ["two", "three"]);
    assert_eq!(read(&["--before", &at]), ["one"]);
    for wrong in ["noonish", "25:00", "2026-02-30"] {
        let told = machine
            .run(&["read", "-p", "ada", "bob", "--since", wrong])
            .failed(1);
        assert!(
            told.contains("it is no time and no cursor") && told.contains("yesterday"),
            "{told}"
        );
    }
    machine
        .run(&["read", "-p", "ada", "nobody", "--since", "1h"])
        .failed(1);
}

/// Whatever ends, `tail --since` with the last cursor goes on behind it.
#[test]
fn a_tail_that_is_taken_up_again_misses_nothing_and_repeats_nothing() {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    machine.ada_and_bob();
    let mut seen: Vec<(u64, String)> = Vec::new();
    let send = |text: &str| {
        machine.drain(&["send", "-p", "ada", "bob", text]);
    };
    let follow = |seen: &mut Vec<(u64, String)>, until: &str| {
        let since = seen.last().map_or(0, |(cursor, _)| *cursor).to_string();
        let tail = machine.start(&["tail", "-p", "bob", "ada", "--json", "--since", &since]);
        tail.out.line("the last text", |line| {
            line.contains(&format!("\"text\":\"{until}\""))
        });
        let rows = tail.out.all();
        tail.kill();
        for line in rows {
            let row: Value = serde_json::from_str(&line).unwrap();
            if row["notice"] == "row" && row["kind"] == "text" {
                let text = row["text"].as_str().unwrap().to_owned();
                seen.push((row["cursor"].as_u64().unwrap(), text));
            }
        }
    };
    send("one");
    follow(&mut seen, "one");
    send("two");
    send("three");
    follow(&mut seen, "three");
    // The owner whose guest the tail is, and the server, are killed while it follows.
    let owner = machine.start(&["agent", "-p", "bob"]);
    owner.out.line("its socket", |line| line.starts_with('/'));
    let since = seen.last().unwrap().0.to_string();
    let tail = machine.start(&["tail", "-p", "bob", "ada", "--json", "--since", &since]);
    send("four");
    tail.out.line("four", |line| line.contains("\"four\""));
    owner.kill();
    send("five");
    tail.out.line("five", |line| line.contains("\"five\""));
    server.kill();
    let _server = machine.serve();
    send("six");
    tail.out.line("six", |line| line.contains("\"six\""));
    let rows = tail.out.all();
    for line in rows {
        let row: Value = serde_json::from_str(&line).unwrap();
        if row["notice"] == "row" && row["kind"] == "text" {
            seen.push((
                row["cursor"].as_u64().unwrap(),
                row["text"].as_str().unwrap().to_owned(),
            ));
        }
    }
    drop(tail);
    send("seven");
    follow(&mut seen, "seven");
    let told: Vec<_> = seen.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        told,
        ["one", "two", "three", "four", "five", "six", "seven"]
    );
    assert!(seen.windows(2).all(|two| two[0].0 < two[1].0), "{seen:?}");
    let again = machine.start(&["tail", "-p", "bob", "ada", "--since", "today"]);
    again
        .out
        .line("the first of today", |line| line.ends_with("ada: one"));
}

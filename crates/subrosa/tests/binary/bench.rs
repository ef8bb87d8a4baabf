//! `bench` with tiny numbers: every measure runs, verifies what it counts, and says so as JSON.

use crate::machine::Machine;
use crate::running::{PATIENCE, Running};
use rustix::process::Signal;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Runs one measure; the figures of its cases.
fn figures(args: &[&str]) -> Vec<Value> {
    let done = Machine::new().run(&[&["--json", "bench"], args].concat());
    let report: Value = serde_json::from_str(&done.ok()).unwrap();
    assert_eq!(report["bench"], args[0], "{report}");
    assert!(report["machine"]["cores"].as_u64().unwrap() > 0, "{report}");
    let cases = report["cases"].as_array().unwrap();
    cases.iter().map(|case| case["figures"].clone()).collect()
}

/// All of these figures are there and more than nothing.
fn positive(figures: &Value, names: &[&str]) {
    for name in names {
        let value = figures[name].as_f64();
        assert!(value.is_some_and(|value| value > 0.0), "{name}: {figures}");
    }
}

#[test]
fn messages_are_counted_when_they_were_opened() {
    let cases = figures(&["messages", "--pairs", "2", "--seconds", "1"]);
    let [case] = cases.as_slice() else {
        panic!("{cases:?}")
    };
    positive(
        case,
        &[
            "verified_messages",
            "messages_per_s",
            "server_cpu_us",
            "client_cpu_us",
            "latency_p50_ms",
            "latency_max_ms",
            "server_resident_mb",
        ],
    );
    // Two devices within the limits of every server.
    assert!(
        case["verified_messages"].as_f64().unwrap() <= 2.0 * 220.0,
        "{case}"
    );
}

#[test]
fn a_steady_pace_is_kept() {
    let cases = figures(&["messages", "--pairs", "2", "--seconds", "2", "--rate", "20"]);
    let sent = cases[0]["verified_messages"].as_f64().unwrap();
    assert!((30.0..=42.0).contains(&sent), "{cases:?}");
}

#[test]
fn logins_are_by_device_and_by_password() {
    let cases = figures(&["connect", "--devices", "30", "--passwords", "2"]);
    let figures = &cases[0];
    assert_eq!(figures["verified_device_logins"], 30.0);
    assert_eq!(figures["verified_password_logins"], 2.0);
    positive(
        figures,
        &[
            "start_ms",
            "device_server_cpu_us",
            "password_server_cpu_us",
            "password_p50_ms",
        ],
    );
}

#[test]
fn idle_connections_answer() {
    let cases = figures(&["idle", "--connections", "30,10", "--devices", "3"]);
    assert_eq!(cases.len(), 2);
    assert_eq!(cases[0]["verified_connections"], 10.0);
    assert_eq!(cases[1]["verified_connections"], 30.0);
    positive(&cases[1], &["server_resident_mb", "connect_server_cpu_us"]);
}

#[test]
fn everybody_in_a_room_hears_the_same() {
    let cases = figures(&[
        "room",
        "--members",
        "4,9",
        "--senders",
        "2",
        "--messages",
        "20",
    ]);
    let [four, nine] = cases.as_slice() else {
        panic!("{cases:?}")
    };
    // All but the founder, who wrote the first message.
    assert_eq!(four["first_verified"], 3.0);
    assert_eq!(nine["verified_deliveries"], 2.0 * 20.0 * 8.0);
    let names = [
        "key_bytes",
        "first_message_ms",
        "server_cpu_us",
        "latency_p99_ms",
    ];
    positive(nine, &names);
    assert!(
        nine["key_bytes"].as_f64() > four["key_bytes"].as_f64(),
        "{cases:?}"
    );
}

#[test]
fn all_devices_come_back() {
    let cases = figures(&["reconnect", "--devices", "30", "--accounts", "5"]);
    assert_eq!(cases[0]["verified_devices"], 30.0);
    positive(&cases[0], &["restart_ms", "all_back_s", "server_cpu_us"]);
    let cases = figures(&[
        "reconnect",
        "--devices",
        "30",
        "--accounts",
        "5",
        "--many-addresses",
    ]);
    assert_eq!(cases[0]["verified_devices"], 30.0);
}

#[test]
fn a_new_device_reads_its_whole_history() {
    let cases = figures(&["history", "--messages", "250"]);
    assert_eq!(cases[0]["verified_messages"], 250.0);
    positive(
        &cases[0],
        &["login_ms", "readable_ms", "complete_s", "cold_open_ms"],
    );
}

#[test]
fn a_device_seals_opens_and_judges() {
    let cases = figures(&["client", "--messages", "120"]);
    assert_eq!(cases[0]["verified_messages"], 120.0);
    positive(&cases[0], &["encrypt_us", "decrypt_us", "judge_us"]);
}

#[test]
fn stored_events_are_written_first() {
    let cases = figures(&[
        "messages",
        "--pairs",
        "2",
        "--seconds",
        "1",
        "--stored",
        "300",
        "--limits",
        "lifted",
    ]);
    positive(&cases[0], &["verified_messages"]);
}

#[test]
fn bulk_bytes_come_as_they_were_sent() {
    let cases = figures(&[
        "channel",
        "--megabytes",
        "3",
        "--message",
        "100000",
        "--handshakes",
        "2",
    ]);
    assert_eq!(cases[0]["verified_mb"], 3.145_728);
    positive(
        &cases[0],
        &["mb_per_s", "cpu_s_per_gib", "handshake_server_cpu_us"],
    );
}

#[test]
fn a_load_that_is_cut_short_leaves_nothing_behind() {
    let machine = Machine::new();
    let temporary = machine.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = machine.command(&["bench", "messages", "--pairs", "2", "--seconds", "60"]);
    let load = Running::new(command.env("TMPDIR", &temporary));
    let folders = || std::fs::read_dir(&temporary).unwrap().count();
    let deadline = Instant::now() + PATIENCE;
    // condition: its server has been started
    while folders() == 0 {
        assert!(Instant::now() < deadline, "no server was started");
        std::thread::sleep(Duration::from_millis(5));
    }
    load.signal(Signal::INT);
    let done = load.wait();
    assert_eq!(done.code, Some(130), "{done:?}");
    assert_eq!(folders(), 0);
}

#[test]
fn what_cannot_be_measured_is_a_mistake_in_one_sentence() {
    let machine = Machine::new();
    let failed = machine
        .run(&["bench", "messages", "--pairs", "0"])
        .failed(1);
    assert!(failed.contains("nothing to measure"), "{failed}");
    let failed = machine
        .run(&["bench", "messages", "--size", "50000"])
        .failed(1);
    assert!(failed.contains("choose a smaller --size"), "{failed}");
    let line = "subrosa://127.0.0.1:1/00000000000000000000000000000000000000000000000000000/00000000000000000000000000";
    let failed = machine.run(&["bench", "messages", "--server", line]);
    assert!(matches!(failed.code, Some(1 | 3)), "{failed:?}");
}

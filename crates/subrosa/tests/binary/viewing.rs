//! `server-view`, beside a server that runs.

use crate::machine::Machine;
use serde_json::Value;

#[test]
fn an_operator_sees_who_talks_to_whom_and_no_word_of_it() {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    machine.ada_and_bob();
    let secret = "the cellar at midnight";
    machine.run(&["-p", "bob", "send", "ada", secret]).ok();
    machine.drain(&["-p", "ada", "read", "bob"]);
    let data = machine.path("server");
    let data = data.to_str().unwrap();
    let view = ["server-view", "bob", "--data", data];
    let table = machine.run(&view).ok();
    assert!(!table.contains(secret));
    for part in [
        "devices:",
        "records:",
        "bob came by an invite of ada",
        "not to be seen here",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let json = machine
        .run(&[&view[..], &["--events", "--json"]].concat())
        .ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["name"], "bob");
    let events = json["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["by"] == "bob"));
    assert!(!json.to_string().contains(secret));
    let nobody = machine.run(&["server-view", "carol", "--data", data]);
    assert!(nobody.failed(1).contains("nobody called carol"));
    let nowhere = machine.path("nowhere");
    let nowhere = machine.run(&["server-view", "bob", "--data", nowhere.to_str().unwrap()]);
    assert!(nowhere.failed(1).contains("no server's database"));
    server.interrupt();
}

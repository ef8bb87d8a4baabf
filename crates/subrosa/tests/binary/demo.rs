//! The demonstration without a terminal.

use crate::machine::Machine;

#[test]
fn it_plays_checks_itself_and_ends_well() {
    let machine = Machine::new();
    let out = machine.run(&["demo", "--no-input"]).ok();
    let sections = [
        "1. A server",
        "2. Ada registers",
        "3. Bob registers",
        "4. They write",
        "5. Ada logs in",
        "6. What is checked",
    ];
    let mut rest = out.as_str();
    for section in sections {
        let at = rest
            .find(section)
            .unwrap_or_else(|| panic!("no {section:?} in\n{out}"));
        rest = &rest[at..];
    }
    for step in [
        "handshake",
        "registration",
        "login",
        "key share",
        "message",
        "delivery",
        "receipt",
    ] {
        assert!(
            out.contains(&format!("server saw  {step}")),
            "{step} in\n{out}"
        );
    }
    assert_eq!(rest.matches('✓').count(), 6, "{rest}");
    assert!(!out.contains('✗'), "{out}");
}

#[test]
fn it_speaks_json() {
    let machine = Machine::new();
    let out = machine.run(&["demo", "--json"]).ok();
    let objects: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let checks: Vec<_> = objects
        .iter()
        .filter(|object| object.get("check").is_some())
        .collect();
    assert_eq!(checks.len(), 6);
    assert!(
        checks.iter().all(|check| check["passed"] == true),
        "{checks:?}"
    );
    let sealed = objects
        .iter()
        .filter(|object| object["server_saw"]["step"] == "message");
    assert!(sealed.count() >= 4, "{out}");
}

//! Exports, and a home that looks at itself.

use crate::machine::Machine;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

/// What Ada and Bob wrote, so that Bob's home has it.
fn written(machine: &Machine) {
    machine.ada_and_bob();
    for text in ["<script>alert(1)</script>", "# no title\u{202e}", "日本語"] {
        machine.run(&["send", "bob", text]).ok();
    }
    machine.until(&["-p", "bob", "read", "ada"], |read| {
        read.contains("日本語")
    });
}

#[test]
fn an_export_is_whole_signed_and_verified_without_a_home() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    written(&machine);
    let path = |name: &str| machine.path(name).to_str().unwrap().to_owned();
    for form in ["jsonl", "markdown", "html"] {
        let out = path(form);
        let told = machine
            .run(&[
                "-p", "bob", "export", &out, "--form", form, "--only", "@ada",
            ])
            .ok();
        assert!(told.contains("1 conversations"), "{told}");
        let elsewhere = Machine::new();
        let told = elsewhere.run(&["export", "verify", &out]).ok();
        assert!(
            told.starts_with("it holds") && told.contains("bob"),
            "{told}"
        );
    }
    let again = machine
        .run(&["-p", "bob", "export", &path("jsonl")])
        .failed(1);
    assert!(again.contains("is there already"), "{again}");

    let read = |name: &str| std::fs::read_to_string(machine.path(name)).unwrap();
    let rows: Vec<Value> = read("jsonl/0001-ada.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let texts: Vec<_> = rows.iter().filter_map(|row| row["text"].as_str()).collect();
    assert!(
        texts.contains(&"<script>alert(1)</script>") && texts.contains(&"日本語"),
        "{texts:?}"
    );
    let page = read("html/0001-ada.html");
    assert!(
        page.contains("&lt;script&gt;") && !page.contains("<script") && !page.contains('\u{202e}')
    );
    assert!(read("markdown/0001-ada.md").contains("> \\# no title"));

    // Changed, taken away, added.
    std::fs::write(machine.path("jsonl/0001-ada.jsonl"), "{}\n").unwrap();
    let told = machine.run(&["export", "verify", &path("jsonl")]).failed(4);
    assert!(told.contains("0001-ada.jsonl was changed"), "{told}");
    let manifest = read("html/manifest.json");
    std::fs::write(
        machine.path("html/manifest.json"),
        manifest.replace("\"missing\": 0", "\"missing\": 7"),
    )
    .unwrap();
    let told = machine.run(&["export", "verify", &path("html")]).failed(4);
    assert!(told.contains("signature"), "{told}");
    std::fs::write(machine.path("markdown/more.md"), "x").unwrap();
    let done = machine.run(&["export", "verify", &path("markdown")]);
    assert!(
        done.code == Some(0) && done.err.contains("more.md is no part of it"),
        "{done:?}"
    );
    machine
        .run(&["export", "verify", &path("nowhere")])
        .failed(1);
}

#[test]
fn the_doctor_names_what_is_wrong_and_what_mends_it() {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    written(&machine);
    let doctor = || machine.run(&["-p", "bob", "doctor", "--json"]);
    let finding = |out: &str, what: &str| -> Value {
        let rows = out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.into_iter()
            .find(|row| row["what"] == what)
            .unwrap_or_default()
    };
    let done = doctor();
    assert_eq!(done.code, Some(0), "{done:?}");
    for what in ["version", "permissions", "disk", "store", "server", "clock"] {
        assert_eq!(
            finding(&done.out, what)["grade"],
            "fine",
            "{what}: {done:?}"
        );
    }
    assert_eq!(finding(&done.out, "sheet")["grade"], "warning", "{done:?}");

    let store = machine.home("bob").join("store.db");
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o644)).unwrap();
    let done = doctor();
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(
        finding(&done.out, "permissions")["fix"]
            .as_str()
            .unwrap()
            .contains("chmod"),
        "{done:?}"
    );

    drop(server);
    let done = doctor();
    assert_eq!(
        done.code,
        Some(3),
        "the store makes itself private again: {done:?}"
    );
    assert_eq!(finding(&done.out, "server")["grade"], "wrong", "{done:?}");
    assert_eq!(finding(&done.out, "store")["grade"], "fine", "{done:?}");

    let mut bytes = std::fs::read(&store).unwrap();
    bytes
        .iter_mut()
        .skip(16)
        .take(4_000)
        .for_each(|byte| *byte ^= 0xff);
    std::fs::write(&store, bytes).unwrap();
    let done = doctor();
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!(finding(&done.out, "store")["grade"], "wrong", "{done:?}");
}

#[test]
fn one_message_is_explained_and_room_is_given_back() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    written(&machine);
    let out = machine.until(&["read", "bob", "--json"], |out| out.contains("delivered"));
    let row: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let id = row["id"].as_str().unwrap();
    let told = machine.run(&["why", "bob", &id[..8]]).ok();
    for part in [
        "session",
        "the session's key is here",
        "bob has decrypted it",
        "in the log",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let at = format!("@{}", row["cursor"]);
    let view: Value =
        serde_json::from_str(&machine.run(&["why", "bob", &at, "--json"]).ok()).unwrap();
    assert_eq!(view["row"]["id"], id);
    machine.run(&["why", "bob", "@999999"]).failed(1);

    let told = machine.run(&["storage"]).ok();
    assert!(
        told.contains("messages") && told.contains("in all"),
        "{told}"
    );
    let view: Value =
        serde_json::from_str(&machine.run(&["storage", "--free", "--json"]).ok()).unwrap();
    assert_eq!(view["unused"], 0, "{view}");
    assert!(machine.run(&["read", "bob"]).ok().contains("日本語"));
    assert_eq!(machine.run(&["search", "日本"]).code, Some(0));
}

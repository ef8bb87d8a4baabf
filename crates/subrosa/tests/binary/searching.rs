//! Messages found by what stands in them.

use crate::machine::Machine;
use serde_json::Value;

#[test]
fn what_was_written_is_found_and_what_was_deleted_is_not() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    for text in [
        "Lünch at one?",
        "see https://example.org/menu",
        "日本語の本\u{1b}[2J",
    ] {
        machine.run(&["send", "bob", text]).ok();
    }
    machine.until(&["-p", "bob", "read", "ada"], |read| {
        read.contains("日本語")
    });
    let as_bob = |args: &[&str]| machine.run(&[&["-p", "bob", "search"], args].concat());

    let out = as_bob(&["LUNCH"]).ok();
    assert!(
        out.contains("@ada ada: Lünch at one?") && out.lines().count() == 1,
        "{out}"
    );
    let out = as_bob(&["\"at one\"", "from:ada", "in:@ada", "after:1d"]).ok();
    assert_eq!(out.lines().count(), 1, "{out}");
    let out = as_bob(&["has:link", "-C", "1"]).ok();
    assert_eq!(
        out.lines().count(),
        3,
        "with one before and one behind: {out}"
    );
    // What others write is harmless, and colour is for people.
    let out = as_bob(&["本語"]).ok();
    assert!(
        out.contains("\\u{1b}[2J") && !out.contains('\u{1b}'),
        "{out}"
    );
    let out = as_bob(&["menu", "--json"]).ok();
    let hit: Value = serde_json::from_str(&out).unwrap();
    let (excerpt, mark) = (hit["excerpt"].as_str().unwrap(), &hit["marks"][0]);
    let at = |place: usize| usize::try_from(mark[place].as_u64().unwrap()).unwrap();
    assert_eq!(&excerpt[at(0)..at(1)], "menu");

    let nothing = as_bob(&["dinner"]);
    assert_eq!(
        (nothing.code, nothing.out.as_str()),
        (Some(1), ""),
        "{nothing:?}"
    );
    assert!(
        nothing.err.contains("nothing matches dinner"),
        "{nothing:?}"
    );
    let told = as_bob(&["after:tomorrow"]).failed(1);
    assert!(told.contains("after:tomorrow is no time"), "{told}");
    let told = as_bob(&["x", "from:carol"]).failed(1);
    assert!(told.contains("nobody is called carol"), "{told}");

    let id = hit["row"]["id"].as_str().unwrap();
    machine.run(&["send", "bob", "--delete", id]).ok();
    machine.until(&["-p", "bob", "read", "ada"], |read| read.contains("gone"));
    assert_eq!(as_bob(&["menu"]).code, Some(1));
}

use super::*;
use crate::tree::Text;

const TEST: &str = "// Proves: C1\n#[test]\nfn holds() {}\n";

fn claim(number: u32, status: &str, tests: &str) -> String {
    format!(
        "### C{number}: a title\n\nWords.\n\n- Against: N\n- Status: {status}\n- Tests: {tests}\n- Code: `crates/a/src/`\n- Not proven: much\n\n"
    )
}

fn tree(ledger: &str, test: &str) -> Tree {
    let files = [
        ("SECURITY.md", ledger),
        ("crates/a/src/lib.rs", ""),
        ("crates/a/tests/t.rs", test),
    ];
    let texts = files.map(|(path, text)| Text {
        path: path.to_owned(),
        text: text.to_owned(),
    });
    Tree::from_texts(texts.into()).unwrap()
}

fn whats(ledger: &str, test: &str) -> Vec<String> {
    check(&tree(ledger, test))
        .into_iter()
        .map(|finding| finding.what)
        .collect()
}

#[test]
fn a_proven_claim_with_its_test_satisfies() {
    for status in ["proven by tests", "proven in part"] {
        assert_eq!(
            whats(&claim(1, status, "`crates/a/tests/t.rs` (holds)"), TEST),
            [""; 0]
        );
    }
    assert_eq!(whats(&claim(1, "not yet", "none"), ""), [""; 0]);
}

#[test]
fn a_proof_inside_a_test_or_with_words_counts() {
    let ledger = claim(1, "proven by tests", "`crates/a/tests/t.rs` (holds)");
    assert_eq!(
        whats(
            &ledger,
            "#[test]\nfn holds() {\n    // Proves: C1 (the part about keys)\n}\n"
        ),
        [""; 0]
    );
}

#[test]
fn a_test_that_does_not_run_proves_nothing() {
    let expected = "C1 is called proven, and no test says that it proves it";
    for ignored in [
        "// Proves: C1\n#[test]\n#[ignore = \"long\"]\nfn holds() {}\n",
        "// Proves: C1\n#[ignore = \"long\"]\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn holds() {}\n",
    ] {
        assert_eq!(
            whats(&claim(1, "proven by tests", "none"), ignored),
            [expected]
        );
    }
    // The neighbour of one that is ignored runs.
    let neighbour =
        "#[test]\n#[ignore = \"long\"]\nfn other() {}\n// Proves: C1\n#[test]\nfn holds() {}\n";
    let ledger = claim(1, "proven by tests", "`crates/a/tests/t.rs` (holds)");
    assert_eq!(whats(&ledger, neighbour), [""; 0]);
}

#[test]
fn a_proven_claim_without_a_test_is_refused() {
    let expected = "C1 is called proven, and no test says that it proves it";
    assert_eq!(whats(&claim(1, "proven by tests", "none"), ""), [expected]);
    assert_eq!(
        whats(
            &claim(1, "proven in part", "none"),
            "// a file without proofs"
        ),
        [expected]
    );
}

#[test]
fn a_claim_that_is_not_yet_built_must_have_no_test() {
    let found = whats(&claim(1, "not yet", "`crates/a/tests/t.rs` (holds)"), TEST);
    assert_eq!(found, ["C1 is called `not yet`, and a test proves it"]);
}

#[test]
fn a_proof_must_name_a_claim_that_exists() {
    let found = whats(
        &claim(1, "not yet", "none"),
        "// Proves: C2\n#[test]\nfn holds() {}\n",
    );
    assert_eq!(found, ["C2 is no claim of SECURITY.md"]);
    let found = whats(
        &claim(1, "not yet", "none"),
        "// Proves: everything\n#[test]\nfn holds() {}\n",
    );
    assert_eq!(found, ["a proof of nothing"]);
}

#[test]
fn a_proof_outside_of_tests_does_not_count() {
    let found = whats(
        &claim(1, "proven by tests", "none"),
        "// Proves: C1\nfn helper() {}\n",
    );
    assert_eq!(
        found,
        [
            "this proof is in no test",
            "C1 is called proven, and no test says that it proves it"
        ]
    );
    let dead = "// // Proves: C1\n// #[test]\n// fn holds() {}\n";
    assert_eq!(
        whats(&claim(1, "proven by tests", "none"), dead).len(),
        1,
        "a test that is commented out"
    );
}

#[test]
fn the_list_of_tests_is_current_and_can_be_rewritten() {
    let ledger = claim(1, "proven by tests", "none");
    let expected = "the tests of C1 are not those that prove it (none)";
    assert_eq!(whats(&ledger, TEST), [expected]);
    assert_eq!(whats(&rewritten(&ledger), TEST), [""; 0]);
}

fn rewritten(ledger: &str) -> String {
    let (claims, _) = parse(ledger);
    let (proofs, _) = collect(&tree(ledger, TEST), &claims);
    with_tests(ledger, &claims, &proofs)
}

#[test]
fn rewriting_raises_a_tested_claim_to_a_part_and_no_higher() {
    let after = rewritten(&claim(1, "not yet", "none"));
    assert_eq!(
        after,
        claim(1, "proven in part", "`crates/a/tests/t.rs` (holds)")
            .trim_end()
            .to_owned()
            + "\n\n"
    );
    let untested = claim(1, "proven by tests", "none") + &claim(2, "not yet", "none");
    assert!(rewritten(&untested).contains("- Status: not yet\n- Tests: none"));
}

#[test]
fn the_ledger_is_complete() {
    let ledger = claim(1, "not yet", "none").replace("- Not proven: much\n", "");
    assert_eq!(whats(&ledger, ""), ["C1 has no `Not proven`"]);
    let ledger = claim(1, "not yet", "none").replace("crates/a/src/", "crates/b/src/");
    assert_eq!(
        whats(&ledger, ""),
        ["C1 points at crates/b/src/, which is not there"]
    );
    let ledger = claim(1, "perhaps", "none");
    assert_eq!(whats(&ledger, ""), ["C1 has an unknown status"]);
    let ledger = claim(1, "not yet", "none") + &claim(3, "not yet", "none");
    assert_eq!(whats(&ledger, ""), ["C3 follows a hole"]);
    let ledger = claim(1, "not yet", "none").repeat(2);
    assert_eq!(whats(&ledger, ""), ["C1 is listed twice"]);
    assert_eq!(check(&Tree::default()).len(), 1, "no ledger at all");
}

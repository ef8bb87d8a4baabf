//! Things that must not be there at all.

use proc_macro2::Delimiter;

use crate::finding::Finding;
use crate::source::{Role, Source};
use crate::tree::{Text, Tree};

/// Names of modules that say nothing about what is in them.
const GRAB_BAGS: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "types", "manager", "base", "misc", "shared",
];

/// Words that mark work left over. Spelt in two parts, since this file is checked as well.
const LEFT_OVER: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("TO", "DO"),
];

/// Paths of one machine, which mean nothing on another.
const FOREIGN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("..", "/shared"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree.texts.iter().flat_map(words).collect();
    for source in &tree.sources {
        findings.extend(module_names(source));
        findings.extend(tokens(source));
        findings.extend(sleeps(source));
    }
    findings
}

fn words(file: &Text) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in (1..).zip(file.text.lines()) {
        for word in LEFT_OVER.iter().filter(|word| has_word(text, word)) {
            let why = "a note in the code is read by nobody";
            findings.push(Finding::new(
                &file.path,
                line,
                format!("{word} in the text"),
                why,
                "do it, or write it in the tracker",
            ));
        }
        for path in FOREIGN.iter().filter(|path| text.contains(**path)) {
            let why = "it means nothing on another machine";
            findings.push(Finding::new(
                &file.path,
                line,
                format!("the path {path}"),
                why,
                "use a path relative to the project",
            ));
        }
    }
    findings
}

fn has_word(text: &str, word: &str) -> bool {
    let part_of_word =
        |neighbour: Option<char>| neighbour.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, found)| {
        let (before, after) = text.split_at(at);
        !part_of_word(before.chars().next_back())
            && !part_of_word(
                after
                    .get(found.len()..)
                    .and_then(|rest| rest.chars().next()),
            )
    })
}

fn module_names(source: &Source) -> Vec<Finding> {
    let declared = source.tokens.windows(2).filter_map(|pair| match pair {
        [keyword, name] if keyword.word() == Some("mod") => {
            name.word().map(|word| (name.line, word))
        }
        _ => None,
    });
    let grab_bags = declared.filter(|(_, name)| GRAB_BAGS.contains(name));
    let finding = |(line, name)| {
        let why = "such a module has no subject and collects everything";
        Finding::new(
            &source.path,
            line,
            format!("a module called {name}"),
            why,
            "name it after what it holds, or put things where they are used",
        )
    };
    grab_bags.map(finding).collect()
}

fn tokens(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        let next = |offset: usize| source.tokens.get(at + offset);
        let followed_by = |mark| next(1).is_some_and(|token| token.is_mark(mark));
        let (what, fix) = match token.word() {
            Some("unsafe") => (
                "unsafe code".to_owned(),
                "find a way in safe Rust, or a crate that wraps it",
            ),
            Some(name @ ("todo" | "unimplemented")) if followed_by('!') => {
                (format!("{name}!"), "write what is missing")
            }
            // With a reason it is a long test with a recipe, or a defect that is known by name.
            Some("ignore") if in_attribute(source, at) && !followed_by('=') => (
                "an ignored test".to_owned(),
                "make it fast, delete it, or write `#[ignore = \"why, and how it is run\"]`",
            ),
            _ => continue,
        };
        let why = "what is in the tree is finished and checked";
        findings.push(Finding::new(&source.path, token.line, what, why, fix));
    }
    findings
}

/// `#[ignore…` or `#[cfg_attr(…, ignore…`.
fn in_attribute(source: &Source, at: usize) -> bool {
    let before = |offset: usize| {
        at.checked_sub(offset)
            .and_then(|index| source.tokens.get(index))
    };
    let direct = before(1).is_some_and(|token| token.is_open(Delimiter::Bracket))
        && before(2).is_some_and(|token| token.is_mark('#'));
    let statement: Vec<_> = source
        .tokens
        .get(..at)
        .unwrap_or_default()
        .iter()
        .rev()
        .take(12)
        .collect();
    let conditional = before(1).is_some_and(|token| token.is_mark(','))
        && statement
            .iter()
            .any(|token| token.word() == Some("cfg_attr"));
    direct || conditional
}

/// A call of something called `sleep` in test code, unless a comment close above names the condition waited for.
fn sleeps(source: &Source) -> Vec<Finding> {
    let excused: Vec<usize> = source
        .comment_lines()
        .into_iter()
        .filter(|(_, text)| {
            text.strip_prefix("condition:")
                .is_some_and(|condition| !condition.trim().is_empty())
        })
        .map(|(line, _)| line)
        .collect();
    let calls = source.tokens.windows(2).filter_map(|pair| match pair {
        [name, open] if name.word() == Some("sleep") && open.is_open(Delimiter::Parenthesis) => {
            Some(name.line)
        }
        _ => None,
    });
    let in_tests = calls.filter(|line| source.role != Role::Other && source.is_test_line(*line));
    let bare = in_tests.filter(|line| {
        !excused
            .iter()
            .any(|comment| (line.saturating_sub(3)..=*line).contains(comment))
    });
    let finding = |line| {
        let why = "a test that waits for time is slow, and fails on a slow machine";
        let fix = "wait for what must happen; a poll loop says `// condition: …` in the lines above its sleep";
        Finding::new(&source.path, line, "a test sleeps", why, fix)
    };
    bare.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let tree = Tree::from_texts(vec![Text {
            path: path.to_owned(),
            text: text.to_owned(),
        }])
        .unwrap();
        check(&tree)
            .into_iter()
            .map(|finding| (finding.line, finding.what))
            .collect()
    }

    fn what(path: &str, text: &str) -> Vec<String> {
        found(path, text)
            .into_iter()
            .map(|(_, what)| what)
            .collect()
    }

    #[test]
    fn modules_need_a_subject() {
        assert_eq!(
            found("src/lib.rs", "mod seal;\npub mod utils;"),
            [(2, "a module called utils".to_owned())]
        );
        assert_eq!(
            what("src/lib.rs", "mod tests { mod helpers {} }"),
            ["a module called helpers"]
        );
        assert_eq!(what("src/lib.rs", "use rand::common::types;"), [""; 0]);
    }

    #[test]
    fn unsafe_and_unfinished_code_is_refused_but_words_about_it_are_not() {
        assert_eq!(
            what("src/a.rs", "fn f() { unsafe { g() } }"),
            ["unsafe code"]
        );
        assert_eq!(what("src/a.rs", "fn f() { todo!() }"), ["todo!"]);
        assert_eq!(
            what("src/a.rs", "fn f() { unimplemented!(\"later\") }"),
            ["unimplemented!"]
        );
        assert_eq!(
            what(
                "src/a.rs",
                "/// This would be unsafe.\nfn f() { g(\"unsafe todo!()\") }"
            ),
            [""; 0]
        );
    }

    #[test]
    fn ignored_tests_need_a_reason() {
        assert_eq!(
            what("tests/a.rs", "#[test]\n#[ignore]\nfn f() {}"),
            ["an ignored test"]
        );
        assert_eq!(
            what("tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}"),
            [""; 0]
        );
        assert_eq!(
            what(
                "tests/a.rs",
                "#[test]\n#[cfg_attr(unix, ignore)]\nfn f() {}"
            ),
            ["an ignored test"]
        );
        assert_eq!(what("src/a.rs", "fn f() { ignore(a, ignore) }"), [""; 0]);
    }

    #[test]
    fn left_over_notes_are_refused_in_any_file() {
        let note = concat!("// FIX", "ME later");
        assert_eq!(what("src/a.rs", note), [concat!("FIX", "ME in the text")]);
        assert_eq!(
            what("docs/a.md", concat!("XX", "X: check this")),
            [concat!("XX", "X in the text")]
        );
        assert_eq!(
            what("docs/a.md", concat!("Noise_XX", "Xpsk3 and XX", "XX")),
            [""; 0]
        );
    }

    #[test]
    fn paths_of_one_machine_are_refused() {
        assert_eq!(
            what("docs/a.md", concat!("see /wo", "rk/x")),
            [concat!("the path /wo", "rk/")]
        );
        assert_eq!(
            what("justfile", concat!("cp /ro", "ot/x")),
            [concat!("the path /ro", "ot/")]
        );
        assert_eq!(
            what("a.md", concat!("..", "/shared/x")),
            [concat!("the path ..", "/shared")]
        );
    }

    #[test]
    fn tests_wait_for_conditions_only() {
        let sleeping =
            "#[cfg(test)]\nmod tests {\n    fn f() {\n        thread::sleep(SHORT);\n    }\n}";
        assert_eq!(
            found("src/a.rs", sleeping),
            [(4, "a test sleeps".to_owned())]
        );
        let polling = "fn f() {\n    // condition: the file is there\n    while !there() {\n        sleep(SHORT);\n    }\n}";
        assert_eq!(what("tests/a.rs", polling), [""; 0]);
        assert_eq!(
            what("tests/a.rs", &polling.replace("the file is there", "")),
            ["a test sleeps"]
        );
        assert_eq!(what("src/a.rs", "fn backoff() { sleep(LONG) }"), [""; 0]);
    }
}

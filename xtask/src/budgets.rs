//! How large things may become. Lines are those of an editor, comments and blank lines included, tests not.

use crate::finding::Finding;
use crate::packages::{Member, Packages};
use crate::ratchet::{self, Measure, Ratchet};
use crate::source::{Role, Source};
use crate::tree::Tree;

const FILE_LINES: usize = 500;
const MEDIAN_LINES: usize = 180;
const FUNCTION_LINES: usize = 70;
const MAIN_LINES: usize = 50;
const STORE_METHODS: usize = 12;
const FEATURES: usize = 1;
const README_LINES: usize = 200;

pub fn check(packages: &Packages, tree: &Tree) -> Vec<Finding> {
    let (ratchet, mut findings) = Ratchet::parse(tree.text(ratchet::PATH).unwrap_or_default());
    findings.extend(ratchet.hold(measure(packages, tree)));
    findings
}

fn measure(packages: &Packages, tree: &Tree) -> Vec<Measure> {
    let mut measures = Vec::new();
    for member in &packages.members {
        let folder = format!("{}/src", member.folder);
        let sources: Vec<&Source> = tree
            .sources_below(&folder)
            .filter(|source| source.role == Role::Product)
            .collect();
        measures.extend(sources.iter().flat_map(|source| of_file(source)));
        measures.extend(median(member, &sources));
    }
    let features = packages
        .members
        .iter()
        .flat_map(|member| &member.features)
        .count();
    measures.push(whole(
        "features",
        "workspace",
        features,
        FEATURES,
        "Cargo.toml",
    ));
    if let Some(readme) = tree.text("README.md") {
        measures.push(whole(
            "readme-lines",
            "README.md",
            readme.lines().count(),
            README_LINES,
            "README.md",
        ));
    }
    measures
}

fn of_file(source: &Source) -> Vec<Measure> {
    let lines = source.product_lines();
    let mut measures = vec![whole(
        "file-lines",
        &source.path,
        lines,
        FILE_LINES,
        &source.path,
    )];
    if source.path.ends_with("src/main.rs") {
        measures.push(whole(
            "main-lines",
            &source.path,
            lines,
            MAIN_LINES,
            &source.path,
        ));
    }
    // Methods of one name in several impl blocks of a file are one subject; the longest counts.
    let mut functions: Vec<_> = source.functions.iter().collect();
    functions.sort_by(|left, right| (&left.name, right.lines).cmp(&(&right.name, left.lines)));
    functions.dedup_by(|next, kept| next.name == kept.name);
    measures.extend(functions.into_iter().map(|function| Measure {
        budget: "function-lines",
        subject: format!("{}:{}", source.path, function.name),
        value: function.lines,
        limit: FUNCTION_LINES,
        path: source.path.clone(),
        line: function.line,
    }));
    measures.extend(
        source
            .traits
            .iter()
            .filter(|found| found.name == "Store")
            .map(|found| Measure {
                budget: "store-methods",
                subject: source.path.clone(),
                value: found.methods,
                limit: STORE_METHODS,
                path: source.path.clone(),
                line: found.line,
            }),
    );
    measures
}

fn median(member: &Member, sources: &[&Source]) -> Option<Measure> {
    let mut lines: Vec<usize> = sources
        .iter()
        .map(|source| source.product_lines())
        .collect();
    lines.sort_unstable();
    let value = *lines.get(lines.len() / 2)?;
    Some(whole(
        "median-lines",
        &member.name,
        value,
        MEDIAN_LINES,
        &member.manifest(),
    ))
}

fn whole(budget: &'static str, subject: &str, value: usize, limit: usize, path: &str) -> Measure {
    Measure {
        budget,
        subject: subject.to_owned(),
        value,
        limit,
        path: path.to_owned(),
        line: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::fixtures::member;
    use crate::tree::Text;

    fn whats(files: &[(&str, String)]) -> Vec<String> {
        let texts = files.iter().map(|(path, text)| Text {
            path: (*path).to_owned(),
            text: text.clone(),
        });
        let tree = Tree::from_texts(texts.collect()).unwrap();
        let packages = Packages {
            members: vec![member("subrosa-server", &[])],
            ..Packages::default()
        };
        check(&packages, &tree)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    f();\n".repeat(lines - 2))
    }

    const SMALL: (&str, &str) = ("crates/server/src/lib.rs", "mod a;\n");

    fn small() -> (&'static str, String) {
        (SMALL.0, SMALL.1.to_owned())
    }

    #[test]
    fn a_file_over_500_lines_fails_and_tests_do_not_count() {
        let product = "// a reason\n".repeat(501);
        let files = [
            small(),
            small_file("b"),
            ("crates/server/src/a.rs", product),
        ];
        assert_eq!(
            whats(&files),
            ["file-lines of crates/server/src/a.rs is 501, the budget is 500"]
        );
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "// a reason\n".repeat(600)
        );
        assert_eq!(
            whats(&[small(), ("crates/server/src/a.rs", tests)]),
            [""; 0]
        );
    }

    fn small_file(name: &str) -> (&'static str, String) {
        ("crates/server/src/b.rs", format!("// {name}\n"))
    }

    #[test]
    fn the_median_of_a_crate_is_held() {
        let text = "// a reason\n".repeat(181);
        let found = whats(&[
            ("crates/server/src/a.rs", text.clone()),
            ("crates/server/src/b.rs", text),
        ]);
        assert_eq!(
            found,
            ["median-lines of subrosa-server is 181, the budget is 180"]
        );
    }

    #[test]
    fn a_function_over_70_lines_fails_but_not_in_tests() {
        assert_eq!(
            whats(&[("crates/server/src/a.rs", function("fits", 70))]),
            [""; 0]
        );
        let found = whats(&[("crates/server/src/a.rs", function("long", 71))]);
        assert_eq!(
            found,
            ["function-lines of crates/server/src/a.rs:long is 71, the budget is 70"]
        );
        assert_eq!(
            whats(&[("crates/server/tests/a.rs", function("long", 71))]),
            [""; 0]
        );
    }

    #[test]
    fn of_two_methods_with_one_name_the_longer_counts() {
        let text = format!(
            "impl A {{\n{}}}\nimpl X for A {{\n{}}}\n",
            function("f", 3),
            function("f", 80)
        );
        let found = whats(&[("crates/server/src/a.rs", text)]);
        assert_eq!(
            found,
            ["function-lines of crates/server/src/a.rs:A::f is 80, the budget is 70"]
        );
    }

    #[test]
    fn main_store_and_readme_have_budgets() {
        let methods: String = (0..13)
            .map(|number| format!("fn m{number}(&self);\n"))
            .collect();
        let found = whats(&[
            ("crates/server/src/main.rs", "// a reason\n".repeat(51)),
            (
                "crates/server/src/storage.rs",
                format!("trait Store {{\n{methods}}}\n"),
            ),
            ("README.md", "line\n".repeat(201)),
        ]);
        assert_eq!(
            found,
            [
                "main-lines of crates/server/src/main.rs is 51, the budget is 50",
                "store-methods of crates/server/src/storage.rs is 13, the budget is 12",
                "readme-lines of README.md is 201, the budget is 200",
            ]
        );
    }

    #[test]
    fn cargo_features_are_counted() {
        let mut server = member("subrosa-server", &[]);
        server.features = vec!["a".to_owned(), "b".to_owned()];
        let packages = Packages {
            members: vec![server],
            ..Packages::default()
        };
        let found: Vec<_> = check(&packages, &Tree::default())
            .into_iter()
            .map(|finding| finding.what)
            .collect();
        assert_eq!(found, ["features of workspace is 2, the budget is 1"]);
    }
}

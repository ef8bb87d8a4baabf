//! Links between the project's own texts lead somewhere.

use crate::finding::Finding;
use crate::tree::Tree;

const WHY: &str = "a reader who is sent nowhere stops reading";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.texts.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, text) in (1..).zip(file.text.lines()) {
            for target in targets(text) {
                let path = resolve(&file.path, target);
                if !tree.has(&path) {
                    let what = format!("a link to {target}, which is not there");
                    findings.push(Finding::new(&file.path, line, what, WHY, "correct it"));
                }
            }
        }
    }
    findings
}

/// Where the links of a line lead, those to other places and within the file left out.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let rest_of_links = line.split("](").skip(1);
    let whole = rest_of_links.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let paths = whole.filter_map(|target| target.split('#').next());
    paths.filter(|path| !path.is_empty() && !path.contains(':'))
}

/// A relative path as seen from the folder of `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/').filter(|part| !["", "."].contains(part)) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Text;

    fn found(text: &str) -> Vec<(usize, String)> {
        let files = [
            ("docs/a.md", text),
            ("docs/spec/b.md", ""),
            ("README.md", ""),
        ];
        let texts = files.map(|(path, text)| Text {
            path: path.to_owned(),
            text: text.to_owned(),
        });
        let tree = Tree::from_texts(texts.into()).unwrap();
        check(&tree)
            .into_iter()
            .map(|finding| (finding.line, finding.what))
            .collect()
    }

    #[test]
    fn links_that_lead_somewhere_satisfy() {
        let text = "[b](spec/b.md#s1), [folder](spec/) and [up](../README.md), [here](#top), [far](https://a.b/c)";
        assert_eq!(found(text), []);
    }

    #[test]
    fn a_link_to_nowhere_is_refused() {
        let text = "first\n[b](spec/b.md) and [c](c.md#x)";
        assert_eq!(
            found(text),
            [(2, "a link to c.md, which is not there".to_owned())]
        );
    }
}

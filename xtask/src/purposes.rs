//! Every dependency of the workspace has its purpose beside it, and members take it from there.

use toml_edit::{Document, Item, TableLike};

use crate::finding::Finding;
use crate::tree::Tree;

const MANIFEST: &str = "Cargo.toml";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(text) = tree.text(MANIFEST) {
        findings.extend(workspace(text));
    }
    let members = tree
        .texts
        .iter()
        .filter(|file| file.path != MANIFEST && file.path.ends_with("/Cargo.toml"));
    for file in members.filter(|file| !file.path.starts_with("fuzz/")) {
        findings.extend(member(&file.path, &file.text));
    }
    findings
}

fn workspace(text: &str) -> Vec<Finding> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return vec![not_toml(MANIFEST, &error)],
    };
    let declared = document
        .get("workspace")
        .and_then(|table| table.get("dependencies"))
        .and_then(Item::as_table_like);
    let Some(declared) = declared else {
        return Vec::new();
    };
    let ours = |item: &Item| {
        item.as_table_like()
            .is_some_and(|table| table.contains_key("path"))
    };
    let unexplained = declared
        .iter()
        .filter(|(_, item)| !ours(item) && !has_comment_beside(text, item));
    let finding = |(name, _): (&str, &Item)| {
        let line = line_of_key(text, declared, name);
        let why = "a dependency that nobody can explain cannot be removed";
        Finding::new(
            MANIFEST,
            line,
            format!("{name} has no purpose beside it"),
            why,
            "write `# what it is for` behind it",
        )
    };
    unexplained.map(finding).collect()
}

fn member(path: &str, text: &str) -> Vec<Finding> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return vec![not_toml(path, &error)],
    };
    let mut findings = Vec::new();
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(table) = document.get(section).and_then(Item::as_table_like) else {
            continue;
        };
        let inherited = |item: &Item| {
            item.as_table_like()
                .is_some_and(|table| table.contains_key("workspace"))
        };
        for (name, _) in table.iter().filter(|(_, item)| !inherited(item)) {
            let what = format!("{name} does not come from the workspace");
            let why = "one version and one purpose for the whole project";
            let line = line_of_key(text, table, name);
            findings.push(Finding::new(
                path,
                line,
                what,
                why,
                "declare it in the root Cargo.toml",
            ));
        }
    }
    findings
}

fn not_toml(path: &str, error: &toml_edit::TomlError) -> Finding {
    Finding::new(
        path,
        1,
        format!("not TOML: {}", error.message()),
        "cargo cannot read it",
        "mend it",
    )
}

/// Whether a comment follows on the line on which the value ends.
fn has_comment_beside(text: &str, item: &Item) -> bool {
    let rest = item
        .span()
        .and_then(|span| text.get(span.end..))
        .unwrap_or_default();
    let rest = rest.lines().next().unwrap_or_default().trim();
    rest.strip_prefix('#')
        .is_some_and(|purpose| !purpose.trim().is_empty())
}

fn line_of_key(text: &str, table: &dyn TableLike, name: &str) -> usize {
    let start = table
        .get_key_value(name)
        .and_then(|(key, _)| key.span())
        .map_or(0, |span| span.start);
    text.get(..start).unwrap_or_default().matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Text;

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

    #[test]
    fn dependencies_of_the_workspace_need_a_purpose() {
        let text = "[workspace.dependencies]
ours = { path = \"crates/ours\" }
aes = { version = \"0.9\", features = [\"zeroize\"] } # AES
bare = \"1.0\"
# a comment above is not beside
above = \"1.0\"
empty = \"1.0\" #
sharp = \"1.0#\"
last = \"1.0\" # kept";
        let names = ["bare", "above", "empty", "sharp"]
            .map(|name| format!("{name} has no purpose beside it"));
        let lines = [4, 6, 7, 8];
        assert_eq!(
            found("Cargo.toml", text),
            lines.into_iter().zip(names).collect::<Vec<_>>()
        );
    }

    #[test]
    fn members_take_dependencies_from_the_workspace() {
        let text = "[dependencies]\naes.workspace = true\n[dev-dependencies]\nown = \"1.0\"\n";
        let expected = vec![(4, "own does not come from the workspace".to_owned())];
        assert_eq!(found("crates/a/Cargo.toml", text), expected);
    }

    #[test]
    fn a_broken_manifest_is_a_finding() {
        assert_eq!(found("Cargo.toml", "[workspace").len(), 1);
    }
}

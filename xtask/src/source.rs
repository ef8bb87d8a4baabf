//! One Rust file, parsed: what of it is test code, its functions, its traits, its tests.

use std::ops::RangeInclusive;

use anyhow::Context as _;
use proc_macro2::{Delimiter, Span};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::tokens::{self, Kind, Token};

/// What a file is for, by where it lies and how it is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Part of a library or binary.
    Product,
    /// Compiled for tests only.
    Test,
    /// A bench, an example or a build script.
    Other,
}

#[derive(Debug)]
pub struct Function {
    /// `Type::name` for methods, `name` otherwise.
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

#[derive(Debug)]
pub struct Trait {
    pub name: String,
    pub line: usize,
    pub methods: usize,
}

/// A test function with the comments and attributes directly above it.
#[derive(Debug)]
pub struct Test {
    pub name: String,
    pub lines: RangeInclusive<usize>,
    /// It does not run with the others.
    pub ignored: bool,
}

#[derive(Debug)]
pub struct Source {
    /// Relative to the root of the workspace, with slashes.
    pub path: String,
    pub text: String,
    pub role: Role,
    pub tokens: Vec<Token>,
    pub functions: Vec<Function>,
    pub traits: Vec<Trait>,
    pub tests: Vec<Test>,
    /// Names of modules that are declared here for tests only and lie in files of their own.
    pub test_modules: Vec<String>,
    test_lines: Vec<RangeInclusive<usize>>,
}

impl Source {
    pub fn parse(
        path: impl Into<String>,
        text: impl Into<String>,
        role: Role,
    ) -> anyhow::Result<Self> {
        let (path, text) = (path.into(), text.into());
        let file = syn::parse_file(&text)
            .with_context(|| format!("{path} is not Rust that can be parsed"))?;
        let mut survey = Survey::default();
        survey.visit_file(&file);
        let stream = text
            .parse()
            .map_err(|error| anyhow::anyhow!("{path}: {error}"))?;
        let tokens = tokens::flatten(stream);
        let tests = find_tests(&tokens, &text);
        Ok(Self {
            path,
            role,
            tokens,
            tests,
            functions: survey.functions,
            traits: survey.traits,
            test_modules: survey.test_modules,
            test_lines: survey.test_lines,
            text,
        })
    }

    pub fn is_test_line(&self, line: usize) -> bool {
        self.role == Role::Test || self.test_lines.iter().any(|range| range.contains(&line))
    }

    /// Lines that are not inside an item for tests only; all kinds of lines count.
    pub fn product_lines(&self) -> usize {
        (1..=self.text.lines().count())
            .filter(|line| !self.is_test_line(*line))
            .count()
    }

    /// Tokens outside of test code.
    pub fn product_tokens(&self) -> Vec<Token> {
        self.tokens
            .iter()
            .filter(|token| !self.is_test_line(token.line))
            .cloned()
            .collect()
    }

    /// Lines that are a `//` comment and not part of a longer string, with what follows the slashes.
    pub fn comment_lines(&self) -> Vec<(usize, &str)> {
        let inside_string = |line: usize| {
            self.tokens.iter().any(
                |token| matches!(token.kind, Kind::Literal { last_line } if token.line < line && line <= last_line),
            )
        };
        let comments = (1..).zip(self.text.lines()).filter_map(|(line, text)| {
            text.trim_start()
                .strip_prefix("//")
                .map(|rest| (line, rest.trim_start_matches(['/', '!']).trim()))
        });
        comments.filter(|(line, _)| !inside_string(*line)).collect()
    }
}

/// Finds `#[test]`, `#[tokio::test]` and their like followed by `fn name … { … }`, also inside macros.
fn find_tests(tokens: &[Token], text: &str) -> Vec<Test> {
    let mut tests = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        let [hash, open] = pair else { continue };
        if !hash.is_mark('#') || !open.is_open(Delimiter::Bracket) {
            continue;
        }
        let rest = tokens.get(at + 2..).unwrap_or_default();
        let name_of_attribute = rest
            .iter()
            .take_while(|token| token.word().is_some() || token.is_mark(':'));
        if name_of_attribute.last().and_then(Token::word) != Some("test") {
            continue;
        }
        if let Some((name, last_line)) = function_after(rest) {
            let first_line = first_line_above(text, hash.line);
            let ignored = attributes_between(tokens, first_line, at)
                .chain(rest.iter().take_while(|token| token.word() != Some("fn")))
                .any(|token| token.word() == Some("ignore"));
            tests.push(Test {
                name,
                lines: first_line..=last_line,
                ignored,
            });
        }
    }
    tests
}

/// What stands before the attribute at `at`, from a line on.
fn attributes_between(
    tokens: &[Token],
    first_line: usize,
    at: usize,
) -> impl Iterator<Item = &Token> {
    let before = tokens.get(..at).unwrap_or_default();
    before.iter().filter(move |token| token.line >= first_line)
}

/// The name of the next function and the line on which its body ends.
fn function_after(tokens: &[Token]) -> Option<(String, usize)> {
    let at = tokens.iter().position(|token| token.word() == Some("fn"))?;
    let name = tokens.get(at + 1)?.word()?.to_owned();
    let mut depth = 0_usize;
    for token in tokens.get(at..)? {
        match token.kind {
            Kind::Open(Delimiter::Brace) => depth += 1,
            Kind::Close(Delimiter::Brace) if depth == 1 => return Some((name, token.line)),
            Kind::Close(Delimiter::Brace) => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// Goes up from `line` over comments and attributes.
fn first_line_above(text: &str, line: usize) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let above = lines.iter().take(line.saturating_sub(1)).rev();
    let belonging = above.take_while(|text| {
        let text = text.trim_start();
        text.starts_with("//") || text.starts_with("#[")
    });
    line - belonging.count()
}

#[derive(Default)]
struct Survey {
    test_lines: Vec<RangeInclusive<usize>>,
    test_modules: Vec<String>,
    functions: Vec<Function>,
    traits: Vec<Trait>,
    inside_test: bool,
    owner: Option<String>,
}

impl Survey {
    fn for_tests_only(attributes: &[syn::Attribute]) -> bool {
        attributes.iter().any(|attribute| {
            if attribute
                .path()
                .segments
                .last()
                .is_some_and(|segment| segment.ident == "test")
            {
                return true;
            }
            let Ok(condition) = attribute.parse_args::<syn::Meta>() else {
                return false;
            };
            attribute.path().is_ident("cfg") && requires_test(&condition)
        })
    }

    fn note_function(&mut self, name: &syn::Ident, from: Span, to: Span) {
        if self.inside_test {
            return;
        }
        let (first, last) = (from.start().line, to.end().line);
        let name = match &self.owner {
            Some(owner) => format!("{owner}::{name}"),
            None => name.to_string(),
        };
        self.functions.push(Function {
            name,
            line: first,
            lines: last + 1 - first,
        });
    }

    fn within(&mut self, attributes: &[syn::Attribute], span: Span, go_on: impl FnOnce(&mut Self)) {
        let outer = self.inside_test;
        if !outer && Self::for_tests_only(attributes) {
            self.test_lines.push(span.start().line..=span.end().line);
            self.inside_test = true;
        }
        go_on(self);
        self.inside_test = outer;
    }

    fn owned_by(&mut self, owner: Option<String>, go_on: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        go_on(self);
        self.owner = outer;
    }
}

/// `test`, or `all(…)` with `test` among the conditions.
fn requires_test(condition: &syn::Meta) -> bool {
    match condition {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) if list.path.is_ident("all") => {
            let inner = list.parse_args_with(
                syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated,
            );
            inner.is_ok_and(|conditions| conditions.iter().any(requires_test))
        }
        _ => false,
    }
}

fn name_of_type(kind: &syn::Type) -> Option<String> {
    match kind {
        syn::Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

impl<'ast> Visit<'ast> for Survey {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.content.is_none() && Self::for_tests_only(&module.attrs) {
            self.test_modules.push(module.ident.to_string());
        }
        self.within(&module.attrs, module.span(), |survey| {
            visit::visit_item_mod(survey, module)
        });
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.within(&function.attrs, function.span(), |survey| {
            survey.note_function(
                &function.sig.ident,
                function.sig.span(),
                function.block.span(),
            );
            survey.owned_by(None, |survey| visit::visit_item_fn(survey, function));
        });
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.within(&function.attrs, function.span(), |survey| {
            survey.note_function(
                &function.sig.ident,
                function.sig.span(),
                function.block.span(),
            );
            survey.owned_by(None, |survey| visit::visit_impl_item_fn(survey, function));
        });
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.note_function(&function.sig.ident, function.sig.span(), body.span());
        }
        self.owned_by(None, |survey| visit::visit_trait_item_fn(survey, function));
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        self.within(&block.attrs, block.span(), |survey| {
            survey.owned_by(name_of_type(&block.self_ty), |survey| {
                visit::visit_item_impl(survey, block)
            });
        });
    }

    fn visit_item_trait(&mut self, definition: &'ast syn::ItemTrait) {
        self.within(&definition.attrs, definition.span(), |survey| {
            let methods = definition
                .items
                .iter()
                .filter(|item| matches!(item, syn::TraitItem::Fn(_)))
                .count();
            let (name, line) = (
                definition.ident.to_string(),
                definition.ident.span().start().line,
            );
            survey.traits.push(Trait {
                name: name.clone(),
                line,
                methods,
            });
            survey.owned_by(Some(name), |survey| {
                visit::visit_item_trait(survey, definition)
            });
        });
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        self.within(&import.attrs, import.span(), |survey| {
            visit::visit_item_use(survey, import)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str = r#"
use std::fmt;

fn short() {}

impl fmt::Debug for Thing {
    fn fmt(&self) {
        loop {}
    }
}

#[cfg(test)]
use proptest::prelude::*;

#[cfg(test)]
mod tests {
    fn helper() {}

    // Proves: C1
    #[test]
    fn holds() {
        // condition: none
    }

    proptest! {
        /// Proves: C2
        #[test]
        fn holds_always(x in 0..3) {
            assert!(x < 3);
        }
    }
}

#[cfg(all(test, unix))]
mod more;

#[cfg(any(test, unix))]
mod product;
"#;

    fn mixed() -> Source {
        Source::parse("src/a.rs", MIXED, Role::Product).unwrap()
    }

    #[test]
    fn test_code_is_told_from_product_code() {
        let source = mixed();
        assert!(!source.is_test_line(4));
        assert!(source.is_test_line(13), "an import for tests");
        assert!(source.is_test_line(17));
        assert!(source.is_test_line(32));
        assert!(!source.is_test_line(33));
        assert_eq!(source.test_modules, ["more"]);
        assert_eq!(source.product_lines(), 38 - 2 - 18 - 2);
    }

    #[test]
    fn functions_are_measured_from_signature_to_closing_brace() {
        let source = mixed();
        let found: Vec<_> = source
            .functions
            .iter()
            .map(|f| (f.name.as_str(), f.line, f.lines))
            .collect();
        assert_eq!(found, [("short", 4, 1), ("Thing::fmt", 7, 3)]);
    }

    #[test]
    fn tests_are_found_also_inside_macros_and_with_their_comments() {
        let source = mixed();
        let found: Vec<_> = source
            .tests
            .iter()
            .map(|t| (t.name.as_str(), t.lines.clone()))
            .collect();
        assert_eq!(found, [("holds", 19..=23), ("holds_always", 26..=30)]);
    }

    #[test]
    fn comments_inside_strings_are_no_comments() {
        let source = Source::parse(
            "a.rs",
            "const A: &str = \"\n// no\n\";\n// yes\n",
            Role::Product,
        )
        .unwrap();
        assert_eq!(source.comment_lines(), [(4, "yes")]);
    }

    #[test]
    fn methods_of_a_trait_are_counted() {
        let text = "trait Store { type E; fn one(&self); fn two(&self) { } }";
        let source = Source::parse("a.rs", text, Role::Product).unwrap();
        assert_eq!(
            source
                .traits
                .first()
                .map(|found| (found.name.as_str(), found.methods)),
            Some(("Store", 2))
        );
    }
}

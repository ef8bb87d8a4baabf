//! A Rust file as a flat list of tokens with their lines. Comments and the insides of strings are no tokens, and
//! the bodies of macros are, which is what most checks want.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Word(String),
    Mark(char),
    /// From its first to its last line.
    Literal {
        last_line: usize,
    },
    Open(Delimiter),
    Close(Delimiter),
}

/// `line` counts from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub kind: Kind,
}

impl Token {
    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub fn is_open(&self, delimiter: Delimiter) -> bool {
        self.kind == Kind::Open(delimiter)
    }
}

pub fn flatten(stream: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    push_all(stream, &mut tokens);
    tokens
}

fn push_all(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Ident(ident) => tokens.push(Token {
                line,
                kind: Kind::Word(ident.to_string()),
            }),
            TokenTree::Punct(punct) => tokens.push(Token {
                line,
                kind: Kind::Mark(punct.as_char()),
            }),
            TokenTree::Literal(literal) => {
                let last_line = literal.span().end().line;
                tokens.push(Token {
                    line,
                    kind: Kind::Literal { last_line },
                });
            }
            TokenTree::Group(group) => {
                let delimiter = group.delimiter();
                tokens.push(Token {
                    line: group.span_open().start().line,
                    kind: Kind::Open(delimiter),
                });
                push_all(group.stream(), tokens);
                tokens.push(Token {
                    line: group.span_close().end().line,
                    kind: Kind::Close(delimiter),
                });
            }
        }
    }
}

/// Lines on which a path starts with `name`: `name::…`, `::name::…`, `use name;` or `extern crate name`.
pub fn path_roots(tokens: &[Token], name: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.word() != Some(name) {
            continue;
        }
        let mark = |offset: isize, mark| {
            at.checked_add_signed(offset)
                .and_then(|index| tokens.get(index))
                .is_some_and(|token| token.is_mark(mark))
        };
        let word = |offset: isize| {
            at.checked_add_signed(offset)
                .and_then(|index| tokens.get(index))
                .and_then(Token::word)
        };
        let continues = mark(1, ':') && mark(2, ':');
        let below_another = mark(-1, ':')
            && mark(-2, ':')
            && (mark(-3, '>')
                || word(-3).is_some_and(|before| !["use", "in", "return", "as"].contains(&before)));
        let imported =
            matches!(word(-1), Some("use" | "crate")) && (mark(1, ';') || word(1) == Some("as"));
        if (continues && !below_another) || imported {
            lines.push(token.line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(text: &str, name: &str) -> Vec<usize> {
        path_roots(&flatten(text.parse().unwrap()), name)
    }

    #[test]
    fn roots_of_paths_are_found_in_every_form() {
        assert_eq!(roots("use aes::Aes256;", "aes"), [1]);
        assert_eq!(roots("use aes as block;", "aes"), [1]);
        assert_eq!(roots("extern crate aes;", "aes"), [1]);
        assert_eq!(roots("\nlet x = ::aes::Aes256::new(k);", "aes"), [2]);
        assert_eq!(roots("m! { aes::Aes256 }", "aes"), [1]);
        assert_eq!(roots("fn f(key: aes::Key) {}", "aes"), [1]);
        assert_eq!(roots("use {cbc::Encryptor, aes::Aes256};", "aes"), [1]);
    }

    #[test]
    fn other_uses_of_the_word_are_left_alone() {
        assert_eq!(roots("let aes = 1; // aes::Aes256", "aes"), [0; 0]);
        assert_eq!(roots("let s = \"aes::Aes256\";", "aes"), [0; 0]);
        assert_eq!(roots("use crate::aes::Key;", "aes"), [0; 0]);
        assert_eq!(roots("Vec::<u8>::aes::x();", "aes"), [0; 0]);
    }
}

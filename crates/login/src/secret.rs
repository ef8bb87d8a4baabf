//! A password or recovery code as typed, brought to the one form that enters OPAQUE: docs/spec/login.md §3.

use core::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::passphrase;

/// Longest password accepted, in bytes of UTF-8 as typed.
pub const PASSWORD_LEN_MAX: usize = 1024;

/// Why something typed cannot be a password.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SecretError {
    /// Nothing was typed.
    #[error("the password is empty")]
    Empty,
    /// More than [`PASSWORD_LEN_MAX`] bytes.
    #[error("the password is longer than 1,024 bytes")]
    TooLong,
    /// A tab, an escape sequence or the like.
    #[error("the password contains a control character, such as a tab or a line break")]
    ControlCharacter,
}

/// A password, a passphrase or a recovery code in its normal form. Wiped on drop, never printed.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Normalises what was typed for a password (docs/spec/login.md §3.1): one line ending at the end is dropped,
    /// every kind of space becomes the plain one, then Unicode NFC; six groups of ASCII letters are taken as a
    /// generated passphrase, whose case and spacing do not matter. Control characters are refused.
    pub fn password(typed: &str) -> Result<Self, SecretError> {
        if typed.len() > PASSWORD_LEN_MAX {
            return Err(SecretError::TooLong);
        }
        let line = typed
            .strip_suffix('\n')
            .map_or(typed, |line| line.strip_suffix('\r').unwrap_or(line));
        if line.is_empty() {
            return Err(SecretError::Empty);
        }
        if line.chars().any(char::is_control) {
            return Err(SecretError::ControlCharacter);
        }
        let plain_spaces = line
            .chars()
            .map(|c| if c.is_whitespace() { ' ' } else { c });
        // No character grows beyond three times its bytes in NFC, so this string is never moved and leaves no copy.
        let mut normal = Zeroizing::new(String::with_capacity(3 * line.len()));
        normal.extend(plain_spaces.nfc());
        Ok(Self(passphrase::normalise(&normal).unwrap_or(normal)))
    }

    /// Takes text that is already in its normal form.
    pub(crate) fn normal(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The normal form, to be shown to its owner only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// A second holder of the same secret, for the state between the two messages of a flow.
    pub(crate) fn copy(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vector::cases;

    #[test]
    fn vectors() {
        for case in cases(include_str!("../tests/vectors/password.txt")) {
            let typed = String::from_utf8(case.bytes("typed")).unwrap();
            match Secret::password(&typed) {
                Ok(secret) => {
                    assert!(case.succeeds(), "{typed:?}");
                    assert_eq!(secret.as_bytes(), case.bytes("normal"), "{typed:?}");
                }
                Err(error) => assert!(!case.succeeds(), "{typed:?}: {error}"),
            }
        }
    }

    #[test]
    fn errors_tell_the_reason() {
        let error = |typed: &str| Secret::password(typed).unwrap_err();
        assert_eq!(error("\r\n"), SecretError::Empty);
        assert_eq!(error("two\nlines"), SecretError::ControlCharacter);
        assert_eq!(error(&"é".repeat(513)), SecretError::TooLong);
        assert!(Secret::password(&"é".repeat(512)).is_ok());
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own(typed: String) {
            if let Ok(secret) = Secret::password(&typed) {
                let again = Secret::password(secret.reveal()).unwrap();
                prop_assert_eq!(again.reveal(), secret.reveal());
            }
        }

        #[test]
        fn six_words_may_be_typed_anyhow(words in prop::collection::vec("[a-zA-Z-]{1,9}", 6), spaces in "[ \u{a0}]{1,4}") {
            let secret = Secret::password(&words.join(&spaces)).unwrap();
            prop_assert_eq!(secret.reveal(), words.join(" ").to_ascii_lowercase());
        }
    }
}

//! Whether a password that a person chose may be used: docs/spec/login.md §3.3.

use thiserror::Error;
use zxcvbn::feedback::Feedback;
use zxcvbn::{Entropy, Score, zxcvbn};

use crate::secret::Secret;

/// A password that is too easy to guess. Displays as one sentence that says why and what helps; it contains nothing
/// of the password.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("this password is too easy to guess: {reason}; {advice}")]
pub struct WeakPassword {
    reason: String,
    advice: String,
}

/// Accepts passwords of zxcvbn's highest score, 4 of 4: more than 10^10 guesses. The account name and the product's
/// are among the first things an attacker tries and count as known words.
pub fn check_strength(password: &Secret, name: &str) -> Result<(), WeakPassword> {
    let mut known = vec![name, "subrosa"];
    known.extend(name.split(['.', '_', '-']).filter(|part| !part.is_empty()));
    let estimate = zxcvbn(password.reveal(), &known);
    if estimate.score() == Score::Four {
        return Ok(());
    }
    let feedback = estimate.feedback();
    let reason = feedback
        .and_then(Feedback::warning)
        .map(|warning| clause(&warning.to_string()));
    Err(WeakPassword {
        reason: reason.unwrap_or_else(|| guesses(&estimate)),
        advice: advice(feedback),
    })
}

/// The reason where zxcvbn gives none: how far it is from enough.
fn guesses(estimate: &Entropy) -> String {
    let digits = estimate.guesses_log10().clamp(0.0, 10.0).floor();
    format!("about 10^{digits} guesses are enough to find it, and more than 10^10 are asked for")
}

fn advice(feedback: Option<&Feedback>) -> String {
    let suggestions = feedback.map(Feedback::suggestions).unwrap_or_default();
    let clauses: Vec<String> = suggestions
        .iter()
        .take(2)
        .map(|suggestion| clause(&suggestion.to_string()))
        .collect();
    if clauses.is_empty() {
        return "add another word or two, uncommon ones, or take a generated passphrase".to_owned();
    }
    clauses.join(", ")
}

/// What zxcvbn says in sentences as a part of ours: small first letters, commas for full stops.
fn clause(sentences: &str) -> String {
    let clauses = sentences
        .split('.')
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty());
    let clauses: Vec<String> = clauses
        .map(|sentence| {
            let mut letters = sentence.chars();
            letters
                .next()
                .into_iter()
                .flat_map(char::to_lowercase)
                .chain(letters)
                .collect()
        })
        .collect();
    clauses.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passphrase::generate_passphrase;

    fn refusal(password: &str) -> String {
        let secret = Secret::password(password).unwrap();
        check_strength(&secret, "ann.miller")
            .unwrap_err()
            .to_string()
    }

    fn is_accepted(password: &str, name: &str) -> bool {
        check_strength(&Secret::password(password).unwrap(), name).is_ok()
    }

    #[test]
    fn common_passwords_are_refused_with_the_reason() {
        for (password, reason) in [
            ("123456", "this is a top-10 common password"),
            ("qwertyuiop", "this is a top-100 common password"),
            (
                "abcdefghijk",
                "sequences like abc or 6543 are easy to guess",
            ),
            (
                "aaaaaaaaaaaaaaaaaaaa",
                "repeats like \"aaa\" are easy to guess",
            ),
            ("12.04.1987", "dates are often easy to guess"),
        ] {
            let sentence = refusal(password);
            assert!(sentence.contains(reason), "{sentence}");
            assert!(
                sentence.starts_with("this password is too easy to guess: "),
                "{sentence}"
            );
            assert!(!sentence.contains(password), "{sentence}");
            assert!(
                !sentence.ends_with('.') && !sentence.contains(". "),
                "one sentence: {sentence}"
            );
        }
    }

    #[test]
    fn score_of_three_is_refused_in_our_words() {
        let sentence = refusal("zvqkxwbnt");
        assert!(
            sentence.contains("guesses are enough to find it"),
            "{sentence}"
        );
        assert!(sentence.contains("add another word or two"), "{sentence}");
    }

    #[test]
    fn account_name_counts_as_known() {
        let password = "zvqkxwbntrj";
        assert!(is_accepted(password, "bob"));
        assert!(!is_accepted(password, "zvqkxwbntrj"));
        assert!(!is_accepted(password, "bob.zvqkxwbntrj"));
    }

    #[test]
    fn good_passwords_are_accepted() {
        assert!(is_accepted("greenish hippopotamus reads newspapers", "ann"));
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        for _ in 0..20 {
            let passphrase = generate_passphrase(&mut rng);
            assert_eq!(check_strength(&passphrase, "ann"), Ok(()));
        }
    }
}

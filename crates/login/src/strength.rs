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

/// A sentence of zxcvbn as a part of ours: first letter small, no full stops.
fn clause(sentence: &str) -> String {
    let body = sentence.trim_end_matches('.').replace(". ", ", ");
    let mut letters = body.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

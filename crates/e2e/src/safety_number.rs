//! The digits that two people compare (`docs/spec/e2e.md` §9).

use crate::primitives::sha512;
use subrosa_proto::{AccountId, label};

/// 60 digits in 12 groups of 5, the same for both people. They stand for both account ids, hence for both identity keys.
#[must_use]
pub fn safety_number(a: AccountId, b: AccountId) -> String {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let digest = sha512(&[label::SAFETY_NUMBER, low.as_bytes(), high.as_bytes()]);
    let groups: Vec<String> = digest
        .chunks_exact(5)
        .take(12)
        .map(|five| {
            let number = five
                .iter()
                .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
            format!("{:05}", number % 100_000)
        })
        .collect();
    groups.join(" ")
}

/// The same as the text of a QR code: both ids in the order of their bytes, so that both people see one code and a scanner
/// has something to compare.
#[must_use]
pub fn safety_code(a: AccountId, b: AccountId) -> String {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    format!("SUBROSA:1:{low}:{high}").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::{safety_code, safety_number};
    use subrosa_proto::AccountId;

    // Proves: C10
    #[test]
    fn both_see_the_same_sixty_digits_and_nobody_else_does() {
        let (a, b, c) = (AccountId([1; 32]), AccountId([2; 32]), AccountId([3; 32]));
        let number = safety_number(a, b);
        assert_eq!(number, safety_number(b, a));
        assert_ne!(number, safety_number(a, c));
        assert_eq!(number.chars().filter(char::is_ascii_digit).count(), 60);
        assert_eq!(number.split(' ').count(), 12);
    }

    // Proves: C10
    #[test]
    fn the_code_names_both_keys_and_is_the_same_on_both_sides() {
        let (a, b, c) = (
            AccountId([0xa1; 32]),
            AccountId([2; 32]),
            AccountId([3; 32]),
        );
        let code = safety_code(a, b);
        assert_eq!(code, safety_code(b, a));
        assert_ne!(code, safety_code(a, c));
        assert_eq!(
            code,
            format!("SUBROSA:1:{}:{}", "02".repeat(32), "A1".repeat(32))
        );
    }
}

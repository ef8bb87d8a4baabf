//! Which of two builds is the newer.

/// Whether `one` is newer than `other`, both as in `subrosa 1.2.3`. What is no such name is not newer.
pub(super) fn is_newer(one: &str, other: &str) -> bool {
    matches!((version(one), version(other)), (Some(one), Some(other)) if one > other)
}

fn version(build: &str) -> Option<[u64; 3]> {
    let numbers = build.strip_prefix("subrosa ")?;
    let mut numbers = numbers.split('.').map(|number| number.parse().ok());
    let version = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_compared_by_their_numbers() {
        assert!(is_newer("subrosa 0.10.0", "subrosa 0.9.7"));
        assert!(is_newer("subrosa 1.0.0", "subrosa 0.99.99"));
        for (one, other) in [
            ("subrosa 0.1.0", "subrosa 0.1.0"),
            ("subrosa 0.1.0", "subrosa 0.2.0"),
            ("subrosa 9", "subrosa 0.1.0"),
            ("another 9.9.9", "subrosa 0.1.0"),
            ("subrosa 9.9.9.9", "subrosa 0.1.0"),
        ] {
            assert!(!is_newer(one, other), "{one} {other}");
        }
        assert!(version(subrosa_proto::BUILD).is_some());
    }
}

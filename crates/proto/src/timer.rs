//! After what time a message disappears (docs/spec/ledger.md §6.6).

/// The lives that steps 1, 2, 3… stand for, in milliseconds: 30 seconds, 5 minutes, an hour,
/// 8 hours, a day, 7 days, 28 days.
pub const TIMER_STEPS_MS: [u64; 7] = [
    30_000,
    300_000,
    3_600_000,
    28_800_000,
    86_400_000,
    604_800_000,
    2_419_200_000,
];

/// How long after its arrival at the server a message with this step disappears; `None` for
/// step 0, which stays. A step beyond the table, of a newer version, counts as the longest one.
#[must_use]
pub fn timer_ms(step: u8) -> Option<u64> {
    let [.., longest] = TIMER_STEPS_MS;
    let place = usize::from(step).checked_sub(1)?;
    Some(TIMER_STEPS_MS.get(place).copied().unwrap_or(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_and_newer_ones_count_as_the_longest() {
        assert_eq!(timer_ms(0), None);
        let known: Vec<_> = (1..=7).filter_map(timer_ms).collect();
        assert_eq!(known, TIMER_STEPS_MS);
        assert!(known.is_sorted_by(|a, b| a < b));
        assert_eq!((timer_ms(8), timer_ms(255)), (timer_ms(7), timer_ms(7)));
        assert_eq!(timer_ms(5), Some(24 * 60 * 60 * 1_000));
    }
}

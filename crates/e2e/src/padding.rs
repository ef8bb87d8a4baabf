//! The length that a content is padded to (`docs/spec/e2e.md` §2.1): at least 64 bytes, then Padmé.
//!
//! Padmé (Nikitin, Barman, Lueks, Underwood, Hubaux, Ford: "Reducing Metadata Leakage from Encrypted Files and
//! Communication with PURBs", 2019, §4) rounds a length so that only the highest bits of it stay visible, about as many
//! as it takes to write down the number of its bits.

/// The shortest padded text.
pub(crate) const PADDED_MIN: usize = 64;
/// The bytes that say where the content ends.
const LENGTH_LEN: usize = 4;

/// What a plaintext of `len` bytes, its own length field included, is filled up to.
pub(crate) const fn padded_len(len: usize) -> usize {
    if len <= PADDED_MIN {
        return PADDED_MIN;
    }
    let exponent = len.ilog2();
    let low_bits = exponent - (exponent.ilog2() + 1);
    let mask = (1 << low_bits) - 1;
    (len + mask) & !mask
}

/// `BE32 length ‖ content ‖ zeros`. `None` when the content's length needs more than 32 bits.
pub(crate) fn pad(content: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(content.len()).ok()?;
    let padded = padded_len(LENGTH_LEN + content.len());
    let mut text = Vec::with_capacity(padded);
    text.extend_from_slice(&length.to_be_bytes());
    text.extend_from_slice(content);
    text.resize(padded, 0);
    Some(text)
}

/// The content inside a padded text. `None` unless the text is exactly what [`pad`] makes of it.
pub(crate) fn unpad(text: &[u8]) -> Option<&[u8]> {
    let (length, rest) = text.split_first_chunk::<LENGTH_LEN>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (content, zeros) = rest.split_at_checked(length)?;
    let exact = text.len() == padded_len(LENGTH_LEN + length);
    (exact && zeros.iter().all(|byte| *byte == 0)).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::{PADDED_MIN, pad, padded_len, unpad};
    use proptest::prelude::*;

    // Proves: C23
    #[test]
    fn lengths_are_rounded_by_at_most_twelve_percent_and_never_down() {
        let mut before = 0;
        for len in 0..200_000 {
            let padded = padded_len(len);
            assert!(padded >= len.max(PADDED_MIN), "{len}");
            assert!(padded >= before, "{len}");
            assert_eq!(padded_len(padded), padded, "{len}");
            if len > PADDED_MIN {
                assert!((padded - len) * 100 < len * 12, "{len} to {padded}");
            }
            before = padded;
        }
    }

    #[test]
    fn known_lengths() {
        for (len, padded) in [
            (0, 64),
            (64, 64),
            (65, 72),
            (72, 72),
            (73, 80),
            (128, 128),
            (129, 144),
            (1_000, 1_024),
            (1_025, 1_088),
            (49_156, 51_200),
        ] {
            assert_eq!(padded_len(len), padded, "{len}");
        }
    }

    proptest! {
        #[test]
        fn unpad_inverts_pad(content in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            let text = pad(&content).unwrap();
            prop_assert_eq!(text.len(), padded_len(content.len() + 4));
            prop_assert_eq!(unpad(&text), Some(&content[..]));
        }

        #[test]
        fn anything_else_is_refused(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(content) = unpad(&text) {
                prop_assert_eq!(pad(content), Some(text.clone()));
            }
        }
    }

    #[test]
    fn hidden_bytes_in_the_padding_are_refused() {
        let mut text = pad(b"content").unwrap();
        *text.last_mut().unwrap() = 1;
        assert_eq!(unpad(&text), None);
        let mut longer = pad(b"content").unwrap();
        longer.push(0);
        assert_eq!(unpad(&longer), None);
    }
}

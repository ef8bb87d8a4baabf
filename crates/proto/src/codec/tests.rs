use super::*;
use crate::{BoxKind, ConvId, Cursor, FromClient, KeyBox, Name, Request};
use proptest::prelude::*;

fn refused(bytes: &[u8], error: CodecError) {
    assert_eq!(check(bytes), Err(error), "{bytes:02x?}");
}

/// Proves: C21 (what is not strict is refused before it is read).
#[test]
fn what_is_not_strict_is_refused() {
    refused(&[], CodecError::Short);
    refused(&[0x18, 0x17], CodecError::NotShortest);
    refused(&[0x19, 0x00, 0xff], CodecError::NotShortest);
    refused(&[0x1a, 0x00, 0x00, 0xff, 0xff], CodecError::NotShortest);
    refused(
        &[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        CodecError::NotShortest,
    );
    refused(&[0x58, 0x01, 0x00], CodecError::NotShortest);
    refused(&[0x00, 0x00], CodecError::Trailing);
    refused(&[0x20], CodecError::Forbidden); // -1
    refused(&[0xa0], CodecError::Forbidden); // map
    refused(&[0xc0, 0x00], CodecError::Forbidden); // tag
    refused(&[0xf7], CodecError::Forbidden); // undefined
    refused(&[0xf9, 0x3c, 0x00], CodecError::Forbidden); // float
    refused(&[0x9f, 0xff], CodecError::Forbidden); // indefinite array
    refused(&[0x5f, 0xff], CodecError::Forbidden); // indefinite bytes
    refused(&[0x1c], CodecError::Forbidden);
    refused(&[0x62, 0xff, 0xfe], CodecError::Utf8);
    refused(
        &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        CodecError::Short,
    );
    refused(
        &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        CodecError::Short,
    );
    refused(&[0x82, 0x00], CodecError::Short);
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| [vec![0x81; depth], vec![0x00]].concat();
    assert_eq!(check(&nested(DEPTH_MAX)), Ok(()));
    refused(&nested(DEPTH_MAX + 1), CodecError::Depth);
}

#[test]
fn shape_is_exact() {
    let cursor = Cursor {
        conv: ConvId([7; 32]),
        next: 300,
    };
    let bytes = encode(&cursor);
    assert_eq!(decode::<Cursor>(&bytes), Ok(cursor));
    let mut longer = vec![0x83];
    longer.extend_from_slice(&bytes[1..]);
    longer.push(0);
    assert!(matches!(
        decode::<Cursor>(&longer.into()),
        Err(CodecError::Shape(_))
    ));
}

#[test]
fn byte_strings_share_the_memory_they_came_in() {
    let keybox = KeyBox {
        kind: BoxKind::Device,
        recipient: [1; 32],
        key_id: 9,
        sealed: Bytes::from(vec![5; 1200]),
    };
    let bytes = encode(&keybox);
    let read: KeyBox = decode(&bytes).unwrap();
    assert_eq!(read, keybox);
    let (start, end) = (
        bytes.as_ptr() as usize,
        bytes.as_ptr() as usize + bytes.len(),
    );
    assert!((start..end).contains(&(read.sealed.as_ptr() as usize)));
}

proptest! {
    #[test]
    fn the_check_never_panics_and_accepts_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        if check(&bytes).is_ok() && let Ok(message) = decode::<FromClient>(&bytes) {
            prop_assert_eq!(encode(&message), bytes);
        }
    }

    /// Proves: C21 (what decodes encodes to the same bytes: there is one encoding only).
    #[test]
    fn damaged_requests_decode_to_themselves_or_not_at_all(at in 0_usize..90, with in any::<u8>(), next in any::<u64>()) {
        let request = FromClient { id: next, request: Request::Follow { cursors: vec![
            Cursor { conv: ConvId([3; 32]), next }, Cursor { conv: ConvId([4; 32]), next: 1 },
        ] } };
        let mut bytes = encode(&request).to_vec();
        let at = at % bytes.len();
        bytes[at] = with;
        let bytes = Bytes::from(bytes);
        if let Ok(read) = decode::<FromClient>(&bytes) {
            prop_assert_eq!(encode(&read), bytes);
        }
    }

    #[test]
    fn names_are_what_the_rule_says(text in "\\PC{0,40}") {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
        let good = (1..=32).contains(&text.len()) && text.chars().all(allowed);
        prop_assert_eq!(Name::new(&text).is_ok(), good);
    }
}

//! What Seal promises beyond the fixed vectors.

#![expect(clippy::indexing_slicing, reason = "a wrong index fails the test")]

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use subrosa_cipher::{
    BLOCK, Key, LANES, OpenError, Purpose, SealKey, Sealed, TAG_LEN, Text, purpose, sealed_len,
};

const KEY: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";

fn key<P: Purpose>(bytes: [u8; 32]) -> SealKey<P> {
    Key::from_bytes(bytes).prepare()
}

fn seal<P: Purpose>(key: &SealKey<P>, n: u64, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    key.seal(n, aad, plaintext, &mut sealed);
    sealed
}

/// Opens into a buffer that holds something already, and checks that an error leaves it alone.
fn open<P: Purpose>(
    key: &SealKey<P>,
    n: u64,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let mut out = b"before".to_vec();
    let result = key.open(n, aad, sealed, &mut out);
    let plaintext = out.split_off(b"before".len());
    assert_eq!(out, b"before");
    assert!(
        result.is_ok() || plaintext.is_empty(),
        "a refusal appended something"
    );
    result.map(|()| plaintext)
}

fn with_bit_changed(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[bit / 8] ^= 1 << (bit % 8);
    changed
}

// Proves: C2
#[test]
fn every_change_of_one_bit_is_refused() {
    let (n, aad, plaintext) = (
        0x0123_4567_89ab_cdef,
        b"associated data of 31 bytes, so",
        b"one plaintext of 40 bytes: three blocks.",
    );
    let sealing = key::<purpose::Record>(KEY);
    let sealed = seal(&sealing, n, aad, plaintext);
    assert_eq!(
        open(&sealing, n, aad, &sealed).as_deref(),
        Ok(&plaintext[..])
    );

    for bit in 0..8 * sealed.len() {
        let sealed = with_bit_changed(&sealed, bit);
        assert_eq!(
            open(&sealing, n, aad, &sealed),
            Err(OpenError),
            "bit {bit} of sealed"
        );
    }
    for bit in 0..8 * aad.len() {
        let aad = with_bit_changed(aad, bit);
        assert_eq!(
            open(&sealing, n, &aad, &sealed),
            Err(OpenError),
            "bit {bit} of aad"
        );
    }
    for bit in 0..64 {
        assert_eq!(
            open(&sealing, n ^ (1 << bit), aad, &sealed),
            Err(OpenError),
            "bit {bit} of n"
        );
    }
    for bit in 0..256 {
        let other = key::<purpose::Record>(with_bit_changed(&KEY, bit).try_into().unwrap());
        assert_eq!(
            open(&other, n, aad, &sealed),
            Err(OpenError),
            "bit {bit} of the key"
        );
    }
}

// Proves: C2
#[test]
fn every_truncation_is_refused() {
    let sealing = key::<purpose::Record>(KEY);
    let sealed = seal(&sealing, 1, b"aad", &[7; 70]);
    for len in 0..sealed.len() {
        assert_eq!(
            open(&sealing, 1, b"aad", &sealed[..len]),
            Err(OpenError),
            "first {len} bytes"
        );
        assert_eq!(
            open(&sealing, 1, b"aad", &sealed[sealed.len() - len..]),
            Err(OpenError),
            "last {len} bytes"
        );
    }
}

#[test]
fn equal_bytes_under_every_purpose_give_unrelated_keys() {
    fn sealed<P: Purpose>() -> Vec<u8> {
        seal(&key::<P>(KEY), 0, b"", b"the same text")
    }
    let all = [
        sealed::<purpose::Record>(),
        sealed::<purpose::Vault>(),
        sealed::<purpose::Slot>(),
        sealed::<purpose::Share>(),
        sealed::<purpose::Message>(),
        sealed::<purpose::Receipt>(),
        sealed::<purpose::InviteNote>(),
        sealed::<purpose::Blob>(),
        sealed::<purpose::Outbox>(),
    ];
    let ciphertexts: HashSet<_> = all.iter().map(|sealed| &sealed[..BLOCK]).collect();
    let tags: HashSet<_> = all.iter().map(|sealed| &sealed[BLOCK..]).collect();
    assert_eq!((ciphertexts.len(), tags.len()), (all.len(), all.len()));
}

#[test]
fn no_debug_shows_a_key() {
    let shown = format!(
        "{:?} {:#?}",
        Key::<purpose::Record>::from_bytes(KEY),
        Key::<purpose::InviteNote>::from_bytes(KEY)
    );
    assert_eq!(shown, "Key<record>(redacted) Key<invite-note>(redacted)");
    assert_eq!(
        format!("{:?}", key::<purpose::Vault>(KEY)),
        "SealKey<vault>(redacted)"
    );
    assert_eq!(OpenError.to_string(), "the sealed data is not authentic");
}

#[test]
fn generated_keys_are_fresh_and_whole() {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    let keys: Vec<_> = (0..64)
        .map(|_| *Key::<purpose::Blob>::generate(&mut rng).expose())
        .collect();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    for place in 0..32 {
        assert!(
            keys.iter().any(|key| key[place] != keys[0][place]),
            "byte {place} is always the same"
        );
    }
}

#[test]
fn keys_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Key<purpose::Record>>();
    shared::<SealKey<purpose::Record>>();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_sealed_opens(bytes: [u8; 32], n: u64, aad in vec(any::<u8>(), 0..300), plaintext in vec(any::<u8>(), 0..2000)) {
        let key = key::<purpose::Message>(bytes);
        let sealed = seal(&key, n, &aad, &plaintext);
        prop_assert_eq!(sealed.len(), sealed_len(plaintext.len()));
        prop_assert!(sealed.len() > plaintext.len() + TAG_LEN && sealed.len() <= plaintext.len() + BLOCK + TAG_LEN);
        prop_assert_eq!(open(&key, n, &aad, &sealed), Ok(plaintext));
    }

    /// Different numbers give unrelated ciphertexts of the same text: no two blocks in the same place are equal.
    #[test]
    fn numbers_separate_equal_texts(bytes: [u8; 32], n: u64, m: u64, plaintext in vec(any::<u8>(), 0..200)) {
        prop_assume!(n != m);
        let key = key::<purpose::Message>(bytes);
        let (one, other) = (seal(&key, n, b"", &plaintext), seal(&key, m, b"", &plaintext));
        for (a, b) in one.chunks(BLOCK).zip(other.chunks(BLOCK)) {
            prop_assert_ne!(a, b);
        }
        prop_assert_eq!(open(&key, m, b"", &one), Err(OpenError));
    }

    // Proves: C21
    #[test]
    fn arbitrary_bytes_are_refused_in_peace(n: u64, aad in vec(any::<u8>(), 0..100), sealed in vec(any::<u8>(), 0..500)) {
        prop_assert_eq!(open(&key::<purpose::Record>(KEY), n, &aad, &sealed), Err(OpenError));
    }

    /// No byte can change sides between the associated data and the ciphertext.
    #[test]
    fn the_boundary_of_the_associated_data_is_fixed(plaintext in vec(any::<u8>(), 0..100), aad in vec(any::<u8>(), 1..100), shift in 1..200usize) {
        let key = key::<purpose::Record>(KEY);
        let sealed = seal(&key, 5, &aad, &plaintext);
        let kept = aad.len() - shift.min(aad.len());
        prop_assert_eq!(open(&key, 5, &aad[..kept], &[&aad[kept..], &sealed].concat()), Err(OpenError));
        let (moved, rest) = sealed.split_at(shift.min(sealed.len()));
        prop_assert_eq!(open(&key, 5, &[&aad, moved].concat(), rest), Err(OpenError));
    }
}

/// Number, associated data, what leads it, a first byte, and the rest of the plaintext.
type Parts = (u64, Vec<u8>, Vec<u8>, Option<u8>, Vec<u8>);

/// Texts whose lengths lie on both sides of blocks, strips and lanes.
fn lanes() -> impl Strategy<Value = Vec<Parts>> {
    let some = |max| vec(any::<u8>(), 0..max);
    vec(
        (
            any::<u64>(),
            some(70),
            some(5),
            any::<Option<u8>>(),
            some(400),
        ),
        0..40,
    )
}

proptest! {
    // Proves: C2
    #[test]
    fn many_texts_at_once_are_sealed_and_opened_as_one_by_one(texts in lanes(), changed in any::<prop::sample::Index>()) {
        let sealing = key::<purpose::Record>(KEY);
        let all: Vec<Text> = texts
            .iter()
            .map(|(n, aad, lead, first, plaintext)| Text { n: *n, aad, lead, first: *first, plaintext })
            .collect();
        let mut out = b"before".to_vec();
        sealing.seal_many(&all, &mut out);

        let mut expected = b"before".to_vec();
        let mut places = Vec::new();
        for (n, aad, lead, first, plaintext) in &texts {
            expected.extend_from_slice(lead);
            let whole = [first.as_slice(), plaintext].concat();
            let sealed = seal(&sealing, *n, aad, &whole);
            places.push(expected.len()..expected.len() + sealed.len());
            expected.extend_from_slice(&sealed);
        }
        prop_assert_eq!(&out, &expected);

        let bad = (!texts.is_empty()).then(|| changed.index(texts.len()));
        for refused in [None, bad] {
            let mut out = out.clone();
            if let Some(at) = refused {
                let place = places[at].clone();
                out[place.start + changed.index(place.len())] ^= 1;
            }
            let sealed: Vec<Sealed> = texts
                .iter()
                .zip(&places)
                .map(|((n, aad, ..), place)| Sealed { n: *n, aad, sealed: &out[place.clone()] })
                .collect();
            let authentic = sealing.verify_many(&sealed);
            prop_assert_eq!(authentic.len(), refused.unwrap_or(texts.len()));
            for (one, (_, _, _, first, plaintext)) in authentic.into_iter().zip(&texts) {
                let mut opened = b"before".to_vec();
                if first.is_some() {
                    prop_assert_eq!(one.decrypt_behind_first(&mut opened), Ok(*first));
                } else {
                    prop_assert_eq!(one.decrypt(&mut opened), Ok(()));
                }
                prop_assert_eq!(&opened[..6], b"before");
                prop_assert_eq!(&opened[6..], &plaintext[..]);
            }
        }
    }
}

// Proves: C2
#[test]
fn every_length_is_sealed_alike_alone_and_among_sixteen() {
    let sealing = key::<purpose::Record>(KEY);
    let plaintext = [0x77; 300];
    for len in 0..=plaintext.len() {
        for first in [None, Some(9)] {
            let texts: Vec<Text> = (0..LANES as u64)
                .map(|n| Text {
                    n,
                    aad: b"aad",
                    lead: b"",
                    first,
                    plaintext: &plaintext[..len],
                })
                .collect();
            let mut many = Vec::new();
            sealing.seal_many(&texts, &mut many);
            let whole = [first.as_slice(), &plaintext[..len]].concat();
            let each = sealed_len(whole.len());
            assert_eq!(many.len(), LANES * each);
            for (n, sealed) in many.chunks(each).enumerate() {
                assert_eq!(
                    open(&sealing, n as u64, b"aad", sealed).as_ref(),
                    Ok(&whole)
                );
            }
        }
    }
}

// Proves: C2
#[test]
fn a_sealed_text_too_short_for_a_tag_ends_the_authentic_ones() {
    let sealing = key::<purpose::Record>(KEY);
    let good = seal(&sealing, 0, b"", b"good");
    let empty = seal(&sealing, 1, b"", b"");
    let sealed = |n, sealed| Sealed {
        n,
        aad: b"",
        sealed,
    };
    let all = [
        sealed(0, &good),
        sealed(1, &empty),
        sealed(2, &good[..31]),
        sealed(0, &good),
    ];
    let mut authentic = sealing.verify_many(&all);
    assert_eq!(authentic.len(), 2);
    let mut out = Vec::new();
    assert_eq!(
        authentic.pop().unwrap().decrypt_behind_first(&mut out),
        Ok(None)
    );
    assert_eq!(
        authentic.pop().unwrap().decrypt_behind_first(&mut out),
        Ok(Some(b'g'))
    );
    assert_eq!(out, b"ood");
}

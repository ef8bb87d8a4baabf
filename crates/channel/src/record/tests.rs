use super::*;

fn pair() -> (Sealer, Opener) {
    (
        Sealer::new(Zeroizing::new([1; 32])),
        Opener::new(Zeroizing::new([1; 32])),
    )
}

fn open(opener: &mut Opener, record: &[u8]) -> Result<Vec<u8>, RecordError> {
    let (length, sealed_len) = sealed_len_of(record, SEALED_LEN_MAX)?.unwrap();
    assert_eq!(record.len(), LENGTH_LEN + sealed_len);
    let mut body = Vec::new();
    let kind = opener.open(&length, &record[LENGTH_LEN..], &mut body)?;
    Ok([kind.as_slice(), &body].concat())
}

fn seal(sealer: &mut Sealer, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    sealer.seal(&[(kind, body)], &mut record).unwrap();
    record
}

#[test]
fn a_record_is_its_length_then_type_and_body_sealed() {
    let (mut sealer, mut opener) = pair();
    for body_len in [0, 1, 14, 15, 16, 1_000, BODY_LEN_MAX - 1, BODY_LEN_MAX] {
        let body = vec![0x5a; body_len];
        let record = seal(&mut sealer, 3, &body);
        assert_eq!(record.len(), 3 + sealed_len(1 + body_len));
        assert_eq!(
            open(&mut opener, &record).unwrap(),
            [&[3][..], &body].concat()
        );
    }
    assert_eq!(
        sealer.seal(&[(3, &vec![0; BODY_LEN_MAX + 1])], &mut Vec::new()),
        Err(RecordError::Length)
    );
}

// Proves: C21
#[test]
fn only_lengths_that_a_record_can_have_are_taken() {
    let read = |sealed: usize, longest| {
        let [.., a, b, c] = sealed.to_be_bytes();
        sealed_len_of(&[a, b, c], longest).map(|read| read.unwrap().1)
    };
    for sealed in 0..=0x2_0000_usize {
        let possible = (48..=65_536).contains(&sealed) && sealed.is_multiple_of(16);
        let expected = if possible {
            Ok(sealed)
        } else {
            Err(RecordError::Length)
        };
        assert_eq!(read(sealed, SEALED_LEN_MAX), expected, "{sealed}");
    }
    assert_eq!(read(0xff_ffff, SEALED_LEN_MAX), Err(RecordError::Length));
    assert_eq!(read(0xff_fff0, usize::MAX), Err(RecordError::Length));
    assert_eq!(read(112, 112), Ok(112));
    assert_eq!(read(128, 112), Err(RecordError::Length));
    for short in [&[][..], &[0], &[0, 0]] {
        assert_eq!(sealed_len_of(short, SEALED_LEN_MAX), Ok(None));
    }
}

// Proves: C2
#[test]
fn the_key_steps_after_65536_records_at_both_ends_alike() {
    let (mut sealer, mut opener) = pair();
    let first_key = *sealer.0.key.expose();
    let mut generations = vec![first_key];
    for number in 0..2 * REKEY_RECORDS + 2 {
        let record = seal(&mut sealer, 3, b"");
        if *sealer.0.key.expose() != *generations.last().unwrap() {
            assert!(number.is_multiple_of(REKEY_RECORDS), "{number}");
            generations.push(*sealer.0.key.expose());
        }
        assert_eq!(open(&mut opener, &record).unwrap(), [3], "{number}");
        assert_eq!(sealer.0.next, number + 1);
    }
    assert_eq!(generations.len(), 3);
    assert_eq!(*derive::next_record_key(&first_key), generations[1]);
    assert_eq!(*derive::next_record_key(&generations[1]), generations[2]);
}

// Proves: C2
#[test]
fn ends_that_are_out_of_step_at_the_boundary_notice() {
    for (sealed, opened) in [
        (REKEY_RECORDS, REKEY_RECORDS - 1),
        (REKEY_RECORDS - 1, REKEY_RECORDS),
        (REKEY_RECORDS, 0),
    ] {
        let (mut sealer, mut opener) = pair();
        sealer.0.next = sealed;
        opener.0.next = opened;
        let record = seal(&mut sealer, 3, b"");
        assert_eq!(open(&mut opener, &record), Err(RecordError::Refused));
    }
    // The right number under the key before, and under the key after.
    for sealer_forgets in [true, false] {
        let (mut sealer, mut opener) = pair();
        for (sequence, forgets) in [
            (&mut sealer.0, sealer_forgets),
            (&mut opener.0, !sealer_forgets),
        ] {
            sequence.next = REKEY_RECORDS;
            sequence.step(1).unwrap();
            if forgets {
                *sequence = Sequence::new(Zeroizing::new([1; 32]));
                sequence.next = REKEY_RECORDS + 1;
            }
        }
        let record = seal(&mut sealer, 3, b"");
        assert_eq!(open(&mut opener, &record), Err(RecordError::Refused));
    }
}

#[test]
fn the_last_number_is_never_used() {
    let (mut sealer, mut opener) = pair();
    sealer.0.next = u64::MAX;
    opener.0.next = u64::MAX;
    assert_eq!(
        sealer.seal(&[(3, b"")], &mut Vec::new()),
        Err(RecordError::Refused)
    );
    assert_eq!(
        opener.open(&[0, 0, 48], &[0; 48], &mut Vec::new()),
        Err(RecordError::Refused)
    );
}

#[test]
fn keys_are_not_shown() {
    let (sealer, opener) = pair();
    assert_eq!(
        format!("{sealer:?} {opener:?}"),
        "Sealer(key redacted, next 0) Opener(key redacted, next 0)"
    );
}

impl Sealer {
    /// As if it had sealed all records before this one.
    pub(crate) fn skip_to(&mut self, next: u64) {
        self.0.next = next;
    }
}

impl Opener {
    /// As if it had opened all records before this one.
    pub(crate) fn skip_to(&mut self, next: u64) {
        self.0.next = next;
    }
}

use super::*;
use crate::record::BODY_LEN_MAX;

const KEY: [u8; 32] = [6; 32];

/// An inbound direction and the sealer that feeds it whatever a hostile holder of the key likes.
fn hostile() -> (Sealer, Inbound) {
    (
        Sealer::new(Zeroizing::new(KEY)),
        Inbound::new(Zeroizing::new(KEY)),
    )
}

fn hello() -> Hello {
    Hello::new(1, 1, "test").unwrap()
}

/// Past the hello.
fn greeted() -> (Sealer, Inbound) {
    let (mut sealer, mut inbound) = hostile();
    let event = give(&mut sealer, &mut inbound, 1, &hello().encode()).unwrap();
    assert_eq!(event, Some(Event::Hello(hello())));
    (sealer, inbound)
}

fn give(
    sealer: &mut Sealer,
    inbound: &mut Inbound,
    kind: u8,
    body: &[u8],
) -> Result<Option<Event>, ReceiveError> {
    let mut record = Vec::new();
    sealer.seal(&[(kind, body)], &mut record).unwrap();
    match inbound.read(&record)? {
        Progress::Record { consumed, event } => {
            assert_eq!(consumed, record.len());
            Ok(event)
        }
        Progress::Incomplete { needed } => panic!("{needed} of {}", record.len()),
    }
}

fn assert_dead(inbound: &mut Inbound) {
    assert!(inbound.opener.is_none());
    assert_eq!(inbound.partial.capacity(), 0);
    assert_eq!(inbound.read(&[]), Err(ReceiveError::Dead));
    assert_eq!(inbound.read(&[0; 200]), Err(ReceiveError::Dead));
}

fn message(bytes: &[u8]) -> Option<Event> {
    Some(Event::Message(Bytes::copy_from_slice(bytes)))
}

// Proves: C2
#[test]
fn unknown_types_are_fatal() {
    for kind in [0, 5, 6, 127, 255] {
        let (mut sealer, mut inbound) = greeted();
        assert_eq!(
            give(&mut sealer, &mut inbound, kind, b""),
            Err(ReceiveError::UnknownType(kind))
        );
        assert_dead(&mut inbound);
    }
}

// Proves: C4
#[test]
fn nothing_but_a_hello_comes_first() {
    for kind in [2, 3, 4] {
        let (mut sealer, mut inbound) = hostile();
        assert_eq!(
            give(&mut sealer, &mut inbound, kind, b""),
            Err(ReceiveError::OutOfTurn)
        );
        assert_dead(&mut inbound);
    }
    let (mut sealer, mut inbound) = hostile();
    let malformed = ReceiveError::Hello(HelloError::Malformed);
    assert_eq!(
        give(&mut sealer, &mut inbound, 1, &[0, 0, 0, 1, 0]),
        Err(malformed)
    );
    assert_dead(&mut inbound);
}

#[test]
fn a_first_record_longer_than_any_hello_is_refused_by_its_length() {
    let (_, mut inbound) = hostile();
    // `docs/spec/channel.md` §3.2.
    assert_eq!((HELLO_LEN_MAX, SEALED_HELLO_LEN_MAX), (69, 112));
    let [.., a, b, c] = (SEALED_HELLO_LEN_MAX + 16).to_be_bytes();
    assert_eq!(inbound.read(&[a, b, c]), Err(RecordError::Length.into()));
    assert_dead(&mut inbound);
}

#[test]
fn a_second_hello_is_refused() {
    let (mut sealer, mut inbound) = greeted();
    assert_eq!(
        give(&mut sealer, &mut inbound, 1, &hello().encode()),
        Err(ReceiveError::OutOfTurn)
    );
    assert_dead(&mut inbound);
}

#[test]
fn a_close_stands_between_messages_is_empty_and_final() {
    let (mut sealer, mut inbound) = greeted();
    assert_eq!(
        give(&mut sealer, &mut inbound, 4, &[1; MORE_LEN_MIN]),
        Ok(None)
    );
    assert_eq!(
        give(&mut sealer, &mut inbound, 2, b""),
        Err(ReceiveError::OutOfTurn)
    );
    assert_dead(&mut inbound);

    let (mut sealer, mut inbound) = greeted();
    assert_eq!(
        give(&mut sealer, &mut inbound, 2, b"x"),
        Err(ReceiveError::Body)
    );
    assert_dead(&mut inbound);

    let (mut sealer, mut inbound) = greeted();
    assert_eq!(
        give(&mut sealer, &mut inbound, 2, b""),
        Ok(Some(Event::Closed))
    );
    assert_eq!(
        give(&mut sealer, &mut inbound, 3, b""),
        Err(ReceiveError::Dead)
    );
    assert_eq!(inbound.end_of_stream(), Ok(()));
}

// Proves: C2
#[test]
fn an_end_without_a_close_is_truncation_wherever_it_comes() {
    let (_, mut inbound) = hostile();
    assert_eq!(inbound.end_of_stream(), Err(ReceiveError::Truncated));
    let (mut sealer, mut inbound) = greeted();
    assert_eq!(
        give(&mut sealer, &mut inbound, 3, b"whole"),
        Ok(message(b"whole"))
    );
    assert_eq!(inbound.end_of_stream(), Err(ReceiveError::Truncated));
    assert_dead(&mut inbound);
}

#[test]
fn parts_are_joined() {
    let (mut sealer, mut inbound) = greeted();
    let parts = [vec![1; MORE_LEN_MIN], vec![2; BODY_LEN_MAX], vec![3; 5]];
    assert_eq!(give(&mut sealer, &mut inbound, 4, &parts[0]), Ok(None));
    assert_eq!(give(&mut sealer, &mut inbound, 4, &parts[1]), Ok(None));
    assert_eq!(
        give(&mut sealer, &mut inbound, 3, &parts[2]),
        Ok(message(&parts.concat()))
    );
    assert_eq!(give(&mut sealer, &mut inbound, 3, b""), Ok(message(b"")));
}

// Proves: C5
#[test]
fn a_short_part_is_refused() {
    for len in [0, 1, MORE_LEN_MIN - 1] {
        let (mut sealer, mut inbound) = greeted();
        assert_eq!(
            give(&mut sealer, &mut inbound, 4, &vec![0; len]),
            Err(ReceiveError::Body)
        );
        assert_dead(&mut inbound);
    }
}

#[test]
fn a_record_without_type_is_refused() {
    let key = subrosa_cipher::Key::<subrosa_cipher::purpose::Record>::from_bytes(KEY).prepare();
    let mut record = vec![0, 0, 48];
    key.seal(1, &[0, 0, 48], b"", &mut record);
    let (_, mut inbound) = greeted();
    assert_eq!(inbound.read(&record), Err(ReceiveError::Body));
    assert_dead(&mut inbound);
}

// Proves: C5, C21
#[test]
fn the_limit_holds_to_the_byte() {
    for limit in [
        0,
        1,
        4_096,
        4_111,
        65_501,
        65_502,
        65_503,
        131_004,
        200_000,
        MESSAGE_BYTES_MAX,
    ] {
        for (len, fits) in [(limit, true), (limit + 1, false)] {
            let (mut sealer, mut inbound) = greeted();
            inbound.set_message_limit(limit);
            let bytes = vec![0xab; len];
            let mut parts = bytes.chunks(BODY_LEN_MAX).peekable();
            let mut last = Ok(None);
            if len == 0 {
                last = give(&mut sealer, &mut inbound, 3, b"");
            }
            while let (Some(part), Ok(None)) = (parts.next(), &last) {
                let kind = if parts.peek().is_some() { 4 } else { 3 };
                last = give(&mut sealer, &mut inbound, kind, part);
            }
            if fits {
                assert_eq!(last, Ok(message(&bytes)), "{len} within {limit}");
            } else {
                assert_eq!(
                    last,
                    Err(ReceiveError::MessageTooLong(limit)),
                    "{len} above {limit}"
                );
                assert_dead(&mut inbound);
            }
        }
    }
}

// Proves: C5, C21
#[test]
fn the_limit_is_checked_on_the_length_alone() {
    let (_, mut inbound) = greeted();
    inbound.set_message_limit(4_096);
    // The longest record that could hold 4,096 bytes is waited for, the next longer one is not.
    let needed = 3 + subrosa_cipher::sealed_len(1 + 4_096);
    assert_eq!(
        inbound.read(&[0, 0x10, 0x30]),
        Ok(Progress::Incomplete { needed })
    );
    assert_eq!(
        inbound.read(&[0, 0x10, 0x40]),
        Err(ReceiveError::MessageTooLong(4_096))
    );
    assert_dead(&mut inbound);

    let (mut sealer, mut inbound) = greeted();
    inbound.set_message_limit(70_000);
    assert_eq!(
        give(&mut sealer, &mut inbound, 4, &[0; BODY_LEN_MAX]),
        Ok(None)
    );
    assert_eq!(
        inbound.read(&[1, 0, 0]),
        Err(ReceiveError::MessageTooLong(70_000))
    );
    assert_dead(&mut inbound);
}

#[test]
fn the_limit_changes_while_the_channel_runs_and_never_exceeds_the_protocols() {
    let (mut sealer, mut inbound) = greeted();
    inbound.set_message_limit(10);
    assert_eq!(
        give(&mut sealer, &mut inbound, 3, &[7; 10]),
        Ok(message(&[7; 10]))
    );
    inbound.set_message_limit(usize::MAX);
    assert_eq!(inbound.message_limit, MESSAGE_BYTES_MAX);
    assert_eq!(
        give(&mut sealer, &mut inbound, 3, &[7; 60_000]),
        Ok(message(&[7; 60_000]))
    );
    inbound.set_message_limit(10);
    assert_eq!(
        give(&mut sealer, &mut inbound, 3, &[7; 11]),
        Err(ReceiveError::MessageTooLong(10))
    );
}

#[test]
fn outbound_keeps_the_order_too() {
    let mut wire = Vec::new();
    for misuse in [
        |outbound: &mut Outbound, wire: &mut Vec<u8>| outbound.message(b"", wire),
        |outbound: &mut Outbound, wire: &mut Vec<u8>| outbound.close(wire),
    ] {
        let mut outbound = Outbound::new(Zeroizing::new(KEY));
        assert_eq!(misuse(&mut outbound, &mut wire), Err(SendError::OutOfTurn));
        assert_eq!(
            outbound.hello(&hello(), &mut wire),
            Err(SendError::OutOfTurn),
            "the state is gone"
        );
    }
    let mut outbound = Outbound::new(Zeroizing::new(KEY));
    outbound.hello(&hello(), &mut wire).unwrap();
    outbound.message(b"x", &mut wire).unwrap();
    let before = wire.len();
    let too_long = vec![0; MESSAGE_BYTES_MAX + 1];
    let error = SendError::MessageTooLong(too_long.len());
    assert_eq!(outbound.message(&too_long, &mut wire), Err(error));
    assert_eq!(wire.len(), before);
    outbound.close(&mut wire).unwrap();
    assert_eq!(outbound.message(b"x", &mut wire), Err(SendError::OutOfTurn));
    assert_eq!(outbound.close(&mut wire), Err(SendError::OutOfTurn));
}

#[test]
fn long_messages_are_split_into_parts() {
    for (len, records) in [
        (0, 1),
        (PART_LEN, 1),
        (PART_LEN + 1, 2),
        (2 * PART_LEN, 2),
        (MESSAGE_BYTES_MAX, 16),
    ] {
        let mut outbound = Outbound::new(Zeroizing::new(KEY));
        let (mut inbound, mut wire) = (Inbound::new(Zeroizing::new(KEY)), Vec::new());
        outbound.hello(&hello(), &mut wire).unwrap();
        let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
        outbound.message(&bytes, &mut wire).unwrap();
        let mut count = 0;
        let mut rest = &wire[..];
        let mut last = None;
        while !rest.is_empty() {
            let Ok(Progress::Record { consumed, event }) = inbound.read(rest) else {
                panic!()
            };
            rest = &rest[consumed..];
            last = event;
            count += 1;
        }
        assert_eq!(count, 1 + records);
        assert_eq!(last, message(&bytes));
    }
}

/// All that comes of a stream of which so many bytes more arrive at a time, read one by one or ahead.
fn read_all(
    mut inbound: Inbound,
    wire: &[u8],
    steps: &[usize],
    ahead: bool,
) -> (Vec<Event>, Option<ReceiveError>) {
    let (mut events, mut start, mut end) = (VecDeque::new(), 0, 0);
    for step in steps.iter().cycle() {
        end = wire.len().min(end + step);
        loop {
            let unread = &wire[start..end];
            let advance = if ahead {
                inbound.read_many(unread, &mut events)
            } else {
                inbound
                    .read(unread)
                    .map(|progress| match progress {
                        Progress::Incomplete { .. } => 0,
                        Progress::Record { consumed, event } => {
                            events.extend(event);
                            consumed
                        }
                    })
                    .map(|consumed| Advance {
                        consumed,
                        needed: 0,
                    })
            };
            match advance {
                Ok(Advance { consumed: 0, .. }) => break,
                Ok(advance) => start += advance.consumed,
                Err(error) => return (events.into(), Some(error)),
            }
        }
        if end == wire.len() {
            return (events.into(), None);
        }
    }
    unreachable!("steps are not empty")
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    // Proves: C2, C4
    #[test]
    fn reading_ahead_comes_to_the_same_as_reading_one_by_one(
        records in proptest::collection::vec((2_u8..5, 0_usize..3_000), 0..60),
        steps in proptest::collection::vec(1_usize..20_000, 1..5),
        bad in proptest::option::of(proptest::prelude::any::<proptest::sample::Index>()),
        before_rekey in 0_u64..40,
        honest in proptest::prelude::any::<bool>(),
    ) {
        let (mut sealer, inbound) = near_rekey(before_rekey);
        let mut wire = Vec::new();
        for (n, (kind, len)) in records.into_iter().enumerate() {
            let body = vec![n as u8; if honest { len + MORE_LEN_MIN } else { len }];
            let kind = if honest { kind.max(3) } else { kind };
            sealer.seal(&[(kind, &body)], &mut wire).unwrap();
        }
        if let Some(bad) = bad && !wire.is_empty() {
            let at = bad.index(wire.len());
            wire[at] ^= 0x10;
        }
        let one_by_one = read_all(inbound, &wire, &steps, false);
        let (_, inbound) = near_rekey(before_rekey);
        proptest::prop_assert_eq!(read_all(inbound, &wire, &steps, true), one_by_one);
    }
}

// Proves: C2, C4
#[test]
fn behind_an_error_that_was_read_ahead_nothing_is_read() {
    for kind in [3, 9] {
        let (mut sealer, mut inbound) = greeted();
        let mut wire = Vec::new();
        let records: [(u8, &[u8]); 4] = [(3, b"one"), (3, b"two"), (kind, b"bad"), (3, b"good")];
        sealer.seal(&records, &mut wire).unwrap();
        let each = wire.len() / records.len();
        if kind == 3 {
            wire[3 * each - 1] ^= 1;
        }
        let mut events = VecDeque::new();
        let advance = inbound.read_many(&wire, &mut events).unwrap();
        assert_eq!((advance.consumed, events.len()), (2 * each, 2));
        assert_eq!(inbound.partial.capacity(), 0);
        let rest = &wire[advance.consumed..];
        assert!(inbound.read_many(rest, &mut events).is_err());
        assert_dead(&mut inbound);
        let last = inbound.read_many(&wire[3 * each..], &mut events);
        assert_eq!((last, events.len()), (Err(ReceiveError::Dead), 2));
    }
}

/// Past the hello, so many records before the key changes.
fn near_rekey(records: u64) -> (Sealer, Inbound) {
    let (mut sealer, mut inbound) = greeted();
    let next = record::REKEY_RECORDS - records;
    sealer.skip_to(next);
    inbound.opener.as_mut().unwrap().skip_to(next);
    (sealer, inbound)
}

#[test]
fn messages_sealed_together_are_those_sealed_one_by_one() {
    let bytes: Vec<u8> = (0..100_000).map(|i| i as u8).collect();
    let lens = [0, 1, 200, 4_096, PART_LEN, PART_LEN + 1, 100_000, 15];
    let (mut together, mut singly) = (Vec::new(), Vec::new());
    let mut outbound = Outbound::new(Zeroizing::new(KEY));
    outbound.hello(&hello(), &mut together).unwrap();
    outbound
        .messages(lens.map(|len| &bytes[..len]), &mut together)
        .unwrap();
    let mut outbound = Outbound::new(Zeroizing::new(KEY));
    outbound.hello(&hello(), &mut singly).unwrap();
    for len in lens {
        outbound.message(&bytes[..len], &mut singly).unwrap();
    }
    assert_eq!(together, singly);
}

#[test]
fn while_the_limit_is_low_nothing_is_read_ahead_of_what_may_raise_it() {
    let (mut sealer, mut inbound) = greeted();
    inbound.set_message_limit(10);
    let mut wire = Vec::new();
    sealer
        .seal(&[(3, b"login"), (3, &[7; 5_000])], &mut wire)
        .unwrap();
    let mut events = VecDeque::new();
    let advance = inbound.read_many(&wire, &mut events).unwrap();
    assert_eq!(events.pop_front(), message(b"login"));
    assert_eq!(events.pop_front(), None);
    inbound.set_message_limit(MESSAGE_BYTES_MAX);
    inbound
        .read_many(&wire[advance.consumed..], &mut events)
        .unwrap();
    assert_eq!(events.pop_front(), message(&[7; 5_000]));
}

/// The test vectors of `docs/spec/channel.md` §9 that need a key from outside.
mod vectors {
    use std::collections::BTreeMap;
    use std::path::Path;

    use data_encoding::HEXLOWER;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "vectors are files")]
    fn cases(family: &str) -> Vec<(String, BTreeMap<String, String>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let mut cases = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with(family) {
                let text = std::fs::read_to_string(path).unwrap();
                let lines = text
                    .lines()
                    .filter(|line| !line.starts_with('#'))
                    .filter_map(|line| line.split_once(':'));
                let fields =
                    lines.map(|(field, value)| (field.to_owned(), value.trim_start().to_owned()));
                cases.push((name, fields.collect()));
            }
        }
        assert!(!cases.is_empty());
        cases
    }

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    fn key(fields: &BTreeMap<String, String>) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hex(&fields["key"]).try_into().unwrap())
    }

    // Proves: C2
    #[test]
    fn records() {
        for (name, fields) in cases("record-") {
            let number: u64 = fields["number"].parse().unwrap();
            let (mut sealer, mut opener) = (Sealer::new(key(&fields)), Opener::new(key(&fields)));
            // The keys step by count, so the records before this one are counted through.
            let mut ignored = Vec::new();
            for _ in 0..number {
                ignored.clear();
                sealer.seal(&[(3, b"")], &mut ignored).unwrap();
                let mut plaintext = Vec::new();
                opener
                    .open(&[0, 0, 48], &ignored[3..], &mut plaintext)
                    .unwrap();
            }
            let record = hex(&fields["record"]);
            let mut plaintext = Vec::new();
            let opened = record::sealed_len_of(&record, SEALED_LEN_MAX)
                .map(|length| length.unwrap().0)
                .and_then(|length| opener.open(&length, &record[3..], &mut plaintext));
            if fields["expect"] == "refused" {
                let no_type = opened == Ok(None);
                assert!(opened.is_err() || no_type, "{name}");
                assert_eq!(no_type, name == "record-refused-no-type.txt", "{name}");
                continue;
            }
            let kind: u8 = fields["type"].parse().unwrap();
            let body = hex(&fields["body"]);
            assert_eq!(opened, Ok(Some(kind)), "{name}");
            assert_eq!(plaintext, body, "{name}");
            let mut sealed = Vec::new();
            sealer.seal(&[(kind, &body)], &mut sealed).unwrap();
            assert_eq!(sealed, record, "{name}");
        }
    }

    #[test]
    fn streams() {
        for (name, fields) in cases("stream-") {
            let build = String::from_utf8(hex(&fields["build"])).unwrap();
            let hello = Hello::new(
                fields["min"].parse().unwrap(),
                fields["max"].parse().unwrap(),
                &build,
            )
            .unwrap();
            let messages: Vec<Vec<u8>> = fields["messages"].split(',').map(hex).collect();
            let stream = hex(&fields["stream"]);

            let (mut outbound, mut sent) = (Outbound::new(key(&fields)), Vec::new());
            outbound.hello(&hello, &mut sent).unwrap();
            for message in &messages {
                outbound.message(message, &mut sent).unwrap();
            }
            outbound.close(&mut sent).unwrap();
            assert_eq!(sent, stream, "{name}");

            let mut inbound = Inbound::new(key(&fields));
            let (mut rest, mut events) = (&stream[..], Vec::new());
            while !rest.is_empty() {
                let Ok(Progress::Record { consumed, event }) = inbound.read(rest) else {
                    panic!("{name}")
                };
                rest = &rest[consumed..];
                events.extend(event);
            }
            let expected = messages
                .iter()
                .map(|bytes| Event::Message(Bytes::copy_from_slice(bytes)));
            assert_eq!(
                events,
                [
                    vec![Event::Hello(hello)],
                    expected.collect(),
                    vec![Event::Closed]
                ]
                .concat(),
                "{name}"
            );
        }
    }
}

//! Two ends in memory, and between them somebody who does with the bytes whatever he likes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod naive;
mod script;

use proptest::prelude::*;
use script::Script;
use subrosa_channel::{
    AwaitReply, Event, HandshakeError, Hello, Inbound, M1_LEN, M2_LEN, Open, Outbound, Progress,
    REKEY_RECORDS, ReceiveError, RecordError, ServerKey, ServerPublicKey, VERSION, accept, dial,
};

fn server_key() -> ServerKey {
    ServerKey::from_bytes([0x77; 32])
}

fn dialled(seed: u64) -> (AwaitReply, Vec<u8>) {
    dial(server_key().public(), &mut Script::seed(seed)).unwrap()
}

/// A finished handshake, before the hellos.
fn opened(seed: u64) -> (Open, Open) {
    let (await_reply, m1) = dialled(seed);
    let (server, m2) = accept(&server_key(), &m1, &mut Script::seed(seed + 1_000_000)).unwrap();
    (await_reply.reply(&m2).unwrap(), server)
}

fn hello() -> Hello {
    Hello::new(1, 1, "hostile").unwrap()
}

/// The records of a direction: hello, the messages, close.
fn records(outbound: &mut Outbound, messages: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut records = vec![Vec::new()];
    outbound.hello(&hello(), &mut records[0]).unwrap();
    for message in messages {
        let mut record = Vec::new();
        outbound.message(message, &mut record).unwrap();
        records.push(record);
    }
    let mut close = Vec::new();
    outbound.close(&mut close).unwrap();
    records.push(close);
    records
}

/// Everything that an end makes of a stream which then ends.
fn receive(inbound: &mut Inbound, mut stream: &[u8]) -> (Vec<Event>, Result<(), ReceiveError>) {
    let mut events = Vec::new();
    loop {
        match inbound.read(stream) {
            Ok(Progress::Record { consumed, event }) => {
                stream = &stream[consumed..];
                events.extend(event);
                if events.last() == Some(&Event::Closed) {
                    return (events, Ok(()));
                }
            }
            Ok(Progress::Incomplete { needed }) => {
                assert!(needed > stream.len());
                return (events, inbound.end_of_stream());
            }
            Err(error) => {
                assert_eq!(
                    inbound.read(stream),
                    Err(ReceiveError::Dead),
                    "nothing is left to try again"
                );
                return (events, Err(error));
            }
        }
    }
}

const REFUSED: Result<(), ReceiveError> = Err(ReceiveError::Record(RecordError::Refused));
const LENGTH: Result<(), ReceiveError> = Err(ReceiveError::Record(RecordError::Length));
const TRUNCATED: Result<(), ReceiveError> = Err(ReceiveError::Truncated);

fn three() -> [&'static [u8]; 3] {
    [
        b"first message",
        b"",
        b"third message, longer than one block of the cipher",
    ]
}

fn genuine() -> Vec<Event> {
    let messages = three().map(|message| Event::Message(message.to_vec().into()));
    [&[Event::Hello(hello())][..], &messages, &[Event::Closed]].concat()
}

// ---- handshake

#[test]
fn both_ends_agree_and_no_two_handshakes_do() {
    let (client, server) = opened(1);
    assert_eq!(client.transcript(), server.transcript());
    let (other, _) = opened(2);
    assert_ne!(client.transcript(), other.transcript());
    assert_eq!((M1_LEN, M2_LEN, VERSION), (1_233, 1_136, 1));
}

// Proves: C1
#[test]
fn without_the_servers_key_there_is_no_reply() {
    let (_, m1) = dial(
        ServerKey::from_bytes([0x78; 32]).public(),
        &mut Script::seed(1),
    )
    .unwrap();
    let mut rng = Script::seed(2);
    assert_eq!(
        accept(&server_key(), &m1, &mut rng).unwrap_err(),
        HandshakeError::Refused
    );
    for fill in [0x00, 0xff, 0x41] {
        let mut noise = vec![fill; M1_LEN];
        noise[0] = VERSION;
        assert_eq!(
            accept(&server_key(), &noise, &mut rng).unwrap_err(),
            HandshakeError::Refused
        );
    }
}

// Proves: C1
#[test]
fn a_client_refuses_whoever_does_not_hold_the_servers_key() {
    let (await_reply, _) = dialled(1);
    // An impostor with a key of his own sees M1 and cannot read it; he answers one of his own making.
    let impostor = ServerKey::from_bytes([0x79; 32]);
    let (_, m1) = dial(impostor.public(), &mut Script::seed(3)).unwrap();
    let (_, m2) = accept(&impostor, &m1, &mut Script::seed(4)).unwrap();
    assert_eq!(await_reply.reply(&m2).unwrap_err(), HandshakeError::Refused);
}

// Proves: C1, C2
#[test]
fn a_bit_changed_in_any_byte_of_the_first_message_is_refused() {
    let (_, m1) = dialled(1);
    let mut rng = Script::seed(2);
    for position in 0..M1_LEN {
        let mut altered = m1.clone();
        altered[position] ^= 1 << (position % 8);
        let error = accept(&server_key(), &altered, &mut rng).unwrap_err();
        let expected = if position == 0 {
            HandshakeError::Version(altered[0])
        } else {
            HandshakeError::Refused
        };
        assert_eq!(error, expected, "{position}");
    }
    // The highest bit of an X25519 key has no meaning in the multiplication; the transcript has it all the same.
    let mut altered = m1.clone();
    altered[32] ^= 0x80;
    assert_eq!(
        accept(&server_key(), &altered, &mut rng).unwrap_err(),
        HandshakeError::Refused
    );
}

// Proves: C2, C20
#[test]
fn a_bit_changed_in_any_byte_of_the_second_message_is_refused() {
    let (_, m1) = dialled(1);
    let (_, m2) = accept(&server_key(), &m1, &mut Script::seed(2)).unwrap();
    for position in 0..M2_LEN {
        let (await_reply, _) = dialled(1);
        let mut altered = m2.clone();
        altered[position] ^= 1 << (position % 8);
        assert_eq!(
            await_reply.reply(&altered).unwrap_err(),
            HandshakeError::Refused,
            "{position}"
        );
    }
    assert!(dialled(1).0.reply(&m2).is_ok());
}

#[test]
fn handshake_messages_of_other_lengths_are_refused() {
    let (_, m1) = dialled(1);
    let (_, m2) = accept(&server_key(), &m1, &mut Script::seed(2)).unwrap();
    for len in [
        0,
        1,
        2,
        33,
        M1_LEN - 16,
        M1_LEN - 1,
        M1_LEN + 1,
        M1_LEN + 16,
        65_536,
    ] {
        let mut altered = m1.clone();
        altered.resize(len, 0);
        assert_eq!(
            accept(&server_key(), &altered, &mut Script::seed(3)).unwrap_err(),
            HandshakeError::Length,
            "{len}"
        );
    }
    for len in [0, 1, 1_087, 1_088, M2_LEN - 1, M2_LEN + 1, 65_536] {
        let mut altered = m2.clone();
        altered.resize(len, 0);
        assert_eq!(
            dialled(1).0.reply(&altered).unwrap_err(),
            HandshakeError::Length,
            "{len}"
        );
    }
}

// Proves: C4
#[test]
fn every_other_version_of_the_handshake_is_refused() {
    let (_, m1) = dialled(1);
    for version in (0..=255).filter(|version| *version != VERSION) {
        let mut altered = m1.clone();
        altered[0] = version;
        let error = accept(&server_key(), &altered, &mut Script::seed(2)).unwrap_err();
        assert_eq!(error, HandshakeError::Version(version));
    }
}

// Proves: C1
#[test]
fn a_replayed_first_message_gets_a_fresh_reply_that_is_of_no_use() {
    let (await_reply, m1) = dialled(1);
    let (_, m2) = accept(&server_key(), &m1, &mut Script::seed(2)).unwrap();
    let (mut client, _) = await_reply.reply(&m2).unwrap().split();
    let genuine_records = records(&mut client, &three()).concat();
    let mut transcripts = Vec::new();
    for seed in 3..1_003 {
        let (replayed, other_m2) = accept(&server_key(), &m1, &mut Script::seed(seed)).unwrap();
        assert_ne!(other_m2, m2);
        transcripts.push(*replayed.transcript());
        let (_, mut inbound) = replayed.split();
        // All that the attacker has beside M1: what the client sent on the first connection.
        assert_eq!(receive(&mut inbound, &genuine_records), (vec![], REFUSED));
    }
    transcripts.sort_unstable();
    transcripts.dedup();
    assert_eq!(transcripts.len(), 1_000);
}

#[test]
fn a_reply_to_another_client_and_ones_own_message_are_refused() {
    let (_, other_m1) = dialled(9);
    let (_, m2) = accept(&server_key(), &other_m1, &mut Script::seed(2)).unwrap();
    assert_eq!(
        dialled(1).0.reply(&m2).unwrap_err(),
        HandshakeError::Refused
    );
    let (await_reply, m1) = dialled(1);
    assert_eq!(
        await_reply.reply(&m1[..M2_LEN]).unwrap_err(),
        HandshakeError::Refused
    );
    assert_eq!(
        accept(
            &server_key(),
            &[&[1][..], &m2, &[0; 96]].concat(),
            &mut Script::seed(3)
        )
        .unwrap_err(),
        HandshakeError::Refused
    );
}

// Proves: C1
#[test]
fn a_zero_point_in_either_message_is_refused() {
    let (_, mut m1) = dialled(1);
    m1[1..33].fill(0);
    assert_eq!(
        accept(&server_key(), &m1, &mut Script::seed(2)).unwrap_err(),
        HandshakeError::Refused
    );
    let (_, m1) = dialled(1);
    let (_, mut m2) = accept(&server_key(), &m1, &mut Script::seed(2)).unwrap();
    m2[1_088..1_120].fill(0);
    assert_eq!(
        dialled(1).0.reply(&m2).unwrap_err(),
        HandshakeError::Refused
    );
    let zero = ServerPublicKey::from_bytes([0; 32]);
    assert_eq!(
        dial(&zero, &mut Script::seed(1)).unwrap_err(),
        HandshakeError::Refused
    );
}

// ---- records

// Proves: C2
#[test]
fn a_bit_changed_in_any_byte_of_the_stream_is_refused() {
    let (client, _) = opened(1);
    let sent = records(&mut client.split().0, &three());
    let starts: Vec<usize> = sent
        .iter()
        .scan(0, |at, record| {
            Some(std::mem::replace(at, *at + record.len()))
        })
        .collect();
    let stream = sent.concat();
    for position in 0..stream.len() {
        let (_, server) = opened(1);
        let mut altered = stream.clone();
        altered[position] ^= 1 << (position % 8);
        let hit = starts.iter().rposition(|start| *start <= position).unwrap();
        let (events, end) = receive(&mut server.split().1, &altered);
        assert_eq!(events, genuine()[..hit], "{position}");
        // A changed length can also promise more than ever comes.
        let in_length = position - starts[hit] < 3;
        assert!(
            end == REFUSED || in_length && (end == LENGTH || end == TRUNCATED),
            "{position}: {end:?}"
        );
    }
}

// Proves: C2
#[test]
fn every_cut_is_reported_as_truncation() {
    let (client, _) = opened(1);
    let stream = records(&mut client.split().0, &three()).concat();
    for cut in 0..stream.len() {
        let (_, server) = opened(1);
        let (events, end) = receive(&mut server.split().1, &stream[..cut]);
        assert_eq!(end, TRUNCATED, "{cut}");
        assert_eq!(events, genuine()[..events.len()]);
    }
    let (_, server) = opened(1);
    assert_eq!(receive(&mut server.split().1, &stream), (genuine(), Ok(())));
}

/// Sends the records in the given order; each must be refused from where the order is no longer the sender's.
fn assert_refused_from(order: &[usize], genuine_len: usize) {
    let (client, server) = opened(1);
    let sent = records(&mut client.split().0, &three());
    let stream: Vec<u8> = order.iter().flat_map(|i| sent[*i].clone()).collect();
    let (events, end) = receive(&mut server.split().1, &stream);
    assert_eq!(events, genuine()[..genuine_len], "{order:?}");
    assert_eq!(end, REFUSED, "{order:?}");
}

// Proves: C2
#[test]
fn replayed_reordered_and_dropped_records_are_refused() {
    // Replayed at once, later, and in place of another of the same size.
    assert_refused_from(&[0, 0], 1);
    assert_refused_from(&[0, 1, 1], 2);
    assert_refused_from(&[0, 1, 2, 1], 3);
    // Reordered.
    assert_refused_from(&[1, 0], 0);
    assert_refused_from(&[0, 2, 1], 1);
    assert_refused_from(&[0, 1, 4], 2);
    // Dropped: the first (as Terrapin does), one in the middle, all but the close.
    assert_refused_from(&[1, 2, 3, 4], 0);
    assert_refused_from(&[0, 1, 3, 4], 2);
    assert_refused_from(&[4], 0);
}

// Proves: C2
#[test]
fn reflected_and_spliced_records_are_refused() {
    let (client, server) = opened(1);
    let (mut to_server, mut at_client) = client.split();
    let (mut to_client, _) = server.split();
    let own = records(&mut to_server, &three());
    assert_eq!(receive(&mut at_client, &own.concat()), (vec![], REFUSED));

    // From another connection of the same two, in the same direction, with the same number.
    let (client, server) = opened(1);
    let (other, _) = opened(2);
    let here = records(&mut client.split().0, &three());
    let elsewhere = records(&mut other.split().0, &three());
    let spliced = [&here[0][..], &here[1], &elsewhere[2], &here[3]].concat();
    assert_eq!(
        receive(&mut server.split().1, &spliced),
        (genuine()[..2].to_vec(), REFUSED)
    );

    // Reflected in the middle of a stream that was fine up to there.
    let (client, _) = opened(1);
    let theirs = records(&mut to_client, &three());
    let mixed = [&theirs[0][..], &own[1]].concat();
    assert_eq!(
        receive(&mut client.split().1, &mixed),
        (genuine()[..1].to_vec(), REFUSED)
    );
}

// Proves: C2, C21
#[test]
fn impossible_lengths_are_refused_before_anything_else_is_read() {
    for length in [
        [0, 0, 0],
        [0, 0, 1],
        [0, 0, 32],
        [0, 0, 47],
        [0, 0, 49],
        [1, 0, 1],
        [1, 0, 16],
        [0xff, 0xff, 0xff],
    ] {
        let (client, server) = opened(1);
        let (mut outbound, mut inbound) = (client.split().0, server.split().1);
        let mut greeting = Vec::new();
        outbound.hello(&hello(), &mut greeting).unwrap();
        let (events, end) = receive(&mut inbound, &[&greeting[..], &length].concat());
        assert_eq!((events.len(), end), (1, LENGTH), "{length:?}");
    }
}

#[test]
fn an_error_ends_the_direction_for_genuine_records_too() {
    let (client, server) = opened(1);
    let sent = records(&mut client.split().0, &three());
    let mut inbound = server.split().1;
    assert!(matches!(
        inbound.read(&sent[0]),
        Ok(Progress::Record { .. })
    ));
    let mut altered = sent[1].clone();
    altered[9] ^= 1;
    assert_eq!(inbound.read(&altered), Err(RecordError::Refused.into()));
    assert_eq!(inbound.read(&sent[1]), Err(ReceiveError::Dead));
    assert_eq!(inbound.end_of_stream(), Err(ReceiveError::Truncated));
}

// Proves: C2
#[test]
fn both_directions_pass_the_change_of_key_each_by_its_own_count() {
    let (client, server) = opened(1);
    let (mut to_server, mut at_client) = client.split();
    let (mut to_client, mut at_server) = server.split();
    let mut wire = Vec::new();
    to_server.hello(&hello(), &mut wire).unwrap();
    at_server.read(&wire).unwrap();
    wire.clear();
    to_client.hello(&hello(), &mut wire).unwrap();
    at_client.read(&wire).unwrap();
    let mut pass = |outbound: &mut Outbound, inbound: &mut Inbound, number: u64| {
        wire.clear();
        outbound.message(&number.to_be_bytes(), &mut wire).unwrap();
        let Ok(Progress::Record {
            event: Some(Event::Message(message)),
            ..
        }) = inbound.read(&wire)
        else {
            panic!("{number}")
        };
        assert_eq!(message, number.to_be_bytes()[..]);
    };
    // The server is two keys on before the client has changed its first.
    for number in 1..2 * REKEY_RECORDS + 3 {
        pass(&mut to_client, &mut at_client, number);
    }
    for number in 1..REKEY_RECORDS + 3 {
        pass(&mut to_server, &mut at_server, number);
    }
    for number in 0..3 {
        pass(&mut to_client, &mut at_client, number);
    }
}

#[test]
fn nothing_secret_is_shown() {
    let (client, server) = opened(1);
    let shown = format!(
        "{client:?} {server:?} {:?} {:?}",
        dialled(1).0,
        server_key()
    );
    for digits in [
        "77777777",
        &data_encoding::HEXLOWER.encode(&client.transcript()[..4]),
    ] {
        assert!(!shown.contains(digits), "{shown}");
    }
    assert!(!shown.contains("119, 119"), "{shown}");
    assert!(shown.contains("redacted"));
}

// ---- against the second implementation

fn raw<const N: usize>(seed: u64) -> [u8; N] {
    let mut bytes = [0; N];
    rand_core::Rng::fill_bytes(&mut Script::seed(seed), &mut bytes);
    bytes
}

fn assert_interoperates(
    mut open: Open,
    transcript: [u8; 32],
    k_out: &[u8],
    k_in: &[u8],
    messages: &[Vec<u8>],
) {
    assert_eq!(*open.transcript(), transcript);
    let greeting = naive::hello(1, 1, b"hostile");
    let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let sent = records(open.outbound(), &slices).concat();
    assert!(naive::read_stream(k_out, &sent) == Some((greeting.clone(), messages.to_vec())));
    assert!(naive::stream(k_out, &greeting, messages) == sent);
    let (events, end) = receive(open.inbound(), &naive::stream(k_in, &greeting, messages));
    let expected = messages
        .iter()
        .map(|message| Event::Message(message.clone().into()));
    assert!(
        events
            == [
                vec![Event::Hello(hello())],
                expected.collect(),
                vec![Event::Closed]
            ]
            .concat()
    );
    assert_eq!(end, Ok(()));
}

fn any_messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let lens = prop_oneof![4 => 0..2_000_usize, 1 => 65_400..65_600_usize, 1 => 0..200_000_usize];
    prop::collection::vec(
        (lens, any::<u8>()).prop_map(|(len, fill)| vec![fill; len]),
        0..5,
    )
}

/// A conversation is recorded; later its secrets leak, some of them. Which of them leak is known, and whoever does
/// this has the server's key throughout.
// Proves: C3
#[test]
fn what_was_recorded_stays_closed_as_long_as_one_of_the_two_agreements_holds() {
    let (static_key, messages) = ([0x77; 32], three().map(<[u8]>::to_vec));
    let (client_e, server_e, kem_coins) = (raw(1), raw(2), raw(3));
    let (client, m1) = naive::m1(&naive::public_of(&static_key), client_e, raw(4));
    let (m2, _, at_server) = naive::m2(&static_key, &m1, server_e, kem_coins).unwrap();
    let greeting = naive::hello(1, 1, b"hostile");
    let there = naive::stream(&at_server.k_cs, &greeting, &messages);
    let back = naive::stream(&at_server.k_sc, &greeting, &messages);
    let reads = |found: &naive::Outcome| {
        [(&found.k_cs, &there), (&found.k_sc, &back)].map(|(key, recorded)| {
            let first = naive::open_record(key, 0, recorded);
            first.is_some() || naive::read_stream(key, recorded).is_some()
        })
    };
    // With all secrets of one end it reads: so a failure below means something.
    assert_eq!(reads(&naive::read_m2(client, &m2).unwrap()), [true; 2]);
    for other in 100..132 {
        let without = [
            // The server's key alone, and whatever else one makes up.
            naive::m2(&static_key, &m1, raw(other), raw(other + 1_000)),
            // Whoever takes discrete logarithms has the server's ephemeral key as well, and not the other agreement.
            naive::m2(&static_key, &m1, server_e, raw(other + 1_000)),
            // The other way round.
            naive::m2(&static_key, &m1, raw(other), kem_coins),
        ];
        for found in without {
            assert_eq!(reads(&found.unwrap().2), [false; 2]);
        }
        // At the client's end: its ephemeral key is known and the private key of the other agreement is not.
        let (guessed, _) = naive::m1(&naive::public_of(&static_key), client_e, raw(other));
        assert!(naive::read_m2(guessed, &m2).is_none());
    }
}

/// The handshake says nothing of who is there: it is the same bytes for every account and device.
// Proves: C3
#[test]
fn nobody_is_named_before_the_records() {
    let (_, m1) = dialled(5);
    let (_, again) = dialled(5);
    assert_eq!(
        m1, again,
        "its only input are the server's key and randomness"
    );
    let (client, server) = opened(5);
    let account = b"ada, and the signature of her device";
    let mut wire = [m1, records(&mut client.split().0, &[account]).concat()].concat();
    wire.extend(records(&mut server.split().0, &[account]).concat());
    assert!(!wire.windows(3).any(|part| part == b"ada"));
    assert!(account.windows(3).any(|part| part == b"ada"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn our_client_and_a_naive_server(seed in 0..1_u64 << 20, messages in any_messages()) {
        let (await_reply, m1) = dialled(seed);
        let (m2, _, outcome) = naive::m2(&[0x77; 32], &m1, raw(seed + 1), raw(seed + 2)).unwrap();
        let client = await_reply.reply(&m2).unwrap();
        assert_interoperates(client, outcome.h, &outcome.k_cs, &outcome.k_sc, &messages);
    }

    #[test]
    fn a_naive_client_and_our_server(seed in 0..1_u64 << 20, messages in any_messages()) {
        let (client, m1) = naive::m1(&naive::public_of(&[0x77; 32]), raw(seed), raw(seed + 1));
        let (server, m2) = accept(&server_key(), &m1, &mut Script::seed(seed + 2)).unwrap();
        let outcome = naive::read_m2(client, &m2).unwrap();
        assert_interoperates(server, outcome.h, &outcome.k_sc, &outcome.k_cs, &messages);
    }

    /// However the stream is split and merged on its way, the same events come out.
    #[test]
    fn splits_and_merges_change_nothing(messages in any_messages(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40)) {
        let (client, server) = opened(1);
        let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let stream = records(&mut client.split().0, &slices).concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut inbound = server.split().1;
        let (mut buffer, mut events) = (Vec::new(), Vec::new());
        for piece in cuts.windows(2) {
            buffer.extend_from_slice(&stream[piece[0]..piece[1]]);
            while events.last() != Some(&Event::Closed) {
                match inbound.read(&buffer).unwrap() {
                    Progress::Record { consumed, event } => {
                        buffer.drain(..consumed);
                        events.extend(event);
                    }
                    Progress::Incomplete { needed } => {
                        prop_assert!(needed > buffer.len());
                        break;
                    }
                }
            }
        }
        prop_assert!(buffer.is_empty());
        let expected = messages.iter().map(|message| Event::Message(message.clone().into()));
        prop_assert!(events == [vec![Event::Hello(hello())], expected.collect(), vec![Event::Closed]].concat());
    }

    // Proves: C21
    /// Noise in place of a stream never gives an event, and never a panic.
    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..400), seed in 0..4_u64) {
        let (_, server) = opened(seed);
        let (events, end) = receive(&mut server.split().1, &noise);
        prop_assert!(events.is_empty());
        prop_assert!(end.is_err());
        prop_assert!(accept(&server_key(), &noise, &mut Script::seed(seed)).is_err());
    }
}

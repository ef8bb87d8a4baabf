//! The suite against RFC 9807's vectors, and every message with every byte changed. Both leave the key stretching
//! out; the flows with it are in `tests/flows.rs`.

use opaque_ke::ksf::Identity;
use proptest::prelude::*;

use super::*;
use crate::vector::{Case, Script, cases};

fn setup(oprf_seed: &[u8], private: &[u8], public: &[u8]) -> Setup {
    let bytes = [oprf_seed, private, public].concat();
    Setup(opaque_ke::ServerSetup::deserialize(&bytes).unwrap())
}

/// A blinding scalar is drawn as 64 bytes and reduced; with zeros behind it is the scalar itself.
fn blind(case: &Case, name: &str) -> Vec<u8> {
    [case.bytes(name), vec![0; 32]].concat()
}

fn replay(case: &Case) {
    let [credential, client, server] = [
        "credential_identifier",
        "client_identity",
        "server_identity",
    ]
    .map(|name| case.bytes(name));
    let identities = Identities {
        credential: &credential,
        client: &client,
        server: &server,
    };
    let [password, context] = ["password", "context"].map(|name| case.bytes(name));
    let setup = setup(
        &case.bytes("oprf_seed"),
        &case.bytes("server_private_key"),
        &case.bytes("server_public_key"),
    );

    let mut script = Script::new(&[
        &blind(case, "blind_registration"),
        &case.bytes("envelope_nonce"),
    ]);
    let (state, request) = registration_request::<Identity>(&password, &mut script).unwrap();
    assert_eq!(request, case.array("registration_request"));
    let response = registration_response(&setup, &credential, &request).unwrap();
    assert_eq!(response, case.array("registration_response"));
    let (upload, export_key) =
        registration_upload(state, &password, &response, identities, &mut script).unwrap();
    assert_eq!(upload, case.array("registration_upload"));
    assert_eq!(**export_key, case.array("export_key"));
    assert!(script.is_used_up());

    let mut script = Script::new(&[
        &blind(case, "blind_login"),
        &case.bytes("client_keyshare_seed"),
        &case.bytes("client_nonce"),
    ]);
    let (client_state, first) = ke1::<Identity>(&password, &mut script).unwrap();
    assert_eq!(first, case.array("ke1"));
    assert!(script.is_used_up());

    // The library draws a masking key for a dummy record at every login: 64 bytes that do not matter here.
    let mut script = Script::new(&[
        &[0; 64],
        &case.bytes("masking_nonce"),
        &case.bytes("server_keyshare_seed"),
        &case.bytes("server_nonce"),
    ]);
    let (server_state, second) =
        ke2(&setup, &upload, &first, identities, &context, &mut script).unwrap();
    assert_eq!(second, case.array("ke2"));
    assert!(script.is_used_up());

    let third = ke3(
        client_state,
        &password,
        &second,
        identities,
        &context,
        &mut Script::new(&[]),
    )
    .unwrap();
    assert_eq!(third.message, case.array("ke3"));
    assert_eq!(**third.export_key, case.array("export_key"));
    assert_eq!(**third.session_key, case.array("session_key"));
    let session_key = finish(server_state, &third.message, identities, &context).unwrap();
    assert_eq!(**session_key, case.array("session_key"));
}

#[test]
fn rfc_9807_vectors() {
    for file in [
        include_str!("../../tests/vectors/rfc9807-1.txt"),
        include_str!("../../tests/vectors/rfc9807-2.txt"),
    ] {
        cases(file).iter().for_each(replay);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Message {
    Request,
    Response,
    Upload,
    Ke1,
    Ke2,
    Ke3,
}

const MESSAGES: [(Message, usize); 6] = [
    (Message::Request, REGISTRATION_REQUEST_LEN),
    (Message::Response, REGISTRATION_RESPONSE_LEN),
    (Message::Upload, RECORD_LEN),
    (Message::Ke1, KE1_LEN),
    (Message::Ke2, KE2_LEN),
    (Message::Ke3, KE3_LEN),
];

/// Registration and login, with `change` on the way of every message.
fn run(change: impl Fn(Message, &mut Vec<u8>)) -> Result<(), LoginError> {
    let sent = |message, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        change(message, &mut bytes);
        bytes
    };
    let identities = Identities {
        credential: b"pw:ann",
        client: b"pw:ann",
        server: &[9; 32],
    };
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let setup = Setup::new(&[1; 64], &[2; 32])?;

    let (state, request) = registration_request::<Identity>(b"secret", rng)?;
    let response = registration_response(&setup, b"pw:ann", &sent(Message::Request, &request))?;
    let (upload, export_key) = registration_upload(
        state,
        b"secret",
        &sent(Message::Response, &response),
        identities,
        rng,
    )?;
    let record: [u8; RECORD_LEN] = sent(Message::Upload, &upload)
        .try_into()
        .map_err(|_| LoginError::Malformed)?;
    check_record(&record)?;

    let (client, first) = ke1::<Identity>(b"secret", rng)?;
    let (server, second) = ke2(
        &setup,
        &record,
        &sent(Message::Ke1, &first),
        identities,
        b"context",
        rng,
    )?;
    let third = ke3(
        client,
        b"secret",
        &sent(Message::Ke2, &second),
        identities,
        b"context",
        rng,
    )?;
    let session_key = finish(
        server,
        &sent(Message::Ke3, &third.message),
        identities,
        b"context",
    )?;
    assert_eq!(session_key, third.session_key);
    assert_eq!(export_key, third.export_key);
    Ok(())
}

// Proves: C21
#[test]
fn every_changed_byte_is_refused() {
    run(|_, _| {}).unwrap();
    for (message, len) in MESSAGES {
        for offset in 0..len {
            let error = run(|sent, bytes| {
                if sent == message {
                    bytes[offset] ^= 1 << (offset % 8);
                }
            })
            .unwrap_err();
            let at_login = matches!(message, Message::Ke2 | Message::Ke3);
            assert!(
                error == LoginError::Refused || (!at_login && error == LoginError::Malformed),
                "{message:?} {offset}: {error:?}"
            );
        }
    }
}

// Proves: C21
#[test]
fn every_other_length_is_refused() {
    for (message, len) in MESSAGES {
        for other in [0, 1, len / 2, len - 1, len + 1, 2 * len] {
            let changed = run(|sent, bytes| {
                if sent == message {
                    bytes.resize(other, 0);
                }
            });
            let expected = match message {
                Message::Ke2 | Message::Ke3 => LoginError::Refused,
                _ => LoginError::Malformed,
            };
            assert_eq!(changed, Err(expected), "{message:?} {other}");
        }
    }
}

// Proves: C21
#[test]
fn all_zeros_and_all_ones_are_refused() {
    for (message, _) in MESSAGES {
        for fill in [0, 0xff] {
            let changed = run(|sent, bytes| {
                if sent == message {
                    bytes.fill(fill);
                }
            });
            assert!(changed.is_err(), "{message:?} {fill}");
        }
    }
}

/// A server that sends the client's own blinded element back learns nothing and is refused.
#[test]
fn reflected_element_is_refused() {
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let identities = Identities {
        credential: b"pw:ann",
        client: b"pw:ann",
        server: &[9; 32],
    };
    let (client, first) = ke1::<Identity>(b"secret", rng).unwrap();
    let setup = Setup::new(&[1; 64], &[2; 32]).unwrap();
    let mut record = [0; RECORD_LEN];
    record[..32].copy_from_slice(&public_key(&[3; 32]).unwrap());
    let (_, mut second) = ke2(&setup, &record, &first, identities, b"context", rng).unwrap();
    second[..32].copy_from_slice(&first[..32]);
    assert!(matches!(
        ke3(client, b"secret", &second, identities, b"context", rng),
        Err(LoginError::Refused)
    ));
}

proptest! {
    // Proves: C21
    #[test]
    fn any_bytes_are_taken_or_refused(
        request: [u8; REGISTRATION_REQUEST_LEN],
        record in prop::collection::vec(any::<u8>(), RECORD_LEN),
        first in prop::collection::vec(any::<u8>(), KE1_LEN),
        other in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let setup = Setup::new(&[1; 64], &[2; 32]).unwrap();
        let identities = Identities { credential: b"pw:ann", client: b"pw:ann", server: &[9; 32] };
        let record: [u8; RECORD_LEN] = record.try_into().unwrap();
        let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
        for request in [request.as_slice(), &other] {
            let _ = registration_response(&setup, b"pw:ann", request);
        }
        let _ = check_record(&record);
        for first in [&first, &other] {
            let _ = ke2(&setup, &record, first, identities, b"context", rng);
        }
    }
}

/// Proves: C8 (RFC 9807's vectors leave the stretching out, so nothing else says that the suite has it)
#[test]
fn the_suite_stretches_with_argon2id() {
    let input = GenericArray::<u8, opaque_ke::generic_array::typenum::U64>::from([7; 64]);
    let mut stretched = [0; 64];
    stretch(&input, &mut stretched).unwrap();
    assert_eq!(Stretching.hash(input).unwrap()[..], stretched[..]);
}

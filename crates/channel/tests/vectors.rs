//! The test vectors of `docs/spec/channel.md` §9, against the crate and against the naïve implementation.
//! `docs/spec/recompute.py` reads the same files.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a vector that cannot be read fails the test"
)]

mod naive;
mod script;

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::HEXLOWER;
use script::Script;
use subrosa_channel::{M1_LEN, M2_LEN, ServerKey, accept, dial};

struct Case {
    name: String,
    fields: BTreeMap<String, String>,
}

impl Case {
    fn field(&self, field: &str) -> &str {
        self.fields
            .get(field)
            .unwrap_or_else(|| panic!("{}: {field} is missing", self.name))
    }

    fn bytes(&self, field: &str) -> Vec<u8> {
        HEXLOWER
            .decode(self.field(field).as_bytes())
            .unwrap_or_else(|e| panic!("{}: {field}: {e}", self.name))
    }

    fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field)
            .try_into()
            .unwrap_or_else(|_| panic!("{}: {field}: length", self.name))
    }

    fn number<T: std::str::FromStr>(&self, field: &str) -> T {
        self.field(field)
            .parse()
            .unwrap_or_else(|_| panic!("{}: {field}: number", self.name))
    }

    fn opens(&self) -> bool {
        match self.field("expect") {
            "opens" => true,
            "refused" => false,
            other => panic!("{}: expect is {other}", self.name),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn cases(family: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with(family) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let fields = lines.map(|line| {
            let (field, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("{name}: {line}"));
            (field.to_owned(), value.trim_start().to_owned())
        });
        let fields = fields.collect();
        cases.push(Case { name, fields });
    }
    assert!(!cases.is_empty(), "{family}");
    cases
}

// Proves: C4
#[test]
fn handshakes() {
    for case in cases("handshake-") {
        assert!(case.opens());
        let (m1, m2): ([u8; M1_LEN], [u8; M2_LEN]) = (case.array("m1"), case.array("m2"));
        let server = ServerKey::from_bytes(case.array("server-private"));
        assert_eq!(
            server.public().as_bytes(),
            &case.array::<32>("server-public")
        );

        let client_draws = [case.bytes("kem-seed"), case.bytes("client-ephemeral")].concat();
        let (await_reply, made_m1) =
            dial(server.public(), &mut Script::bytes(&client_draws)).unwrap();
        assert_eq!(made_m1, m1, "{}: m1", case.name);
        let server_draws = [case.bytes("server-ephemeral"), case.bytes("kem-message")].concat();
        let (at_server, made_m2) = accept(&server, &m1, &mut Script::bytes(&server_draws)).unwrap();
        assert_eq!(made_m2, m2, "{}: m2", case.name);
        let at_client = await_reply.reply(&m2).unwrap();

        let transcript = case.array("transcript");
        assert_eq!(at_server.transcript(), &transcript);
        assert_eq!(at_client.transcript(), &transcript);
        // The raw keys do not leave the crate; what they seal does.
        for (mut open, field) in [
            (at_client, "client-to-server"),
            (at_server, "server-to-client"),
        ] {
            let mut record = Vec::new();
            let hello = subrosa_channel::Hello::new(1, 1, "x").unwrap();
            open.outbound().hello(&hello, &mut record).unwrap();
            assert_eq!(
                record,
                naive::seal_record(
                    &case.bytes(field),
                    0,
                    naive::HELLO,
                    &naive::hello(1, 1, b"x")
                )
            );
        }
    }
}

#[test]
fn handshakes_by_the_naive_implementation() {
    for case in cases("handshake-") {
        let (client, m1) = naive::m1(
            &case.array("server-public"),
            case.array("client-ephemeral"),
            case.array("kem-seed"),
        );
        assert_eq!(client.ek, case.bytes("encapsulation-key"));
        assert_eq!(m1, case.bytes("m1"));
        let (m2, ss, at_server) = naive::m2(
            &case.array("server-private"),
            &m1,
            case.array("server-ephemeral"),
            case.array("kem-message"),
        )
        .unwrap();
        assert_eq!(m2, case.bytes("m2"));
        assert_eq!(m2[..1_088], case.bytes("ciphertext"));
        assert_eq!(ss, case.bytes("shared-secret"));
        assert_eq!(at_server.psk, case.array("psk"));
        assert_eq!(at_server.h, case.array("transcript"));
        assert_eq!(at_server.k_cs, case.array("client-to-server"));
        assert_eq!(at_server.k_sc, case.array("server-to-client"));
        assert_eq!(naive::read_m2(client, &m2), Some(at_server));
    }
}

#[test]
fn records_by_the_naive_implementation() {
    for case in cases("record-") {
        let (key, number, record) = (
            case.bytes("key"),
            case.number("number"),
            case.bytes("record"),
        );
        let opened = naive::open_record(&key, number, &record);
        if !case.opens() {
            assert_eq!(opened, None, "{}", case.name);
            continue;
        }
        let (kind, body) = (case.number("type"), case.bytes("body"));
        assert_eq!(
            naive::seal_record(&key, number, kind, &body),
            record,
            "{}",
            case.name
        );
        assert_eq!(opened, Some((kind, body, &[][..])), "{}", case.name);
    }
}

#[test]
fn streams_by_the_naive_implementation() {
    for case in cases("stream-") {
        let (key, stream) = (case.bytes("key"), case.bytes("stream"));
        let hello = naive::hello(case.number("min"), case.number("max"), &case.bytes("build"));
        let messages = case
            .field("messages")
            .split(',')
            .map(|message| HEXLOWER.decode(message.as_bytes()).unwrap());
        let messages: Vec<Vec<u8>> = messages.collect();
        assert_eq!(
            naive::stream(&key, &hello, &messages),
            stream,
            "{}",
            case.name
        );
        assert_eq!(
            naive::read_stream(&key, &stream),
            Some((hello, messages)),
            "{}",
            case.name
        );
    }
}

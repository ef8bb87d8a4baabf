//! The test vectors of `docs/spec/e2e.md` §11. `docs/spec/recompute.py` reads the same files.

use crate::encapsulation::{ENCAPSULATION_LEN, PrivateKey, decapsulate, public_key};
use crate::padding::{pad, padded_len, unpad};
use crate::primitives::{hkdf, hmac};
use crate::safety_number::safety_number;
use crate::sealed_box::BoxKey;
use crate::secret::Secret;
use crate::session::{Chain, Opener, commitment};
use data_encoding::HEXLOWER;
use std::collections::BTreeMap;
use subrosa_cipher::{Key, Purpose, purpose};
use subrosa_proto::{AccountId, ConvId, DeviceId, InviteNote, Nonce, label};
use zeroize::Zeroizing;

struct Case(BTreeMap<String, String>);

impl Case {
    fn text(&self, field: &str) -> &str {
        assert!(self.0.contains_key(field), "{field} is missing");
        &self.0[field]
    }
    fn bytes(&self, field: &str) -> Vec<u8> {
        HEXLOWER.decode(self.text(field).as_bytes()).unwrap()
    }
    fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap()
    }
    fn secret(&self, field: &str) -> Secret {
        Secret::copy_of(&self.array(field))
    }
    fn number(&self, field: &str) -> u64 {
        self.text(field).parse().unwrap()
    }
}

fn cases(file: &str) -> Vec<Case> {
    let cases: Vec<Case> = file
        .split("\n\n")
        .map(|text| {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let fields = lines.map(|line| {
                let (field, value) = line.split_once(':').unwrap();
                (field.to_owned(), value.trim().to_owned())
            });
            Case(fields.collect())
        })
        .collect();
    assert!(!cases.is_empty() && cases.iter().all(|case| case.text("expect") == "success"));
    cases
}

#[test]
fn sessions_and_chains() {
    for case in cases(include_str!("../tests/vectors/session.txt")) {
        let first_key = case.secret("first_key");
        let opener = Opener {
            conv: ConvId(case.array("conv")),
            account: AccountId(case.array("account")),
            device: DeviceId(case.array("device")),
        };
        let session = commitment(&first_key, &opener, &Nonce(case.array("nonce")));
        assert_eq!(session.0, case.array("session"));
        let mut chain = Chain::start(&first_key);
        for _ in 0..case.number("index") {
            chain.step();
        }
        let key = chain.message_key(&case.array("salt"));
        assert_eq!(key.expose(), &case.array("message_key"));
        assert_eq!(chain.into_key().expose(), &case.array("chain_key"));
    }
}

#[test]
fn messages() {
    for case in cases(include_str!("../tests/vectors/message.txt")) {
        let padded = pad(&case.bytes("content")).unwrap();
        assert_eq!(padded, case.bytes("padded"));
        assert_eq!(unpad(&padded).unwrap(), case.bytes("content"));
        assert!(crate::Content::decode(&case.bytes("content").into()).is_ok());
        let mut chain = Chain::start(&case.secret("first_key"));
        let index = case.number("index");
        (0..index).for_each(|_| chain.step());
        let key = chain.message_key(&case.array("salt"));
        let mut body = Vec::new();
        key.prepare()
            .seal(index, &case.bytes("header"), &padded, &mut body);
        assert_eq!(body, case.bytes("body"));
    }
}

#[test]
fn padded_lengths() {
    for case in cases(include_str!("../tests/vectors/padding.txt")) {
        let length = usize::try_from(case.number("length")).unwrap();
        assert_eq!(padded_len(length) as u64, case.number("padded"));
    }
}

#[test]
fn safety_numbers() {
    for case in cases(include_str!("../tests/vectors/safety-number.txt")) {
        let number = safety_number(AccountId(case.array("one")), AccountId(case.array("other")));
        assert_eq!(number, case.text("number"));
    }
}

#[test]
fn receipts() {
    for case in cases(include_str!("../tests/vectors/receipt.txt")) {
        let (conv, account, device) = (
            case.bytes("conv"),
            case.bytes("account"),
            case.bytes("device"),
        );
        let info = [label::RECEIPT, &conv, &device, &case.bytes("salt")];
        let key = hkdf(case.secret("first_key").expose(), &info);
        assert_eq!(*key, case.array("key"));
        let at = case.number("at").to_be_bytes();
        let text = [
            case.number("delivered_to").to_be_bytes(),
            case.number("read_to").to_be_bytes(),
        ]
        .concat();
        let mut sealed = Vec::new();
        Key::<purpose::Receipt>::from_bytes(*key).prepare().seal(
            0,
            &[&account[..], &at].concat(),
            &text,
            &mut sealed,
        );
        assert_eq!(sealed, case.bytes("sealed"));
    }
}

#[test]
fn signs_of_typing() {
    for case in cases(include_str!("../tests/vectors/typing.txt")) {
        let (conv, account, device) = (
            case.bytes("conv"),
            case.bytes("account"),
            case.bytes("device"),
        );
        let info = [label::TYPING, &conv, &device, &case.bytes("salt")];
        let key = hkdf(case.secret("first_key").expose(), &info);
        assert_eq!(*key, case.array("key"));
        let at = case.number("at").to_be_bytes();
        let mut sealed = Vec::new();
        Key::<purpose::Receipt>::from_bytes(*key).prepare().seal(
            0,
            &[&account[..], &at].concat(),
            &case.number("typing").to_be_bytes(),
            &mut sealed,
        );
        assert_eq!(sealed, case.bytes("sealed"));
    }
}

#[test]
fn invite_notes() {
    for case in cases(include_str!("../tests/vectors/invite-note.txt")) {
        let note: InviteNote = subrosa_proto::decode(&case.bytes("note").into()).unwrap();
        let key = Zeroizing::new(case.array("note_key"));
        let sealed = crate::seal_invite_note(&key, &case.array("server_key"), &note);
        assert_eq!(sealed, case.bytes("sealed"));
    }
}

fn open_box<P: Purpose>(case: &Case) {
    let (seed, context, found) = (
        case.secret("seed"),
        case.bytes("context"),
        case.bytes("box"),
    );
    assert_eq!(public_key(&seed), case.bytes("public"));
    let info = [P::LABEL, &context].concat();
    let shared = decapsulate(
        &PrivateKey::derive(&seed),
        &found[..ENCAPSULATION_LEN],
        &info,
    )
    .unwrap();
    assert_eq!(*shared, case.array("shared"));
    let text = BoxKey::from_seed(seed).open::<P>(&context, &found).unwrap();
    assert_eq!(*text, case.bytes("text"));
}

// Proves: C20
#[test]
fn boxes() {
    for case in cases(include_str!("../tests/vectors/box.txt")) {
        match case.text("label") {
            "share" => open_box::<purpose::Share>(&case),
            "slot" => open_box::<purpose::Slot>(&case),
            other => panic!("{other}"),
        }
    }
}

/// RFC 4231 §4.3: HMAC is what it is called. (A key shorter than 32 bytes is filled with
/// zeros by HMAC itself; test case 2's is 4 bytes long.)
#[test]
fn primitives() {
    let mut key = [0; 32];
    key[..4].copy_from_slice(b"Jefe");
    let mac = hmac(&key, &[b"what do ya want ", b"for nothing?"]);
    assert_eq!(
        HEXLOWER.encode(&*mac),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

//! The test vectors of `docs/spec/cipher.md` §6, one file for each case. `docs/spec/recompute.py` reads the same files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a vector that cannot be read fails the test"
)]

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::HEXLOWER;
use subrosa_cipher::{Key, OpenError, Purpose, purpose, sealed_len};

const ALWAYS: [&str; 6] = ["expect", "label", "key", "n", "aad", "sealed"];
const IF_OPENS: [&str; 3] = ["plaintext", "subkeys", "iv"];

struct Case {
    name: String,
    fields: BTreeMap<String, String>,
}

impl Case {
    fn parse(name: &str, text: &str) -> Self {
        let mut fields = BTreeMap::new();
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (field, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("{name}: {line}"));
            let previous = fields.insert(field.to_owned(), value.trim_start().to_owned());
            assert!(previous.is_none(), "{name}: {field} stands twice");
        }
        let case = Self {
            name: name.to_owned(),
            fields,
        };
        let due = ALWAYS
            .iter()
            .chain(IF_OPENS.iter().filter(|_| case.opens()));
        let mut due: Vec<&str> = due.copied().collect();
        due.sort_unstable();
        assert_eq!(
            case.fields.keys().collect::<Vec<_>>(),
            due,
            "{name}: fields"
        );
        case
    }

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

    fn opens(&self) -> bool {
        match self.field("expect") {
            "opens" => true,
            "refused" => false,
            other => panic!("{}: expect is {other}", self.name),
        }
    }

    fn check(&self) {
        match self.field("label") {
            "record" => self.check_for::<purpose::Record>(),
            "vault" => self.check_for::<purpose::Vault>(),
            "slot" => self.check_for::<purpose::Slot>(),
            "share" => self.check_for::<purpose::Share>(),
            "msg" => self.check_for::<purpose::Message>(),
            "receipt" => self.check_for::<purpose::Receipt>(),
            "invite-note" => self.check_for::<purpose::InviteNote>(),
            "blob" => self.check_for::<purpose::Blob>(),
            "outbox" => self.check_for::<purpose::Outbox>(),
            other => panic!("{}: unknown label {other}", self.name),
        }
    }

    fn check_for<P: Purpose>(&self) {
        let name = &self.name;
        let key = Key::<P>::from_bytes(self.bytes("key").try_into().unwrap()).prepare();
        let n = self.field("n").parse().unwrap();
        let (aad, sealed) = (self.bytes("aad"), self.bytes("sealed"));

        let mut opened = b"before".to_vec();
        let result = key.open(n, &aad, &sealed, &mut opened);
        if !self.opens() {
            assert_eq!(result, Err(OpenError), "{name}");
            assert_eq!(opened, b"before", "{name}");
            return;
        }
        let plaintext = self.bytes("plaintext");
        assert_eq!(result, Ok(()), "{name}");
        assert_eq!(opened, [b"before", &plaintext[..]].concat(), "{name}");
        assert_eq!(sealed.len(), sealed_len(plaintext.len()), "{name}");

        let mut again = b"before".to_vec();
        key.seal(n, &aad, &plaintext, &mut again);
        assert_eq!(again, [b"before", &sealed[..]].concat(), "{name}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the vectors are files")]
fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        cases.push(Case::parse(name, &std::fs::read_to_string(&path).unwrap()));
    }
    cases
}

// Proves: C2
#[test]
fn every_vector_is_as_specified() {
    let cases = cases();
    cases.iter().for_each(Case::check);
    let opens = cases.iter().filter(|case| case.opens()).count();
    println!("{opens} vectors open, {} are refused", cases.len() - opens);
    assert!(opens > 0 && cases.len() > opens);
}

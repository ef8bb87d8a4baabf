//! The seeds of the corpus, made from true values. `just fuzz-seeds` writes them anew after a format has changed.

use crate::targets::{Chain, known, rng};
use bytes::Bytes;
use std::path::PathBuf;
use subrosa_cipher::{Key, purpose};
use subrosa_e2e::{Content, Machine, Text, seal_invite_note};
use subrosa_ledger::{Account, Conversation, Record};
use subrosa_login::Bound;
use subrosa_login::{
    ClientLogin, ClientRegistration, Credential, CredentialId, RecoveryCode, Secret, ServerSetup,
};
use subrosa_proto::*;
use zeroize::Zeroizing;

/// Writes all seeds, and takes away what was there.
pub fn write(folder: impl Fn(&str) -> PathBuf) {
    for (target, seeds) in all() {
        let folder = folder(target);
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("{number:02}")), seed).unwrap();
        }
    }
}

type Seeds = Vec<(&'static str, Vec<Vec<u8>>)>;

fn all() -> Seeds {
    let mut seeds = lines();
    seeds.extend(words());
    seeds.extend(secrets());
    seeds.extend(logins());
    seeds
}

const CONV: ConvId = ConvId([3; 32]);
const ACCOUNT: AccountId = AccountId([4; 32]);
const DEVICE: DeviceId = DeviceId([5; 32]);

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn lines() -> Seeds {
    let address = Address {
        hosts: Host::parse_list("127.0.0.1:7673,[::1]:1,example.org").unwrap(),
        key: [7; 32],
    };
    let line = InviteLine {
        address: address.clone(),
        secret: InviteSecret([8; 16]),
        bot: None,
    };
    let code = RecoveryCode::generate(&mut rng()).to_groups();
    vec![
        ("address", texts(&[&address.to_string(), "example.org:80"])),
        ("invite-line", texts(&[&line.line()])),
        ("name", texts(&["ada", "x1", "long-name_with.32bytes"])),
        ("recovery-code", texts(&[code.as_str()])),
        (
            "home-socket",
            texts(&[
                r#"{"method":"status","params":{}}"#,
                r#"{"method":"send","params":{"conversation":"@bob","text":"hi","wait":"sent","queue":true}}"#,
                r#"{"notice":"link","link":"offline","cause":"gone","retry_ms":1}"#,
                r#"{"kind":"user","sentence":"no"}"#,
            ]),
        ),
    ]
}

fn a_header(kind: EventKind, fields: Bytes) -> Header {
    Header {
        suite: SUITE,
        conv: CONV,
        kind: kind as u8,
        account: ACCOUNT,
        device: DEVICE,
        ctl: EventHash([6; 32]),
        base_n: 300,
        base_log: LogHash([7; 32]),
        fields,
    }
}

fn an_event(header: &Header, body: Bytes) -> Bytes {
    encode(&Event {
        header: encode(header),
        body,
        signature: [9; 64],
    })
}

fn controls() -> Vec<Control> {
    vec![
        Control::Create {
            nonce: Nonce([1; 16]),
            form: Form::Direct,
            archive: true,
            peer: Some(ACCOUNT),
            invite: Some([2; 32]),
        },
        Control::Add {
            account: ACCOUNT,
            role: Role::Member,
            pending: true,
        },
        Control::Revoke {
            account: ACCOUNT,
            statement: known().prekey.clone(),
            logout: true,
        },
        Control::Policy {
            members_add: true,
            timer: 3,
        },
    ]
}

fn events() -> Vec<Vec<u8>> {
    let key = KeyFields {
        session: SessionId([1; 32]),
        nonce: Nonce([2; 16]),
        prekey_id: 77,
        quotes: vec![Quote {
            account: ACCOUNT,
            head: HashHead {
                seq: 4,
                hash: StatementHash([3; 32]),
            },
        }],
    };
    let message = MessageFields {
        session: SessionId([1; 32]),
        index: 12,
        salt: [4; 16],
        timer: 0,
        blobs: vec![[5; 32]],
        deletes: Some(300),
    };
    let mut events = vec![
        an_event(&a_header(EventKind::Key, encode(&key)), Bytes::new()),
        an_event(
            &a_header(EventKind::Message, encode(&message)),
            Bytes::from(vec![1; 112]),
        ),
    ];
    let header = a_header(EventKind::Control, Bytes::new());
    events.extend(
        controls()
            .iter()
            .map(|control| an_event(&header, encode(control))),
    );
    events.iter().map(|event| event.to_vec()).collect()
}

fn a_box() -> KeyBox {
    KeyBox {
        kind: BoxKind::Device,
        recipient: DEVICE.0,
        key_id: 7,
        sealed: Bytes::from(vec![1; 96]),
    }
}

fn vecs(values: impl IntoIterator<Item = Bytes>) -> Vec<Vec<u8>> {
    values.into_iter().map(|bytes| bytes.to_vec()).collect()
}

/// What is said on the wire and what stands in the log.
fn words() -> Seeds {
    let conv = CONV;
    let page = Page {
        conv,
        first: 7,
        events: vec![Delivered {
            time_ms: 1_700_000_000_000,
            event: Bytes::from(events().remove(0)),
            boxes: vec![encode(&a_box())],
        }],
        head: 9,
    };
    let requests = [
        Request::Ping {},
        Request::DeviceLogin {
            account: ACCOUNT,
            device: DEVICE,
            signature: [1; 64],
        },
        Request::Append {
            counter: 9,
            conv,
            events: vec![Bytes::from(events().remove(0))],
        },
        Request::Stage {
            session: SessionId([1; 32]),
            boxes: vec![encode(&a_box())],
        },
        Request::Follow {
            cursors: vec![Cursor { conv, next: 12 }],
        },
        Request::ChainAppend {
            statements: known().account.statements().to_vec(),
            bundle: Some(Bytes::from_static(b"bundle")),
            prekey: None,
        },
    ];
    let answers = [
        Response::Done {},
        Response::Page { page: page.clone() },
        Response::refused(ErrorCode::RateLimited),
        Response::Chain {
            statements: known().account.statements().to_vec(),
        },
    ];
    let from_client = requests
        .into_iter()
        .map(|request| encode(&FromClient { id: 5, request }));
    let from_server = answers
        .into_iter()
        .map(|response| encode(&FromServer::Answer { id: 5, response }))
        .chain([encode(&FromServer::Push {
            push: Push::Events { page },
        })]);
    let register = Register {
        conv,
        account: ACCOUNT,
        device: DEVICE,
        at: 7,
        session: SessionId([1; 32]),
        salt: [2; 16],
        sealed: Bytes::from(vec![3; 80]),
    };
    vec![
        ("from-client", vecs(from_client)),
        ("from-server", vecs(from_server)),
        ("event", events()),
        ("control", vecs(controls().iter().map(encode))),
        ("keybox", vecs([encode(&a_box())])),
        ("register", vecs([encode(&register)])),
        (
            "chain",
            vecs([encode(&Chain {
                statements: known().account.statements().to_vec(),
            })]),
        ),
        ("prekey", vecs([encode(&known().prekey)])),
    ]
}

/// What opens with secrets only.
fn secrets() -> Seeds {
    let content = Content::new(
        Text {
            text: "a few words".to_owned(),
        },
        1_700_000_000_000,
        &mut rng(),
    );
    let mut sealed = Vec::new();
    Key::<purpose::Message>::from_bytes([3; 32]).prepare().seal(
        0,
        b"aad",
        b"a few words",
        &mut sealed,
    );
    let note = InviteNote {
        account: ACCOUNT,
        head: HashHead {
            seq: 3,
            hash: StatementHash([4; 32]),
        },
    };
    let note = seal_invite_note(&Zeroizing::new([7; 32]), &[8; 32], &note);
    let records = known().records.iter();
    let (mut handshake, mut random) = (Vec::new(), rng());
    let server = subrosa_channel::ServerKey::from_bytes([9; 32]);
    handshake.push(
        subrosa_channel::dial(server.public(), &mut random)
            .unwrap()
            .1
            .to_vec(),
    );
    vec![
        ("content", vecs([content.encode().unwrap()])),
        ("seal", vec![sealed]),
        ("invite-note", vec![note.to_vec()]),
        ("bundle", vec![known().bundle.to_vec()]),
        (
            "machine",
            records.map(|(_, contents)| contents.to_vec()).collect(),
        ),
        ("session", vec![a_session()]),
        ("state", vec![a_state()]),
        ("channel-m1", handshake),
        (
            "channel-m2",
            vec![b"true".to_vec(), b"true\x80\x01".to_vec()],
        ),
        ("channel-records", vec![Vec::new(), vec![0; 60]]),
    ]
}

fn logins() -> Seeds {
    let secret = Secret::password("violet harbour anchor mosaic").unwrap();
    let id = || CredentialId::new(Credential::Password, "ada").unwrap();
    let bound = Bound::new(id(), &[1; 32], &[2; 32]);
    let (_, ke1) = ClientLogin::start(&secret, bound, &mut rng()).unwrap();
    let (state, request) = ClientRegistration::start(&secret, &mut rng()).unwrap();
    let setup = ServerSetup::from_seed(&[5; 32]).unwrap();
    let response = setup.respond(&id(), &request).unwrap();
    let registered = state
        .finish(&response, &id(), &[1; 32], &mut rng())
        .unwrap();
    vec![
        ("login-request", vec![ke1.to_vec(), request.to_vec()]),
        ("login-answer", vec![b"true".to_vec()]),
        ("registration", vec![registered.upload.to_vec()]),
    ]
}

subrosa_proto::record! {
    /// A stored session, with its first key in the open: the same bytes as the true record.
    struct SessionSeed {
        session: SessionId,
        conv: ConvId,
        account: AccountId,
        device: DeviceId,
        ctl: EventHash,
        opened_ms: u64,
        first_key: [u8; 32],
    }
}

fn a_session() -> Vec<u8> {
    let session = SessionSeed {
        session: SessionId([1; 32]),
        conv: CONV,
        account: ACCOUNT,
        device: DEVICE,
        ctl: EventHash([6; 32]),
        opened_ms: 1_700_000_000_000,
        first_key: [2; 32],
    };
    encode(&session).to_vec()
}

/// The state of a conversation just begun.
fn a_state() -> Vec<u8> {
    let records = known().records.iter();
    let machine = Machine::load(records.map(|(name, contents)| (*name, contents.clone()))).unwrap();
    let (event, _) = machine.create(Form::Own, true, None, None, &mut rng());
    let conversation = Conversation::create(&event, &OneAccount).unwrap();
    encode(&conversation).to_vec()
}

struct OneAccount;

impl Record for OneAccount {
    fn account(&self, _: &AccountId) -> Option<&Account> {
        Some(&known().account)
    }
    fn newest(&self, _: &AccountId) -> bool {
        true
    }
    fn log_hash(&self, _: u64) -> Option<LogHash> {
        None
    }
    fn seen(&self, _: &EventHash) -> bool {
        false
    }
}

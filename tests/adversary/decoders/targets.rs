//! The decoders that hostile bytes reach, each as a function of bytes. True means that they were taken.
//!
//! What is taken must be written the same way again, wherever there is one way to write it.

use bytes::Bytes;
use std::sync::OnceLock;
use subrosa_channel::{Hello, Progress, ServerKey};
use subrosa_cipher::{Key, purpose};
use subrosa_client::{Answer, Command, Failure, Notice};
use subrosa_e2e::{
    Content, Machine, RecordName, Slot, SlotSecret, StoredSession, open_invite_note, open_vault,
};
use subrosa_ledger::{Account, Conversation, check_prekey};
use subrosa_login::{
    Bound, ClientLogin, ClientRegistration, Credential, CredentialId, Record, RecoveryCode, Secret,
    ServerLogin, ServerSetup,
};
use subrosa_proto::{
    Address, Bundle, Control, Event, FromClient, FromServer, Header, Host, InviteLine, KeyBox,
    KeyFields, MessageFields, Name, Prekey, Register, Signed, Statement, Wire, decode, encode,
};
use zeroize::Zeroizing;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]) -> bool,
    /// Mutations in the short run: fewer where one costs more.
    pub rounds: u32,
}

const fn target(name: &'static str, rounds: u32, run: fn(&[u8]) -> bool) -> Target {
    Target { name, run, rounds }
}

pub const TARGETS: &[Target] = &[
    target("address", 3_000, address),
    target("bundle", 300, bundle),
    target("chain", 400, chain),
    target("channel-m1", 300, channel_m1),
    target("channel-m2", 300, channel_m2),
    target("channel-records", 300, channel_records),
    target("content", 3_000, content),
    target("control", 3_000, strict::<Control>),
    target("event", 3_000, event),
    target("from-client", 4_000, strict::<FromClient>),
    target("from-server", 4_000, strict::<FromServer>),
    target("home-socket", 3_000, home_socket),
    target("invite-line", 3_000, invite_line),
    target("invite-note", 2_000, invite_note),
    target("keybox", 3_000, strict::<KeyBox>),
    target("login-answer", 60, login_answer),
    target("login-request", 200, login_request),
    target("machine", 2_000, machine),
    target("name", 3_000, name),
    target("prekey", 1_000, prekey),
    target("recovery-code", 3_000, recovery_code),
    target("register", 3_000, strict::<Register>),
    target("registration", 200, registration),
    target("seal", 3_000, seal),
    target("session", 2_000, session),
    target("state", 3_000, state),
];

pub fn rng() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

/// Strict: what decodes is what it encodes to.
fn strict<T: Wire>(bytes: &[u8]) -> bool {
    let Ok(value) = decode::<T>(&Bytes::copy_from_slice(bytes)) else {
        return false;
    };
    assert_eq!(encode(&value), bytes, "two ways to write one value");
    true
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn address(bytes: &[u8]) -> bool {
    let Some(text) = text(bytes) else {
        return false;
    };
    drop((Host::parse_list(text), Host::parse(text)));
    match Address::parse(text) {
        Ok(address) => {
            assert_eq!(Address::parse(&address.to_string()), Ok(address));
            true
        }
        Err(_) => false,
    }
}

fn invite_line(bytes: &[u8]) -> bool {
    let Some(Ok(line)) = text(bytes).map(InviteLine::parse) else {
        return false;
    };
    assert_eq!(InviteLine::parse(&line.line()).unwrap().line(), line.line());
    true
}

fn name(bytes: &[u8]) -> bool {
    let Some(Ok(name)) = text(bytes).map(Name::new) else {
        return false;
    };
    assert_eq!(name.as_str().as_bytes(), bytes);
    true
}

fn recovery_code(bytes: &[u8]) -> bool {
    text(bytes).is_some_and(|text| RecoveryCode::parse(text).is_ok())
}

fn event(bytes: &[u8]) -> bool {
    if !strict::<Event>(bytes) {
        return false;
    }
    let event: Event = decode(&Bytes::copy_from_slice(bytes)).unwrap();
    let _ = subrosa_ledger::event_hash(&event);
    if !strict::<Header>(&event.header) {
        return false;
    }
    let header: Header = decode(&event.header).unwrap();
    strict::<KeyFields>(&header.fields);
    strict::<MessageFields>(&header.fields);
    strict::<Control>(&event.body);
    true
}

/// The statements of an account, one after another, as a server would hand them out.
fn chain(bytes: &[u8]) -> bool {
    let Ok(chain) = decode::<Chain>(&Bytes::copy_from_slice(bytes)) else {
        return false;
    };
    for signed in &chain.statements {
        strict::<Statement>(&signed.body);
    }
    Account::from_chain(&chain.statements).is_ok()
}

subrosa_proto::record! {
    /// A list of statements as one value.
    pub struct Chain {
        pub statements: Vec<Signed>,
    }
}

fn prekey(bytes: &[u8]) -> bool {
    let Ok(signed) = decode::<Signed>(&Bytes::copy_from_slice(bytes)) else {
        return false;
    };
    if !strict::<Prekey>(&signed.body) {
        return false;
    }
    if let Some(account) = known_account() {
        drop(check_prekey(account, &signed));
    }
    true
}

fn state(bytes: &[u8]) -> bool {
    strict::<Conversation>(bytes)
}

fn content(bytes: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(bytes);
    match Content::decode(&bytes) {
        Ok(content) => {
            assert_eq!(content.encode().unwrap(), bytes);
            true
        }
        Err(_) => false,
    }
}

/// An account with its bundle and the secret of a slot, for decoders that want one.
pub struct Known {
    pub account: Account,
    pub bundle: Bytes,
    pub secret: SlotSecret,
    pub prekey: Signed,
    pub records: Vec<(RecordName, Zeroizing<Vec<u8>>)>,
}

pub fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let secret = |byte| SlotSecret {
            seed: Box::new(Zeroizing::new([byte; 32])),
            anchor: [byte; 32],
        };
        let identity = subrosa_e2e::Identity::generate(&mut rng());
        let (mut machine, mut changes) = Machine::generate(identity.id(), &mut rng());
        let (prekey, made) = machine.next_prekey(1_000_000, &mut rng());
        changes.then(made);
        let (password, recovery) = (secret(1), secret(2));
        let credential = |secret| subrosa_e2e::Credential {
            secret,
            record: Bytes::from(vec![0; 192]),
        };
        let founding = subrosa_e2e::found_account(
            identity,
            &Name::new("ada").unwrap(),
            machine.device(),
            "fuzz",
            credential(&password),
            credential(&recovery),
            &mut rng(),
        )
        .unwrap();
        Known {
            account: Account::from_chain(&founding.chain).unwrap(),
            bundle: founding.bundle,
            secret: password,
            prekey,
            records: changes.puts,
        }
    })
}

fn known_account() -> Option<&'static Account> {
    Some(&known().account)
}

/// A bundle that passes as far as its encoding; its parts open with the right secret only.
fn bundle(bytes: &[u8]) -> bool {
    let whole = Bytes::copy_from_slice(bytes);
    drop(open_vault(
        &whole,
        Slot::Password,
        &known().secret,
        &known().account,
    ));
    drop(open_vault(
        &whole,
        Slot::Recovery,
        &known().secret,
        &known().account,
    ));
    strict::<Bundle>(bytes)
}

fn invite_note(bytes: &[u8]) -> bool {
    let sealed = Bytes::copy_from_slice(bytes);
    open_invite_note(&Zeroizing::new([7; 32]), &[8; 32], &sealed).is_ok()
}

fn session(bytes: &[u8]) -> bool {
    StoredSession::from_record(Zeroizing::new(bytes.to_vec())).is_ok()
}

/// The bytes as each of the records from which a device is loaded.
fn machine(bytes: &[u8]) -> bool {
    let mut taken = false;
    for (name, contents) in &known().records {
        let others = known()
            .records
            .iter()
            .filter(|(other, _)| other != name)
            .map(|(other, contents)| (*other, contents.clone()));
        let changed = (*name, Zeroizing::new(bytes.to_vec()));
        let whole = contents.as_slice() == bytes;
        taken |= Machine::load(others.chain([changed])).is_ok() || whole;
    }
    taken
}

fn seal(bytes: &[u8]) -> bool {
    let key = Key::<purpose::Message>::from_bytes([3; 32]).prepare();
    let mut text = Vec::new();
    let opened = key.open(0, b"aad", bytes, &mut text).is_ok();
    assert!(
        opened || text.is_empty(),
        "nothing of what is refused comes out"
    );
    opened
}

fn server_key() -> ServerKey {
    ServerKey::from_bytes([9; 32])
}

fn channel_m1(bytes: &[u8]) -> bool {
    subrosa_channel::accept(&server_key(), bytes, &mut rng()).is_ok()
}

/// Bytes that fit no handshake but their own are refused; whether any are taken shows in `channel-records`.
fn channel_m2(bytes: &[u8]) -> bool {
    let (wait, m1) = subrosa_channel::dial(server_key().public(), &mut rng()).unwrap();
    let true_one = subrosa_channel::accept(&server_key(), &m1, &mut rng())
        .unwrap()
        .1;
    // The seed stands for the true answer, of which there is another each time.
    let bytes = match bytes.strip_prefix(b"true") {
        Some([]) => true_one,
        Some([at, flip, ..]) => {
            let mut changed = true_one;
            let at = usize::from(*at) * changed.len() / 256;
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= flip;
            }
            changed
        }
        _ => bytes.to_vec(),
    };
    wait.reply(&bytes).is_ok()
}

/// A stream after a handshake: a mask over what a true sender wrote, so that the records' own forms are reached.
fn channel_records(bytes: &[u8]) -> bool {
    let (wait, m1) = subrosa_channel::dial(server_key().public(), &mut rng()).unwrap();
    let (at_server, m2) = subrosa_channel::accept(&server_key(), &m1, &mut rng()).unwrap();
    let (mut outbound, _) = wait.reply(&m2).unwrap().split();
    let (_, mut inbound) = at_server.split();
    let mut stream = Vec::new();
    outbound
        .hello(&Hello::new(1, 1, "fuzz").unwrap(), &mut stream)
        .unwrap();
    outbound.message(b"a message", &mut stream).unwrap();
    outbound.close(&mut stream).unwrap();
    for (at, mask) in bytes.iter().enumerate() {
        match stream.get_mut(at) {
            Some(byte) => *byte ^= mask,
            None => stream.push(*mask),
        }
    }
    let mut rest = stream.as_slice();
    let mut events = 0;
    while !rest.is_empty() {
        match inbound.read(rest) {
            Ok(Progress::Record { consumed, event }) => {
                rest = rest.get(consumed..).unwrap_or_default();
                events += u32::from(event.is_some());
            }
            Ok(Progress::Incomplete { .. }) => break,
            Err(_) => return false,
        }
    }
    events == 3
}

fn setup() -> &'static ServerSetup {
    static SETUP: OnceLock<ServerSetup> = OnceLock::new();
    SETUP.get_or_init(|| ServerSetup::from_seed(&[5; 32]).unwrap())
}

fn credential() -> CredentialId {
    CredentialId::new(Credential::Password, "ada").unwrap()
}

fn bound() -> Bound {
    Bound::new(credential(), &[1; 32], &[2; 32])
}

/// The client's first messages at the server.
fn login_request(bytes: &[u8]) -> bool {
    let registered = setup().respond(&credential(), bytes).is_ok();
    let unknown = ServerLogin::start(setup(), None, bound(), bytes, &mut rng());
    let begun = unknown.is_ok();
    if let Ok((login, _)) = unknown {
        assert!(
            login.finish(bytes).is_err(),
            "nobody proves an unknown name"
        );
    }
    registered || begun
}

/// The server's answer at the client, to a login that was begun.
fn login_answer(bytes: &[u8]) -> bool {
    let secret = Secret::password("violet harbour anchor mosaic").unwrap();
    let (state, ke1) = ClientLogin::start(&secret, bound(), &mut rng()).unwrap();
    // The seed stands for an answer to this very question: it is for an unknown name, so it is read and refused.
    let answer = match bytes {
        b"true" => ServerLogin::start(setup(), None, bound(), &ke1, &mut rng())
            .unwrap()
            .1
            .to_vec(),
        other => other.to_vec(),
    };
    assert!(state.finish(&answer, &mut rng()).is_err());
    bytes == b"true"
}

/// What a newcomer uploads, and the server's answer to a registration.
fn registration(bytes: &[u8]) -> bool {
    let secret = Secret::password("violet harbour anchor mosaic").unwrap();
    let (_, request) = ClientRegistration::start(&secret, &mut rng()).unwrap();
    setup().respond(&credential(), &request).unwrap();
    let Ok(record) = Record::from_upload(bytes) else {
        return false;
    };
    let (_, ke1) = ClientLogin::start(&secret, bound(), &mut rng()).unwrap();
    drop(ServerLogin::start(
        setup(),
        Some(&record),
        bound(),
        &ke1,
        &mut rng(),
    ));
    true
}

/// Lines on the socket of a home.
fn home_socket(bytes: &[u8]) -> bool {
    let command = serde_json::from_slice::<Command>(bytes);
    if let Ok(command) = &command {
        let written = serde_json::to_vec(command).unwrap();
        assert_eq!(
            serde_json::from_slice::<Command>(&written).unwrap(),
            *command
        );
    }
    let read = [
        command.is_ok(),
        serde_json::from_slice::<Answer>(bytes).is_ok(),
        serde_json::from_slice::<Notice>(bytes).is_ok(),
        serde_json::from_slice::<Failure>(bytes).is_ok(),
    ];
    read.contains(&true)
}

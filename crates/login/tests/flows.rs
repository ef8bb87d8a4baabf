//! Registration and login through the public API, with the real key stretching.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use getrandom::SysRng;
use rand_core::UnwrapErr;
use subrosa_login::{
    Bound, ClientLogin, ClientRegistration, Credential, CredentialId, ExportKey, KE2_LEN, LoggedIn,
    LoginError, Record, RecoveryCode, Registered, Secret, ServerLogin, ServerSetup, SessionKey,
    generate_passphrase,
};

const SEED: [u8; 32] = [7; 32];
const SERVER: [u8; 32] = [8; 32];
const TRANSCRIPT: [u8; 32] = [9; 32];
const ACCOUNT: [u8; 32] = [10; 32];

type Random = UnwrapErr<SysRng>;

fn random() -> Random {
    UnwrapErr(SysRng)
}

fn id(credential: Credential, name: &str) -> CredentialId {
    CredentialId::new(credential, name).unwrap()
}

fn bound(credential: CredentialId) -> Bound {
    Bound::new(credential, &SERVER, &TRANSCRIPT)
}

/// Registers over the wire's bytes.
fn register(setup: &ServerSetup, secret: &Secret, id: &CredentialId) -> (Record, ExportKey) {
    let (client, request) = ClientRegistration::start(secret, &mut random()).unwrap();
    let response = setup.respond(id, &request).unwrap();
    let Registered { upload, export_key } = client
        .finish(&response, id, &SERVER, &mut random())
        .unwrap();
    (Record::from_upload(&upload).unwrap(), export_key)
}

/// An account with both of its credentials, registered once for all tests.
struct Account {
    setup: ServerSetup,
    password: Secret,
    record: Record,
    export_key: ExportKey,
    code: RecoveryCode,
    code_record: Record,
    code_export_key: ExportKey,
}

static ANN: LazyLock<Account> = LazyLock::new(|| {
    let setup = ServerSetup::from_seed(&SEED).unwrap();
    let password = generate_passphrase(&mut random());
    let code = RecoveryCode::generate(&mut random());
    let (record, export_key) = register(&setup, &password, &id(Credential::Password, "ann"));
    let (code_record, code_export_key) =
        register(&setup, &code.secret(), &id(Credential::Recovery, "ann"));
    Account {
        setup,
        password,
        record,
        export_key,
        code,
        code_record,
        code_export_key,
    }
});

/// One login: what each end believes itself bound to, and what the server finds in its store.
struct Attempt<'a> {
    setup: &'a ServerSetup,
    record: Option<&'a Record>,
    secret: &'a Secret,
    client: Bound,
    server: Bound,
}

impl Attempt<'_> {
    /// Ann's own, which succeeds.
    fn anns() -> Self {
        let bound = bound(id(Credential::Password, "ann"));
        Attempt {
            setup: &ANN.setup,
            record: Some(&ANN.record),
            secret: &ANN.password,
            client: bound.clone(),
            server: bound,
        }
    }

    fn run(self) -> Result<(LoggedIn, SessionKey), LoginError> {
        let (client, ke1) = ClientLogin::start(self.secret, self.client, &mut random())?;
        let (server, ke2) =
            ServerLogin::start(self.setup, self.record, self.server, &ke1, &mut random())?;
        let logged_in = client.finish(&ke2, &mut random())?;
        let session_key = server.finish(&logged_in.ke3)?;
        Ok((logged_in, session_key))
    }

    fn assert_refused(self) {
        assert_eq!(self.run().unwrap_err(), LoginError::Refused);
    }
}

#[test]
fn password_opens_its_account() {
    let (client, session_key) = Attempt::anns().run().unwrap();
    assert_eq!(client.session_key.as_bytes(), session_key.as_bytes());
    // Of this login, and of no other.
    let (_, another) = Attempt::anns().run().unwrap();
    assert_ne!(another.as_bytes(), session_key.as_bytes());
    assert_eq!(client.export_key.slot_seed(), ANN.export_key.slot_seed());
    assert_eq!(
        client.export_key.anchor(&ACCOUNT),
        ANN.export_key.anchor(&ACCOUNT)
    );
    assert_ne!(
        client.export_key.anchor(&ACCOUNT),
        ANN.export_key.anchor(&[11; 32])
    );
}

#[test]
fn passphrase_in_capitals_with_more_spaces_opens_too() {
    let typed = format!(
        "  {} \n",
        ANN.password.reveal().to_uppercase().replace(' ', "  ")
    );
    let secret = Secret::password(&typed).unwrap();
    assert!(
        Attempt {
            secret: &secret,
            ..Attempt::anns()
        }
        .run()
        .is_ok()
    );
}

#[test]
fn recovery_code_opens_with_its_own_keys() {
    let typed = ANN.code.to_groups().to_lowercase().replace('-', " ");
    let secret = RecoveryCode::parse(&typed).unwrap().secret();
    let bound = bound(id(Credential::Recovery, "ann"));
    let attempt = Attempt {
        record: Some(&ANN.code_record),
        secret: &secret,
        client: bound.clone(),
        server: bound,
        ..Attempt::anns()
    };
    let (client, _) = attempt.run().unwrap();
    assert_eq!(
        client.export_key.slot_seed(),
        ANN.code_export_key.slot_seed()
    );
    assert_ne!(client.export_key.slot_seed(), ANN.export_key.slot_seed());
}

#[test]
fn setup_from_the_same_seed_is_the_same() {
    let again = ServerSetup::from_seed(&SEED).unwrap();
    assert!(
        Attempt {
            setup: &again,
            ..Attempt::anns()
        }
        .run()
        .is_ok()
    );
}

// Proves: C9
#[test]
fn other_seed_opens_nothing() {
    let other = ServerSetup::from_seed(&[6; 32]).unwrap();
    Attempt {
        setup: &other,
        ..Attempt::anns()
    }
    .assert_refused();
}

#[test]
fn wrong_password_assert_refused() {
    let secret = Secret::password("not the one that was registered").unwrap();
    Attempt {
        secret: &secret,
        ..Attempt::anns()
    }
    .assert_refused();
}

// A relayed login, as by someone in the middle of two channels.
// Proves: C10
#[test]
fn other_channel_assert_refused() {
    let client = Bound::new(id(Credential::Password, "ann"), &SERVER, &[1; 32]);
    Attempt {
        client,
        ..Attempt::anns()
    }
    .assert_refused();
}

// Proves: C10
#[test]
fn other_server_key_assert_refused() {
    let client = Bound::new(id(Credential::Password, "ann"), &[1; 32], &TRANSCRIPT);
    Attempt {
        client,
        ..Attempt::anns()
    }
    .assert_refused();
    // Also where both ends agree on a key, but it is not the one registered with.
    let moved = Bound::new(id(Credential::Password, "ann"), &[1; 32], &TRANSCRIPT);
    Attempt {
        client: moved.clone(),
        server: moved,
        ..Attempt::anns()
    }
    .assert_refused();
}

// The server answers for another account than the one asked for.
// Proves: C10
#[test]
fn other_name_assert_refused() {
    let server = bound(id(Credential::Password, "bob"));
    Attempt {
        server,
        ..Attempt::anns()
    }
    .assert_refused();
    let bob = bound(id(Credential::Password, "bob"));
    Attempt {
        client: bob.clone(),
        server: bob,
        ..Attempt::anns()
    }
    .assert_refused();
}

#[test]
fn other_kind_of_credential_assert_refused() {
    let recovery = bound(id(Credential::Recovery, "ann"));
    Attempt {
        client: recovery.clone(),
        server: recovery.clone(),
        ..Attempt::anns()
    }
    .assert_refused();
    let record = Some(&ANN.code_record);
    Attempt {
        record,
        client: recovery.clone(),
        server: recovery,
        ..Attempt::anns()
    }
    .assert_refused();
    let code = ANN.code.secret();
    Attempt {
        secret: &code,
        ..Attempt::anns()
    }
    .assert_refused();
}

// Proves: C6
#[test]
fn unknown_name_answers_as_a_wrong_password_does() {
    let nobody = bound(id(Credential::Password, "nobody"));
    Attempt {
        record: None,
        client: nobody.clone(),
        server: nobody.clone(),
        ..Attempt::anns()
    }
    .assert_refused();

    let (_, ke1) = ClientLogin::start(&ANN.password, nobody.clone(), &mut random()).unwrap();
    let answer = |record, bound: &Bound| {
        let (_, ke2) =
            ServerLogin::start(&ANN.setup, record, bound.clone(), &ke1, &mut random()).unwrap();
        ke2
    };
    let anns = bound(id(Credential::Password, "ann"));
    let [first, second] = [None, None].map(|record| answer(record, &nobody));
    let known = [Some(&ANN.record), Some(&ANN.record)].map(|record| answer(record, &anns));
    assert_eq!((first.len(), known[0].len()), (KE2_LEN, KE2_LEN));
    // The evaluated element stays the same from answer to answer, for a known name as for an unknown one: whoever
    // asks twice learns nothing. All behind it is fresh.
    assert_eq!(first[..32], second[..32]);
    assert_eq!(known[0][..32], known[1][..32]);
    assert_ne!(first[32..64], second[32..64]);
    assert_ne!(first[64..], second[64..]);
    assert_ne!(known[0][64..], known[1][64..]);
}

// There is no KE3 with which an unknown name gets in.
// Proves: C6
#[test]
fn unknown_name_refuses_every_third_message() {
    let nobody = bound(id(Credential::Password, "nobody"));
    let (_, ke1) = ClientLogin::start(&ANN.password, nobody.clone(), &mut random()).unwrap();
    for ke3 in [[0; 64], [0xff; 64]] {
        let (server, _) =
            ServerLogin::start(&ANN.setup, None, nobody.clone(), &ke1, &mut random()).unwrap();
        assert_eq!(server.finish(&ke3).unwrap_err(), LoginError::Refused);
    }
}

#[test]
fn damaged_record_is_told_to_the_server() {
    let record = Record::from_store(&[0xff; 192]);
    let (_, ke1) = ClientLogin::start(
        &ANN.password,
        bound(id(Credential::Password, "ann")),
        &mut random(),
    )
    .unwrap();
    let started = ServerLogin::start(
        &ANN.setup,
        Some(&record),
        bound(id(Credential::Password, "ann")),
        &ke1,
        &mut random(),
    );
    assert_eq!(started.unwrap_err(), LoginError::DamagedRecord);
}

// Nothing that goes to the server contains the secret or depends on it alone.
// Proves: C8
#[test]
fn server_sees_nothing_of_the_secret() {
    let secret = Secret::password("an uncommonly greenish hippopotamus").unwrap();
    let request = || ClientRegistration::start(&secret, &mut random()).unwrap().1;
    assert_ne!(request(), request(), "blinded afresh each time");
    let stored = ANN.record.as_bytes();
    for word in ANN
        .password
        .reveal()
        .split(' ')
        .filter(|word| word.len() >= 4)
    {
        assert!(
            !stored
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        );
    }
}

#[test]
fn nothing_secret_is_printed() {
    let (client, request) = ClientRegistration::start(&ANN.password, &mut random()).unwrap();
    assert_eq!(format!("{client:?}"), "ClientRegistration(..)");
    assert_eq!(request.len(), 32);
    let bound = bound(id(Credential::Password, "ann"));
    let (client, ke1) = ClientLogin::start(&ANN.password, bound.clone(), &mut random()).unwrap();
    assert_eq!(format!("{client:?}"), "ClientLogin(..)");
    let (server, _) = ServerLogin::start(&ANN.setup, None, bound, &ke1, &mut random()).unwrap();
    assert_eq!(format!("{server:?}"), "ServerLogin(..)");
    assert_eq!(format!("{:?}", ANN.setup), "ServerSetup(..)");
    assert_eq!(format!("{:?}", ANN.record), "Record(..)");
    assert_eq!(format!("{:?}", ANN.password), "Secret(..)");
    assert_eq!(format!("{:?}", ANN.code), "RecoveryCode(..)");
    assert_eq!(format!("{:?}", ANN.export_key), "ExportKey(..)");
}

//! Somebody who gets in, or tries to, with words that no client of ours would say.

use crate::stage::caller::Caller;
use crate::stage::entrance::{Newcomer, prove, register};
use crate::stage::members::Hand;
use crate::stage::people::{World, send};
use crate::stage::{random, rng};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use subrosa_client::SendState;
use subrosa_e2e::Machine;
use subrosa_ledger::Account;
use subrosa_login::{Bound, ClientLogin, ClientRegistration};
use subrosa_login::{
    Credential, CredentialId, InviteSecret, Record, Secret, ServerLogin, ServerSetup,
};
use subrosa_proto::{ErrorCode, FromClient, Name, Request, Response, encode};

const PASSWORD: &str = "violet harbour anchor mosaic tundra";

/// A request that starts a registration, with any bytes in the place of the name.
fn with_name(code: [u8; 32], name: &[u8]) -> Vec<u8> {
    let secret = Secret::password("never checked here").unwrap();
    let part =
        || Bytes::copy_from_slice(&ClientRegistration::start(&secret, &mut rng()).unwrap().1);
    let whole = encode(&FromClient {
        id: 1,
        request: Request::RegisterStart {
            code,
            name: Name::new("zoe").unwrap(),
            password: part(),
            recovery: part(),
        },
    });
    let true_name = b"\x63zoe";
    let at = whole
        .windows(true_name.len())
        .position(|window| window == true_name)
        .unwrap();
    let mut head = match name.len() {
        short @ 0..24 => vec![0x60 + u8::try_from(short).unwrap()],
        long => vec![0x78, u8::try_from(long).unwrap()],
    };
    head.extend(name);
    let mut changed = whole.to_vec();
    changed.splice(at..at + true_name.len(), head);
    changed
}

// Proves: C12, C21
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_pretend_or_inject_are_not_heard() {
    let world = World::new().await;
    let line = world.liar.server().admin_invite().await.unwrap();
    let code = *InviteSecret::from_bytes(&line.secret.0).code().as_bytes();
    let long = "x".repeat(33);
    let names: [&[u8]; 14] = [
        "\u{430}da".as_bytes(),
        "ad\u{430}".as_bytes(),
        b"Ada",
        b"ada ",
        b"ada\0",
        b"",
        long.as_bytes(),
        b"../../secrets",
        b"a'; DROP TABLE record; --",
        b"%61da",
        b"ada\n",
        "ada\u{200d}".as_bytes(),
        "\u{202e}ada".as_bytes(),
        b"\xff\xfe",
    ];
    for name in names {
        let mut caller = Caller::connect(world.liar.port(), world.address().key).await;
        caller.say(&with_name(code, name)).await;
        // It is no request: the connection ends, and with it what was begun on it.
        caller.ended().await;
    }
    // The same bytes with a true name are taken, and the invite is good still.
    let mut caller = Caller::connect(world.liar.port(), world.address().key).await;
    caller.say(&with_name(code, b"zoe")).await;
    let answer = caller.next().await;
    assert!(
        matches!(
            answer,
            Some(subrosa_proto::FromServer::Answer {
                response: Response::RegisterReply { .. },
                ..
            })
        ),
        "{answer:?}"
    );
}

// Proves: C21
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_inject_are_kept_as_they_are() {
    let world = World::new().await;
    let labels = [
        "'); DROP TABLE record; --",
        "../../../secrets",
        "\" OR 1=1 --",
        "$(touch /tmp/x)`id`",
        "%s%n%x",
    ];
    for (number, label) in labels.iter().enumerate() {
        let line = world.liar.server().admin_invite().await.unwrap();
        let name = format!("guest{number}");
        let newcomer = Newcomer {
            name: &name,
            label,
            password: PASSWORD,
        };
        let (machine, _) = register(&world, &line, &newcomer, &mut rng()).await;
        let mut caller = Caller::connect(world.liar.port(), world.address().key).await;
        let login = Request::DeviceLogin {
            account: machine.account(),
            device: machine.device(),
            signature: machine.sign_login(&caller.transcript()),
        };
        assert!(matches!(caller.ask(login).await, Response::LoggedIn { .. }));
        let Response::Chain { statements } = caller.ask(Request::OwnChain { from: 0 }).await else {
            panic!()
        };
        let account = Account::from_chain(&statements).unwrap();
        let labels: Vec<_> = account.devices().map(|device| &device.label).collect();
        assert_eq!(labels, [label]);
    }
    // Everybody is still there.
    let ada = world.client("ada").await;
    assert_eq!(send(&ada, "bob", "still").await.unwrap(), SendState::Sent);
    ada.close().await;
}

// Proves: C10, C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_of_one_chain_one_counts() {
    let world = World::new().await;
    let line = world.liar.server().admin_invite().await.unwrap();
    let newcomer = Newcomer {
        name: "dora",
        label: "first",
        password: PASSWORD,
    };
    register(&world, &line, &newcomer, &mut rng()).await;
    let mut callers = Vec::new();
    for label in ["laptop", "phone"] {
        let mut caller = Caller::connect(world.liar.port(), world.address().key).await;
        let (account, vault) = prove(&mut caller, &world, "dora", PASSWORD).await;
        let (mut machine, _) = Machine::generate(account.id(), &mut rng());
        let (prekey, _) = machine.next_prekey(world.liar.now_ms(), &mut rng());
        let added = vault.add_device(&account, machine.device(), label);
        callers.push((caller, added, prekey, account));
    }
    let mut outcomes = Vec::new();
    for (caller, added, prekey, _) in &mut callers {
        let request = Request::ChainAppend {
            statements: vec![added.clone()],
            bundle: None,
            prekey: Some(prekey.clone()),
        };
        outcomes.push(caller.ask(request).await);
    }
    assert_eq!(outcomes[0], Response::Done {});
    assert_eq!(outcomes[1], Response::refused(ErrorCode::Conflict));
    // The password that was proved is Dora's: it changes nobody else's chain.
    let (caller, ..) = &mut callers[1];
    let stranger = SigningKey::from_bytes(&random());
    let hand = Hand {
        account: world.account("bob"),
        key: stranger,
    };
    let foreign = hand.statement(&subrosa_proto::Statement {
        account: hand.account,
        seq: 4,
        prev: subrosa_proto::StatementHash([0; 32]),
        op: subrosa_proto::StatementOp::DeviceAdd {
            device: hand.device(),
            label: "mine".to_owned(),
        },
    });
    let refused = caller
        .refused(Request::ChainAppend {
            statements: vec![foreign],
            bundle: None,
            prekey: None,
        })
        .await;
    assert!(
        matches!(
            refused,
            ErrorCode::Malformed | ErrorCode::NotPermitted | ErrorCode::Conflict
        ),
        "{refused:?}"
    );
}

// Proves: C9
#[test]
fn the_records_alone_give_no_guess() {
    let server = ServerSetup::from_seed(&random()).unwrap();
    let key: [u8; 32] = random();
    let id = || CredentialId::new(Credential::Password, "ada").unwrap();
    let secret = || Secret::password(PASSWORD).unwrap();
    let (state, request) = ClientRegistration::start(&secret(), &mut rng()).unwrap();
    let response = server.respond(&id(), &request).unwrap();
    let record = state
        .finish(&response, &id(), &key, &mut rng())
        .unwrap()
        .upload;
    // A thief of the database tries the right password against a seed of his own, and against the true one.
    let transcript = random();
    let guess = |setup: &ServerSetup| {
        let bound = || Bound::new(id(), &key, &transcript);
        let (client, ke1) = ClientLogin::start(&secret(), bound(), &mut rng()).unwrap();
        let record = Record::from_upload(&record).unwrap();
        let (_, ke2) = ServerLogin::start(setup, Some(&record), bound(), &ke1, &mut rng()).unwrap();
        client.finish(&ke2, &mut rng()).is_ok()
    };
    assert!(!guess(&ServerSetup::from_seed(&random()).unwrap()));
    assert!(
        guess(&server),
        "with the secrets file the same guess is right"
    );
}

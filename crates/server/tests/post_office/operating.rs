//! Operating: start and refusal to start, restart, administration, the end.

use crate::ground::{Ground, everywhere};
use crate::person::{Pair, Person};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use subrosa_proto::*;
use subrosa_server::{Config, Server, StartError, admin};

async fn refusal(config: Config) -> StartError {
    match Server::start(config).await {
        Err(error) => error,
        Ok(_) => panic!("the server started"),
    }
}

#[tokio::test]
async fn a_restart_keeps_all() {
    everywhere(|mut ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.bob_opens(b"kept").await;
        let address = ground.server().address().clone();
        let before = pair.ada.log_in(&mut ground.connect().await).await;
        ground.restart().await;
        assert_eq!(ground.server().address().key, address.key);
        let mut client = ground.connect().await;
        let after = pair.ada.log_in(&mut client).await;
        assert_eq!(
            (after.incarnation, after.chain),
            (before.incarnation, before.chain)
        );
        assert_eq!(
            after.heads,
            [ConvHead {
                conv: pair.ada_view.conv,
                head: 3,
                trimmed: 0
            }]
        );
        client
            .done(Request::Follow {
                cursors: vec![Cursor {
                    conv: pair.ada_view.conv,
                    next: 2,
                }],
            })
            .await;
        pair.ada_view.read(&client.page().await);
        assert_eq!(pair.ada_view.log, pair.bob_view.log);
        let mut bob = pair.bob.online(&ground).await;
        pair.bob.say(&mut bob, &mut pair.bob_view, b"and on").await;
        pair.ada_view.read(&client.page().await);
    })
    .await;
}

#[tokio::test]
async fn the_end_is_announced_and_clean() {
    everywhere(|mut ground| async move {
        let ada = Person::new("ada");
        let mut client = ada.register(&ground, &ground.invite().await.0).await;
        let mut nobody = ground.connect().await;
        nobody.done(Request::Ping {}).await;
        ground.stop().await;
        assert!(client.ended().await);
        assert!(nobody.ended().await);
    })
    .await;
}

#[tokio::test]
async fn an_ended_connection_leaves_nothing_behind() {
    everywhere(|ground| async move {
        let ada = Person::new("ada");
        drop(ada.register(&ground, &ground.invite().await.0).await);
        let mut clients = Vec::new();
        for _ in 0..50 {
            clients.push(ada.online(&ground).await);
        }
        ground
            .until("all are counted", |server| server.connections() == 50)
            .await;
        clients.truncate(20);
        ground
            .until("those that left are not", |server| {
                server.connections() == 20
            })
            .await;
        clients[0].link.writer().close().await.unwrap();
        ground
            .until("nor who closed in order", |server| {
                server.connections() == 19
            })
            .await;
    })
    .await;
}

#[tokio::test]
async fn invites_of_the_operator_work_while_it_runs_and_while_it_does_not() {
    let mut ground = Ground::durable().await;
    let data = ground.config().data;
    assert!(ground.server().accounts_empty().await.unwrap());
    let online = admin::invite(&data).await.unwrap();
    assert_eq!(&online.address, ground.server().address());
    Person::new("ada").register(&ground, &online.secret.0).await;
    assert!(!ground.server().accounts_empty().await.unwrap());
    assert_eq!(
        &admin::address(&data).await.unwrap(),
        ground.server().address()
    );
    let socket = fs::metadata(data.join("control.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    ground.stop().await;
    let offline = admin::invite(&data).await.unwrap();
    assert_eq!(offline.address, online.address);
    ground.restart().await;
    Person::new("bob")
        .register(&ground, &offline.secret.0)
        .await;
    let nowhere = tempfile::tempdir().unwrap();
    let error = admin::invite(nowhere.path()).await.unwrap_err().to_string();
    assert!(error.contains("no server"), "{error}");
}

#[tokio::test]
async fn a_folder_with_a_long_name_has_a_control_socket_too() {
    let mut ground = Ground::durable().await;
    ground.stop().await;
    let mut config = ground.config();
    config.data = ground.data.path().join("a-long-name/".repeat(12));
    let server = Server::start(config.clone()).await.unwrap();
    let line = admin::invite(&config.data).await.unwrap();
    assert_eq!(&line.address, server.address());
    server.shutdown().await;
}

#[tokio::test]
async fn two_servers_do_not_share_a_folder_or_a_port() {
    let ground = Ground::durable().await;
    let error = refusal(ground.config()).await;
    assert!(
        matches!(error, StartError::AlreadyRunning { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let mut config = ground.config();
    config.data = elsewhere.path().to_owned();
    config.listen = vec![ground.server().local_addr().unwrap()];
    let error = refusal(config).await;
    assert!(matches!(error, StartError::PortInUse { .. }), "{error}");
    let port = ground.server().local_addr().unwrap().port().to_string();
    assert!(error.to_string().contains(&port), "{error}");
}

#[tokio::test]
// Proves: C9
async fn the_secrets_lie_apart_and_are_not_replaced() {
    let mut ground = Ground::durable().await;
    let mut pair = Pair::new(&ground).await;
    pair.bob_opens(b"sealed").await;
    ground.stop().await;
    let data = ground.config().data;
    let secrets = fs::read_to_string(data.join("secrets")).unwrap();
    let mode = |name: &str| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("secrets"), mode("db"), mode("")),
        (0o600, 0o700, 0o700)
    );
    let seed = secrets
        .trim()
        .split_once(':')
        .unwrap()
        .1
        .split_once('-')
        .unwrap()
        .0;
    let raw = data_encoding::HEXLOWER.decode(seed.as_bytes()).unwrap();
    for entry in fs::read_dir(data.join("db")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(
            !bytes.windows(32).any(|part| part == raw),
            "the seed is not in the database"
        );
    }
    fs::remove_file(data.join("secrets")).unwrap();
    let error = refusal(ground.config()).await;
    assert!(
        matches!(error, StartError::SecretsMissing { .. }),
        "{error}"
    );
    assert!(!data.join("secrets").exists(), "no new ones were made");
    let mut other = secrets.clone();
    other.replace_range(15..17, if &secrets[15..17] == "00" { "01" } else { "00" });
    fs::write(data.join("secrets"), &other).unwrap();
    assert!(matches!(
        refusal(ground.config()).await,
        StartError::SecretsBroken { .. }
    ));
    // Those of another server.
    let elsewhere = Ground::durable().await;
    fs::copy(
        elsewhere.config().data.join("secrets"),
        data.join("secrets"),
    )
    .unwrap();
    let error = refusal(ground.config()).await;
    assert!(
        matches!(error, StartError::SecretsForeign { .. }),
        "{error}"
    );
    fs::write(data.join("secrets"), &secrets).unwrap();
    ground.restart().await;
    pair.ada.online(&ground).await;
}

#[tokio::test]
async fn a_broken_or_foreign_database_is_refused() {
    let mut ground = Ground::durable().await;
    Pair::new(&ground).await;
    ground.stop().await;
    let database = ground.config().data.join("db/subrosa.db");
    let good = fs::read(&database).unwrap();
    let mut newer = good.clone();
    // The header's field for the version of the application's tables (SQLite file format, §1.3).
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&database, &newer).unwrap();
    let error = refusal(ground.config()).await;
    assert!(matches!(error, StartError::NewerDatabase { .. }), "{error}");
    let mut broken = good.clone();
    for byte in &mut broken[4_096..16_384] {
        *byte ^= 0x5a;
    }
    fs::write(&database, &broken).unwrap();
    let error = refusal(ground.config()).await;
    assert!(
        matches!(error, StartError::BrokenDatabase { .. }),
        "{error}"
    );
    fs::write(&database, b"something else entirely").unwrap();
    let error = refusal(ground.config()).await;
    assert!(
        matches!(error, StartError::BrokenDatabase { .. }),
        "{error}"
    );
    fs::write(&database, &good).unwrap();
    ground.restart().await;
}

//! Accounts: registration, the two logins, devices that come and go.

use crate::ground::everywhere;
use crate::person::{Pair, Person, device_id, key, register_with_password, sign};
use crate::wire::{Client, rng};
use bytes::Bytes;
use std::time::Duration;
use subrosa_ledger::{bundle_hash, text};
use subrosa_login::{Bound, ClientLogin, Credential, CredentialId, InviteSecret, Secret};
use subrosa_proto::*;
use subrosa_server::Seen;

fn code(secret: &[u8; 16]) -> [u8; 32] {
    *InviteSecret::from_bytes(secret).code().as_bytes()
}

/// The first half of a password login: the state, and the request.
pub fn start(
    client: &Client,
    server: &[u8; 32],
    name: &str,
    credential: u8,
    typed: &str,
) -> (ClientLogin, Request) {
    let kind = if credential == 0 {
        Credential::Password
    } else {
        Credential::Recovery
    };
    let id = CredentialId::new(kind, name).unwrap();
    let bound = Bound::new(id, server, &client.transcript());
    let secret = Secret::password(typed).unwrap();
    let (state, ke1) = ClientLogin::start(&secret, bound, &mut rng()).unwrap();
    let name = Name::new(name).unwrap();
    (
        state,
        Request::PasswordStart {
            credential,
            name,
            ke1: Bytes::copy_from_slice(&ke1),
        },
    )
}

pub async fn ke2(client: &mut Client, request: Request) -> Bytes {
    match client.ask(request).await {
        Response::PasswordReply { ke2 } => ke2,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_invite_makes_one_account() {
    everywhere(|ground| async move {
        let secret = ground.invite().await.0;
        let (ada, eve) = (Person::new("ada"), Person::new("eve"));
        // Two race for it: both get through the first step, one through the second.
        let (mut first, mut second) = (ground.connect().await, ground.connect().await);
        for (client, person) in [(&mut first, &ada), (&mut second, &eve)] {
            let reply = client.ask(person.register_start(code(&secret))).await;
            assert!(matches!(reply, Response::RegisterReply { .. }), "{reply:?}");
        }
        first
            .done(ada.register_finish(code(&secret), ground.now_ms()))
            .await;
        let refused = second
            .refused(eve.register_finish(code(&secret), ground.now_ms()))
            .await;
        assert_eq!(refused, ErrorCode::InviteInvalid);
        // The same identity again is answered as before, also from another connection.
        let mut again = ground.connect().await;
        let reply = again.ask(ada.register_start(code(&secret))).await;
        assert!(matches!(reply, Response::RegisterReply { .. }), "{reply:?}");
        again
            .done(ada.register_finish(code(&secret), ground.now_ms()))
            .await;
        ada.log_in(&mut again).await;
        // For another name it is used up.
        let mut late = ground.connect().await;
        assert_eq!(
            late.refused(eve.register_start(code(&secret))).await,
            ErrorCode::InviteInvalid
        );
        assert_eq!(
            late.refused(eve.register_start([0; 32])).await,
            ErrorCode::InviteInvalid
        );
    })
    .await;
}

#[tokio::test]
async fn a_taken_name_leaves_the_invite_good() {
    everywhere(|ground| async move {
        let ada = Person::new("ada");
        ada.register(&ground, &ground.invite().await.0).await;
        let secret = ground.invite().await.0;
        let mut client = ground.connect().await;
        let other = Person::new("ada");
        assert_eq!(
            client.refused(other.register_start(code(&secret))).await,
            ErrorCode::NameTaken
        );
        let next = Person::new("ada-2");
        let reply = client.ask(next.register_start(code(&secret))).await;
        assert!(matches!(reply, Response::RegisterReply { .. }), "{reply:?}");
        // A chain for another name than the one asked for.
        let refused =
            client.refused(Person::new("ada-3").register_finish(code(&secret), ground.now_ms()));
        assert_eq!(refused.await, ErrorCode::Malformed);
        client
            .done(next.register_finish(code(&secret), ground.now_ms()))
            .await;
    })
    .await;
}

#[tokio::test]
async fn an_invite_expires_and_carries_its_note() {
    everywhere(|ground| async move {
        let ada = Person::new("ada");
        let mut client = ada.register(&ground, &ground.invite().await.0).await;
        let (good, late) = (
            ada.invite(&ground, &mut client).await,
            ada.invite(&ground, &mut client).await,
        );
        let bob = Person::new("bob");
        let reply = ground
            .connect()
            .await
            .ask(bob.register_start(code(&good)))
            .await;
        let Response::RegisterReply { note, .. } = reply else {
            panic!("{reply:?}")
        };
        assert_eq!(note, Some(Bytes::from_static(b"sealed elsewhere")));
        let mut waiting = ground.connect().await;
        waiting.ask(bob.register_start(code(&late))).await;
        ground.pass(Duration::from_millis(limits::INVITE_MS + 1_000));
        let refused = waiting
            .refused(bob.register_finish(code(&late), ground.now_ms()))
            .await;
        assert_eq!(refused, ErrorCode::InviteInvalid);
        let refused = ground
            .connect()
            .await
            .refused(bob.register_start(code(&good)))
            .await;
        assert_eq!(refused, ErrorCode::InviteInvalid);
        // No invite that outlives its week.
        let expires_ms = ground.now_ms() + 2 * limits::INVITE_MS;
        let request = Request::InviteNew {
            code_hash: [1; 32],
            expires_ms,
            note: Bytes::new(),
        };
        assert_eq!(client.refused(request).await, ErrorCode::Malformed);
    })
    .await;
}

#[tokio::test]
// Proves: C6, C8
async fn a_wrong_password_and_an_unknown_name_are_answered_alike() {
    everywhere(|mut ground| async move {
        let mut ada = Person::new("ada");
        let passwords = ["correct horse battery", "recovery code of ada"];
        register_with_password(&mut ada, &ground, passwords).await;
        let server = ground.server().address().key;
        let mut lengths = Vec::new();
        for (name, typed) in [("ada", "wrong horse"), ("eve", "correct horse battery")] {
            let mut client = ground.connect().await;
            let (state, request) = start(&client, &server, name, 0, typed);
            let answer = ke2(&mut client, request).await;
            lengths.push(answer.len());
            assert!(state.finish(&answer, &mut rng()).is_err());
            // Whatever follows: the same refusal, and the end.
            let refused = client
                .refused(Request::PasswordFinish {
                    ke3: Bytes::from(vec![1; 64]),
                })
                .await;
            assert_eq!(refused, ErrorCode::NotAuthenticated);
            assert!(client.ended().await);
        }
        assert_eq!(lengths[0], lengths[1]);
        // What the server keeps of a password is the record; the password is nowhere in it.
        ground.stop().await;
        let mut verifier = None;
        while let Ok(seen) = ground.sights.try_recv() {
            if let Seen::Registered {
                verifier: of_ada, ..
            } = seen
            {
                verifier = Some(of_ada);
            }
        }
        let verifier = verifier.unwrap();
        assert_eq!(verifier, ada.bundle.password_record);
        assert!(!verifier.windows(7).any(|part| part == b"correct"));
    })
    .await;
}

#[tokio::test]
async fn a_password_opens_the_account_for_another_device() {
    everywhere(|ground| async move {
        let mut ada = Person::new("ada");
        let mut old =
            register_with_password(&mut ada, &ground, ["the long password", "the code"]).await;
        let server = ground.server().address().key;
        let mut client = ground.connect().await;
        let (state, request) = start(&client, &server, "ada", 1, "the code");
        let answer = ke2(&mut client, request).await;
        let proved = state.finish(&answer, &mut rng()).unwrap();
        let ke3 = Bytes::copy_from_slice(&proved.ke3);
        let opened = client.ask(Request::PasswordFinish { ke3 }).await;
        assert_eq!(
            opened,
            Response::Opened {
                chain: ada.chain.clone(),
                bundle: encode(&ada.bundle)
            }
        );
        // Only now may the chain grow, and a device comes with its prekey.
        let second = key();
        let add = ada.state(StatementOp::DeviceAdd {
            device: device_id(&second),
            label: "two".into(),
        });
        let prekey = ada.prekey(&second, 1, ground.now_ms() + limits::PREKEY_MS);
        let append = |prekey| Request::ChainAppend {
            statements: vec![add.clone()],
            bundle: None,
            prekey,
        };
        assert_eq!(
            old.refused(append(Some(prekey.clone()))).await,
            ErrorCode::OutOfTurn
        );
        assert_eq!(client.refused(append(None)).await, ErrorCode::Malformed);
        client.done(append(Some(prekey.clone()))).await;
        client.done(append(Some(prekey))).await;
        let head = HashHead {
            seq: 4,
            hash: subrosa_ledger::statement_hash(&add),
        };
        assert_eq!(
            old.push().await,
            Some(Push::Chain {
                account: ada.account(),
                head
            })
        );
        // It logs in on the same connection.
        let text = text::device_auth(&client.transcript(), &ada.account());
        let (device, signature) = (device_id(&second), sign(&second, &text));
        let account = ada.account();
        let login = client
            .ask(Request::DeviceLogin {
                account,
                device,
                signature,
            })
            .await;
        assert!(matches!(login, Response::LoggedIn { .. }), "{login:?}");
        // And revokes the first one, whose connection is cut.
        let revoke = ada.state(StatementOp::DeviceRevoke { device: ada.id() });
        client
            .done(Request::ChainAppend {
                statements: vec![revoke],
                bundle: None,
                prekey: None,
            })
            .await;
        assert!(old.ended().await);
        let mut back = ground.connect().await;
        let request = ada.login(&back.transcript());
        assert_eq!(back.refused(request).await, ErrorCode::Revoked);
        let chain = client.ask(Request::OwnChain { from: 4 }).await;
        assert_eq!(
            chain,
            Response::Chain {
                statements: ada.chain[4..].to_vec()
            }
        );
    })
    .await;
}

#[tokio::test]
async fn a_changed_password_replaces_the_old_one() {
    everywhere(|ground| async move {
        let mut ada = Person::new("ada");
        register_with_password(&mut ada, &ground, ["the long password", "the code"]).await;
        let server = ground.server().address().key;
        let mut client = ground.connect().await;
        let (state, request) = start(&client, &server, "ada", 0, "the long password");
        let answer = ke2(&mut client, request).await;
        let ke3 = Bytes::copy_from_slice(&state.finish(&answer, &mut rng()).unwrap().ke3);
        client.ask(Request::PasswordFinish { ke3 }).await;
        // The code's record takes the password's place: a bundle that the chain certifies.
        ada.bundle.version = 2;
        std::mem::swap(
            &mut ada.bundle.password_record,
            &mut ada.bundle.recovery_record,
        );
        let bundle = encode(&ada.bundle);
        let vault = ada.state(StatementOp::Vault {
            version: 2,
            hash: bundle_hash(&bundle),
        });
        let append = |bundle| Request::ChainAppend {
            statements: vec![vault.clone()],
            bundle,
            prekey: None,
        };
        assert_eq!(client.refused(append(None)).await, ErrorCode::Malformed);
        let other = Bytes::from_static(b"another bundle");
        assert_eq!(
            client.refused(append(Some(other))).await,
            ErrorCode::Malformed
        );
        client.done(append(Some(bundle))).await;
        let mut client = ground.connect().await;
        let (state, request) = start(&client, &server, "ada", 0, "the long password");
        let answer = ke2(&mut client, request).await;
        assert!(state.finish(&answer, &mut rng()).is_err());
    })
    .await;
}

#[tokio::test]
// Proves: C11
async fn a_login_is_bound_to_its_connection() {
    everywhere(|ground| async move {
        let ada = Person::new("ada");
        let elsewhere = ada.register(&ground, &ground.invite().await.0).await;
        let replayed = ada.login(&elsewhere.transcript());
        for request in [
            replayed,
            Request::DeviceLogin {
                account: ada.account(),
                device: ada.id(),
                signature: [0; 64],
            },
            Person::new("eve").login(&elsewhere.transcript()),
        ] {
            let mut client = ground.connect().await;
            assert_eq!(client.refused(request).await, ErrorCode::NotAuthenticated);
            assert!(client.ended().await);
        }
    })
    .await;
}

#[tokio::test]
async fn prekeys_rise_and_a_logout_is_final() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let expires = ground.now_ms() + limits::PREKEY_MS;
        let newer = pair.ada.prekey(&pair.ada.device, 2, expires);
        let same_id = pair.ada.prekey(&pair.ada.device, 2, expires - 1_000);
        let put = |prekey: &Signed| Request::PutPrekey {
            prekey: prekey.clone(),
        };
        pair.ada_client.done(put(&newer)).await;
        pair.ada_client.done(put(&newer)).await;
        assert_eq!(
            pair.ada_client.refused(put(&same_id)).await,
            ErrorCode::Conflict
        );
        let foreign = pair.bob.prekey(&pair.bob.device, 9, expires);
        assert_eq!(
            pair.ada_client.refused(put(&foreign)).await,
            ErrorCode::Malformed
        );
        let eternal = pair
            .ada
            .prekey(&pair.ada.device, 3, expires + limits::PREKEY_MS);
        assert_eq!(
            pair.ada_client.refused(put(&eternal)).await,
            ErrorCode::Malformed
        );
        let people = pair
            .bob_client
            .ask(Request::People {
                conv: pair.bob_view.conv,
                after: None,
            })
            .await;
        let Response::People {
            chains, prekeys, ..
        } = people
        else {
            panic!("{people:?}")
        };
        assert!(prekeys.contains(&newer) && prekeys.len() == 2);
        assert!(chains.contains(&pair.ada.chain) && chains.contains(&pair.bob.chain));
        // The device logs itself out: no boxes for it, no way back.
        pair.ada_client
            .done(put(&pair.ada.prekey(&pair.ada.device, LOGOUT_ID, 0)))
            .await;
        assert!(pair.ada_client.ended().await);
        let mut back = ground.connect().await;
        let request = pair.ada.login(&back.transcript());
        assert_eq!(back.refused(request).await, ErrorCode::Revoked);
        let accounts = pair.accounts();
        pair.bob
            .open_session(
                &mut pair.bob_client,
                &mut pair.bob_view,
                &[],
                &accounts,
                b"gone",
            )
            .await;
    })
    .await;
}

#[tokio::test]
// Proves: C18
async fn a_revoked_device_appends_nothing() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        pair.bob_opens(b"mine").await;
        // Ada carries Bob's revocation into the log; Bob's connection is still open.
        let revoked = pair.bob.id();
        let statement = pair
            .bob
            .state(StatementOp::DeviceRevoke { device: revoked });
        let page = pair
            .ada_client
            .ask(Request::Read {
                conv: pair.ada_view.conv,
                from: 2,
                count: 9,
            })
            .await;
        let Response::Page { page } = page else {
            panic!("{page:?}")
        };
        pair.ada_view.read(&page);
        let account = pair.bob.account();
        let control = Control::Revoke {
            account,
            statement,
            logout: false,
        };
        let event = pair.ada.control(Some(&pair.ada_view), &control);
        let answer = pair
            .ada
            .append(&mut pair.ada_client, &pair.ada_view, vec![event.clone()])
            .await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        pair.bob_view.see(&event);
        let event = pair.bob.message_event(&mut pair.bob_view, b"still here?");
        let answer = pair
            .bob
            .append(&mut pair.bob_client, &pair.bob_view, vec![event])
            .await;
        assert_eq!(answer, Response::refused(ErrorCode::Revoked));
    })
    .await;
}

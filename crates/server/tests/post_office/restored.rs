//! A server put back from a copy, and what clients bring back to it.

use crate::ground::Ground;
use crate::person::{Pair, Person, View, register_with_password};
use crate::wire::{Client, rng};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use subrosa_ledger::bundle_hash;
use subrosa_login::{Bound, ClientLogin, Credential, CredentialId, InviteSecret, Secret};
use subrosa_proto::*;
use subrosa_server::admin;

async fn backup(ground: &Ground) -> PathBuf {
    let copy = ground.data.path().join("copy");
    let data = ground.data.path().join("server");
    admin::backup(&data, &copy, |_, _| {}).await.unwrap();
    copy
}

async fn put_back(ground: &mut Ground, copy: &Path) {
    let data = ground.data.path().join("server");
    let refused = admin::restore(&data, copy, None).await;
    assert!(refused.is_err(), "it runs");
    ground.stop().await;
    admin::restore(&data, copy, None).await.unwrap();
    ground.restart().await;
}

/// Whether the server lets somebody in by a password.
async fn opens(ground: &Ground, name: &str, password: &str) -> bool {
    let mut client = ground.connect().await;
    let server = ground.server().address().key;
    let id = CredentialId::new(Credential::Password, name).unwrap();
    let bound = Bound::new(id, &server, &client.transcript());
    let secret = Secret::password(password).unwrap();
    let (state, ke1) = ClientLogin::start(&secret, bound, &mut rng()).unwrap();
    let request = Request::PasswordStart {
        credential: 0,
        name: Name::new(name).unwrap(),
        ke1: Bytes::copy_from_slice(&ke1),
    };
    let Response::PasswordReply { ke2 } = client.ask(request).await else {
        panic!("no reply")
    };
    state.finish(&ke2, &mut rng()).is_ok()
}

fn chain(statements: &[Signed], bundle: Option<Bytes>) -> Request {
    Request::ReturnChain {
        statements: statements.to_vec(),
        bundle,
        prekeys: Vec::new(),
    }
}

// Proves: C25
#[tokio::test]
async fn a_revocation_and_a_new_password_come_back_from_anybody_and_end_the_old() {
    let mut ground = Ground::durable().await;
    let mut ada = Person::new("ada");
    let mut ada_client =
        register_with_password(&mut ada, &ground, ["the long password", "the code"]).await;
    let bob = Person::new("bob");
    let mut bob_client = bob.register(&ground, &ground.invite().await.0).await;
    let open = ada.invite(&ground, &mut ada_client).await;
    let early = bob_client.refused(chain(&ada.chain, None)).await;
    assert_eq!(early, ErrorCode::NotPermitted, "nothing was restored");
    let copy = backup(&ground).await;
    // After the copy Ada changed her password and revoked her device. The server forgets it.
    ada.bundle.version = 2;
    std::mem::swap(
        &mut ada.bundle.password_record,
        &mut ada.bundle.recovery_record,
    );
    let bundle = encode(&ada.bundle);
    let hash = bundle_hash(&bundle);
    ada.state(StatementOp::Vault { version: 2, hash });
    ada.state(StatementOp::DeviceRevoke { device: ada.id() });
    put_back(&mut ground, &copy).await;
    assert!(
        opens(&ground, "ada", "the long password").await,
        "as the copy has it"
    );
    let mut bob_client = bob.online(&ground).await;
    // Another chain than the one here is nobody's to bring.
    let mut forked = ada.twin();
    forked.chain.truncate(3);
    forked.state(StatementOp::DeviceAdd {
        device: Person::new("x").id(),
        label: "other".into(),
    });
    let conflict = bob_client.refused(chain(&forked.chain, None)).await;
    assert_eq!(conflict, ErrorCode::Conflict);
    bob_client.done(chain(&ada.chain, None)).await;
    bob_client.done(chain(&ada.chain, None)).await;
    let mut back = ground.connect().await;
    let login = ada.login(&back.transcript());
    assert_eq!(back.refused(login).await, ErrorCode::Revoked);
    assert!(
        !opens(&ground, "ada", "the long password").await,
        "the old one is over"
    );
    // The bundle follows from whoever has it; one that the chain does not name is refused.
    let mut other = ada.bundle.clone();
    other.vault = Bytes::from(vec![9; 700]);
    let wrong = chain(&ada.chain, Some(encode(&other)));
    assert_eq!(bob_client.refused(wrong).await, ErrorCode::Malformed);
    bob_client.done(chain(&ada.chain[4..], Some(bundle))).await;
    // The invite that was open is not any more.
    let mut stranger = ground.connect().await;
    let code = *InviteSecret::from_bytes(&open).code().as_bytes();
    let join = Person::new("eve").register_start(code);
    assert_eq!(stranger.refused(join).await, ErrorCode::InviteInvalid);
}

// Proves: C25
#[tokio::test]
async fn an_account_that_the_copy_lacks_comes_back_by_its_voucher_only() {
    let mut ground = Ground::durable().await;
    let copy = backup(&ground).await;
    let carl = Person::new("carl");
    let mut client = carl.register(&ground, &ground.invite().await.0).await;
    let Response::Keepsake { bundle, voucher } = client.ask(Request::Keepsake {}).await else {
        panic!("no keepsake")
    };
    assert_eq!(bundle, Some(encode(&carl.bundle)));
    let account = carl.account();
    let show = |account, voucher| Request::ShowVoucher { account, voucher };
    let refused = ground.connect().await.refused(show(account, voucher)).await;
    assert_eq!(refused, ErrorCode::NotPermitted, "nothing was restored");
    put_back(&mut ground, &copy).await;
    let mut client = ground.connect().await;
    let login = carl.login(&client.transcript());
    assert_eq!(client.refused(login).await, ErrorCode::NotAuthenticated);
    let mut client = ground.connect().await;
    let whole = || chain(&carl.chain, Some(encode(&carl.bundle)));
    // Nobody is listened to for long without a voucher, nor heeded.
    let short = chain(&carl.chain[..1], None);
    assert_eq!(client.refused(short).await, ErrorCode::OutOfTurn);
    let mut wrong = voucher;
    wrong[0] ^= 1;
    let refused = client.refused(show(account, wrong)).await;
    assert_eq!(refused, ErrorCode::NotAuthenticated);
    let mallory = Person::new("mallory");
    let refused = client.refused(show(mallory.account(), voucher)).await;
    assert_eq!(refused, ErrorCode::NotAuthenticated);
    client.done(show(account, voucher)).await;
    let foreign = chain(&mallory.chain, Some(encode(&mallory.bundle)));
    assert_eq!(client.refused(foreign).await, ErrorCode::OutOfTurn);
    client.done(whole()).await;
    carl.log_in(&mut client).await;
}

async fn log_at(client: &mut Client, conv: ConvId, at: u64) -> (u64, u64, LogHash) {
    match client.ask(Request::LogAt { conv, at }).await {
        Response::LogAt { head, at, log, .. } => (head, at, log),
        other => panic!("{other:?}"),
    }
}

// Proves: C25
#[tokio::test]
async fn events_come_back_to_their_places_from_whoever_has_them() {
    let mut ground = Ground::durable().await;
    let mut pair = Pair::new(&ground).await;
    let conv = pair.ada_view.conv;
    pair.bob_opens(b"before").await;
    let (had, _, _) = log_at(&mut pair.ada_client, conv, u64::MAX).await;
    let copy = backup(&ground).await;
    for body in [b"one", b"two"] {
        pair.bob
            .say(&mut pair.bob_client, &mut pair.bob_view, body)
            .await;
    }
    let whole = log_at(&mut pair.ada_client, conv, u64::MAX).await;
    let read = Request::Read {
        conv,
        from: had + 1,
        count: 9,
    };
    let Response::Page { page } = pair.ada_client.ask(read).await else {
        panic!("no page")
    };
    put_back(&mut ground, &copy).await;
    let mut ada = pair.ada.online(&ground).await;
    let (head, at, before) = log_at(&mut ada, conv, u64::MAX).await;
    assert_eq!((head, at), (had, had));
    assert_eq!(log_at(&mut ada, conv, 0).await, (had, 0, LogHash::START));
    let give = |first, before, events: &[Delivered]| Request::ReturnEvents {
        conv,
        first,
        before,
        events: events.to_vec(),
    };
    // Nothing where it does not meet; nothing that was changed.
    ada.ask(give(had + 1, LogHash([7; 32]), &page.events)).await;
    ada.ask(give(had + 2, before, &page.events[1..])).await;
    assert_eq!(log_at(&mut ada, conv, u64::MAX).await.0, had);
    let mut event: Event = decode(&page.events[0].event).unwrap();
    event.signature[3] ^= 1;
    let changed = Delivered {
        event: encode(&event),
        ..page.events[0].clone()
    };
    let refused = ada.refused(give(had + 1, before, &[changed])).await;
    assert_eq!(refused, ErrorCode::Malformed);
    // Two bring the same: each event has its place once, with its time.
    for _ in 0..2 {
        ada.ask(give(had + 1, before, &page.events)).await;
    }
    assert_eq!(log_at(&mut ada, conv, u64::MAX).await, whole);
    let read = Request::Read {
        conv,
        from: had + 1,
        count: 9,
    };
    let Response::Page { page: again } = ada.ask(read).await else {
        panic!("no page")
    };
    assert_eq!(again, page);
    // Bob goes on as if nothing had been.
    let mut bob = pair.bob.online(&ground).await;
    pair.bob.say(&mut bob, &mut pair.bob_view, b"three").await;
}

// Proves: C25
#[tokio::test]
async fn who_was_removed_after_the_copy_is_told_of_no_more_than_it_gets() {
    let mut ground = Ground::durable().await;
    let mut pair = Pair::new(&ground).await;
    let create = pair.bob.create_event(Form::Room, None, None);
    pair.bob.create(&mut pair.bob_client, &create).await;
    let mut view = View::from_create(&create);
    let account = pair.ada.account();
    let add = Control::Add {
        account,
        role: Role::Member,
        pending: false,
    };
    let add = pair.bob.control(Some(&view), &add);
    let added = pair
        .bob
        .append(&mut pair.bob_client, &view, vec![add.clone()])
        .await;
    assert!(matches!(added, Response::Appended { .. }), "{added:?}");
    view.see(&add);
    let (had, before) = (view.n, view.log);
    let copy = backup(&ground).await;
    let remove = pair.bob.control(Some(&view), &Control::Remove { account });
    pair.bob
        .append(&mut pair.bob_client, &view, vec![remove.clone()])
        .await;
    view.see(&remove);
    let (end, log) = (view.n, view.log);
    let accounts = [pair.bob.account()];
    pair.bob
        .open_session(&mut pair.bob_client, &mut view, &[], &accounts, b"alone")
        .await;
    let (conv, whole) = (view.conv, view.n);
    let from_copy = Request::Read {
        conv,
        from: had + 1,
        count: 9,
    };
    let Response::Page { page } = pair.bob_client.ask(from_copy.clone()).await else {
        panic!("no page")
    };
    put_back(&mut ground, &copy).await;
    let mut ada = pair.ada.online(&ground).await;
    assert_eq!(log_at(&mut ada, conv, had).await, (had, had, before));
    let mut bob = pair.bob.online(&ground).await;
    let give = Request::ReturnEvents {
        conv,
        first: had + 1,
        before,
        events: page.events,
    };
    let answer = bob.ask(give).await;
    assert!(
        matches!(answer, Response::LogAt { head, .. } if head == whole),
        "{answer:?}"
    );
    assert_eq!(log_at(&mut bob, conv, had).await, (whole, had, before));
    assert_eq!(log_at(&mut ada, conv, had).await, (end, had, before));
    assert_eq!(log_at(&mut ada, conv, end).await, (end, end, log));
    let Response::Page { page } = ada.ask(from_copy).await else {
        panic!("no page")
    };
    assert_eq!((page.events.len() as u64, page.head), (end - had, end));
    // With more than that she was a member again, and brings it back to where the log ends.
    assert_eq!(
        log_at(&mut ada, conv, u64::MAX).await,
        (whole, whole, view.log)
    );
}

// Proves: C22
#[tokio::test]
async fn nobody_brings_a_conversation_back_that_its_peer_does_not_know() {
    let mut ground = Ground::durable().await;
    let ada = Person::new("ada");
    let mallory = Person::new("mallory");
    ada.register(&ground, &ground.invite().await.0).await;
    mallory.register(&ground, &ground.invite().await.0).await;
    let copy = backup(&ground).await;
    put_back(&mut ground, &copy).await;
    let mut client = mallory.online(&ground).await;
    let create = mallory.create_event(Form::Direct, Some(ada.account()), Some([7; 32]));
    let event: Event = decode(&create).unwrap();
    let conv = ConvId(subrosa_ledger::event_hash(&event).0);
    let give = |event: &Bytes| Request::ReturnEvents {
        conv,
        first: 1,
        before: LogHash::START,
        events: vec![Delivered {
            time_ms: 1,
            event: event.clone(),
            boxes: Vec::new(),
        }],
    };
    let refused = client.refused(give(&create)).await;
    assert_eq!(refused, ErrorCode::NotPermitted);
    // Ada's own device may say so.
    let mut at_ada = ada.online(&ground).await;
    let answer = at_ada.ask(give(&create)).await;
    assert!(
        matches!(answer, Response::LogAt { head: 1, .. }),
        "{answer:?}"
    );
}

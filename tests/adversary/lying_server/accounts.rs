//! Lies while somebody gets in: at a login, at a registration, about the vault.

use crate::stage::caller::Caller;
use crate::stage::entrance::{Newcomer, Recording, register};
use crate::stage::people::{
    FIRST, World, contact, fresh_texts, invite, queue, said, send, wait_for, wait_for_text,
    wait_for_warning,
};
use crate::stage::remains::holds;
use crate::stage::script::{Fate, Word};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use subrosa_client::enrol::is_enrolled;
use subrosa_client::{FailureKind, Notice, SendState, Trust};
use subrosa_proto::{
    Bundle, Control, ErrorCode, Event, Name, Push, Request, Response, Signed, decode, encode,
};
use zeroize::Zeroizing;

/// What a login of somebody was answered with, kept for later.
fn keep_opened(world: &World, whose: &'static str) -> Arc<Mutex<Option<Response>>> {
    let kept = Arc::new(Mutex::new(None));
    let shelf = kept.clone();
    world.liar.lie(move |line, word| {
        if let Word::Answered {
            response: response @ Response::Opened { .. },
            ..
        } = word
            && line
                .name
                .as_ref()
                .is_some_and(|name| name.as_str() == whose)
        {
            *shelf.lock().unwrap() = Some(response.clone());
        }
        Fate::Pass
    });
    kept
}

// Proves: C10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_opens_no_other_account() {
    let world = World::new().await;
    let kept = keep_opened(&world, "bob");
    world.log_in("bob", "bobs-laptop").await.unwrap();
    let of_bob = kept.lock().unwrap().clone().unwrap();
    let told = world.liar.lie(move |line, word| match word {
        Word::Answered {
            response: Response::Opened { .. },
            ..
        } if line.name.as_ref().unwrap().as_str() == "ada" => Fate::Answer(of_bob.clone()),
        _ => Fate::Pass,
    });
    let failure = world.log_in("ada", "laptop").await.unwrap_err();
    assert_eq!(told.times(), 1);
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    assert!(!is_enrolled(&world.home("laptop")));
    told.end();
    world.log_in("ada", "laptop").await.unwrap();
}

// Proves: C10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_for_one_name_is_not_answered_for_another() {
    let world = World::new().await;
    let told = world.liar.lie(move |_, word| match word {
        Word::Asked(Request::PasswordStart {
            credential,
            name,
            ke1,
        }) if name.as_str() == "ada" => Fate::Ask(Request::PasswordStart {
            credential: *credential,
            name: Name::new("bob").unwrap(),
            ke1: ke1.clone(),
        }),
        _ => Fate::Pass,
    });
    let failure = world.log_in("ada", "laptop").await.unwrap_err();
    assert_eq!(told.times(), 1);
    assert_eq!(failure.kind, FailureKind::User, "{failure}");
    assert!(!is_enrolled(&world.home("laptop")));
}

// Proves: C10, C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_two_vaults_do_not_mix() {
    let world = World::new().await;
    let kept = keep_opened(&world, "bob");
    world.log_in("bob", "bobs-laptop").await.unwrap();
    let Some(Response::Opened { bundle, .. }) = kept.lock().unwrap().clone() else {
        panic!()
    };
    let of_bob: Bundle = decode(&bundle).unwrap();
    type Mix = fn(&mut Bundle, &Bundle);
    let mixes: [Mix; 5] = [
        |own, other| own.vault = other.vault.clone(),
        |own, other| own.password_slot = other.password_slot.clone(),
        |own, other| own.recovery_slot = other.recovery_slot.clone(),
        |own, other| own.password_record = other.password_record.clone(),
        |own, _| own.version += 1,
    ];
    for mix in mixes {
        let of_bob = of_bob.clone();
        let told = world.liar.lie(move |line, word| match word {
            Word::Answered {
                response: Response::Opened { chain, bundle },
                ..
            } if line.name.as_ref().unwrap().as_str() == "ada" => {
                let mut own: Bundle = decode(bundle).unwrap();
                mix(&mut own, &of_bob);
                Fate::Answer(Response::Opened {
                    chain: chain.clone(),
                    bundle: encode(&own),
                })
            }
            _ => Fate::Pass,
        });
        let failure = world.log_in("ada", "laptop").await.unwrap_err();
        assert_eq!(told.times(), 1);
        assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
        told.end();
    }
    assert!(!is_enrolled(&world.home("laptop")));
}

// Proves: C10, C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_cut_back_for_a_new_device_shows_to_the_old_one() {
    let world = World::new().await;
    let (ada_account, kept) = (world.account("ada"), keep_opened(&world, "ada"));
    world.log_in("ada", "laptop").await.unwrap();
    // That was before the laptop was in the chain. The phone is shown the chain of that moment and signs a second
    // statement with the laptop's number, which the server keeps to itself.
    let old = kept.lock().unwrap().clone().unwrap();
    let Response::Opened { chain, .. } = &old else {
        panic!()
    };
    let branch = Arc::new(Mutex::new(chain.clone()));
    let (shelf, shown) = (branch.clone(), old.clone());
    let mut rolled_back = world.liar.lie(move |line, word| {
        if line.name.as_ref().is_none_or(|name| name.as_str() != "ada") {
            return Fate::Pass;
        }
        match word {
            Word::Answered {
                response: Response::Opened { .. },
                ..
            } => Fate::Answer(shown.clone()),
            Word::Asked(Request::ChainAppend { statements, .. }) => {
                shelf.lock().unwrap().extend(statements.clone());
                Fate::Answer(Response::Done {})
            }
            _ => Fate::Pass,
        }
    });
    // The post office knows nothing of the phone and does not let it in; a server that lies further would. Either way
    // the statement is signed.
    drop(world.log_in("ada", "phone").await);
    rolled_back.at_least(2).await;
    rolled_back.end();
    let branch: Vec<Signed> = branch.lock().unwrap().clone();
    assert_eq!(branch.len(), chain.len() + 1, "the phone has signed");
    // Ada's first device has seen the laptop. Now it is shown the phone in the laptop's place.
    let ada = world.client("ada").await;
    fresh_texts(&ada, "bob").await;
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    let told = world.liar.lie(move |line, word| match word {
        Word::Answered {
            response:
                Response::People {
                    chains,
                    prekeys,
                    more,
                },
            ..
        } if line.account == Some(ada_account) => {
            let is_adas = |chain: &Vec<Signed>| chain.first() == branch.first();
            let mut chains = chains.clone();
            for chain in chains.iter_mut().filter(|chain| is_adas(chain)) {
                chain.clone_from(&branch);
            }
            Fate::Answer(Response::People {
                chains,
                prekeys: prekeys.clone(),
                more: *more,
            })
        }
        _ => Fate::Pass,
    });
    let head = subrosa_proto::HashHead {
        seq: 9,
        hash: subrosa_proto::StatementHash([0; 32]),
    };
    let pushed = world.liar.push(
        ada_account,
        &Push::Chain {
            account: ada_account,
            head,
        },
    );
    assert!(pushed > 0);
    let failure = send(&ada, "bob", "between two chains").await.unwrap_err();
    assert!(told.times() > 0);
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    wait_for_warning(&mut at_ada, "two ways").await;
    ada.close().await;
}

// Proves: C10, C11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_signature_is_good_on_its_own_connection_only() {
    let world = World::new().await;
    let caught = Arc::new(Mutex::new(None));
    let net = caught.clone();
    world.liar.lie(move |_, word| {
        if let Word::Asked(request @ Request::DeviceLogin { .. }) = word {
            *net.lock().unwrap() = Some(request.clone());
        }
        Fate::Pass
    });
    let ada = world.client("ada").await;
    assert_eq!(send(&ada, "bob", "I am in").await.unwrap(), SendState::Sent);
    let caught = caught.lock().unwrap().clone().unwrap();
    // The server, or a man in the middle with its key, shows the signature on a connection of its own.
    let mut relay = Caller::connect(world.liar.port(), world.address().key).await;
    assert_eq!(relay.refused(caught).await, ErrorCode::NotAuthenticated);
    ada.close().await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_is_from_whom_its_line_says() {
    let world = World::new().await;
    let notes = Arc::new(Mutex::new(Vec::new()));
    let kept = notes.clone();
    world.liar.lie(move |_, word| {
        if let Word::Asked(Request::InviteNew { note, .. }) = word {
            kept.lock().unwrap().push(note.clone());
        }
        Fate::Pass
    });
    let (ada, carol) = (world.client("ada").await, world.client("carol").await);
    let (line, _) = (invite(&ada).await, invite(&carol).await);
    let of_carol = notes.lock().unwrap()[1].clone();
    let swap = world.liar.lie(move |_, word| match word {
        Word::Answered {
            response: Response::RegisterReply {
                password, recovery, ..
            },
            ..
        } => Fate::Answer(Response::RegisterReply {
            password: password.clone(),
            recovery: recovery.clone(),
            note: Some(of_carol.clone()),
        }),
        _ => Fate::Pass,
    });
    let failure = world.join("dora", &line).await.unwrap_err();
    assert_eq!(swap.times(), 1);
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    swap.end();
    // Nothing was used up, and the true note verifies both.
    world.join("dora", &line).await.unwrap();
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    let dora = world.client("dora").await;
    wait_for(
        &mut at_ada,
        |notice| matches!(notice, Notice::Joined(view) if view.name == "@dora"),
    )
    .await;
    assert_eq!(contact(&ada, "dora").await.trust, Trust::Invited);
    for client in [ada, carol, dora] {
        client.close().await;
    }
}

/// Whether a create event shows that its author held a line.
fn proof_in(event: &Bytes) -> bool {
    let event: Event = decode(event).unwrap();
    matches!(
        decode::<Control>(&event.body),
        Ok(Control::Create {
            invite: Some(_),
            ..
        })
    )
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_was_intercepted_verifies_nobody_else() {
    let world = World::new().await;
    let ada = world.client("ada").await;
    let line = invite(&ada).await;
    // The proof that the newcomer held the line is changed on its way: the event is not the newcomer's any more.
    let mut told = world.liar.lie(move |_, word| match word {
        Word::Asked(Request::Create { counter, event }) if proof_in(event) => {
            let mut changed = event.to_vec();
            let middle = changed.len() / 2;
            changed[middle] ^= 1;
            Fate::Ask(Request::Create {
                counter: *counter,
                event: changed.into(),
            })
        }
        _ => Fate::Pass,
    });
    world.join("dora", &line).await.unwrap();
    let dora = world.client("dora").await;
    told.at_least(1).await;
    // What is left to the newcomer is to ask like anybody else.
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    queue(&dora, "ada", "hello").await;
    wait_for(
        &mut at_ada,
        |notice| matches!(notice, Notice::Joined(view) if view.name == "@dora" && view.pending),
    )
    .await;
    assert_eq!(contact(&ada, "dora").await.trust, Trust::Unverified);
    ada.close().await;
    dora.close().await;
}

/// All that is in a home: every value of every table of its opened store, and every other file as it lies there.
fn contents(world: &World, home: &str) -> Vec<u8> {
    let path = world.path(home);
    let mut all = Vec::new();
    let key = std::fs::read(path.join("key")).unwrap();
    for entry in std::fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            all.extend(std::fs::read(entry.path()).unwrap());
        }
    }
    let store = rusqlite::Connection::open(path.join("store.db")).unwrap();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    store
        .execute_batch(&format!("PRAGMA key = \"x'{hex}'\";"))
        .unwrap();
    let mut names = store
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')")
        .unwrap();
    let tables: Vec<String> = names
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(tables.len() > 5);
    for table in tables {
        let mut rows = store
            .prepare(&format!("SELECT * FROM \"{table}\""))
            .unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    rusqlite::types::ValueRef::Blob(bytes)
                    | rusqlite::types::ValueRef::Text(bytes) => all.extend(bytes),
                    _ => {}
                }
            }
        }
    }
    all
}

// Proves: C8, C18
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_device_holds_no_key_of_the_account() {
    let world = World::new().await;
    let line = world.liar.server().admin_invite().await.unwrap();
    let mut random = Recording::default();
    let password = "violet harbour anchor mosaic tundra";
    let newcomer = Newcomer {
        name: "dora",
        label: "first",
        password,
    };
    let (_, slots) = register(&world, &line, &newcomer, &mut random).await;
    world
        .log_in_with("dora", "laptop", Zeroizing::new(password.to_owned()))
        .await
        .unwrap();
    let contents = contents(&world, "laptop");
    // The search finds what is there: this device's own key.
    let device = world.device_key("laptop");
    assert!(holds(&contents, &device.to_bytes()));
    assert!(!holds(&contents, password.as_bytes()));
    for slot in &slots {
        assert!(!holds(&contents, &slot.seed[..]) && !holds(&contents, &slot.anchor));
    }
    // Identity key, history keys, vault key, slot keys: all come from these numbers.
    let drawn: Vec<_> = random.0.iter().filter(|drawn| drawn.len() == 32).collect();
    assert!(drawn.len() >= 3, "{}", drawn.len());
    for seed in drawn {
        assert!(
            !holds(&contents, seed),
            "a key of the account is on the device"
        );
    }
    // And none of it has reached the server, whose folder holds database and secrets.
    let mut server = Vec::new();
    let mut folders = vec![world.liar.folder.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => server.extend(std::fs::read(entry.path()).unwrap()),
                _ => {}
            }
        }
    }
    assert!(holds(&server, b"dora"), "the search finds what is there");
    assert!(!holds(&server, password.as_bytes()) && !holds(&server, b"hello ada"));
    for seed in random.0.iter().filter(|drawn| drawn.len() == 32) {
        assert!(!holds(&server, seed));
    }
}

// Proves: C7, C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cuts_every_line_loses_nothing() {
    let world = World::new().await;
    let ada_account = world.account("ada");
    let mut cuts = 3;
    let told = world.liar.lie(move |line, word| match word {
        Word::Answered {
            asked: Request::Append { .. },
            ..
        } if line.account == Some(ada_account) && cuts > 0 => {
            cuts -= 1;
            Fate::Cut
        }
        _ => Fate::Pass,
    });
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    for text in ["one", "two", "three"] {
        queue(&ada, "bob", text).await;
    }
    wait_for_text(&mut at_bob, "three").await;
    assert_eq!(told.times(), 3);
    let mut expected = said(&FIRST);
    expected.extend(said(&[("ada", "one"), ("ada", "two"), ("ada", "three")]));
    assert_eq!(fresh_texts(&bob, "ada").await, expected);
    ada.close().await;
    bob.close().await;
}

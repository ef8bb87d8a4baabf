use super::*;
use crate::view::{SendState, Trust};
use std::os::unix::fs::PermissionsExt;
use subrosa_proto::{
    AccountId, ContentId, ConvId, DeviceId, EventHash, HashHead, LogHash, Quote, SessionId,
    StatementHash,
};

const ADA: AccountId = AccountId([1; 32]);
const BOB: AccountId = AccountId([2; 32]);

fn home() -> (tempfile::TempDir, StoreKey, Store) {
    let dir = tempfile::tempdir().unwrap();
    let key = StoreKey::create(dir.path(), None).unwrap();
    let store = Store::open(dir.path(), FILE, &key, true).unwrap();
    (dir, key, store)
}

/// In one transaction, which must succeed.
fn write<T>(store: &mut Store, work: impl FnOnce(&Desk<'_>) -> Result<T, StoreError>) -> T {
    store.transaction(work).unwrap()
}

fn content(number: u8) -> ContentId {
    ContentId([number; 16])
}

fn entry<'a>(number: u8, position: Option<u64>, account: AccountId, body: &'a [u8]) -> Entry<'a> {
    Entry {
        conversation: 1,
        position,
        account,
        content: Some(content(number)),
        author_ms: 1_000 + u64::from(number),
        arrived_ms: position.map(|_| 2_000),
        kind: 0,
        body,
        state: (account == ADA).then_some(SendState::Queued as u8),
    }
}

fn numbers(lines: &[Line]) -> Vec<u8> {
    lines
        .iter()
        .map(|line| line.content.unwrap().0[0])
        .collect()
}

#[test]
fn what_was_written_is_there_after_closing() {
    let (dir, key, mut store) = home();
    let quote = Quote {
        account: BOB,
        head: HashHead {
            seq: 4,
            hash: StatementHash([9; 32]),
        },
    };
    write(&mut store, |desk| {
        desk.set_fact("number", &7_u64)?;
        assert_eq!(desk.next_counter("counter", 0)?, 1);
        let (no, name) = desk.add_conversation(&ConvId([3; 32]), "@bob", b"state")?;
        assert_eq!((no, name.as_str()), (1, "@bob"));
        let (_, second) = desk.add_conversation(&ConvId([4; 32]), "@bob", b"other")?;
        assert_eq!(second, "@bob-2", "a name stands for one conversation");
        desk.add_log(no, 1, &LogHash([5; 32]), &EventHash([6; 32]))?;
        desk.set_place(&SessionId([7; 32]), 0, &[8; 16])?;
        desk.set_place(&SessionId([7; 32]), 0, &[9; 16])?;
        desk.set_register(no, (&BOB, &DeviceId([2; 32])), (5, 4, 3))?;
        desk.add_invite(&[1; 16], Some("caller"), 1, u64::MAX)?;
        desk.add_quote(no, &quote, &BOB)?;
        assert!(desk.tell_once("something")?);
        desk.add_opening(Some(&BOB), None)
    });
    store.close();
    let mut store = Store::open(dir.path(), FILE, &key, false).unwrap();
    write(&mut store, |desk| {
        assert_eq!(desk.fact::<u64>("number")?, Some(7));
        assert_eq!(desk.fact::<u64>("another")?, None);
        assert_eq!(desk.next_counter("counter", 7)?, 7);
        let conversations = desk.conversations()?;
        assert_eq!(conversations.len(), 2);
        assert_eq!(&conversations[0].state[..], b"state");
        assert_eq!(desk.log_hash(1, 1)?, Some(LogHash([5; 32])));
        assert!(desk.seen(1, &EventHash([6; 32]))? && !desk.seen(2, &EventHash([6; 32]))?);
        assert_eq!(
            desk.place(&SessionId([7; 32]), 0)?,
            Some([8; 16]),
            "the first salt stays"
        );
        assert_eq!(desk.register(1, &DeviceId([2; 32]))?, Some((5, 4, 3)));
        assert_eq!(desk.invite_of("caller")?, Some(([1; 16], u64::MAX >> 1)));
        assert_eq!(desk.open_invites()?, [[1; 16]]);
        desk.invite_used(&[1; 16], &BOB)?;
        assert!(desk.open_invites()?.is_empty());
        assert!(!desk.tell_once("something")?, "told once");
        assert_eq!(desk.take_quotes(1)?, [(quote, BOB)]);
        assert!(desk.take_quotes(1)?.is_empty());
        let openings = desk.openings()?;
        assert_eq!(openings[0].peer, Some(BOB));
        desk.set_opening(openings[0].seq, 3, b"event")?;
        assert_eq!(desk.openings()?[0].made, Some((3, b"event"[..].into())));
        desk.drop_opening(openings[0].seq)
    });
}

#[test]
fn a_repeated_event_takes_its_step_in_the_log_and_keeps_its_first_place() {
    let (_dir, _, mut store) = home();
    write(&mut store, |desk| {
        desk.add_log(1, 1, &LogHash([1; 32]), &EventHash([6; 32]))?;
        desk.add_log(1, 2, &LogHash([2; 32]), &EventHash([6; 32]))?;
        desk.add_log(1, 3, &LogHash([3; 32]), &EventHash([6; 32]))?;
        assert_eq!(desk.log_hash(1, 3)?, Some(LogHash([3; 32])));
        assert!(desk.seen(1, &EventHash([6; 32]))?);
        Ok(())
    });
}

#[test]
fn a_timeline_has_the_order_of_the_log_and_what_waits_at_its_end() {
    let (_dir, _, mut store) = home();
    write(&mut store, |desk| {
        // They came here in another order than they stand in the log.
        for (number, position) in [
            (1, Some(5)),
            (2, None),
            (3, Some(2)),
            (4, Some(9)),
            (5, None),
        ] {
            assert!(
                desk.add_line(&entry(number, position, ADA, b"x"))?
                    .is_some()
            );
        }
        assert_eq!(
            numbers(&desk.lines_before(Some(1), None, 10)?),
            [3, 1, 4, 2, 5]
        );
        assert_eq!(
            numbers(&desk.lines_before(None, None, 10)?),
            [1, 2, 3, 4, 5]
        );
        // Pages backwards meet without a gap and without an overlap, wherever they are cut.
        let all = desk.lines_before(Some(1), None, 10)?;
        for cut in 1..all.len() {
            let page = desk.lines_before(Some(1), Some(all[cut].cursor), 10)?;
            assert_eq!(numbers(&page), numbers(&all[..cut]));
        }
        assert_eq!(numbers(&desk.lines_before(Some(1), None, 2)?), [2, 5]);
        assert_eq!(numbers(&desk.lines_since(Some(1), 2, 10)?), [3, 4, 5]);
        assert_eq!(numbers(&desk.lines_since(Some(2), 0, 10)?), [0_u8; 0]);
        // One of them finds its place.
        let placed = desk.place_line(1, (&ADA, &content(5)), (3, 2_000), SendState::Sent as u8)?;
        assert!(placed.is_some());
        assert_eq!(
            numbers(&desk.lines_before(Some(1), None, 10)?),
            [3, 5, 1, 4, 2]
        );
        assert!(
            desk.place_line(1, (&ADA, &content(5)), (7, 1), 0)?
                .is_none(),
            "it has its place"
        );
        desk.unplace_line(1, (&ADA, &content(5)))?;
        assert!(
            desk.place_line(1, (&ADA, &content(5)), (7, 1), 0)?
                .is_some()
        );
        assert_eq!(
            numbers(&desk.lines_before(Some(1), None, 10)?),
            [3, 1, 5, 4, 2]
        );
        assert_eq!(
            desk.line(5)?.unwrap().state,
            Some(SendState::Sent as u8),
            "never back"
        );
        Ok(())
    });
}

#[test]
fn a_page_before_a_row_of_another_conversation_ends_where_that_came() {
    let (_dir, _, mut store) = home();
    write(&mut store, |desk| {
        desk.add_line(&entry(1, Some(1), BOB, b"x"))?;
        let foreign = desk.add_line(&Entry {
            conversation: 2,
            ..entry(9, Some(40), BOB, b"x")
        })?;
        desk.add_line(&entry(2, Some(2), BOB, b"x"))?;
        assert_eq!(numbers(&desk.lines_before(Some(1), foreign, 10)?), [1]);
        assert_eq!(desk.position_up_to(1, foreign.unwrap())?, Some(1));
        assert_eq!(desk.position_up_to(2, 1)?, None);
        assert_eq!(
            numbers(&desk.lines_before(Some(1), Some(1_000), 10)?),
            [1, 2]
        );
        Ok(())
    });
}

#[test]
fn a_content_of_an_author_is_there_once() {
    let (_dir, _, mut store) = home();
    write(&mut store, |desk| {
        assert!(desk.add_line(&entry(1, Some(1), BOB, b"first"))?.is_some());
        assert!(desk.add_line(&entry(1, Some(2), BOB, b"again"))?.is_none());
        assert!(
            desk.add_line(&entry(1, Some(3), ADA, b"another author"))?
                .is_some(),
            "ids of two authors are two names"
        );
        assert_eq!(desk.lines_before(Some(1), None, 10)?.len(), 2);
        assert_eq!(desk.contents_above(1, 0, &ADA, 9)?.len(), 1);
        assert!(desk.contents_above(1, 1, &ADA, 9)?.is_empty());
        Ok(())
    });
}

#[test]
fn states_rise_up_to_a_position_and_never_fall() {
    let (_dir, _, mut store) = home();
    write(&mut store, |desk| {
        for number in 1..=3 {
            desk.add_line(&entry(number, Some(u64::from(number)), ADA, b"x"))?;
        }
        desk.add_line(&entry(4, Some(1), BOB, b"x"))?;
        let delivered = SendState::Delivered as u8;
        let raised = desk.raise_lines(1, 2, delivered)?;
        assert_eq!(raised, [(1, Some(content(1))), (2, Some(content(2)))]);
        assert!(desk.raise_lines(1, 2, delivered)?.is_empty(), "told once");
        desk.set_line_state(1, SendState::Sent as u8)?;
        assert_eq!(desk.line(1)?.unwrap().state, Some(delivered));
        assert_eq!(
            desk.line(4)?.unwrap().state,
            None,
            "only one's own have a state"
        );
        Ok(())
    });
}

#[test]
fn a_caller_has_one_place_in_the_outbox_until_it_is_forgotten() {
    let (_dir, _, mut store) = home();
    let draft = |number| Draft {
        caller: "caller",
        conversation: 1,
        content: content(number),
        body: b"body",
        cursor: None,
        timer: None,
    };
    let seq = write(&mut store, |desk| desk.add_draft(&draft(1)));
    assert!(
        store.transaction(|desk| desk.add_draft(&draft(2))).is_err(),
        "the same caller sends once"
    );
    let sealed = Sealed {
        counter: 3,
        events: vec![b"key"[..].into(), b"message"[..].into()],
        boxes: vec![b"box"[..].into()],
        attempt_ms: 77,
    };
    write(&mut store, |desk| {
        assert_eq!(desk.draft_of("caller")?.unwrap().content, content(1));
        assert!(desk.draft_of("other")?.is_none());
        desk.set_sealed(seq, &sealed)?;
        assert_eq!(desk.first_waiting(1)?.unwrap().sealed, Some(sealed.clone()));
        desk.unseal(seq)?;
        assert_eq!(desk.first_waiting(1)?.unwrap().sealed, None);
        assert_eq!(desk.conversations_waiting()?, [1]);
        assert_eq!(desk.open_draft(1, &content(1))?, Some(seq));
        desk.set_done(seq, 1_000)?;
        assert!(desk.first_waiting(1)?.is_none());
        let done = desk.waiting(seq)?.unwrap();
        assert!(done.done && done.body.is_empty(), "only the answer is kept");
        desk.forget_done(1_000)?;
        assert!(desk.draft_of("caller")?.is_some());
        desk.forget_done(1_001)?;
        assert!(desk.draft_of("caller")?.is_none());
        Ok(())
    });
}

#[test]
fn a_draft_that_is_taken_back_takes_its_line_along() {
    let (_dir, _, mut store) = home();
    write(&mut store, |desk| {
        let cursor = desk.add_line(&entry(1, None, ADA, b"x"))?;
        let draft = Draft {
            caller: "caller",
            conversation: 1,
            content: content(1),
            body: b"body",
            cursor,
            timer: None,
        };
        let seq = desk.add_draft(&draft)?;
        assert_eq!(desk.waiting_count()?, 1);
        desk.drop_draft(seq)?;
        assert_eq!(desk.waiting_count()?, 0);
        assert!(desk.lines_before(None, None, 10)?.is_empty());
        Ok(())
    });
}

#[test]
fn what_is_owed_ends_a_receipt_and_what_was_not_for_this_device_does_not() {
    let (_dir, _, mut store) = home();
    let held = |position, owed| Held {
        position,
        session: &[4; 32],
        time_ms: 5,
        owed,
        event: b"event",
    };
    write(&mut store, |desk| {
        desk.hold(1, &held(3, false))?;
        assert_eq!(desk.first_owed(1)?, None);
        desk.hold(1, &held(9, true))?;
        desk.hold(1, &held(7, true))?;
        assert_eq!((desk.first_owed(1)?, desk.first_owed(2)?), (Some(7), None));
        let taken = desk.take_held(1, &[4; 32])?;
        let positions: Vec<u64> = taken.iter().map(|(position, ..)| *position).collect();
        assert_eq!(positions, [3, 7, 9]);
        assert_eq!(desk.first_owed(1)?, None);
        Ok(())
    });
}

#[test]
fn an_account_keeps_its_trust_when_its_chain_grows() {
    use subrosa_e2e::{Credential, Identity, Machine, SlotSecret, found_account};
    let mut rng = crate::randomness::system();
    let identity = Identity::generate(&mut rng);
    let id = identity.id();
    let (machine, _) = Machine::generate(id, &mut rng);
    let secret = SlotSecret {
        seed: Box::new(zeroize::Zeroizing::new([1; 32])),
        anchor: [2; 32],
    };
    let slot = || Credential {
        secret: &secret,
        record: bytes::Bytes::from_static(b"record"),
    };
    let name = subrosa_proto::Name::new("bob").unwrap();
    let founding = found_account(
        identity,
        &name,
        machine.device(),
        "x",
        slot(),
        slot(),
        &mut rng,
    )
    .unwrap();
    let known = |count| subrosa_ledger::Account::from_chain(&founding.chain[..count]).unwrap();
    let (_dir, _, mut store) = home();
    write(&mut store, |desk| {
        desk.set_account(&known(1))?;
        desk.set_trust(&id, Trust::Verified)?;
        desk.set_account(&known(4))?;
        let accounts = desk.accounts()?;
        assert_eq!(accounts[0].account, known(4));
        assert_eq!(
            (accounts[0].trust, &accounts[0].branches),
            (Trust::Verified, &Vec::new())
        );
        let heads = [StatementHash([7; 32]), StatementHash([8; 32])];
        for noted in [&heads[..1], &heads, &[]] {
            desk.set_branches(&id, noted)?;
            assert_eq!(desk.accounts()?[0].branches, noted);
        }
        Ok(())
    });
}

#[test]
fn a_failed_transaction_leaves_nothing() {
    let (_dir, _, mut store) = home();
    let failed = store.transaction(|desk| {
        desk.set_fact("number", &1_u64)?;
        Err::<(), _>(StoreError::Shape("made to fail"))
    });
    assert!(matches!(failed, Err(StoreError::Shape(_))));
    assert_eq!(write(&mut store, |desk| desk.fact::<u64>("number")), None);
}

// Proves: C17
#[test]
fn another_key_does_not_open_the_store_and_nothing_of_it_is_on_the_disk() {
    let (dir, _, mut store) = home();
    write(&mut store, |desk| {
        desk.add_line(&entry(1, Some(1), BOB, b"a text that must not show"))
    });
    store.close();
    let path = dir.path().join(FILE);
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(9).any(|window| window == b"must not "));
    assert!(!bytes.starts_with(b"SQLite format 3"));
    std::fs::write(dir.path().join("key"), [7; 32]).unwrap();
    let wrong = StoreKey::load(dir.path(), None).unwrap();
    let error = Store::open(dir.path(), FILE, &wrong, false).err().unwrap();
    assert!(matches!(error, StoreError::Sealed(_)), "{error:?}");
    assert!(
        error.to_string().contains("key or passphrase is wrong"),
        "{error}"
    );
}

/// Names the folder in which the child process of the next test looks.
const CHILD: &str = "SUBROSA_TEST_STORE";

#[test]
fn a_wrong_key_prints_nothing_by_itself() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let wrong = StoreKey::load(dir.as_ref(), None).unwrap();
        let opened = Store::open(dir.as_ref(), FILE, &wrong, false);
        assert!(matches!(opened.err(), Some(StoreError::Sealed(_))));
        return;
    }
    let (dir, _, store) = home();
    store.close();
    std::fs::write(dir.path().join("key"), [7; 32]).unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::tests::a_wrong_key_prints_nothing_by_itself",
            "--nocapture",
        ])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    let ran = String::from_utf8_lossy(&child.stdout).contains("1 passed");
    assert!(ran, "the child ran its test: {child:?}");
    assert_eq!(String::from_utf8_lossy(&child.stderr), "");
}

#[test]
fn a_damaged_page_is_named_and_a_foreign_file_is_refused() {
    let (dir, key, mut store) = home();
    write(&mut store, |desk| {
        for number in 0..200 {
            desk.add_line(&entry(number, Some(u64::from(number)), BOB, &[7; 5_000]))?;
        }
        Ok(())
    });
    store.close();
    let path = dir.path().join(FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    // Lines lie on most pages of the middle, between those of their indexes.
    let middle = bytes.len() / 2..bytes.len() * 3 / 4;
    for at in middle.step_by(4_096) {
        bytes[at] ^= 0x55;
    }
    std::fs::write(&path, &bytes).unwrap();
    let mut store = Store::open(dir.path(), FILE, &key, false).unwrap();
    let error = store
        .transaction(|desk| {
            desk.lines_since(None, 0, 1_000)?;
            desk.lines_before(Some(1), None, 1_000)?;
            desk.raise_lines(1, 1_000, 4)
        })
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::Damaged), "{error:?}");
    assert!(
        error.to_string().contains("restore the home from a copy"),
        "{error}"
    );
    store.close();
    std::fs::write(&path, b"nothing that a store would be").unwrap();
    let error = Store::open(dir.path(), FILE, &key, false).err().unwrap();
    assert!(matches!(error, StoreError::Sealed(_)), "{error:?}");
}

#[test]
fn a_store_of_a_newer_build_is_left_alone() {
    let (dir, key, store) = home();
    store
        .connection
        .pragma_update(None, "user_version", SCHEMA_VERSION + 1)
        .unwrap();
    store.close();
    let error = Store::open(dir.path(), FILE, &key, false).err().unwrap();
    assert!(matches!(error, StoreError::Newer(version) if version == SCHEMA_VERSION + 1));
    assert!(error.to_string().contains("upgrade subrosa"), "{error}");
}

#[test]
fn a_store_of_an_earlier_build_is_brought_up_to_date() {
    let (dir, key, store) = home();
    store.close();
    std::fs::remove_file(dir.path().join(FILE)).unwrap();
    let old = Connection::open(dir.path().join(FILE)).unwrap();
    old.execute_batch(&key.pragma()).unwrap();
    old.execute_batch(include_str!("schema.sql")).unwrap();
    old.pragma_update(None, "application_id", APPLICATION_ID)
        .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute(
        "INSERT INTO timeline (conversation, position, account, content, author_ms, kind, body)
         VALUES (1, 1, ?1, ?2, 7, 0, x'00')",
        (BOB.as_bytes(), content(1).as_bytes()),
    )
    .unwrap();
    drop(old);
    for _ in 0..2 {
        let mut store = Store::open(dir.path(), FILE, &key, false).unwrap();
        write(&mut store, |desk| {
            assert_eq!(desk.lines_before(None, None, 10)?.len(), 1);
            assert_eq!(desk.cursors_at(None, 7)?, (0, 0));
            assert_eq!(desk.cursors_at(Some(1), 8)?, (1, 2));
            Ok(())
        });
        store.close();
    }
}

#[test]
fn on_a_full_disk_nothing_is_lost() {
    let (dir, key, mut store) = home();
    write(&mut store, |desk| {
        desk.add_line(&entry(1, Some(1), BOB, b"before"))
    });
    let pages: i64 = store
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    let limit = format!("PRAGMA max_page_count = {}", pages + 4);
    store.connection.execute_batch(&limit).unwrap();
    let long = vec![7; 8 * 4_096];
    let error = store
        .transaction(|desk| {
            desk.add_line(&entry(2, Some(2), BOB, b"in the same transaction"))?;
            desk.add_line(&entry(3, Some(3), BOB, &long))
        })
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert!(error.to_string().contains("nothing was lost"), "{error}");
    let there = |store: &mut Store| numbers(&write(store, |desk| desk.lines_since(None, 0, 9)));
    assert_eq!(there(&mut store), [1], "all of a transaction or nothing");
    store
        .connection
        .execute_batch("PRAGMA max_page_count = 1000000")
        .unwrap();
    write(&mut store, |desk| {
        desk.add_line(&entry(3, Some(3), BOB, &long))
    });
    store.close();
    let mut store = Store::open(dir.path(), FILE, &key, false).unwrap();
    assert_eq!(there(&mut store), [1, 3]);
}

#[test]
fn the_files_of_a_home_are_for_its_owner_only() {
    let (dir, _, mut store) = home();
    write(&mut store, |desk| desk.set_fact("number", &1_u64));
    let mut names: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["key", "store.db", "store.db-shm", "store.db-wal"]);
    for name in names {
        let mode = std::fs::metadata(dir.path().join(&name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_home_has_one_key() {
    let dir = tempfile::tempdir().unwrap();
    drop(StoreKey::create(dir.path(), Some("a passphrase")).unwrap());
    assert!(is_locked(dir.path()));
    let key = StoreKey::create(dir.path(), None).unwrap();
    assert!(
        !is_locked(dir.path()),
        "the unfinished try before is forgotten"
    );
    assert_eq!(format!("{key:?}"), "StoreKey(redacted)");
    std::fs::write(dir.path().join("key"), [1; 31]).unwrap();
    assert!(matches!(
        StoreKey::load(dir.path(), None),
        Err(KeyError::Damaged("key"))
    ));
}

//! Records: compare-and-swap, all or nothing, scans.

use super::{Engine, NOW, current, idem, key, log, one, put, revision};
use crate::storage::{Commit, Guard, RecordKey, Revision, Store, StoreError, Write};
use std::sync::Arc;

fn commit(writes: Vec<Write>) -> Commit {
    Commit {
        idem: None,
        now_ms: NOW,
        guards: Vec::new(),
        writes,
    }
}

pub async fn records_change_by_compare_and_swap(engine: impl Engine) {
    let store = engine.open();
    let name = key(1, "alice");
    assert_eq!(current(&store, &name).await, None);
    let first = store
        .commit(commit(vec![put(&name, Revision::ABSENT, "a")]))
        .await
        .unwrap();
    assert!(first.revision > Revision::ABSENT && !first.repeated);
    let found = current(&store, &name).await.unwrap();
    assert_eq!(
        (found.revision, &found.value[..]),
        (first.revision, &b"a"[..])
    );
    let stale = store
        .commit(commit(vec![put(&name, Revision::ABSENT, "b")]))
        .await;
    assert_eq!(stale, Err(StoreError::Conflict { key: name.clone() }));
    let second = store
        .commit(commit(vec![put(&name, first.revision, "c")]))
        .await
        .unwrap();
    assert!(second.revision > first.revision);
    assert_eq!(&current(&store, &name).await.unwrap().value[..], b"c");
}

pub async fn a_conflict_changes_nothing(engine: impl Engine) {
    let store = engine.open();
    let (a, b, c) = (key(1, "a"), key(1, "b"), key(1, "c"));
    let made = store
        .commit(commit(vec![put(&b, Revision::ABSENT, "b")]))
        .await
        .unwrap();
    let wrong = Revision(made.revision.0 + 7);
    let writes = vec![
        put(&a, Revision::ABSENT, "a"),
        put(&b, wrong, "x"),
        put(&c, Revision::ABSENT, "c"),
    ];
    let refused = store.commit(commit(writes)).await;
    assert_eq!(refused, Err(StoreError::Conflict { key: b.clone() }));
    let found = store
        .get(vec![a.clone(), b.clone(), c.clone()])
        .await
        .unwrap();
    assert_eq!(found.iter().flatten().count(), 1);
    assert_eq!(revision(&store, &b).await, made.revision);
    let guards = vec![Guard {
        key: a.clone(),
        expected: made.revision,
    }];
    let refused = store
        .commit(Commit {
            guards,
            ..commit(vec![put(&c, Revision::ABSENT, "c")])
        })
        .await;
    assert_eq!(refused, Err(StoreError::GuardFailed { key: a }));
    assert_eq!(current(&store, &c).await, None);
    let guards = vec![Guard {
        key: b,
        expected: made.revision,
    }];
    store
        .commit(Commit {
            guards,
            ..commit(vec![put(&c, Revision::ABSENT, "c")])
        })
        .await
        .unwrap();
}

pub async fn a_deleted_record_never_shows_an_old_revision(engine: impl Engine) {
    let store = engine.open();
    let name = key(1, "gone");
    let mut last = Revision::ABSENT;
    for _ in 0..3 {
        let made = store
            .commit(commit(vec![put(&name, Revision::ABSENT, "x")]))
            .await
            .unwrap();
        assert!(made.revision > last);
        let delete = Write {
            key: name.clone(),
            expected: made.revision,
            value: None,
        };
        last = store.commit(commit(vec![delete])).await.unwrap().revision;
        assert!(last > made.revision);
        assert_eq!(current(&store, &name).await, None);
    }
}

pub async fn scans_go_in_key_order_and_stay_in_the_prefix(engine: impl Engine) {
    let store = engine.open();
    let names = ["", "a", "ab", "abc", "b", "\u{7f}"];
    let writes = names
        .iter()
        .rev()
        .map(|name| put(&key(2, name), Revision::ABSENT, name));
    store.commit(commit(writes.collect())).await.unwrap();
    let around = [key(1, "zzz"), key(3, "")].map(|key| put(&key, Revision::ABSENT, "no"));
    store.commit(commit(around.to_vec())).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.scan(RecordKey::new(2, &[]), after, 4).await.unwrap();
        assert!(page.len() <= 4);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        found.extend(page);
    }
    let found: Vec<&[u8]> = found.iter().map(|(_, record)| &record.value[..]).collect();
    assert_eq!(found, names.map(str::as_bytes));
    let inner = store.scan(key(2, "ab"), None, 10).await.unwrap();
    assert_eq!(
        inner.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        [key(2, "ab"), key(2, "abc")]
    );
    let from_before = store
        .scan(key(2, "ab"), Some(key(2, "a")), 10)
        .await
        .unwrap();
    assert_eq!(from_before, inner);
    assert!(
        store
            .scan(key(2, "ab"), Some(key(3, "")), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

/// Registration: invite, name, chain, bundle, prekey and account in one commit, raced.
pub async fn one_invite_makes_one_account(engine: impl Engine) {
    let store = Arc::new(engine.open());
    let invite = key(4, "code");
    let open = store
        .commit(commit(vec![put(&invite, Revision::ABSENT, "open")]))
        .await
        .unwrap()
        .revision;
    let racers: Vec<_> = (0..20)
        .map(|n| {
            let (store, invite) = (Arc::clone(&store), invite.clone());
            tokio::spawn(async move {
                let parts = [5, 6, 7, 8]
                    .map(|kind| put(&key(kind, &format!("racer{n}")), Revision::ABSENT, "x"));
                let writes = [vec![put(&invite, open, "used")], parts.to_vec()].concat();
                store
                    .commit(Commit {
                        idem: Some(idem(n, 1)),
                        ..commit(writes)
                    })
                    .await
            })
        })
        .collect();
    let mut winners = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(_) => winners += 1,
            Err(error) => assert_eq!(
                error,
                StoreError::Conflict {
                    key: invite.clone()
                }
            ),
        }
    }
    assert_eq!(winners, 1);
    for kind in [5, 6, 7, 8] {
        assert_eq!(
            store
                .scan(RecordKey::new(kind, &[]), None, 100)
                .await
                .unwrap()
                .len(),
            1
        );
    }
}

pub async fn a_commit_is_remembered_by_its_idem(engine: impl Engine) {
    let store = engine.open();
    let name = key(1, "once");
    let request = Commit {
        idem: Some(idem(1, 5)),
        ..commit(vec![put(&name, Revision::ABSENT, "x")])
    };
    let first = store.commit(request.clone()).await.unwrap();
    let again = store.commit(request).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.revision, first.revision);
    // A refused request is not remembered: the same number may be used for the next try.
    let conflict = Commit {
        idem: Some(idem(1, 6)),
        ..commit(vec![put(&name, Revision::ABSENT, "y")])
    };
    store.commit(conflict).await.unwrap_err();
    let retry = Commit {
        idem: Some(idem(1, 6)),
        ..commit(vec![put(&name, first.revision, "y")])
    };
    assert!(!store.commit(retry).await.unwrap().repeated);
    let other = store.append(one(log(1), idem(1, 6), "no")).await;
    assert_eq!(other, Err(StoreError::IdemReused));
}

pub async fn rules_of_the_contract_are_checked_first(engine: impl Engine) {
    let store = engine.open();
    let invalid = |error: StoreError| assert!(matches!(error, StoreError::Invalid(_)), "{error}");
    invalid(store.commit(commit(Vec::new())).await.unwrap_err());
    let twice = vec![
        put(&key(1, "a"), Revision::ABSENT, "1"),
        put(&key(1, "a"), Revision::ABSENT, "2"),
    ];
    invalid(store.commit(commit(twice)).await.unwrap_err());
    let long = key(1, &"k".repeat(RecordKey::LEN_MAX));
    invalid(
        store
            .commit(commit(vec![put(&long, Revision::ABSENT, "1")]))
            .await
            .unwrap_err(),
    );
    let heavy = "v".repeat(9 << 20);
    invalid(
        store
            .commit(commit(vec![put(&key(1, "a"), Revision::ABSENT, &heavy)]))
            .await
            .unwrap_err(),
    );
    let mut nothing = one(log(1), idem(1, 1), "x");
    nothing.events.clear();
    invalid(store.append(nothing).await.unwrap_err());
    invalid(
        store
            .append(one(log(1), idem(1, u64::MAX), "x"))
            .await
            .unwrap_err(),
    );
    invalid(store.trim(log(1), 1).await.unwrap_err());
    invalid(store.trim(log(1), u64::MAX).await.unwrap_err());
    invalid(store.get(vec![key(1, "a"); 5_000]).await.unwrap_err());
    assert_eq!(store.heads(vec![log(1)]).await.unwrap(), [0]);
}

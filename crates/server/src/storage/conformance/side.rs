//! Side rows: staged, moved with their event, seen by their recipient only, deleted singly.

use super::{DAY_MS, Engine, NOW, all, idem, log, one, put, recipient, row, texts};
use crate::storage::{
    Append, Attach, Day, NewEvent, Recipient, Release, Revision, SideRead, SideRow, Stage,
    StageKey, StageTotal, Staged, Store, StoreError,
};

fn stage_key(owner: u8, session: u8) -> StageKey {
    StageKey {
        owner: [owner; 32],
        session: [session; 32],
    }
}

fn part(key: StageKey, rows: Vec<SideRow>) -> Stage {
    Stage {
        key,
        now_ms: NOW,
        rows,
        rows_max: 6,
        bytes_max: 1_000,
    }
}

/// A key event that takes these recipients' rows.
fn take(counter: u64, key: StageKey, recipients: &[u8]) -> Append {
    let mut append = one(log(1), idem(1, counter), "key");
    let recipients = recipients.iter().map(|n| recipient(*n)).collect();
    append.events[0].staged = Some(Staged { key, recipients });
    append
}

async fn seen(store: &impl Store, position: u64, recipients: &[u8]) -> Vec<SideRow> {
    let recipients: Vec<Recipient> = recipients.iter().map(|n| recipient(*n)).collect();
    let page = store.read(all(log(1), recipients)).await.unwrap();
    page.events
        .into_iter()
        .find(|event| event.position == position)
        .map(|event| event.side)
        .unwrap()
}

fn side_read(n: u8) -> SideRead {
    SideRead {
        log: log(1),
        recipient: recipient(n),
        after: 0,
        count: 100,
        bytes: 1_000,
    }
}

pub async fn staged_rows_move_with_their_event(engine: impl Engine) {
    let store = engine.open();
    let key = stage_key(1, 1);
    let total = store
        .stage(part(key, vec![row(1, "one"), row(2, "old")]))
        .await
        .unwrap();
    assert_eq!(total, StageTotal { rows: 2, bytes: 6 });
    let total = store
        .stage(part(key, vec![row(2, "second"), row(3, "three")]))
        .await
        .unwrap();
    assert_eq!(total, StageTotal { rows: 3, bytes: 14 });
    let mut append = take(1, key, &[1, 2, 3]);
    append.events.push(NewEvent::plain("message"));
    let done = store.append(append.clone()).await.unwrap();
    assert_eq!((done.first, done.last()), (1, 2));
    assert_eq!(
        seen(&store, 1, &[1, 2]).await,
        [row(1, "one"), row(2, "second")]
    );
    assert_eq!(seen(&store, 1, &[3]).await, [row(3, "three")]);
    assert!(seen(&store, 2, &[1, 2, 3]).await.is_empty());
    // The rows are used up; a repetition does not ask for them again.
    assert!(store.append(append).await.unwrap().repeated);
    let again = store.append(take(2, key, &[1])).await;
    assert_eq!(again, Err(StoreError::NotStaged { missing: 1 }));
}

pub async fn an_append_takes_exactly_the_recipients_it_names(engine: impl Engine) {
    let store = engine.open();
    let key = stage_key(1, 1);
    store
        .stage(part(key, vec![row(1, "one"), row(2, "two")]))
        .await
        .unwrap();
    let mut missing = take(1, key, &[1, 2, 3, 4]);
    missing.writes = vec![put(&super::key(1, "state"), Revision::ABSENT, "x")];
    assert_eq!(
        store.append(missing).await,
        Err(StoreError::NotStaged { missing: 2 })
    );
    assert_eq!(store.heads(vec![log(1)]).await.unwrap(), [0]);
    assert_eq!(super::current(&store, &super::key(1, "state")).await, None);
    // Other owners and other sessions have no part in it.
    assert!(store.append(take(1, stage_key(2, 1), &[1])).await.is_err());
    assert!(store.append(take(1, stage_key(1, 2), &[1])).await.is_err());
    // A row for somebody who is no member any more is not handed out.
    store.append(take(1, key, &[1])).await.unwrap();
    assert_eq!(seen(&store, 1, &[1, 2]).await, [row(1, "one")]);
    assert!(store.append(take(2, key, &[2])).await.is_err());
}

pub async fn side_rows_are_seen_by_their_recipient_only(engine: impl Engine) {
    let store = engine.open();
    let mut append = one(log(1), idem(1, 1), "key");
    append.events[0].side = vec![row(1, "one"), row(2, "two"), row(3, "three")];
    store.append(append).await.unwrap();
    let mut other = one(log(2), idem(1, 2), "key");
    other.events[0].side = vec![row(1, "elsewhere")];
    store.append(other).await.unwrap();
    assert!(seen(&store, 1, &[]).await.is_empty());
    assert!(seen(&store, 1, &[9]).await.is_empty());
    assert_eq!(seen(&store, 1, &[2]).await, [row(2, "two")]);
    assert_eq!(
        seen(&store, 1, &[3, 9, 1]).await,
        [row(3, "three"), row(1, "one")]
    );
    assert_eq!(
        store.side(side_read(1)).await.unwrap(),
        [(1, row(1, "one"))]
    );
    assert!(store.side(side_read(9)).await.unwrap().is_empty());
}

pub async fn side_rows_can_come_later(engine: impl Engine) {
    let store = engine.open();
    for counter in 1..=5 {
        store
            .append(one(log(1), idem(1, counter), "key"))
            .await
            .unwrap();
    }
    let attach = |position, row| Attach { position, row };
    let mut late = Append::new(log(1), idem(1, 6), NOW, Vec::new());
    late.attach = vec![
        attach(2, row(1, "two")),
        attach(4, row(1, "four")),
        attach(5, row(2, "five")),
    ];
    let done = store.append(late).await.unwrap();
    assert_eq!((done.first, done.count, done.last()), (6, 0, 5));
    let mut again = Append::new(log(1), idem(1, 7), NOW, Vec::new());
    again.attach = vec![attach(4, row(1, "anew"))];
    store.append(again.clone()).await.unwrap();
    assert_eq!(
        store.side(side_read(1)).await.unwrap(),
        [(2, row(1, "two")), (4, row(1, "anew"))]
    );
    let paged = SideRead {
        count: 1,
        ..side_read(1)
    };
    assert_eq!(store.side(paged).await.unwrap(), [(2, row(1, "two"))]);
    let paged = SideRead {
        bytes: 1,
        ..side_read(1)
    };
    assert_eq!(store.side(paged).await.unwrap(), [(2, row(1, "two"))]);
    let paged = SideRead { after: 2, ..paged };
    assert_eq!(store.side(paged).await.unwrap(), [(4, row(1, "anew"))]);
    for position in [0, 6] {
        let mut nowhere = again.clone();
        nowhere.idem = idem(1, 8);
        nowhere.attach[0].position = position;
        assert!(matches!(
            store.append(nowhere).await,
            Err(StoreError::Invalid(_))
        ));
    }
    assert_eq!(texts(&store, log(1)).await.len(), 5);
    store.trim(log(1), 3).await.unwrap();
    assert_eq!(
        store.side(side_read(1)).await.unwrap(),
        [(4, row(1, "anew"))]
    );
}

pub async fn side_rows_are_deleted_singly_and_together(engine: impl Engine) {
    let store = engine.open();
    for counter in 1..=4 {
        let mut append = one(log(1), idem(1, counter), "key");
        append.events[0].side = vec![row(1, "one"), row(2, "two")];
        store.append(append).await.unwrap();
    }
    let mut other = one(log(2), idem(1, 9), "key");
    other.events[0].side = vec![row(1, "one"), row(2, "two")];
    store.append(other).await.unwrap();
    let positions = |n| {
        let store = &store;
        async move {
            let rows = store.side(side_read(n)).await.unwrap();
            rows.iter()
                .map(|(position, _)| *position)
                .collect::<Vec<_>>()
        }
    };
    let (log1, one) = (log(1), recipient(1));
    let single = Release::Row {
        log: log1,
        position: 3,
        recipient: one,
    };
    store.release(single.clone()).await.unwrap();
    store.release(single).await.unwrap();
    assert_eq!(
        (positions(1).await, positions(2).await),
        (vec![1, 2, 4], vec![1, 2, 3, 4])
    );
    store
        .release(Release::UpTo {
            log: log1,
            position: 2,
            recipient: one,
        })
        .await
        .unwrap();
    assert_eq!(
        (positions(1).await, positions(2).await),
        (vec![4], vec![1, 2, 3, 4])
    );
    store
        .release(Release::Recipient(recipient(2)))
        .await
        .unwrap();
    assert_eq!((positions(1).await, positions(2).await), (vec![4], vec![]));
    let elsewhere = store
        .read(all(log(2), vec![one, recipient(2)]))
        .await
        .unwrap();
    assert_eq!(elsewhere.events[0].side, [row(1, "one")]);
    store
        .release(Release::UpTo {
            log: log(77),
            position: 9,
            recipient: one,
        })
        .await
        .unwrap();
    assert_eq!(texts(&store, log1).await.len(), 4);
}

/// More than an engine may want to delete at a time.
pub async fn many_side_rows_are_deleted_as_well(engine: impl Engine) {
    let store = engine.open();
    let last = Day::of_ms(NOW);
    let until = |n| SideRow {
        last_day: Some(last),
        ..row(n, "box")
    };
    for counter in 0..11 {
        let side = vec![until(1), row(2, "box")];
        let event = NewEvent {
            side,
            ..NewEvent::plain("key")
        };
        let append = Append::new(log(1), idem(1, counter), NOW, vec![event; 100]);
        store.append(append).await.unwrap();
    }
    let read = |n| SideRead {
        count: 2_000,
        bytes: 1 << 20,
        ..side_read(n)
    };
    assert_eq!(store.side(read(1)).await.unwrap().len(), 1_100);
    store.sweep(NOW + DAY_MS).await.unwrap();
    assert!(store.side(read(1)).await.unwrap().is_empty());
    assert_eq!(store.side(read(2)).await.unwrap().len(), 1_100);
    store
        .release(Release::Recipient(recipient(2)))
        .await
        .unwrap();
    assert!(store.side(read(2)).await.unwrap().is_empty());
}

pub async fn side_rows_end_with_their_last_day(engine: impl Engine) {
    let store = engine.open();
    let last = Day::of_ms(NOW).plus(35);
    let mut append = one(log(1), idem(1, 1), "key");
    let until = |n| SideRow {
        last_day: Some(last),
        ..row(n, "device")
    };
    append.events[0].side = vec![until(1), row(2, "history")];
    store.append(append).await.unwrap();
    store.sweep(NOW + 35 * DAY_MS).await.unwrap();
    assert_eq!(
        seen(&store, 1, &[1, 2]).await,
        [until(1), row(2, "history")]
    );
    store.sweep(NOW + 36 * DAY_MS).await.unwrap();
    assert_eq!(seen(&store, 1, &[1, 2]).await, [row(2, "history")]);
}

pub async fn staging_is_bounded_for_each_owner(engine: impl Engine) {
    let store = engine.open();
    let rows = |from: u8, to: u8| (from..to).map(|n| row(n, "box")).collect::<Vec<_>>();
    let refused = store.stage(part(stage_key(1, 1), rows(0, 7))).await;
    assert_eq!(refused, Err(StoreError::StageFull));
    let heavy = store
        .stage(part(stage_key(1, 1), vec![row(1, &"x".repeat(1_001))]))
        .await;
    assert_eq!(heavy, Err(StoreError::StageFull));
    store
        .stage(part(stage_key(1, 1), rows(0, 4)))
        .await
        .unwrap();
    store
        .stage(part(stage_key(2, 1), rows(0, 4)))
        .await
        .unwrap();
    store
        .stage(part(stage_key(1, 1), rows(0, 4)))
        .await
        .unwrap();
    assert_eq!(
        store.stage(part(stage_key(1, 1), rows(4, 7))).await,
        Err(StoreError::StageFull)
    );
    // A new session takes the room of one that was given up, of the same owner only.
    let total = store
        .stage(part(stage_key(1, 2), rows(0, 3)))
        .await
        .unwrap();
    assert_eq!(total, StageTotal { rows: 3, bytes: 9 });
    assert!(store.append(take(1, stage_key(1, 1), &[0])).await.is_err());
    store.append(take(1, stage_key(1, 2), &[0])).await.unwrap();
    store
        .release(Release::Stage(stage_key(2, 1)))
        .await
        .unwrap();
    assert!(store.append(take(2, stage_key(2, 1), &[0])).await.is_err());
}

pub async fn unused_staged_rows_are_swept(engine: impl Engine) {
    let store = engine.open();
    store
        .stage(part(stage_key(1, 1), vec![row(1, "box")]))
        .await
        .unwrap();
    store
        .stage(part(stage_key(1, 2), vec![row(1, "box")]))
        .await
        .unwrap();
    store.sweep(NOW + DAY_MS).await.unwrap();
    store.append(take(1, stage_key(1, 1), &[1])).await.unwrap();
    store.sweep(NOW + 2 * DAY_MS).await.unwrap();
    assert!(store.append(take(2, stage_key(1, 2), &[1])).await.is_err());
}

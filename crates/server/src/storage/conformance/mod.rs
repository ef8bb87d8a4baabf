//! One suite that every engine passes (docs/spec/storage.md §9). A test names an engine through
//! [`Engine`], and `conformance!` makes one test of each case, so that a failure has a name.

mod logs;
mod model;
mod records;
mod side;

pub(super) use logs::*;
pub(super) use model::*;
pub(super) use records::*;
pub(super) use side::*;

use super::memory::MemoryStore;
use super::{
    Append, Idem, LogId, NewEvent, Read, Recipient, Record, RecordKey, Revision, SideRow, Store,
    Write,
};
use bytes::Bytes;
use std::future::Future;

/// An engine with a place where its content outlives it.
pub(super) trait Engine {
    type Store: Store;
    /// Opens the store at that place, for the first time or again.
    fn open(&self) -> Self::Store;
    /// Ends it in order.
    fn close(&self, store: Self::Store) -> impl Future<Output = ()>;
}

macro_rules! conformance {
    ($engine:expr => $($case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            crate::storage::conformance::$case($engine).await;
        }
    )*};
    ($engine:expr) => {
        crate::storage::conformance::conformance!($engine =>
            records_change_by_compare_and_swap,
            a_conflict_changes_nothing,
            a_deleted_record_never_shows_an_old_revision,
            scans_go_in_key_order_and_stay_in_the_prefix,
            one_invite_makes_one_account,
            a_commit_is_remembered_by_its_idem,
            rules_of_the_contract_are_checked_first,
            positions_have_no_gaps_under_concurrency,
            pages_end_where_they_should,
            the_same_idem_returns_the_first_result,
            an_idem_names_one_request_only,
            answers_are_kept_for_seven_days,
            a_retry_after_a_lost_answer_changes_nothing,
            a_retry_after_a_lost_request_happens_once,
            nothing_follows_a_control_event_under_the_old_guard,
            an_append_and_its_record_writes_are_one,
            appends_in_flight_follow_each_other_or_not_at_all,
            trimmed_events_are_gone_and_their_positions_too,
            everything_is_there_after_a_restart,
            staged_rows_move_with_their_event,
            an_append_takes_exactly_the_recipients_it_names,
            side_rows_are_seen_by_their_recipient_only,
            side_rows_can_come_later,
            side_rows_are_deleted_singly_and_together,
            many_side_rows_are_deleted_as_well,
            side_rows_end_with_their_last_day,
            staging_is_bounded_for_each_owner,
            unused_staged_rows_are_swept,
            behaves_like_the_model,
        );
    };
}
pub(super) use conformance;

/// The model as an engine: a clone shares its content.
pub(super) struct Memory(MemoryStore);

impl Engine for Memory {
    type Store = MemoryStore;
    fn open(&self) -> MemoryStore {
        self.0.clone()
    }
    async fn close(&self, _: MemoryStore) {}
}

mod memory {
    super::conformance!(super::Memory(super::MemoryStore::new()));
}

/// 2026-11-23, some time in the morning.
pub(super) const NOW: u64 = 1_795_420_000_000;
pub(super) const DAY_MS: u64 = 86_400_000;

pub(super) fn key(kind: u8, name: &str) -> RecordKey {
    RecordKey::new(kind, &[name.as_bytes()])
}

pub(super) fn log(n: u8) -> LogId {
    LogId([n; 32])
}

pub(super) fn recipient(n: u8) -> Recipient {
    Recipient([n; 32])
}

pub(super) fn idem(device: u8, counter: u64) -> Idem {
    Idem {
        device: [device; 32],
        counter,
    }
}

pub(super) fn put(key: &RecordKey, expected: Revision, value: &str) -> Write {
    let value = Some(Bytes::copy_from_slice(value.as_bytes()));
    Write {
        key: key.clone(),
        expected,
        value,
    }
}

pub(super) fn row(n: u8, bytes: &str) -> SideRow {
    let bytes = Bytes::copy_from_slice(bytes.as_bytes());
    SideRow {
        recipient: recipient(n),
        last_day: None,
        bytes,
    }
}

/// One event of this text.
pub(super) fn one(log: LogId, idem: Idem, text: &str) -> Append {
    Append::new(
        log,
        idem,
        NOW,
        vec![NewEvent::plain(text.as_bytes().to_vec())],
    )
}

pub(super) fn all(log: LogId, recipients: Vec<Recipient>) -> Read {
    Read {
        log,
        from: 1,
        count: 4_096,
        bytes: 1 << 20,
        recipients,
    }
}

pub(super) async fn current(store: &impl Store, key: &RecordKey) -> Option<Record> {
    store.get(vec![key.clone()]).await.unwrap().remove(0)
}

pub(super) async fn revision(store: &impl Store, key: &RecordKey) -> Revision {
    current(store, key)
        .await
        .map_or(Revision::ABSENT, |record| record.revision)
}

/// The texts of a log.
pub(super) async fn texts(store: &impl Store, log: LogId) -> Vec<String> {
    let page = store.read(all(log, Vec::new())).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    page.events.iter().map(|event| text(&event.bytes)).collect()
}

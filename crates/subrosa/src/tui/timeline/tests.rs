use super::*;
use crate::tui::clock::Clock;
use crate::tui::sample::{NOW_MS, row};
use jiff::tz::TimeZone;

const FIT: Fit = Fit {
    width: 40,
    height: 10,
};

fn clock() -> Clock {
    Clock {
        now_ms: NOW_MS,
        zone: TimeZone::UTC,
    }
}

/// Rows in turns of two people, so that each has a head of its own.
fn turns(numbers: std::ops::RangeInclusive<u64>) -> Vec<Row> {
    let from = |number: u64| {
        if number.is_multiple_of(2) {
            "ada"
        } else {
            "bob"
        }
    };
    numbers
        .map(|number| row(number, from(number), &format!("text {number}")))
        .collect()
}

fn opened(rows: Vec<Row>, unread: u64) -> Timeline {
    let mut open = Timeline::new("@bob", "b0b");
    open.begin(rows, PAGE, unread);
    open
}

fn order(open: &Timeline) -> Vec<u64> {
    open.rows.iter().map(|entry| entry.row.cursor).collect()
}

fn texts(open: &Timeline) -> Vec<String> {
    let text = |strip: Strip| match strip.kind {
        StripKind::Body(pieces, _) => pieces.into_iter().map(|(_, text)| text).collect(),
        StripKind::Head => "head".to_owned(),
        StripKind::Day(day) => day,
        StripKind::New => "new".to_owned(),
        StripKind::Gap => String::new(),
    };
    open.view(FIT, &clock()).into_iter().map(text).collect()
}

#[test]
fn rows_stand_in_the_order_of_the_log_and_what_waits_stands_last() {
    let mut open = opened(turns(1..=3), 0);
    let mut own = row(9, "ada", "mine");
    own.position = None;
    open.arrived(own);
    let mut late = row(10, "bob", "theirs");
    late.position = Some(4);
    open.arrived(late);
    assert_eq!(order(&open), [1, 2, 3, 10, 9]);
    open.state(9, SendState::Sent, Some(5));
    let mut next = row(11, "bob", "after");
    next.position = Some(6);
    open.arrived(next);
    assert_eq!(order(&open), [1, 2, 3, 10, 9, 11]);
    // The server had put another one between.
    open.state(9, SendState::Sent, Some(7));
    assert_eq!(order(&open), [1, 2, 3, 10, 11, 9]);
    open.state(99, SendState::Sent, Some(7));
    open.changed(row(99, "bob", "not here"));
    assert_eq!(order(&open).len(), 6);
}

#[test]
fn the_newest_rows_are_seen_with_their_heads_and_what_is_new_is_marked() {
    let open = opened(turns(1..=6), 1);
    let seen = texts(&open);
    assert_eq!(seen.len(), FIT.height);
    assert_eq!(
        seen[6..],
        ["head", "text 5", "head", "text 6"].map(str::to_owned)
    );
    assert!(seen.contains(&"new".to_owned()), "{seen:?}");
    let all = opened(turns(1..=2), 0);
    assert_eq!(texts(&all)[0], "today");
}

#[test]
fn messages_of_one_person_stand_under_one_head_for_five_minutes() {
    let rows = (1..=3).map(|number| row(number, "bob", "x")).collect();
    assert_eq!(texts(&opened(rows, 0)), ["today", "head", "x", "x", "x"]);
    let apart = [1, 9].map(|number| row(number, "bob", "x")).to_vec();
    assert_eq!(
        texts(&opened(apart, 0)),
        ["today", "head", "x", "head", "x"]
    );
}

#[test]
fn scrolling_goes_line_by_line_to_the_first_row_and_back_to_the_end() {
    let mut open = opened(turns(1..=30), 0);
    let end = texts(&open);
    open.up(1, FIT, &clock());
    assert_eq!(texts(&open)[1..], end[..9]);
    open.up(4, FIT, &clock());
    assert_eq!(texts(&open)[5..], end[..5]);
    open.down(5, FIT, &clock());
    assert_eq!((texts(&open), open.place), (end, Place::End));
    open.up(10_000, FIT, &clock());
    let top = texts(&open);
    assert_eq!((top.len(), top[0].as_str()), (FIT.height, "today"));
    open.down(10_000, FIT, &clock());
    assert_eq!(open.place, Place::End);
}

#[test]
fn what_arrives_while_somebody_reads_further_up_moves_nothing_and_is_counted() {
    let mut open = opened(turns(1..=30), 0);
    open.up(6, FIT, &clock());
    let before = texts(&open);
    turns(31..=35).into_iter().for_each(|row| open.arrived(row));
    assert_eq!((texts(&open), open.below), (before, 5));
    open.down(10_000, FIT, &clock());
    assert_eq!((open.place, open.below), (Place::End, 0));
}

#[test]
fn choosing_moves_through_messages_and_keeps_the_chosen_one_in_sight() {
    let mut open = opened(turns(1..=30), 0);
    open.choose(false, FIT, &clock());
    assert_eq!(open.chosen, Some(30));
    for _ in 0..29 {
        open.choose(false, FIT, &clock());
        let seen = open.view(FIT, &clock());
        assert!(seen.iter().any(|strip| Some(strip.cursor) == open.chosen));
    }
    assert_eq!(open.chosen, Some(1));
    open.choose(false, FIT, &clock());
    assert_eq!(open.chosen, Some(1));
    open.choose(true, FIT, &clock());
    assert_eq!(open.chosen, Some(2));
}

#[test]
fn a_long_history_is_a_window_that_lets_go_of_what_is_far_away() {
    let mut open = opened(turns(9_801..=10_000), 0);
    assert!(!open.whole_before && open.whole_behind);
    open.up(20, FIT, &clock());
    for page in (0..49).rev() {
        open.older(turns(page * 200 + 1..=(page + 1) * 200), PAGE);
        assert!(open.rows.len() <= KEPT_MAX);
        open.go_to_top(FIT, &clock());
    }
    assert_eq!(open.first().unwrap().row.cursor, 1);
    assert!(!open.whole_behind);
    // What arrives now is far below.
    open.arrived(row(10_001, "bob", "new"));
    assert_eq!((open.below, open.rows.len()), (1, KEPT_MAX));
    let last = open.last().unwrap().row.cursor;
    open.newer(turns(last..=last + 200), PAGE);
    assert!(open.rows.len() <= KEPT_MAX && !open.whole_before);
    assert_eq!(open.last().unwrap().row.cursor, last + 200);
    open.newer(turns(last + 200..=last + 250), PAGE);
    assert!(open.whole_behind);
}

#[test]
fn a_hit_is_shown_in_the_middle_of_what_stands_around_it() {
    let mut open = Timeline::new("@bob", "b0b");
    open.begin_around(50, turns(1..=100), (100, 100));
    open.go_to_middle(FIT, &clock());
    assert_eq!(open.chosen, Some(50));
    let seen = open.view(FIT, &clock());
    assert!(seen.iter().any(|strip| strip.cursor == 50), "{seen:?}");
    assert!(open.whole_before && open.whole_behind);
    assert_eq!(open.seen_to(), None);
}

#[test]
fn only_what_is_seen_at_the_end_counts_as_read() {
    let mut open = opened(turns(1..=30), 0);
    assert_eq!(open.seen_to(), Some(30));
    let mut own = row(31, "ada", "waits");
    own.position = None;
    open.arrived(own);
    assert_eq!(open.seen_to(), Some(30));
    open.up(3, FIT, &clock());
    assert_eq!(open.seen_to(), None);
}

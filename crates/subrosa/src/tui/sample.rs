//! People and what they wrote, for tests.

use super::talks::Talks;
use subrosa_client::{Beside, ConversationView, Row, RowKind, SendState, Trust};

/// 2026-11-28 14:03 UTC
pub const NOW_MS: u64 = 1_795_874_580_000;
const MINUTE: u64 = 60_000;

/// A row of the conversation with bob.
pub fn row(number: u64, from: &str, text: &str) -> Row {
    let own = from == "ada";
    Row {
        cursor: number,
        id: format!("{number:032x}"),
        conversation: "@bob".to_owned(),
        conv: "b0b".to_owned(),
        position: Some(number),
        from: from.to_owned(),
        own,
        time_ms: NOW_MS - 100 * MINUTE + number * MINUTE,
        time_of_arrival: false,
        state: own.then_some(SendState::Read),
        checking: false,
        what: RowKind::Text {
            text: text.to_owned(),
        },
        beside: Box::new(Beside::default()),
    }
}

pub fn info(number: u64, text: &str) -> Row {
    let mut row = row(number, "", "");
    row.id = String::new();
    row.what = RowKind::Info {
        text: text.to_owned(),
    };
    row
}

pub fn talk(name: &str, conv: &str, unread: u64) -> ConversationView {
    ConversationView {
        name: name.to_owned(),
        conv: conv.to_owned(),
        unread,
        unread_more: false,
        mentions: 0,
        muted: false,
        blocked: false,
        pending: false,
        trust: if name.starts_with('#') {
            Trust::Verified
        } else {
            Trust::Invited
        },
        checking: false,
        last: None,
    }
}

pub fn list() -> Vec<ConversationView> {
    let mut bob = talk("@bob", "b0b", 0);
    bob.trust = Trust::Verified;
    bob.last = Some(row(90, "bob", "see you"));
    let mut garden = talk("#garden", "9a", 12);
    garden.mentions = 1;
    garden.last = Some(row(80, "carol", "@ada: the roses"));
    let mut carol = talk("@carol", "ca", 3);
    carol.last = Some(row(70, "carol", "lunch?"));
    let mut eve = talk("@eve", "e7e", 0);
    eve.pending = true;
    eve.trust = Trust::Unverified;
    let mut ops = talk("#ops", "095", 99);
    (ops.unread_more, ops.muted) = (true, true);
    vec![bob, garden, carol, eve, ops, talk("@ada", "ada", 0)]
}

pub fn talks() -> Talks {
    let mut talks = Talks::of("ada");
    talks.replace(list());
    talks
}

//! How much is unread, in words.

use crate::text::harmless;
use subrosa_client::ConversationView;

/// The count as people read it; empty when there is nothing.
pub fn count(talk: &ConversationView) -> String {
    match (talk.unread, talk.unread_more) {
        (_, true) => "99+".to_owned(),
        (0, false) => String::new(),
        (unread, false) => unread.to_string(),
    }
}

/// `@bob (3 unread)`, or the name alone.
pub fn named(talk: &ConversationView) -> String {
    let name = harmless(&talk.name);
    match count(talk).as_str() {
        "" => name.into_owned(),
        count if talk.muted => format!("{name} ({count} unread, muted)"),
        count => format!("{name} ({count} unread)"),
    }
}

/// All that is unread in one line; nothing when all is read.
pub fn summary(talks: &[ConversationView]) -> Option<String> {
    let unread: Vec<_> = talks
        .iter()
        .filter(|talk| !talk.blocked && !count(talk).is_empty())
        .map(named)
        .collect();
    (!unread.is_empty()).then(|| format!("unread: {}", unread.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use subrosa_client::Trust;

    fn talk(name: &str, unread: u64, unread_more: bool) -> ConversationView {
        ConversationView {
            checking: false,
            name: name.to_owned(),
            conv: String::new(),
            unread,
            unread_more,
            mentions: 0,
            muted: false,
            blocked: false,
            pending: false,
            trust: Trust::Invited,
            last: None,
        }
    }

    #[test]
    fn counts_are_exact_or_say_that_they_are_not() {
        assert_eq!(named(&talk("@bob", 0, false)), "@bob");
        assert_eq!(named(&talk("@bob", 3, false)), "@bob (3 unread)");
        assert_eq!(named(&talk("@bob", 99, false)), "@bob (99 unread)");
        assert_eq!(named(&talk("@bob", 99, true)), "@bob (99+ unread)");
        // Not all is here: how many there are is not known.
        assert_eq!(named(&talk("@bob", 0, true)), "@bob (99+ unread)");
        let mut muted = talk("@b\nb", 1, false);
        muted.muted = true;
        assert_eq!(named(&muted), "@b\\nb (1 unread, muted)");
    }

    #[test]
    fn the_summary_leaves_out_what_is_read_and_who_is_blocked() {
        let mut blocked = talk("@eve", 5, false);
        blocked.blocked = true;
        let talks = [talk("@bob", 2, false), talk("@cy", 0, false), blocked];
        assert_eq!(summary(&talks).as_deref(), Some("unread: @bob (2 unread)"));
        assert_eq!(summary(&talks[1..]), None);
    }
}

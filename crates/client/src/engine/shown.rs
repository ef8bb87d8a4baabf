//! What a line shows together with what was said about it later: edits, deletions, reactions
//! (docs/spec/e2e.md §2.3), what it answers, and whom it names.

use super::Engine;
use super::rows::{LINE_CONTENT, what};
use crate::store::{Amendment, AmendmentKind, Desk, Line, StoreError};
use crate::view::{Beside, ReactionView, ReplyView, RowKind};
use subrosa_e2e::{Body, Content, ContentRef};
use subrosa_proto::ContentId;

/// So many characters of what a reply answers are shown with it.
const EXCERPT_CHARS: usize = 80;
/// What is said of a content that its author took back.
pub(super) const DELETED: &str = "deleted by its author";

impl Engine {
    /// What a line shows.
    pub(super) fn shown(
        &self,
        desk: &Desk<'_>,
        line: &Line,
    ) -> Result<(RowKind, Beside), StoreError> {
        let mut shown = what(line);
        let mut beside = Beside {
            expires_ms: line.expires_ms,
            ..Beside::default()
        };
        let (LINE_CONTENT, Some(of)) = (line.kind, reference(line)) else {
            return Ok((shown, beside));
        };
        for amendment in desk.amendments(line.conversation, &of)? {
            if !counts(&amendment, line) {
                continue;
            }
            match (amendment.kind, &mut shown) {
                (AmendmentKind::Deletion, _) => {
                    let cause = DELETED.to_owned();
                    return Ok((RowKind::Gone { cause }, Beside::default()));
                }
                (AmendmentKind::Edit, RowKind::Text { text }) if !amendment.body.is_empty() => {
                    *text = amendment.body;
                    beside.edited_ms = Some(amendment.author_ms);
                }
                (AmendmentKind::Edit, _) => {}
                (AmendmentKind::Reaction, _) => self.react(&mut beside.reactions, &amendment),
            }
        }
        if let RowKind::Text { text } = &shown
            && line.account != self.account
        {
            beside.names_you = names(text, &self.people.name_of(&self.account));
        }
        if let Ok(Content {
            body: Body::Reply(reply),
            ..
        }) = Content::decode(&line.body)
        {
            beside.reply_to = Some(self.answered_view(desk, line.conversation, &reply.to)?);
        }
        Ok((shown, beside))
    }

    /// Amendments come in the order of the log: the last of an account replaces those before.
    fn react(&self, reactions: &mut Vec<ReactionView>, amendment: &Amendment) {
        let from = self.people.name_of(&amendment.content.account);
        let own = amendment.content.account == self.account;
        for reaction in reactions.iter_mut() {
            reaction.from.retain(|name| *name != from);
            reaction.own &= !own;
        }
        reactions.retain(|reaction| !reaction.from.is_empty());
        if amendment.body.is_empty() {
            return;
        }
        let same = |reaction: &&mut ReactionView| reaction.emoji == amendment.body;
        match reactions.iter_mut().find(same) {
            Some(there) => {
                there.from.push(from);
                there.own |= own;
            }
            None => reactions.push(ReactionView {
                emoji: amendment.body.clone(),
                from: vec![from],
                own,
            }),
        }
    }

    fn answered_view(
        &self,
        desk: &Desk<'_>,
        no: i64,
        to: &ContentRef,
    ) -> Result<ReplyView, StoreError> {
        let excerpt = match desk.line_of(no, to)? {
            Some(line) => self.reading_of(desk, &line)?.map(|(text, _)| text),
            None => None,
        };
        Ok(ReplyView {
            id: to.id.to_string(),
            from: self.people.name_of(&to.account),
            excerpt: excerpt.map(|text| excerpt_of(&text)),
        })
    }

    /// The text of a line as it reads now, and the edit that gave it, if one did.
    #[expect(clippy::unused_self, reason = "reads as its neighbours do")]
    pub(super) fn reading_of(
        &self,
        desk: &Desk<'_>,
        line: &Line,
    ) -> Result<Option<(String, Option<ContentId>)>, StoreError> {
        let RowKind::Text { mut text } = what(line) else {
            return Ok(None);
        };
        let Some(of) = reference(line) else {
            return Ok(Some((text, None)));
        };
        let mut edit = None;
        for amendment in desk.amendments(line.conversation, &of)? {
            match amendment.kind {
                _ if !counts(&amendment, line) => {}
                AmendmentKind::Deletion => return Ok(None),
                AmendmentKind::Edit if !amendment.body.is_empty() => {
                    text = amendment.body;
                    edit = Some(amendment.content.id);
                }
                AmendmentKind::Edit | AmendmentKind::Reaction => {}
            }
        }
        Ok(Some((text, edit)))
    }
}

/// The name of a line's content.
pub(super) fn reference(line: &Line) -> Option<ContentRef> {
    let account = line.account;
    line.content.map(|id| ContentRef { account, id })
}

/// Whether an amendment is about what stands in this line: what comes before it in the log is not.
pub(super) fn counts(amendment: &Amendment, line: &Line) -> bool {
    match (amendment.position, line.position) {
        (Some(amendment), Some(line)) => amendment > line,
        _ => true,
    }
}

fn excerpt_of(text: &str) -> String {
    let first = text.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap_or_default();
    let mut excerpt: String = first.chars().take(EXCERPT_CHARS).collect();
    if excerpt.len() < text.len() {
        excerpt.push('…');
    }
    excerpt
}

/// Whether a text holds `@name`, whatever the case.
pub(super) fn names(text: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.match_indices('@').any(|(at, _)| {
        let (before, after) = text.split_at(at);
        let after = after.trim_start_matches('@');
        let end = after.find(|c| !part_of_name(c)).unwrap_or(after.len());
        let named = after.get(..end).unwrap_or_default();
        // A dot at the end is the sentence's, unless it is the name's.
        let is_name = |named: &str| named.eq_ignore_ascii_case(name);
        !before.ends_with(part_of_name)
            && (is_name(named) || is_name(named.trim_end_matches(['.', '_', '-'])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_named_as_a_whole_and_behind_a_sign() {
        for text in [
            "@ada",
            "hello @ada.",
            "(@Ada)",
            "@bob, @ada: look",
            "@ada's",
        ] {
            assert!(names(text, "ada"), "{text}");
        }
        for text in ["ada", "@adam", "mail@ada", "@a", "@", "@ada.b", "@bob"] {
            assert!(!names(text, "ada"), "{text}");
        }
        assert!(names("see @a.b.", "a.b") && names("see @a.", "a.") && !names("@a.b", "a"));
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt_of("hello"), "hello");
        assert_eq!(excerpt_of("\n one\ntwo"), " one…");
        assert_eq!(excerpt_of(&"é".repeat(100)).chars().count(), 81);
        assert_eq!(excerpt_of(""), "");
    }
}

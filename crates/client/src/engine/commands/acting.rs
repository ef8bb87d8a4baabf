//! Replies, edits, deletions and reactions: from what a person names to a content.

use super::unknown;
use crate::command::{Act, Answer, Caller, Command, Failure, FailureKind};
use crate::engine::outbox::Wanted;
use crate::engine::rows::{LINE_CONTENT, LINE_GONE};
use crate::engine::shown::reference;
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use crate::store::{Line, StoreError};
use crate::view::{RowKind, SendState};
use subrosa_e2e::{Body, Content, Delete, Edit, REACTION_BYTES_MAX, Reaction, Reply};
use subrosa_proto::{ContentId, limits};

/// Fewer digits than this name nothing.
const DIGITS_MIN: usize = 4;

/// What an act comes to.
enum Intent {
    /// A content of its own in the timeline.
    Shown(Content),
    /// A content about the line, and the position that an admin takes away.
    About(Content, Option<u64>),
    /// What has not left yet is taken back without anybody hearing of it.
    Unsend(i64),
}

impl Engine {
    /// Commands about messages that are there, and about how they are told and kept.
    pub(super) fn talk_command(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        command: Command,
    ) -> Result<(), EngineError> {
        match command {
            Command::ActOn {
                conversation,
                id,
                act,
                wait,
                queue,
                within_ms,
                timer,
            } => {
                let at = (conversation.as_str(), id.as_str());
                let wanted = Wanted {
                    wait,
                    queue,
                    within_ms,
                    timer,
                };
                return self.act_on(turn, (call, caller), at, act, wanted);
            }
            Command::Receipts { conversation, id } => {
                let receipts = self.receipts_of(turn, &conversation, &id)?;
                turn.answer(call, receipts.map(Answer::Receipts));
            }
            Command::Typing {
                conversation,
                typing,
            } => self.type_in(turn, call, &conversation, typing)?,
            Command::SetTimer {
                conversation,
                timer,
            } => self.set_timer(turn, (call, caller), conversation, timer)?,
            _ => turn.answer(call, Err(Failure::defect("a command went astray"))),
        }
        Ok(())
    }

    pub(super) fn act_on(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        (conversation, id): (&str, &str),
        act: Act,
        wanted: Wanted,
    ) -> Result<(), EngineError> {
        let Some(no) = self.conversation_no(conversation) else {
            turn.answer(call, Err(unknown(conversation)));
            return Ok(());
        };
        if let Some(known) = turn.desk.draft_of(&caller.0)? {
            return self.answer_when_sent(turn, call, no, known.seq, wanted);
        }
        let refused = wanted.refused();
        if let Some(failure) = refused.or_else(|| self.may_not_send(no)) {
            turn.answer(call, Err(failure));
            return Ok(());
        }
        let intent = match self.find(turn, no, id)? {
            Ok(line) => self.intend(turn, &line, act)?.map(|intent| (line, intent)),
            Err(failure) => Err(failure),
        };
        let seq = match intent {
            Err(failure) => {
                turn.answer(call, Err(failure));
                return Ok(());
            }
            Ok((_, Intent::Shown(content))) => {
                self.enqueue_with(turn, no, &caller.0, &content, (true, wanted.timer))?
            }
            Ok((line, Intent::About(content, deletes))) => {
                self.delete_edit_first(turn, &caller.0, &line, &content)?;
                self.enqueue_about(turn, &caller.0, &line, &content, deletes)?
            }
            Ok((line, Intent::Unsend(seq))) => return self.unsend(turn, call, &line, seq),
        };
        self.answer_when_sent(turn, call, no, seq, wanted)
    }

    /// The message whose id begins like this.
    pub(super) fn find(
        &self,
        turn: &Turn<'_>,
        no: i64,
        digits: &str,
    ) -> Result<Result<Line, Failure>, StoreError> {
        let Some((low, high)) = range(digits) else {
            return Ok(Err(Failure::user(format!(
                "{digits} is no id of a message: that is {DIGITS_MIN} to 32 digits out of 0-9 and a-f, as `subrosa read --ids` shows them"
            ))));
        };
        let mut lines = turn.desk.lines_between(no, (&low, &high), 2)?;
        let name = self.talks.get(&no).map_or("", |talk| &talk.name);
        Ok(match (lines.pop(), lines.pop()) {
            (Some(line), None) => Ok(line),
            (None, _) => Err(Failure::user(format!(
                "no message in {name} has an id that begins with {digits}; `subrosa read {name} --ids` shows them"
            ))),
            (Some(_), Some(_)) => Err(Failure::user(format!(
                "several messages in {name} have ids that begin with {digits}; write more of it, as `subrosa read {name} --json` shows it"
            ))),
        })
    }

    fn intend(
        &self,
        turn: &mut Turn<'_>,
        line: &Line,
        act: Act,
    ) -> Result<Result<Intent, Failure>, EngineError> {
        let (shown, _) = self.shown(turn.desk, line)?;
        if line.kind == LINE_GONE || matches!(shown, RowKind::Gone { .. }) {
            return Ok(Err(Failure::user(
                "that message is gone: nothing can be done about it any more",
            )));
        }
        let Some(of) = reference(line) else {
            return Ok(Err(Failure::defect("a message without a name was found")));
        };
        let body: Body = match act {
            Act::Reply { text } => match check_text(&text) {
                Err(failure) => return Ok(Err(failure)),
                Ok(()) => Reply { to: of, text }.into(),
            },
            Act::React { emoji } => match check_emoji(&emoji) {
                Err(failure) => return Ok(Err(failure)),
                Ok(()) => Reaction { to: of, emoji }.into(),
            },
            Act::Edit { text } => {
                let has_text = line.kind == LINE_CONTENT && matches!(shown, RowKind::Text { .. });
                match check_text(&text) {
                    Err(failure) => return Ok(Err(failure)),
                    Ok(()) if of.account != self.account => {
                        return Ok(Err(self.not_yours(line, "edit")));
                    }
                    Ok(()) if !has_text => {
                        return Ok(Err(Failure::user("that message has no text to edit")));
                    }
                    Ok(()) => Edit { of: of.id, text }.into(),
                }
            }
            Act::Delete {} => return self.intend_delete(turn, line),
        };
        let content = Content::new(body, turn.now_ms, &mut turn.rng);
        Ok(Ok(if content.amends() {
            Intent::About(content, None)
        } else {
            Intent::Shown(content)
        }))
    }

    fn intend_delete(
        &self,
        turn: &mut Turn<'_>,
        line: &Line,
    ) -> Result<Result<Intent, Failure>, EngineError> {
        let Some(id) = line.content else {
            return Ok(Err(Failure::defect("a message without a name was found")));
        };
        if line.account == self.account {
            if let Some(seq) = turn.desk.open_draft(line.conversation, &id)?
                && turn
                    .desk
                    .waiting(seq)?
                    .is_some_and(|waiting| waiting.sealed.is_none())
            {
                return Ok(Ok(Intent::Unsend(seq)));
            }
            let content = Content::new(Delete { of: id }, turn.now_ms, &mut turn.rng);
            return Ok(Ok(Intent::About(content, None)));
        }
        let talk = self.talks.get(&line.conversation);
        let may = talk.is_some_and(|talk| talk.state.may_delete(&self.account, &line.account));
        let Some(position) = line.position.filter(|_| may) else {
            return Ok(Err(self.not_yours(line, "delete")));
        };
        // Its id is its author's affair: what stands at the position is taken away, by the header.
        let nothing = Delete {
            of: ContentId([0; 16]),
        };
        let content = Content::new(nothing, turn.now_ms, &mut turn.rng);
        Ok(Ok(Intent::About(content, Some(position))))
    }

    fn not_yours(&self, line: &Line, what: &str) -> Failure {
        Failure {
            kind: FailureKind::NotPermitted,
            sentence: format!(
                "that message is {}'s: you can {what} your own only",
                self.people.name_of(&line.account)
            ),
        }
    }

    /// The text of an edited message stands in its newest edit too: that is deleted with it.
    fn delete_edit_first(
        &mut self,
        turn: &mut Turn<'_>,
        caller: &str,
        line: &Line,
        content: &Content,
    ) -> Result<(), EngineError> {
        let Body::Delete(delete) = &content.body else {
            return Ok(());
        };
        let edit = self.own_edit(turn.desk, line.conversation, delete.of)?;
        if let Some(edit) = edit {
            let of = edit.content.id;
            let content = Content::new(Delete { of }, turn.now_ms, &mut turn.rng);
            self.enqueue_about(turn, &format!("{caller}/edit"), line, &content, None)?;
        }
        Ok(())
    }

    /// A message that has not left is taken out of the outbox, with all that waits about it.
    fn unsend(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        line: &Line,
        seq: i64,
    ) -> Result<(), EngineError> {
        let told = Failure::user("the message was deleted before it was sent");
        for about in turn.desk.drafts_about(line.cursor)? {
            self.withdraw(turn, about, &told)?;
        }
        if let Some(talk) = self.talks.get(&line.conversation) {
            turn.desk
                .erase_line(line.cursor, LINE_GONE, "deleted before it was sent")?;
            self.tell_changed(turn, talk, line.cursor)?;
        }
        self.withdraw(turn, seq, &told)?;
        let id = line.content.map(|id| id.to_string()).unwrap_or_default();
        let talk = self.talks.get(&line.conversation);
        turn.answer(
            call,
            Ok(Answer::Sent {
                id,
                conversation: talk.map(|talk| talk.name.clone()).unwrap_or_default(),
                state: SendState::Sent,
                waits_for: None,
            }),
        );
        Ok(())
    }
}

/// The ids that begin with these digits.
fn range(digits: &str) -> Option<(ContentId, ContentId)> {
    let fits = (DIGITS_MIN..=2 * ContentId::LEN).contains(&digits.len());
    if !fits || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let filled = |with: char| {
        let missing = 2 * ContentId::LEN - digits.len();
        let text: String = digits
            .chars()
            .chain(std::iter::repeat_n(with, missing))
            .collect();
        ContentId::from_hex(&text)
    };
    Some((filled('0')?, filled('f')?))
}

pub(super) fn check_text(text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::user("there is nothing to send: the text is empty"));
    }
    if text.len() > limits::TEXT_BYTES_MAX {
        return Err(Failure::user(format!(
            "the text has {} bytes, a message holds {}; shorten it",
            text.len(),
            limits::TEXT_BYTES_MAX
        )));
    }
    Ok(())
}

fn check_emoji(emoji: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_control() || c.is_whitespace();
    if emoji.len() > REACTION_BYTES_MAX || emoji.contains(plain) {
        return Err(Failure::user(format!(
            "a reaction is one emoji, of {REACTION_BYTES_MAX} bytes at most and without spaces"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_named_by_their_beginning() {
        let (low, high) = range("00fF1").unwrap();
        assert!(low.to_string().starts_with("00ff10000") && low.to_string().ends_with('0'));
        assert!(high.to_string().starts_with("00ff1fff") && high.to_string().ends_with('f'));
        let whole = "0123456789abcdef0123456789abcdef";
        let (low, high) = range(whole).unwrap();
        assert_eq!((low.to_string().as_str(), low), (whole, high));
        for wrong in ["", "123", "12g4", "#1234", &format!("{whole}0"), "ééé"] {
            assert!(range(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_reaction_is_an_emoji() {
        for right in ["👍", "❤️", "👩‍👩‍👧‍👦", ""] {
            assert!(check_emoji(right).is_ok(), "{right}");
        }
        for wrong in ["two words", "\u{1b}[2J", &"👍".repeat(17)] {
            assert!(check_emoji(wrong).is_err(), "{wrong}");
        }
    }
}

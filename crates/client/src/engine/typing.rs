//! Who types: said and heard while it lasts, and never stored (docs/spec/e2e.md §7.2).

use super::link::Asked;
use super::lookup::Lookup;
use super::receipts::few_enough;
use super::talk::Talk;
use super::turn::{CallId, Turn};
use super::{Engine, EngineError};
use crate::command::{Answer, Failure};
use crate::view::Notice;
use std::collections::HashMap;
use subrosa_e2e::{Keyring, ReadTyping, read_typing};
use subrosa_proto::{AccountId, ConvId, DeviceId, Form, Request, Signed, limits};

/// Devices of which the last sign is remembered; with more, the oldest memory goes.
const REMEMBERED_MAX: usize = 1_024;

/// Who types, and what of it was told.
#[derive(Default)]
pub(super) struct Typing {
    /// When this device last said what, by conversation.
    told: HashMap<i64, (u64, bool)>,
    /// Until when others type.
    heard: HashMap<(i64, AccountId), u64>,
    /// The time of each device's last sign: an older one is a repetition.
    last: HashMap<(i64, DeviceId), u64>,
}

impl Engine {
    /// The person types, or has stopped.
    pub(super) fn type_in(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: &str,
        typing: bool,
    ) -> Result<(), EngineError> {
        let Some(no) = self.conversation_no(conversation) else {
            let sentence = format!("there is no conversation {conversation} here");
            turn.answer(call, Err(Failure::user(sentence)));
            return Ok(());
        };
        turn.answer(call, Ok(Answer::Done {}));
        let said = self.typing.told.get(&no).copied();
        let due = said.is_none_or(|(at, what)| {
            what != typing || at.abs_diff(turn.now_ms) >= limits::TYPING_EVERY_MS
        });
        let Some(talk) = self
            .talks
            .get(&no)
            .filter(|talk| due && self.tells_typing(talk))
        else {
            return Ok(());
        };
        let conv = talk.id();
        let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
        let session = lookup.newest_session(&conv);
        lookup.finish()?;
        let Some(session) = session else {
            return Ok(());
        };
        // Later than the last, whatever the clock does.
        let at_ms = said.map_or(turn.now_ms, |(at, _)| turn.now_ms.max(at.saturating_add(1)));
        let signed = self
            .machine
            .write_typing(conv, &session, at_ms, typing, &mut turn.rng);
        if let Some(register) = signed {
            self.ask(turn, Request::Typing { conv, register }, Asked::Nothing);
        }
        self.typing.told.insert(no, (at_ms, typing));
        Ok(())
    }

    /// To accepted contacts only, and not where there are many.
    fn tells_typing(&self, talk: &Talk) -> bool {
        self.settings.read_receipts()
            && self.link.online()
            && talk.state.form() != Form::Own
            && !talk.waits_for_own(&self.account)
            && !self.silenced(talk)
            && few_enough(&talk.state)
    }

    /// A message of this device is as good as a sign that its person has stopped.
    pub(super) fn typed(&mut self, no: i64) {
        if let Some((_, typing)) = self.typing.told.get_mut(&no) {
            *typing = false;
        }
    }

    /// Another device says that its person types, or has stopped.
    pub(super) fn typing_heard(
        &mut self,
        turn: &mut Turn<'_>,
        conv: &ConvId,
        signed: &Signed,
    ) -> Result<(), EngineError> {
        let talk = self.numbers.get(conv).and_then(|no| self.talks.get(no));
        let Some(talk) = talk.filter(|talk| self.tells_typing(talk)) else {
            return Ok(());
        };
        let no = talk.no;
        let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
        let read = read_typing(signed, &talk.state, &lookup, &lookup);
        lookup.finish()?;
        let ReadTyping {
            account,
            device,
            at_ms,
            typing,
        } = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::info!(%error, "a sign of typing was left out");
                return Ok(());
            }
        };
        let before = self.typing.last.get(&(no, device)).copied();
        let repeated = before.is_some_and(|before| at_ms <= before);
        if account == self.account
            || repeated
            || at_ms.abs_diff(turn.now_ms) > limits::CLOCK_SKEW_MS
        {
            return Ok(());
        }
        if self.typing.last.len() >= REMEMBERED_MAX {
            // Whatever is forgotten here is too old by the clock soon after.
            let oldest = self.typing.last.iter().min_by_key(|(_, at)| **at);
            if let Some(key) = oldest.map(|(key, _)| *key) {
                self.typing.last.remove(&key);
            }
        }
        self.typing.last.insert((no, device), at_ms);
        if typing {
            let until_ms = turn.now_ms.saturating_add(limits::TYPING_MS);
            turn.wake(until_ms);
            if self.typing.heard.insert((no, account), until_ms).is_some() {
                return Ok(());
            }
        } else if self.typing.heard.remove(&(no, account)).is_none() {
            return Ok(());
        }
        if let Some(talk) = self.talks.get(&no) {
            self.tell_typing(turn, talk, &account, typing);
        }
        Ok(())
    }

    /// Somebody does not type any more: their message is here.
    pub(super) fn stopped_typing(&mut self, turn: &mut Turn<'_>, talk: &Talk, account: &AccountId) {
        if self.typing.heard.remove(&(talk.no, *account)).is_some() {
            self.tell_typing(turn, talk, account, false);
        }
    }

    /// Signs end by themselves.
    pub(super) fn end_typing(&mut self, turn: &mut Turn<'_>) {
        let now_ms = turn.now_ms;
        let over: Vec<_> = self
            .typing
            .heard
            .extract_if(|_, until_ms| *until_ms <= now_ms)
            .map(|(who, _)| who)
            .collect();
        for (no, account) in over {
            if let Some(talk) = self.talks.get(&no) {
                self.tell_typing(turn, talk, &account, false);
            }
        }
        if let Some(next) = self.typing.heard.values().min() {
            turn.wake(*next);
        }
    }

    fn tell_typing(&self, turn: &mut Turn<'_>, talk: &Talk, account: &AccountId, typing: bool) {
        let notice = Notice::Typing {
            conversation: talk.name.clone(),
            conv: talk.id().to_string(),
            from: self.people.name_of(account),
            typing,
        };
        self.tell(turn, talk.no, &notice);
    }
}

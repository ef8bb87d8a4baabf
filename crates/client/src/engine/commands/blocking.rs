//! People blocked, conversations muted, settings (docs/spec/e2e.md §12.4).

use super::unknown;
use crate::command::{Answer, Failure};
use crate::engine::settings::{READ_RECEIPTS, block_key, mute_key};
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use crate::trust_view::SettingView;
use bytes::Bytes;

/// The value of a setting that is either there or not.
const SET: Bytes = Bytes::from_static(&[1]);
/// The value of one that is on by itself and was switched off.
const OFF: Bytes = Bytes::from_static(&[0]);

impl Engine {
    pub(super) fn block(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        contact: &str,
        blocked: bool,
    ) -> Result<(), EngineError> {
        let Some(id) = self.people.meant(contact).filter(|id| *id != self.account) else {
            let sentence = format!(
                "there is nobody called {contact} here; `subrosa trust` lists those that are known"
            );
            turn.answer(call, Err(Failure::user(sentence)));
            return Ok(());
        };
        if self.settings.blocked(&id) != blocked {
            let value = if blocked { SET } else { Bytes::new() };
            self.wish_value(turn, block_key(&id), value)?;
        }
        turn.answer(call, Ok(Answer::Done {}));
        Ok(())
    }

    pub(super) fn mute(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        conversation: &str,
        muted: bool,
    ) -> Result<(), EngineError> {
        let talk = self
            .conversation_no(conversation)
            .and_then(|no| self.talks.get(&no));
        let Some(conv) = talk.map(|talk| talk.id()) else {
            turn.answer(call, Err(unknown(conversation)));
            return Ok(());
        };
        if self.settings.muted(&conv) != muted {
            let value = if muted { SET } else { Bytes::new() };
            self.wish_value(turn, mute_key(&conv), value)?;
        }
        turn.answer(call, Ok(Answer::Done {}));
        Ok(())
    }

    pub(super) fn settings_views(&self) -> Vec<SettingView> {
        let on = |on: bool| if on { "on" } else { "off" }.to_owned();
        vec![SettingView {
            name: READ_RECEIPTS.to_owned(),
            value: on(self.settings.read_receipts()),
            values: vec!["on".to_owned(), "off".to_owned()],
            about: "tell people you write with what you have read".to_owned(),
        }]
    }

    pub(super) fn set(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        name: &str,
        value: &str,
    ) -> Result<(), EngineError> {
        let wished = match (name, value) {
            (READ_RECEIPTS, "on") => Bytes::new(),
            (READ_RECEIPTS, "off") => OFF,
            (READ_RECEIPTS, other) => {
                let sentence = format!("{name} is on or off, not {other}");
                turn.answer(call, Err(Failure::user(sentence)));
                return Ok(());
            }
            (other, _) => {
                let sentence =
                    format!("there is no setting {other}; `subrosa settings` lists them");
                turn.answer(call, Err(Failure::user(sentence)));
                return Ok(());
            }
        };
        self.wish_value(turn, name.to_owned(), wished)?;
        let views = self.settings_views();
        turn.answer(call, Ok(Answer::Settings(views)));
        Ok(())
    }
}

//! The account's devices, as faces ask about them.

use super::Waiting;
use crate::command::{Answer, Caller, Command, Failure};
use crate::engine::link::Asked;
use crate::engine::outbox::Wanted;
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use crate::view::LinkState;
use subrosa_e2e::{Content, DEVICE_LABEL_BYTES_MAX, DeviceNote};
use subrosa_proto::{Form, Request, Response};

impl Engine {
    pub(super) fn about_devices(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        command: Command,
    ) -> Result<(), EngineError> {
        let tells = matches!(
            command,
            Command::RenameDevice { .. } | Command::TellPasswordChanged { .. }
        );
        // A new device has asked for its conversations and may not have them yet.
        if tells && self.own_conversation().is_none() && !self.is_fresh() {
            self.again(turn, (call, caller), command);
            return Ok(());
        }
        match command {
            Command::RenameDevice { label } => self.rename_device(turn, (call, caller), label),
            Command::TellPasswordChanged { code } => {
                self.tell_password_changed(turn, (call, caller), code)
            }
            Command::Logout { discard } => self.log_out(turn, call, discard),
            _ => {
                self.devices(turn, call);
                Ok(())
            }
        }
    }

    /// Lists the devices: as the server has them now, else as this home knows them.
    pub(in crate::engine) fn devices(&mut self, turn: &mut Turn<'_>, call: CallId) {
        match self.link.state {
            LinkState::Online => {
                let own = self.people.account(&self.account);
                let from = own.map_or(0, |own| own.statements().len() as u64);
                self.ask(
                    turn,
                    Request::OwnChain { from },
                    Asked::Devices { call, from },
                );
            }
            LinkState::Connecting => self.waiting.push(Waiting::Devices { call }),
            LinkState::Offline { .. } | LinkState::Refused { .. } => {
                turn.answer(call, Ok(Answer::Devices(self.device_views())));
                self.try_now(turn);
            }
        }
    }

    pub(in crate::engine) fn devices_came(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        from: u64,
        response: Response,
    ) -> Result<(), EngineError> {
        if let Response::Chain { statements } = response
            && !statements.is_empty()
        {
            self.own_chain_came(turn, from, &statements)?;
        }
        turn.answer(call, Ok(Answer::Devices(self.device_views())));
        Ok(())
    }

    fn rename_device(
        &mut self,
        turn: &mut Turn<'_>,
        caller: (CallId, &Caller),
        label: String,
    ) -> Result<(), EngineError> {
        let label = label.trim().to_owned();
        let wrong = if label.is_empty() {
            Some("a device needs a name: one character at least".to_owned())
        } else if label.len() > DEVICE_LABEL_BYTES_MAX {
            Some(format!(
                "the name of a device has at most {DEVICE_LABEL_BYTES_MAX} bytes: choose a shorter one"
            ))
        } else if label.chars().any(char::is_control) {
            Some("the name of a device holds no control characters: choose another".to_owned())
        } else {
            None
        };
        if let Some(sentence) = wrong {
            turn.answer(caller.0, Err(Failure::user(sentence)));
            return Ok(());
        }
        let what = DeviceNote::LABEL;
        self.tell_devices(turn, caller, DeviceNote { what, text: label })
    }

    fn tell_password_changed(
        &mut self,
        turn: &mut Turn<'_>,
        caller: (CallId, &Caller),
        code: bool,
    ) -> Result<(), EngineError> {
        let what = if code {
            DeviceNote::BOTH
        } else {
            DeviceNote::PASSWORD
        };
        let text = String::new();
        self.tell_devices(turn, caller, DeviceNote { what, text })
    }

    fn own_conversation(&self) -> Option<i64> {
        let mut talks = self.talks.values();
        let own = talks.find(|talk| talk.state.form() == Form::Own)?;
        Some(own.no)
    }

    /// Says something to the account's devices, in the conversation that only they read.
    fn tell_devices(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        note: DeviceNote,
    ) -> Result<(), EngineError> {
        if let Some(over) = self.over() {
            turn.answer(call, Err(over));
            return Ok(());
        }
        let Some(no) = self.own_conversation() else {
            let sentence = "this home has not fetched its conversations yet: try again when the server is in reach";
            turn.answer(call, Err(Failure::network(sentence)));
            return Ok(());
        };
        let content = Content::new(note, turn.now_ms, &mut turn.rng);
        let seq = self.enqueue(turn, no, &caller.0, &content, false)?;
        self.answer_when_sent(turn, call, no, seq, Wanted::default())
    }
}

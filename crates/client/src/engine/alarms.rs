//! What the person has to know once, whether or not a face is open just now.
//!
//! An alarm is a notice, and a line in the conversation with oneself, where it is found later.

use super::rows::LINE_INFO;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::store::Entry;
use crate::view::Notice;
use subrosa_proto::Form;

/// Something to be told.
pub(super) struct Alarm {
    /// Tells it from others: what was told once is not told again.
    what: String,
    sentence: String,
}

impl Engine {
    /// Tells the person something, once in the life of this home. `what` names it.
    pub(super) fn alarm(&mut self, what: String, sentence: String) {
        self.alarms.push(Alarm { what, sentence });
    }

    /// Tells what this turn has brought up.
    pub(super) fn sound_alarms(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for Alarm { what, sentence } in std::mem::take(&mut self.alarms) {
            let own = self
                .talks
                .values()
                .find(|talk| talk.state.form() == Form::Own);
            if own.is_none() && self.subscribers.is_empty() {
                // Nobody would see it: it is told when it comes up again.
                continue;
            }
            if !turn.desk.tell_once(&what)? {
                continue;
            }
            tracing::warn!(what, "an alarm");
            if let Some(own) = own {
                turn.desk.add_line(&Entry {
                    conversation: own.no,
                    position: Some(own.state.head().0),
                    account: self.account,
                    content: None,
                    author_ms: turn.now_ms,
                    arrived_ms: None,
                    kind: LINE_INFO,
                    body: sentence.as_bytes(),
                    state: None,
                })?;
            }
            self.tell_all(turn, &Notice::Warning { sentence });
        }
        Ok(())
    }
}

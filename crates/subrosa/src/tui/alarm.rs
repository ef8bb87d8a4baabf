//! What must not be overlooked: a key that changed, a name that the server shows twice.

use super::app::App;
use super::event::Ask;
use subrosa_client::{About, Command, TrustView};

/// Something wrong with somebody's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Who, as people name them here.
    pub name: String,
    pub problem: String,
    pub fix: String,
    /// The person has said that they have seen it; it stays above the conversation.
    pub seen: bool,
    /// Which of two accounts the name means has to be decided.
    pub doubt: bool,
}

impl App {
    /// Asks what is known of everybody's keys.
    pub(super) fn ask_keys(&mut self) {
        let ask = About::Trust { contact: None };
        self.ask(Ask::Keys, Command::About { ask });
    }

    /// Takes in what is known of keys.
    pub(super) fn alarm(&mut self, keys: &[TrustView]) {
        let known = std::mem::take(&mut self.alarms);
        for view in keys {
            let Some(problem) = &view.problem else {
                continue;
            };
            let name = view.name.split('~').next().unwrap_or_default().to_owned();
            if self.alarms.iter().any(|alarm| alarm.name == name) {
                continue;
            }
            let fix = view.fix.clone().unwrap_or_default();
            let mut alarm = Alarm {
                name,
                problem: problem.clone(),
                doubt: fix.contains("--accept-new"),
                fix,
                seen: false,
            };
            alarm.seen = known
                .iter()
                .any(|old| old.name == alarm.name && old.problem == alarm.problem && old.seen);
            self.alarms.push(alarm);
        }
    }

    /// The one that covers the screen until it is answered.
    pub fn ringing(&self) -> Option<&Alarm> {
        self.alarms.iter().find(|alarm| !alarm.seen)
    }

    /// The one about the open conversation.
    pub fn about_open(&self) -> Option<&Alarm> {
        let open = self.open.as_ref()?.name.strip_prefix('@')?;
        self.alarms.iter().find(|alarm| alarm.name == open)
    }

    /// Whether something is wrong with somebody.
    pub fn is_alarming(&self, talk: &str) -> bool {
        self.alarms
            .iter()
            .any(|alarm| talk.strip_prefix('@') == Some(&alarm.name))
    }

    /// The person has seen it.
    pub(super) fn hush(&mut self) {
        if let Some(alarm) = self.alarms.iter_mut().find(|alarm| !alarm.seen) {
            alarm.seen = true;
        }
    }
}

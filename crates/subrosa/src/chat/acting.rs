//! What is said about messages on the screen: `/reply`, `/edit`, `/react`, `/delete`.

use super::Chat;
use super::typed::What;
use crate::seat::unexpected;
use subrosa_client::{Act, Answer, Command, Failure, Row, RowKind, Wait};

/// Messages that can be counted back to.
const RECENT_MAX: usize = 200;
/// Shorter than this it is a count, longer it is an id.
const COUNT_DIGITS_MAX: usize = 3;

/// A message that was shown.
#[derive(Debug)]
pub struct Recent {
    id: String,
    conversation: String,
    own: bool,
}

impl Chat<'_> {
    /// Keeps in mind what was shown.
    pub(super) fn remember(&mut self, row: &Row) {
        if row.id.is_empty() || !matches!(row.what, RowKind::Text { .. }) {
            return;
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent {
            id: row.id.clone(),
            conversation: row.conversation.clone(),
            own: row.own,
        });
    }

    /// Keeps in mind that something was taken back: it does not count any more.
    pub(super) fn forget(&mut self, id: &str) {
        self.recent.retain(|recent| recent.id != id);
    }

    pub(super) async fn act(&mut self, what: What, which: &str, words: &str) -> anyhow::Result<()> {
        let Some(conversation) = self.current.clone() else {
            self.refuse(&Failure::user(
                "nobody is here yet: there is nothing to speak about",
            ));
            return Ok(());
        };
        let Some(id) = self.pick(what, which) else {
            let whose = if what.is_about_own() {
                "you have"
            } else {
                "the others have"
            };
            let sentence = format!(
                "{whose} no such message here: 1 is the last, 2 the one before; `subrosa read --ids` shows ids"
            );
            self.refuse(&Failure::user(sentence));
            return Ok(());
        };
        let text = words.to_owned();
        let act = match what {
            What::Reply => Act::Reply { text },
            What::Edit => Act::Edit { text },
            What::Delete => Act::Delete {},
            What::React | What::Unreact => Act::React { emoji: text },
        };
        let (replies, deletes) = (what == What::Reply, what == What::Delete);
        let command = Command::ActOn {
            conversation,
            id,
            act,
            wait: Wait::Queued,
            queue: true,
            within_ms: None,
            timer: None,
        };
        match self.client.call(command).await {
            Ok(Answer::Sent { id, .. }) => {
                if replies {
                    self.typed.insert(id);
                } else if deletes {
                    self.forget(&id);
                }
            }
            Ok(other) => return Err(unexpected(&other).into()),
            Err(failure) => self.refuse(&failure),
        }
        Ok(())
    }

    /// The message that is meant: counted back among one's own, or those of others, or by its id.
    fn pick(&self, what: What, which: &str) -> Option<String> {
        if which.len() > COUNT_DIGITS_MAX {
            return Some(which.to_owned());
        }
        let back = which.parse::<usize>().ok()?.checked_sub(1)?;
        let mut those = self.recent.iter().rev().filter(|recent| {
            recent.own == what.is_about_own() && Some(&recent.conversation) == self.current.as_ref()
        });
        those.nth(back).map(|recent| recent.id.clone())
    }
}

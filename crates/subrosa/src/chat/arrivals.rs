//! What arrives while a chat is open.

use super::Chat;
use crate::row::{Look, words};
use subrosa_client::{Failure, LinkState, Notice, Row, RowKind, SendState};

impl Chat<'_> {
    pub(super) async fn noticed(&mut self, notice: Notice) -> anyhow::Result<()> {
        if let Notice::Row(row) = &notice {
            if self.newest.is_some_and(|newest| row.cursor <= newest) {
                return Ok(());
            }
            self.newest = Some(row.cursor);
            self.remember(row);
            self.typers.remove(&row.from);
        }
        if self.output.json {
            self.output.object(&notice)?;
        }
        match notice {
            Notice::Row(row) => self.row(&row).await,
            Notice::Changed(row) => self.changed(&row),
            Notice::Typing {
                conversation,
                from,
                typing,
                ..
            } => {
                self.types(&conversation, from, typing);
                Ok(())
            }
            Notice::Joined(talk) => self.joined(&talk).await,
            Notice::Link(state) => self.link(state),
            Notice::Unread { .. } => Ok(()),
            Notice::Checked { conversation } => {
                self.output
                    .talk(&format!("the history of {conversation} is checked"));
                Ok(())
            }
            Notice::State { id, state, .. } => self.state(&id, state),
            Notice::Warning { sentence } => {
                self.output.talk(&sentence);
                Ok(())
            }
        }
    }

    async fn row(&mut self, row: &Row) -> anyhow::Result<()> {
        if self.output.json || self.typed.contains(&row.id) {
            return Ok(());
        }
        match &row.what {
            RowKind::Info { text } => self.output.talk(text),
            _ if self.seen => {
                self.output.line(&self.look.line(row))?;
                if !row.own {
                    self.mark_read(&row.conversation, row.cursor).await?;
                }
            }
            // A pipe gets what others write; it knows itself what went in.
            _ if !row.own => self.output.line(&Look::arrival(row))?,
            _ => {}
        }
        Ok(())
    }

    /// That the partner types is said once before each of their messages, and at a terminal only.
    fn types(&mut self, conversation: &str, from: String, typing: bool) {
        let here = self.current.as_deref() == Some(conversation);
        if typing && self.seen && here && !self.typers.contains(&from) {
            self.output.talk(&format!("{from} is typing"));
            self.typers.insert(from);
        }
    }

    /// At a terminal a row that others changed is shown once more. What has disappeared is not: that
    /// was to be expected.
    fn changed(&mut self, row: &Row) -> anyhow::Result<()> {
        if matches!(row.what, RowKind::Gone { .. }) {
            self.forget(&row.id);
        }
        let expected = row.beside.expires_ms.is_some() && matches!(row.what, RowKind::Gone { .. });
        let by_others = !row.own || !row.beside.reactions.iter().all(|reaction| reaction.own);
        if self.seen && by_others && !expected {
            self.output.line(&format!("~ {}", self.look.line(row)))?;
        }
        Ok(())
    }

    /// At a terminal the arrival of what was typed last is said once.
    fn state(&mut self, id: &str, state: SendState) -> anyhow::Result<()> {
        let arrived = state >= SendState::Delivered && self.typed.remove(id);
        if arrived && self.seen && self.typed.is_empty() {
            self.output.talk(&format!("  {}", words(state)));
        }
        Ok(())
    }

    fn link(&mut self, state: LinkState) -> anyhow::Result<()> {
        match state {
            LinkState::Online if self.offline => {
                self.offline = false;
                self.output.talk("the server is in reach again");
            }
            LinkState::Offline { cause, .. } if !self.offline => {
                self.offline = true;
                self.output.talk(&format!(
                    "{cause}; what you write waits here and leaves by itself"
                ));
            }
            LinkState::Refused { cause } => return Err(Failure::network(cause).into()),
            _ => {}
        }
        Ok(())
    }
}

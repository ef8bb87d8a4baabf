//! To whom lines go: whoever was named, wrote last, or joins first.

use super::{Chat, ROWS_SHOWN};
use crate::seat::{conversations, unexpected};
use crate::unread;
use subrosa_client::{Answer, Command, ConversationView, Failure, Trust};

impl Chat<'_> {
    /// Finds the partner and shows what was said last.
    pub(super) async fn begin(&mut self) -> anyhow::Result<()> {
        let talks = self.talks().await?;
        self.current = match self.current.take() {
            Some(named) => Some(full_name(&talks, &named)),
            None => {
                let open = talks.iter().filter(|talk| is_open(talk));
                open.max_by_key(|talk| talk.last.as_ref().map_or(0, |row| row.cursor))
                    .map(|talk| talk.name.clone())
            }
        };
        for talk in talks.iter().filter(|talk| !is_open(talk)) {
            self.tell_request(talk);
        }
        let others = talks
            .iter()
            .filter(|talk| is_open(talk) && Some(&talk.name) != self.current.as_ref());
        let others: Vec<_> = others.map(unread::named).collect();
        if !others.is_empty() {
            self.output
                .talk(&format!("also here: {}", others.join(", ")));
        }
        let Some(current) = self.current.clone() else {
            return Ok(());
        };
        if self.seen && talks.iter().any(|talk| talk.name == current) {
            self.show_history(&current).await?;
        }
        self.output.talk(&format!(
            "you write to {current}; /help lists what else you can do"
        ));
        Ok(())
    }

    async fn show_history(&mut self, conversation: &str) -> anyhow::Result<()> {
        let read = Command::Read {
            conversation: Some(conversation.to_owned()),
            before: None,
            since: None,
            limit: ROWS_SHOWN,
            fresh: false,
        };
        let rows = match self.client.call(read).await? {
            Answer::Rows(rows) => rows,
            other => return Err(unexpected(&other).into()),
        };
        for row in &rows {
            self.output.line(&self.look.line(row))?;
            self.remember(row);
            self.newest = self.newest.max(Some(row.cursor));
        }
        if let Some(last) = rows.last() {
            self.mark_read(conversation, last.cursor).await?;
        }
        Ok(())
    }

    pub(super) async fn mark_read(&self, conversation: &str, cursor: u64) -> anyhow::Result<()> {
        let mark = Command::MarkRead {
            conversation: conversation.to_owned(),
            cursor,
        };
        if let Err(failure) = self.client.call(mark).await {
            self.output.talk(&failure.sentence);
        }
        Ok(())
    }

    /// All conversations but the one with oneself.
    pub(super) async fn talks(&self) -> anyhow::Result<Vec<ConversationView>> {
        let mut talks = conversations(self.client).await?;
        talks.retain(|talk| !self.is_own(talk) && !talk.blocked);
        Ok(talks)
    }

    fn is_own(&self, talk: &ConversationView) -> bool {
        talk.name.strip_prefix('@') == Some(&self.own)
    }

    /// A conversation is here that was not before.
    pub(super) async fn joined(&mut self, talk: &ConversationView) -> anyhow::Result<()> {
        if self.is_own(talk) {
            return Ok(());
        }
        if !is_open(talk) {
            self.tell_request(talk);
            return Ok(());
        }
        if self.current.is_none() {
            self.current = Some(talk.name.clone());
            self.output
                .talk(&format!("{} is here: you write to {0} now", talk.name));
            return self.say_held(&talk.name).await;
        }
        self.output.talk(&format!(
            "{} is here too: /to {} to write to them",
            talk.name,
            talk.name.trim_start_matches('@')
        ));
        Ok(())
    }

    /// Lines typed while there was nobody go out, in their order.
    async fn say_held(&mut self, to: &str) -> anyhow::Result<()> {
        for text in std::mem::take(&mut self.held) {
            self.send(to, &text).await?;
        }
        Ok(())
    }

    fn tell_request(&self, talk: &ConversationView) {
        let name = talk.name.trim_start_matches('@');
        if name.starts_with('#') {
            self.output.talk(&format!(
                "you were asked into the room {name}: /accept {name} joins it"
            ));
            return;
        }
        self.output.talk(&format!(
            "a conversation with {name} waits to be accepted: /accept {name} lets them write to you"
        ));
    }

    pub(super) async fn turn_to(&mut self, name: &str) -> anyhow::Result<()> {
        let talks = self.talks().await?;
        let name = full_name(&talks, name);
        if talks.iter().any(|talk| talk.name == name) {
            self.output.talk(&format!("you write to {name} now"));
        } else {
            self.output.talk(&format!(
                "there is no conversation with {name} yet: your first line asks them for one"
            ));
        }
        self.current = Some(name.clone());
        self.say_held(&name).await
    }

    pub(super) async fn accept(&mut self, name: &str) -> anyhow::Result<()> {
        let talks = self.talks().await?;
        let name = full_name(&talks, name);
        match self
            .client
            .call(Command::Accept {
                conversation: name.clone(),
            })
            .await
        {
            Ok(_) => self.turn_to(&name).await,
            Err(failure) => {
                self.refuse(&failure);
                Ok(())
            }
        }
    }

    pub(super) async fn people(&mut self) -> anyhow::Result<()> {
        let talks = self.talks().await?;
        if talks.is_empty() {
            self.refuse(&Failure::user(
                "there is nobody yet: /invite prints a join line",
            ));
        }
        for talk in talks {
            let state = match (talk.pending, talk.trust) {
                (true, Trust::Unverified) => ", waits to be accepted",
                (_, Trust::Unverified) => ", not verified",
                (_, Trust::Invited) => ", came by a join line",
                (_, Trust::Verified) => ", verified",
            };
            self.output
                .talk(&format!("  {}{state}", unread::named(&talk)));
        }
        Ok(())
    }
}

/// Whether one can simply write there: somebody who asks without an invite waits.
fn is_open(talk: &ConversationView) -> bool {
    !talk.pending || talk.trust != Trust::Unverified
}

/// A conversation as the client names it: a name without sign means a person.
fn full_name(talks: &[ConversationView], typed: &str) -> String {
    let signed = typed.starts_with(['@', '#']);
    if signed || talks.iter().any(|talk| talk.name == typed) {
        typed.to_owned()
    } else {
        format!("@{typed}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk(name: &str, pending: bool, trust: Trust) -> ConversationView {
        ConversationView {
            checking: false,
            name: name.to_owned(),
            conv: String::new(),
            unread: 0,
            unread_more: false,
            mentions: 0,
            muted: false,
            blocked: false,
            pending,
            trust,
            last: None,
        }
    }

    #[test]
    fn whoever_came_by_a_line_is_there_at_once_and_a_stranger_waits() {
        assert!(is_open(&talk("@bob", true, Trust::Invited)));
        assert!(is_open(&talk("@bob", false, Trust::Unverified)));
        assert!(!is_open(&talk("@eve", true, Trust::Unverified)));
    }

    #[test]
    fn a_name_without_sign_means_a_person() {
        let talks = [talk("@bob", false, Trust::Invited)];
        assert_eq!(full_name(&talks, "bob"), "@bob");
        assert_eq!(full_name(&talks, "@carol"), "@carol");
        assert_eq!(full_name(&talks, "#ops"), "#ops");
    }
}

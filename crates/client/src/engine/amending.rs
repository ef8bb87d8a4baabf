//! Edits, deletions and reactions as they come out of the log (docs/spec/e2e.md §2.3).
//!
//! What was said about a content counts by its place in the log and not by when it could be read
//! here: a key that comes late changes nothing about the outcome. What is deleted is wiped.

use super::inbox::Spot;
use super::rows::{LINE_CONTENT, LINE_GONE, LINE_UNKNOWN, LINE_WAITING};
use super::shown::{DELETED, counts, reference};
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::store::{Amendment, AmendmentKind, Line};
use crate::view::{Notice, RowKind};
use subrosa_e2e::{Body, Content, ContentRef};
use subrosa_proto::{AccountId, ContentId};

impl Engine {
    /// A content that is about another one has its place in the log.
    pub(super) fn amend(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        content: &Content,
    ) -> Result<(), EngineError> {
        let Some(of) = content.target(spot.author) else {
            return Ok(());
        };
        let name = ContentRef {
            account: spot.author,
            id: content.id,
        };
        if turn.desk.line_of(talk.no, &name)?.is_some() {
            // Another content of this author had the id first.
            return Ok(());
        }
        let (kind, body) = match &content.body {
            Body::Edit(edit) => (AmendmentKind::Edit, edit.text.clone()),
            Body::Reaction(reaction) => (AmendmentKind::Reaction, reaction.emoji.clone()),
            Body::Delete(_) => return self.take_back(turn, talk, spot, (name, of)),
            _ => return Ok(()),
        };
        let line = turn.desk.line_of(talk.no, &of)?;
        if line.as_ref().is_some_and(|line| line.kind == LINE_GONE) {
            turn.desk.drop_waiting_amendment(talk.no, &name)?;
            return Ok(());
        }
        let was_shown = turn.desk.amendment(talk.no, &name)?.is_some();
        turn.desk.put_amendment(
            talk.no,
            &Amendment {
                of,
                kind,
                content: name,
                position: Some(spot.position),
                author_ms: content.author_ms,
                body,
            },
        )?;
        match line {
            Some(line) if !was_shown => self.tell_changed(turn, talk, line.cursor),
            _ => Ok(()),
        }
    }

    /// A deletion by the author of what it is about.
    fn take_back(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        (name, of): (ContentRef, ContentRef),
    ) -> Result<(), EngineError> {
        let deletion = Amendment {
            of,
            kind: AmendmentKind::Deletion,
            content: name,
            position: Some(spot.position),
            author_ms: 0,
            body: String::new(),
        };
        if let Some(line) = turn.desk.line_of(talk.no, &of)? {
            return if counts(&deletion, &line) {
                self.erase(turn, talk, &line, DELETED)
            } else {
                Ok(turn.desk.drop_waiting_amendment(talk.no, &name)?)
            };
        }
        if let Some(amendment) = turn.desk.amendment(talk.no, &of)? {
            return self.blank(turn, talk, &amendment);
        }
        // What it is about may wait for its key. A removal in another's name names nothing here.
        if of.id != ContentId([0; 16]) {
            turn.desk.put_amendment(talk.no, &deletion)?;
        }
        Ok(())
    }

    /// A message's clear header takes away what stands at a position, for everybody alike, whether
    /// they can read the message or not (docs/spec/ledger.md §7.7).
    pub(super) fn remove_at(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        position: u64,
    ) -> Result<(), EngineError> {
        self.deletion_came(turn, talk, &spot.author, position)?;
        let may = |author: &AccountId| talk.state.may_delete(&spot.author, author);
        for line in turn.desk.lines_at(talk.no, position)? {
            let is_message = match line.kind {
                LINE_CONTENT | LINE_UNKNOWN => line.content.is_some(),
                kind => kind == LINE_WAITING,
            };
            if !is_message || !may(&line.account) {
                continue;
            }
            turn.desk.drop_held(talk.no, position)?;
            if line.account == spot.author {
                self.erase(turn, talk, &line, DELETED)?;
            } else {
                let cause = self.removed_words(&spot.author);
                self.erase(turn, talk, &line, &cause)?;
            }
        }
        match turn.desk.amendment_at(talk.no, position)? {
            Some(amendment) if may(&amendment.content.account) => {
                self.blank(turn, talk, &amendment)
            }
            _ => Ok(()),
        }
    }

    /// What is said of what an admin took away.
    pub(super) fn removed_words(&self, admin: &AccountId) -> String {
        let admin = self.people.name_of(admin);
        format!("removed by {admin}, an admin of the room")
    }

    /// A content has its line: what was said about it may have come before.
    pub(super) fn heed_deletion(
        &mut self,
        turn: &Turn<'_>,
        talk: &Talk,
        cursor: u64,
    ) -> Result<(), EngineError> {
        let Some(line) = turn.desk.line(cursor)? else {
            return Ok(());
        };
        let Some(of) = reference(&line) else {
            return Ok(());
        };
        let about = turn.desk.amendments(talk.no, &of)?;
        let deleted = about.iter().any(|amendment| {
            amendment.kind == AmendmentKind::Deletion
                && amendment.position.is_some()
                && counts(amendment, &line)
        });
        if deleted {
            turn.desk.erase_line(cursor, LINE_GONE, DELETED)?;
            turn.desk.drop_amendments(talk.no, &of)?;
        }
        Ok(())
    }

    /// Wipes a line and all that was said about it.
    pub(super) fn erase(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        line: &Line,
        cause: &str,
    ) -> Result<(), EngineError> {
        let (before, _) = self.shown(turn.desk, line)?;
        if let Some(of) = reference(line) {
            turn.desk.drop_amendments(talk.no, &of)?;
        }
        if line.kind == LINE_GONE {
            return Ok(());
        }
        turn.desk.erase_line(line.cursor, LINE_GONE, cause)?;
        if matches!(before, RowKind::Gone { .. }) {
            // One's own deletion was shown when it was asked for.
            return Ok(());
        }
        self.tell_changed(turn, talk, line.cursor)
    }

    /// Takes back an edit or a reaction.
    fn blank(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        amendment: &Amendment,
    ) -> Result<(), EngineError> {
        if amendment.body.is_empty() {
            return Ok(());
        }
        turn.desk.blank_amendment(talk.no, &amendment.content)?;
        match turn.desk.line_of(talk.no, &amendment.of)? {
            Some(line) => self.tell_changed(turn, talk, line.cursor),
            None => Ok(()),
        }
    }

    /// Tells that a row that was there before reads otherwise now.
    pub(super) fn tell_changed(
        &self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        cursor: u64,
    ) -> Result<(), EngineError> {
        if !self.subscribers.is_empty()
            && !self.silenced(talk)
            && let Some(line) = turn.desk.line(cursor)?
        {
            let row = self.row_in(turn.desk, &line, talk)?;
            self.tell(turn, talk.no, &Notice::Changed(row));
        }
        Ok(())
    }
}

//! Events that came without their bodies: they hold their place in the log, and a line says why
//! there is nothing to read (docs/spec/ledger.md §6.7).

use super::inbox::Spot;
use super::rows::LINE_GONE;
use super::shown::DELETED;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::store::CalledDeleted;
use crate::view::SendState;
use subrosa_ledger::Effect as Meaning;
use subrosa_proto::{Absence, AccountId, Event, Header, Role, TrimmedEvent, decode};

/// What is said of a body that the server keeps for no reason that holds.
const HELD_BACK: &str =
    "the server holds it back, though it was for this account and has not run out";
/// What is said of a body that nobody took back.
const NOBODY_DELETED: &str =
    "the server holds it back: it says that this was deleted, and nobody who may has signed that";

impl Engine {
    /// Takes in what a valid event says without its body.
    pub(super) fn note_absent(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        (position, arrived_ms): (u64, u64),
        event: &TrimmedEvent,
        meaning: &Meaning,
    ) -> Result<(), EngineError> {
        let Ok(header) = decode::<Header>(&event.header) else {
            return Ok(());
        };
        let spot = Spot {
            position,
            arrived_ms,
            author: header.account,
            device: header.device,
            expires_ms: None,
        };
        match meaning {
            Meaning::Key(fields) => self.heed_quotes(turn, talk, &header, fields),
            Meaning::Message(fields) => {
                if let Some(position) = fields.deletes {
                    self.remove_at(turn, talk, &spot, position)?;
                }
                self.own_absent(turn, talk, &spot, event)?;
                match event.why {
                    // Nothing that was signed gives the reason: a server could make any message vanish so.
                    Absence::Expired if fields.timer == 0 => self.held_back(turn, talk, &spot),
                    Absence::Withheld if self.reads(talk) => self.held_back(turn, talk, &spot),
                    Absence::Expired => {
                        let cause = "its time had run out before this device read it";
                        let lines = turn.desk.lines_at(talk.no, position)?;
                        for line in lines.iter().filter(|line| line.content.is_some()) {
                            self.erase(turn, talk, line, cause)?;
                        }
                        if lines.iter().all(|line| line.content.is_none()) {
                            self.note(turn, talk, &spot, LINE_GONE, cause.as_bytes())?;
                        }
                        Ok(())
                    }
                    Absence::Deleted if self.reads(talk) => self.await_deletion(turn, talk, &spot),
                    // What was never for this account leaves no line.
                    Absence::Deleted | Absence::Withheld => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether bodies in a conversation are for this account, at the place that is being taken in.
    fn reads(&self, talk: &Talk) -> bool {
        let own = talk.state.member(&self.account);
        own.is_some_and(|own| !own.pending && own.role != Role::Poster)
    }

    fn held_back(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        spot: &Spot,
    ) -> Result<(), EngineError> {
        self.note(turn, talk, spot, LINE_GONE, HELD_BACK.as_bytes())
    }

    /// The deletion stands further on in the log, or there is none. It leaves no line now: what was
    /// deleted may have been an edit or a reaction, which never had one.
    fn await_deletion(
        &mut self,
        turn: &Turn<'_>,
        talk: &mut Talk,
        spot: &Spot,
    ) -> Result<(), EngineError> {
        let lines = turn.desk.lines_at(talk.no, spot.position)?;
        if lines.iter().any(|line| line.content.is_some()) {
            // It is here, whatever the server has of it.
            return Ok(());
        }
        talk.called_deleted = true;
        let called = CalledDeleted {
            position: spot.position,
            account: spot.author,
            arrived_ms: spot.arrived_ms,
            doubted: false,
        };
        Ok(turn.desk.add_called_deleted(talk.no, &called)?)
    }

    /// A deletion that counts names this position: the server told the truth, be it late.
    pub(super) fn deletion_came(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        deleter: &AccountId,
        position: u64,
    ) -> Result<(), EngineError> {
        let called = turn.desk.called_deleted(talk.no, position)?;
        let Some(called) = called.filter(|called| talk.state.may_delete(deleter, &called.account))
        else {
            return Ok(());
        };
        turn.desk.drop_called_deleted(talk.no, position)?;
        if !called.doubted {
            return Ok(());
        }
        let words = if *deleter == called.account {
            DELETED.to_owned()
        } else {
            self.removed_words(deleter)
        };
        for line in turn.desk.lines_at(talk.no, position)? {
            if line.kind == LINE_GONE && line.body == NOBODY_DELETED.as_bytes() {
                turn.desk.erase_line(line.cursor, LINE_GONE, &words)?;
                self.tell_changed(turn, talk, line.cursor)?;
            }
        }
        Ok(())
    }

    /// Where everything is here that the server has, what it calls deleted has its deletion, or a
    /// line that says that it has none.
    pub(super) fn doubt_deletions(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let due = self.talks.values();
        let due = due.filter(|talk| talk.called_deleted && talk.synced());
        for no in due.map(|talk| talk.no).collect::<Vec<_>>() {
            let Some(mut talk) = self.talks.remove(&no) else {
                continue;
            };
            let told = self.doubt_in(turn, &mut talk);
            self.talks.insert(no, talk);
            told?;
        }
        Ok(())
    }

    fn doubt_in(&mut self, turn: &mut Turn<'_>, talk: &mut Talk) -> Result<(), EngineError> {
        talk.called_deleted = false;
        for called in turn.desk.doubt_called_deleted(talk.no)? {
            // The line needs no device: notes are told by their author.
            let spot = Spot {
                position: called.position,
                arrived_ms: called.arrived_ms,
                author: called.account,
                device: self.machine.device(),
                expires_ms: None,
            };
            self.note(turn, talk, &spot, LINE_GONE, NOBODY_DELETED.as_bytes())?;
        }
        Ok(())
    }

    /// What this device has sent and not heard of again is in the log, if the header is the same:
    /// it is not sent once more.
    fn own_absent(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        spot: &Spot,
        event: &TrimmedEvent,
    ) -> Result<(), EngineError> {
        if spot.device != self.machine.device() {
            return Ok(());
        }
        let Some(waiting) = turn.desk.first_waiting(talk.no)? else {
            return Ok(());
        };
        let sent = waiting.sealed.iter().flat_map(|sealed| &sealed.events);
        let mut sent = sent.filter_map(|bytes| decode::<Event>(bytes).ok());
        if !sent.any(|sent| sent.header == event.header) {
            return Ok(());
        }
        let place = (spot.position, spot.arrived_ms);
        let author = (&self.account, &waiting.content);
        turn.desk
            .place_line(talk.no, author, place, SendState::Sent as u8)?;
        let name = self.own_name(waiting.content);
        turn.desk.drop_waiting_amendment(talk.no, &name)?;
        talk.placed.push(waiting.seq);
        Ok(())
    }
}

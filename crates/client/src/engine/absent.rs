//! Events that came without their bodies: they hold their place in the log, and a line says why
//! there is nothing to read (docs/spec/ledger.md §6.7).

use super::inbox::Spot;
use super::rows::LINE_GONE;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::view::SendState;
use subrosa_ledger::Effect as Meaning;
use subrosa_proto::{Absence, Event, Header, Role, TrimmedEvent, decode};

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
                    // What was deleted may have been an edit or a reaction, which never had a line; what
                    // was never for this account leaves none either.
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
        let cause = "the server holds it back, though it was for this account and has not run out";
        self.note(turn, talk, spot, LINE_GONE, cause.as_bytes())
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

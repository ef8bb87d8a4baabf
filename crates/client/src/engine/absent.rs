//! Events that came without their bodies: they hold their place in the log, and a line says why
//! there is nothing to read (docs/spec/ledger.md §6.7).

use super::inbox::Spot;
use super::rows::LINE_GONE;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use subrosa_ledger::Effect as Meaning;
use subrosa_proto::{Absence, Header, TrimmedEvent, decode};

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
        };
        match meaning {
            Meaning::Key(fields) => self.heed_quotes(turn, talk, &header, fields),
            // What was never for this account leaves no line.
            Meaning::Message(_) if event.why != Absence::Withheld => {
                let cause = match event.why {
                    Absence::Deleted => "it was deleted before this device read it",
                    Absence::Expired | Absence::Withheld => {
                        "its time had run out before this device read it"
                    }
                };
                self.note(turn, talk, &spot, LINE_GONE, cause.as_bytes())
            }
            _ => Ok(()),
        }
    }
}

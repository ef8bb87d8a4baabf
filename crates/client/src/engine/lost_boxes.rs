//! Boxes that did not come, asked for once more (docs/spec/ledger.md §9.4, docs/spec/e2e.md §4.8).
//!
//! Who asks is a device for which there was a box; who answers is the device that made it, with the very
//! bytes of then. So nobody gets by asking what was not sealed to it.

use super::inbox::Spot;
use super::keepsake::key_event;
use super::link::Asked;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use subrosa_ledger::event_hash;
use subrosa_proto::{
    BoxKind, ConvId, Delivered, DeviceId, Event, KeyBox, Page, Request, Response, decode, limits,
};

impl Engine {
    /// A key event came with no box of this device that opens.
    pub(super) fn miss_box(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
    ) -> Result<(), EngineError> {
        let young = turn.now_ms.saturating_sub(spot.arrived_ms) < limits::ASK_MS;
        let owed = talk.receives(&self.account)
            && spot.arrived_ms >= self.since_ms
            && spot.device != self.machine.device();
        if young && owed {
            turn.desk
                .add_missing_box(talk.no, spot.position, spot.arrived_ms)?;
            self.ask_box(turn, talk.no, talk.id(), spot.position);
        }
        Ok(())
    }

    /// What was asked before the link broke is asked again.
    pub(super) fn ask_boxes(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        turn.desk
            .forget_missing_boxes(turn.now_ms.saturating_sub(limits::ASK_MS))?;
        for (no, position) in turn.desk.missing_boxes()? {
            if let Some(conv) = self.talks.get(&no).map(Talk::id) {
                self.ask_box(turn, no, conv, position);
            }
        }
        Ok(())
    }

    fn ask_box(&mut self, turn: &mut Turn<'_>, no: i64, conv: ConvId, position: u64) {
        let request = Request::AskBox { conv, position };
        self.ask(turn, request, Asked::Box { no });
    }

    pub(super) fn box_answered(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        response: &Response,
    ) -> Result<(), EngineError> {
        if let Response::Page { page } = response {
            let talk = self.talks.remove(&no);
            if let Some(mut talk) = talk {
                let outcome = self.late_boxes(turn, &mut talk, page);
                self.talks.insert(no, talk);
                outcome?;
            }
        }
        Ok(())
    }

    /// A page that shows once more what was applied long ago may bring a box that was missing.
    pub(super) fn late_boxes(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        page: &Page,
    ) -> Result<(), EngineError> {
        for (position, delivered) in (page.first..talk.next()).zip(&page.events) {
            if !delivered.boxes.is_empty() && turn.desk.misses_box(talk.no, position)? {
                self.late_box(turn, talk, position, delivered)?;
            }
        }
        Ok(())
    }

    fn late_box(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        position: u64,
        delivered: &Delivered,
    ) -> Result<(), EngineError> {
        let event = decode::<Event>(&delivered.event).ok();
        let (Some(event), Some((_, fields))) = (event, key_event(&delivered.event)) else {
            return Ok(());
        };
        // It was judged when it was applied, and is judged by its hash now.
        if !turn.desk.seen(talk.no, &event_hash(&event))? {
            return Ok(());
        }
        let boxes = delivered.boxes.iter();
        let boxes: Vec<KeyBox> = boxes.filter_map(|bytes| decode(bytes).ok()).collect();
        match self.machine.open_key(&event, &boxes, delivered.time_ms) {
            Ok(session) => {
                turn.desk.save(&session.to_changes())?;
                turn.desk.drop_missing_box(talk.no, position)?;
                self.open_held(turn, talk, &fields.session)
            }
            Err(error) => {
                tracing::info!(%error, "a box that was asked for does not open either");
                Ok(())
            }
        }
    }

    /// A device of another account, or of this one, has lost the box that this device made for it.
    pub(super) fn box_wanted(
        &mut self,
        turn: &mut Turn<'_>,
        (conv, position): (ConvId, u64),
        device: &DeviceId,
    ) -> Result<(), EngineError> {
        let Some(no) = self.numbers.get(&conv).copied() else {
            return Ok(());
        };
        let boxes = turn.desk.boxes_at(no, position)?;
        let made = boxes.into_iter().find(|bytes| {
            decode::<KeyBox>(bytes).is_ok_and(|made| {
                made.kind == BoxKind::Device && made.recipient == *device.as_bytes()
            })
        });
        if let Some(key_box) = made {
            let request = Request::GiveBox {
                counter: turn.counter()?,
                conv,
                position,
                key_box,
            };
            self.ask(turn, request, Asked::Nothing);
        }
        Ok(())
    }
}

//! Conversations made: one's own, the one with whoever invited, and those with others.

use super::inbox::Spot;
use super::link::Asked;
use super::rooms::Plan;
use super::rows::LINE_INFO;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::command::Failure;
use crate::store::StoreError;
use crate::view::Trust;
use subrosa_proto::{Control, ErrorCode, Event, Form, Header, Request, Response, decode, encode};

fn no_room() -> Failure {
    Failure::network("the server does not take a room now")
}

impl Engine {
    /// Asks the server for every conversation that is to be opened.
    pub(super) fn open_openings(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if self.is_returning() {
            return Ok(());
        }
        for opening in turn.desk.openings()? {
            if self.link.creating(opening.seq) {
                continue;
            }
            let (counter, event) = match opening.made {
                Some(made) => made,
                None => {
                    let plan = opening.room.as_ref().map(|(_, plan)| decode::<Plan>(plan));
                    let plan = plan.transpose().map_err(|_| StoreError::Shape("plan"))?;
                    let form = match (&plan, &opening.peer) {
                        (Some(_), _) => Form::Room,
                        (None, Some(_)) => Form::Direct,
                        (None, None) => Form::Own,
                    };
                    let (event, _) = self.machine.create(
                        form,
                        plan.is_none_or(|plan| plan.archive),
                        opening.peer,
                        opening.invite,
                        &mut turn.rng,
                    );
                    let (counter, event) = (turn.counter()?, encode(&event));
                    turn.desk.set_opening(opening.seq, counter, &event)?;
                    (counter, event)
                }
            };
            self.ask(
                turn,
                Request::Create { counter, event },
                Asked::Create { seq: opening.seq },
            );
        }
        Ok(())
    }

    pub(super) fn create_answered(
        &mut self,
        turn: &mut Turn<'_>,
        seq: i64,
        response: Response,
    ) -> Result<(), EngineError> {
        let opening = turn
            .desk
            .openings()?
            .into_iter()
            .find(|opening| opening.seq == seq);
        match response {
            Response::Appended { .. } => {
                // What is planned for a room is kept until the room is here.
                if opening
                    .as_ref()
                    .is_none_or(|opening| opening.room.is_none())
                {
                    turn.desk.drop_opening(seq)?;
                }
                if let Some((_, event)) = opening.and_then(|opening| opening.made)
                    && let Ok(event) = decode::<Event>(&event)
                {
                    self.want(
                        turn,
                        subrosa_proto::ConvId(subrosa_ledger::event_hash(&event).0),
                    );
                }
            }
            Response::Refused { refusal } => match refusal.code {
                // Both opened it at once, or another device did: that one is in the list.
                ErrorCode::Conflict => {
                    turn.desk.drop_opening(seq)?;
                    self.release_openings(turn, Some(seq), &no_room())?;
                    self.ask(
                        turn,
                        Request::Conversations { after: None },
                        Asked::Conversations,
                    );
                }
                ErrorCode::Internal
                | ErrorCode::StorageFull
                | ErrorCode::RateLimited
                | ErrorCode::Closing => {
                    turn.wake(turn.after(refusal.retry_ms.max(2_000)));
                }
                code => {
                    turn.desk.drop_opening(seq)?;
                    tracing::warn!(?code, "a conversation could not be opened");
                    self.release_openings(turn, Some(seq), &no_room())?;
                    let peer = opening.and_then(|opening| opening.peer);
                    let name = peer
                        .map(|peer| self.people.name_of(&peer))
                        .unwrap_or_default();
                    let failure = Failure::network(format!(
                        "the conversation with {name} could not be opened at the server"
                    ));
                    self.answer_unopened(turn, &name, &failure);
                }
            },
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        }
        self.caught_up(turn)
    }

    /// A conversation has come into the store.
    pub(super) fn greeted(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        event: &Event,
        arrived_ms: u64,
    ) -> Result<(), EngineError> {
        let (Ok(header), Ok(control)) = (
            decode::<Header>(&event.header),
            decode::<Control>(&event.body),
        ) else {
            return Ok(());
        };
        let Control::Create {
            form: Form::Direct,
            peer,
            invite,
            ..
        } = control
        else {
            self.room_begun(turn, no)?;
            return self.reconsider(turn);
        };
        let name = self.people.name_of(&header.account);
        let words = if header.account == self.account {
            if let (Some(peer), Some(_)) = (&peer, &invite) {
                self.people.set_trust(turn.desk, peer, Trust::Invited)?;
            }
            let peer = peer.map_or_else(String::new, |peer| self.people.name_of(&peer));
            match invite {
                Some(_) => {
                    format!("you joined by {peer}'s invite line: the conversation is verified")
                }
                None => format!(
                    "you asked {peer} for a conversation; what you write is sent when {peer} accepts"
                ),
            }
        } else if let Some(proof) = invite {
            if self.came_by_invite(turn, &header.account, &proof)? {
                format!("{name} joined by your invite line: the conversation is verified")
            } else {
                format!(
                    "{name} opened a conversation with an invite that this home does not know; compare safety numbers"
                )
            }
        } else {
            format!("{name} asks for a conversation; /accept {name} lets them write to you")
        };
        let Some(talk) = self.talks.remove(&no) else {
            return Ok(());
        };
        let spot = Spot {
            position: 1,
            arrived_ms,
            author: header.account,
            device: header.device,
            expires_ms: None,
        };
        let noted = self.note(turn, &talk, &spot, LINE_INFO, words.as_bytes());
        self.talks.insert(no, talk);
        noted?;
        self.reconsider(turn)
    }
}

//! What has to be done from time to time: prekeys, keys that are over, what was put off.

use super::link::Asked;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError, fact};
use std::collections::HashMap;
use subrosa_proto::{ConvId, ErrorCode, Form, Prekey, Request, Response, decode, limits};

/// How often keys that are over are looked for.
const SWEEP_MS: u64 = 60 * 60 * 1_000;

impl Engine {
    /// Time has passed.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        turn.desk
            .forget_done(turn.now_ms.saturating_sub(limits::IDEM_KEPT_MS))?;
        turn.desk
            .forget_deeds(turn.now_ms.saturating_sub(limits::IDEM_KEPT_MS))?;
        self.answer_come(turn)?;
        self.check_answers(turn)?;
        self.end_typing(turn);
        if self.archive.is_some() {
            return self.fetch_keys(turn);
        }
        if !self.link.online() {
            return Ok(());
        }
        self.publish_prekey(turn)?;
        self.return_later(turn)?;
        self.open_openings(turn)?;
        self.want_later(turn);
        self.refresh_wanted(turn);
        self.caught_up(turn)
    }

    /// Conversations that the server did not give before.
    fn want_later(&mut self, turn: &mut Turn<'_>) {
        let mut due = Vec::new();
        for (conv, at_ms) in &self.link.later {
            if *at_ms <= turn.now_ms {
                due.push(*conv);
            } else {
                turn.wake(*at_ms);
            }
        }
        for conv in due {
            self.want(turn, conv);
        }
    }

    /// Makes the next prekey when it is time, and publishes the newest until the server has it.
    pub(super) fn publish_prekey(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if self.machine.prekey_due(turn.now_ms) {
            self.note_away(turn)?;
            let (_, changes) = self.machine.next_prekey(turn.now_ms, &mut turn.rng);
            turn.desk.save(&changes)?;
        }
        let Some(newest) = self.machine.prekey().cloned() else {
            return Ok(());
        };
        let Ok(Prekey { id, .. }) = decode::<Prekey>(&newest.body) else {
            return Ok(());
        };
        let known = turn.desk.fact::<u64>(fact::PREKEY)?;
        if known != Some(id) && !self.link.publishing(id) {
            self.ask(
                turn,
                Request::PutPrekey { prekey: newest },
                Asked::Prekey(id),
            );
        }
        Ok(())
    }

    pub(super) fn prekey_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: u64,
        response: &Response,
    ) -> Result<(), EngineError> {
        match response {
            Response::Done {} => {
                turn.desk.set_fact(fact::PREKEY, &id)?;
                turn.desk
                    .save(&self.machine.prekey_published(turn.now_ms))?;
            }
            // The server has another one of this device: it is to be shown and judged.
            Response::Refused { refusal } if refusal.code == ErrorCode::Conflict => {
                let own = self
                    .talks
                    .values()
                    .find(|talk| talk.state.form() == Form::Own)
                    .map(|talk| talk.no);
                if let Some(no) = own {
                    self.refresh_people(turn, no);
                }
            }
            _ => tracing::warn!(id, "the server did not take a prekey"),
        }
        Ok(())
    }

    /// Deletes keys that are over, once everything up to now has been read (docs/spec/e2e.md §10.4).
    pub(super) fn sweep(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        turn.desk.save(&self.machine.expire_prekeys(turn.now_ms))?;
        if self.swept_ms.abs_diff(turn.now_ms) < SWEEP_MS {
            return Ok(());
        }
        self.swept_ms = turn.now_ms;
        turn.desk
            .forget_raw(turn.now_ms.saturating_sub(limits::RAW_KEPT_MS))?;
        turn.desk
            .forget_states(turn.now_ms.saturating_sub(limits::RAW_KEPT_MS))?;
        // Of both clocks the one that deletes later.
        let now_ms = turn.now_ms.saturating_add_signed(self.link.ahead_ms.min(0));
        let own = self.machine.device();
        // Of a conversation that is not read to its end, also the old ones are still wanted.
        let read = |conv: &ConvId| {
            let no = self.numbers.get(conv);
            no.and_then(|no| self.talks.get(no))
                .is_some_and(Talk::synced)
        };
        let mut held = HashMap::new();
        let gone = turn.desk.drop_sessions(|session, newest| {
            let over =
                read(&session.conv) && session.is_over(newest, session.device == own, now_ms);
            *held.entry(session.conv).or_insert(0) += usize::from(!over);
            over
        })?;
        self.readings.clear();
        tracing::debug!(gone, "sessions that were over");
        self.want_packs(turn, &held)
    }
}

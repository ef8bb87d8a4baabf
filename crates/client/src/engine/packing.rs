//! Many boxes to the account's history key made one (docs/spec/e2e.md §4.4): a further device then opens
//! one box for what would have been hundreds, and the server holds a few bytes for each.
//!
//! Any device of the account may do it, with the sessions that it holds. Two that do it at once meet at
//! the server, which takes the first; nothing is remembered about it here.

use super::keepsake::key_event;
use super::link::Asked;
use super::lookup::Lookup;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use std::collections::HashMap;
use subrosa_e2e::{Keyring, StoredSession, seal_pack};
use subrosa_proto::{ConvId, KeysWanted, Request, Response, encode, limits};

/// Fewer boxes than this are not worth a pack.
pub(super) const PACK_SESSIONS_MIN: usize = 32;

impl Engine {
    /// Looks into those conversations whose archive has grown; `held` says how many sessions are here.
    pub(super) fn want_packs(
        &mut self,
        turn: &mut Turn<'_>,
        held: &HashMap<ConvId, usize>,
    ) -> Result<(), EngineError> {
        let mut due = Vec::new();
        for talk in self.talks.values() {
            let many = held.get(&talk.id()).copied().unwrap_or(0) >= PACK_SESSIONS_MIN;
            if many && self.may_pack(talk) {
                due.push((talk.no, talk.id()));
            }
        }
        for (no, conv) in due {
            // Of what came before the oldest event that is still kept, no session is here either.
            if let Some(oldest) = turn.desk.oldest_raw(no)? {
                let request = Request::Keys {
                    conv,
                    after: oldest.saturating_sub(1),
                    which: KeysWanted::Positions,
                };
                self.ask(turn, request, Asked::Positions { no });
            }
        }
        Ok(())
    }

    fn may_pack(&self, talk: &Talk) -> bool {
        talk.state.archive() && talk.synced() && talk.halt.is_none() && talk.receives(&self.account)
    }

    /// Where boxes lie that no pack holds.
    pub(super) fn positions_came(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        response: Response,
    ) -> Result<(), EngineError> {
        let keys = match response {
            Response::Keys { keys, .. } => keys,
            Response::Refused { .. } => return Ok(()),
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        };
        let conv = match self.talks.get(&no) {
            Some(talk) if self.may_pack(talk) => talk.id(),
            _ => return Ok(()),
        };
        let (mut positions, mut sessions) = (Vec::new(), Vec::new());
        for key in keys {
            let ascends = positions.last().is_none_or(|last| *last < key.position);
            if sessions.len() >= limits::PACK_SESSIONS_MAX || !ascends {
                break;
            }
            if let Some(session) = self.session_at(turn, no, key.position)? {
                positions.push(key.position);
                sessions.push(session);
            }
        }
        if sessions.len() < PACK_SESSIONS_MIN {
            return Ok(());
        }
        let own = self.people.account(&self.account);
        let Some(to) = own.and_then(subrosa_ledger::Account::history_key) else {
            return Ok(());
        };
        match seal_pack(conv, self.account, to, &sessions, &mut turn.rng) {
            Ok(pack) => {
                let request = Request::Pack {
                    counter: turn.counter()?,
                    conv,
                    positions,
                    key_box: encode(&pack),
                };
                tracing::debug!(sessions = sessions.len(), "a pack for the archive");
                self.ask(turn, request, Asked::Nothing);
            }
            Err(error) => tracing::warn!(%error, "no pack can be made"),
        }
        Ok(())
    }

    /// The session that was opened there, if it is held.
    fn session_at(
        &self,
        turn: &Turn<'_>,
        no: i64,
        position: u64,
    ) -> Result<Option<StoredSession>, EngineError> {
        let raw = turn.desk.raw_from(no, position, (1, 1))?;
        let found = raw.first().filter(|raw| raw.position == position);
        let Some((_, fields)) = found.and_then(|raw| key_event(&raw.event)) else {
            return Ok(None);
        };
        let lookup = Lookup::new(turn.desk, &self.people, Some(no), true);
        let session = lookup.session(&fields.session);
        lookup.finish()?;
        Ok(session)
    }
}

//! The keys of the history, after a password (docs/spec/e2e.md §4.6).
//!
//! The account's history key is at hand for as short as can be: first the keys of all sessions of
//! all conversations are fetched and opened, then it is forgotten. The events themselves come
//! afterwards, without it, and may take as long and be cut short as often as they like.

use super::link::Asked;
use super::turn::Turn;
use super::{Engine, EngineError};
use bytes::Bytes;
use std::collections::VecDeque;
use subrosa_e2e::HistoryOpener;
use subrosa_proto::{
    ConvHead, ConvId, ErrorCode, Event, KeyAt, KeyBox, KeysWanted, Request, Response, decode,
};

/// Requests under way.
const UNDER_WAY_MAX: usize = 8;
/// Pause where the server asks for one and does not say how long.
const PAUSE_MS: u64 = 1_000;

/// What is asked next of one conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct WantedKeys {
    conv: ConvId,
    after: u64,
    which: KeysWanted,
}

/// The keys on their way.
pub(super) struct Archive {
    opener: HistoryOpener,
    waiting: VecDeque<WantedKeys>,
    under_way: usize,
    /// All conversations have been named.
    listed: bool,
    not_before_ms: u64,
    tally: ArchiveTally,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArchiveTally {
    /// Conversations.
    pub conversations: u64,
    /// Sessions whose keys are here.
    pub keys: u64,
    /// How many of them came in packs.
    pub packed: u64,
    /// Boxes that did not open.
    pub unopened: u64,
}

impl Engine {
    /// Has this engine fetch the keys of the history and nothing else, until they are here.
    pub fn fetch_archive(&mut self, opener: HistoryOpener) {
        self.archive = Some(Archive {
            opener,
            waiting: VecDeque::new(),
            under_way: 0,
            listed: false,
            not_before_ms: 0,
            tally: ArchiveTally::default(),
        });
    }

    /// The keys of all conversations of a list.
    pub(super) fn want_keys(
        &mut self,
        turn: &mut Turn<'_>,
        heads: &[ConvHead],
        more: bool,
    ) -> Result<(), EngineError> {
        let Some(archive) = &mut self.archive else {
            return Ok(());
        };
        for head in heads {
            archive.tally.conversations += 1;
            for which in [KeysWanted::Packs, KeysWanted::Boxes] {
                let (conv, after) = (head.conv, 0);
                archive.waiting.push_back(WantedKeys { conv, after, which });
            }
        }
        archive.listed = !more;
        match heads.last() {
            Some(last) if more => {
                let after = Some(last.conv);
                self.ask(turn, Request::Conversations { after }, Asked::Conversations);
            }
            _ => {}
        }
        self.fetch_keys(turn)
    }

    /// Asks for what may be asked for now.
    pub(super) fn fetch_keys(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        loop {
            let online = self.link.online();
            let Some(archive) = &mut self.archive else {
                return Ok(());
            };
            if !online || archive.under_way >= UNDER_WAY_MAX {
                return Ok(());
            }
            if archive.not_before_ms > turn.now_ms {
                turn.wake(archive.not_before_ms);
                return Ok(());
            }
            let Some(wanted) = archive.waiting.pop_front() else {
                self.forget_history_key(turn);
                return Ok(());
            };
            archive.under_way += 1;
            let WantedKeys { conv, after, which } = wanted;
            let request = Request::Keys { conv, after, which };
            self.ask(turn, request, Asked::Keys(wanted));
        }
    }

    /// Everything that it opens is in the store.
    fn forget_history_key(&mut self, turn: &mut Turn<'_>) {
        let over = |archive: &mut Archive| archive.listed && archive.under_way == 0;
        if let Some(archive) = self.archive.take_if(over) {
            tracing::info!(tally = ?archive.tally, "the keys of the history are here");
            self.archived = Some(archive.tally);
            // From here on this is a device as any other, whose conversations are far behind.
            self.link.listing = true;
            let request = Request::Conversations { after: None };
            self.ask(turn, request, Asked::Conversations);
        }
    }

    /// What came of fetching the keys, once they are all here.
    #[must_use]
    pub const fn archived(&self) -> Option<ArchiveTally> {
        self.archived
    }

    pub(super) fn keys_came(
        &mut self,
        turn: &mut Turn<'_>,
        wanted: WantedKeys,
        response: Response,
    ) -> Result<(), EngineError> {
        let Some(archive) = &mut self.archive else {
            return Ok(());
        };
        archive.under_way = archive.under_way.saturating_sub(1);
        match response {
            Response::Keys { keys, to, more } => {
                for key in &keys {
                    archive.take(turn, wanted, key)?;
                }
                if more && to > wanted.after {
                    let next = WantedKeys {
                        after: to,
                        ..wanted
                    };
                    archive.waiting.push_back(next);
                }
            }
            Response::Refused { refusal } if refusal.code == ErrorCode::RateLimited => {
                archive.waiting.push_front(wanted);
                archive.not_before_ms = turn.after(refusal.retry_ms.max(PAUSE_MS));
            }
            Response::Refused { refusal } => {
                // A conversation that ended meanwhile, for example: the others are wanted all the same.
                tracing::warn!(code = ?refusal.code, "the keys of a conversation were not given");
            }
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        }
        self.fetch_keys(turn)
    }
}

impl Archive {
    /// No pause holds any more.
    pub const fn resume(&mut self) {
        self.not_before_ms = 0;
    }

    fn take(
        &mut self,
        turn: &Turn<'_>,
        wanted: WantedKeys,
        key: &KeyAt,
    ) -> Result<(), EngineError> {
        let taken = match wanted.which {
            KeysWanted::Packs => self.take_pack(turn, &wanted.conv, key)?,
            KeysWanted::Boxes | KeysWanted::Packed => self.take_box(turn, key)?,
            KeysWanted::Positions => true,
        };
        if !taken {
            self.tally.unopened += 1;
            if wanted.which == KeysWanted::Packs {
                // The boxes that it stands for are kept for a while, for this case.
                let (conv, after, which) = (wanted.conv, 0, KeysWanted::Packed);
                self.waiting.push_back(WantedKeys { conv, after, which });
            }
        }
        Ok(())
    }

    fn take_pack(
        &mut self,
        turn: &Turn<'_>,
        conv: &ConvId,
        key: &KeyAt,
    ) -> Result<bool, EngineError> {
        let Some(pack) = read_box(key.key_box.as_ref())
            .and_then(|key_box| self.opener.open_pack(*conv, &key_box).ok())
        else {
            return Ok(false);
        };
        turn.desk.save(&pack.to_changes())?;
        let sessions = pack.sessions() as u64;
        self.tally.keys += sessions;
        self.tally.packed += sessions;
        Ok(true)
    }

    fn take_box(&mut self, turn: &Turn<'_>, key: &KeyAt) -> Result<bool, EngineError> {
        let event = key
            .event
            .as_ref()
            .and_then(|bytes| decode::<Event>(bytes).ok());
        let (Some(event), Some(key_box)) = (event, read_box(key.key_box.as_ref())) else {
            return Ok(false);
        };
        // The event is not judged yet. What it says beside its session counts when it is.
        let Ok(session) = self.opener.open_key(&event, &[key_box], key.time_ms) else {
            return Ok(false);
        };
        turn.desk.save(&session.to_changes())?;
        self.tally.keys += 1;
        Ok(true)
    }
}

fn read_box(bytes: Option<&Bytes>) -> Option<KeyBox> {
    decode(bytes?).ok()
}

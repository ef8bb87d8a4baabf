//! Opening what was sealed to an account's history key (`docs/spec/e2e.md` §4.3, §4.4).

use super::contents::HistorySeed;
use crate::changes::{Changes, RecordName};
use crate::pack::{self, Pack as PackContents};
use crate::sealed_box::BoxKey;
use crate::secret::Secret;
use crate::session::{BoxError, KeyEvent, StoredSession};
use core::fmt;
use subrosa_proto::{AccountId, BoxKind, ConvId, Event, KeyBox};
use zeroize::Zeroizing;

/// The private history keys of an account, of all generations. Wiped when dropped; lives as long as a back-fill.
pub struct HistoryOpener {
    account: AccountId,
    keys: Vec<(u64, BoxKey)>,
}

/// An opened pack: first keys of many sessions of one conversation, each still to be checked against its key event.
pub struct Pack {
    contents: PackContents,
}

impl HistoryOpener {
    pub(super) fn new(account: AccountId, seeds: &[HistorySeed]) -> Self {
        let keys = seeds
            .iter()
            .map(|history| {
                let seed = Secret::copy_of(history.seed.expose());
                (history.generation, BoxKey::from_seed(seed))
            })
            .collect();
        Self { account, keys }
    }

    fn key(&self, generation: u64) -> Option<&BoxKey> {
        self.keys
            .iter()
            .find(|(known, _)| *known == generation)
            .map(|(_, key)| key)
    }

    /// The session of a key event, from the box beside it that was sealed to this account's history key. `opened_ms` is the
    /// server's time of the event.
    ///
    /// # Errors
    /// [`BoxError`]: no box for this account, or none that gives the session the event commits to.
    pub fn open_key(
        &self,
        event: &Event,
        boxes: &[KeyBox],
        opened_ms: u64,
    ) -> Result<StoredSession, BoxError> {
        let key_event = KeyEvent::read(event)?;
        let recipient = self.account.as_bytes();
        key_event.open_first(boxes, BoxKind::History, recipient, opened_ms, |id| {
            self.key(id)
        })
    }

    /// Opens a pack of one conversation.
    ///
    /// # Errors
    /// [`BoxError`]: not a pack of this account and conversation.
    pub fn open_pack(&self, conv: ConvId, key_box: &KeyBox) -> Result<Pack, BoxError> {
        if key_box.kind != BoxKind::Pack || key_box.recipient != *self.account.as_bytes() {
            return Err(BoxError::NotAddressed);
        }
        let key = self.key(key_box.key_id).ok_or(BoxError::KeyGone)?;
        let contents = pack::open(key, conv, self.account, key_box)?;
        Ok(Pack { contents })
    }
}

impl Pack {
    /// The first keys as records to save ([`RecordName::Packed`](crate::RecordName::Packed)), each until its session's key
    /// event is met ([`StoredSession::from_pack`]).
    pub fn to_changes(&self) -> Changes {
        let mut changes = Changes::default();
        for entry in &self.contents.entries {
            let contents = Zeroizing::new(entry.first_key.expose().to_vec());
            changes
                .puts
                .push((RecordName::Packed(entry.session), contents));
        }
        changes
    }

    /// How many sessions it holds the keys of.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.contents.entries.len()
    }

    /// The session of a key event, if the pack has it.
    ///
    /// # Errors
    /// [`BoxError`]: not in the pack, or not what the event commits to.
    pub fn session_of(&self, event: &Event, opened_ms: u64) -> Result<StoredSession, BoxError> {
        let key_event = KeyEvent::read(event)?;
        let first_key = self
            .contents
            .first_key(&key_event.fields.session)
            .ok_or(BoxError::NotAddressed)?;
        key_event.accept(Secret::copy_of(first_key.expose()), opened_ms)
    }
}

impl fmt::Debug for HistoryOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HistoryOpener({:?}, keys redacted)", self.account)
    }
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pack(redacted)")
    }
}

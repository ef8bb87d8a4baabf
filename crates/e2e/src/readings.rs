//! Sessions that are being read: where in its chain each of them is (`docs/spec/e2e.md` §6.1), so that reading a session from
//! its beginning to its end takes one step for each message and not the whole way each time.

use crate::keyring::Keyring;
use crate::session::{Chain, StoredSession};
use core::fmt;
use subrosa_cipher::{Key, purpose};
use subrosa_proto::{SessionId, limits};

/// Sessions kept at a time: a page rarely holds more, and each costs no more than a record of the store.
const READINGS_MAX: usize = 64;

/// The sessions that were read last. Holds their keys in memory and nowhere else; wiped when dropped.
#[derive(Default)]
pub struct Readings {
    /// The one used last stands last.
    open: Vec<Reading>,
}

/// One session, and its chain at the place read last.
pub(crate) struct Reading {
    pub(crate) session: StoredSession,
    at: u32,
    chain: Chain,
}

impl Readings {
    /// Forgets a session, because its record has changed or was deleted.
    pub fn forget(&mut self, session: &SessionId) {
        self.open
            .retain(|reading| reading.session.session != *session);
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        self.open.clear();
    }

    /// A session, from here or from the store.
    pub(crate) fn reading(
        &mut self,
        name: &SessionId,
        keyring: &impl Keyring,
    ) -> Option<&mut Reading> {
        let known = self
            .open
            .iter()
            .rposition(|reading| reading.session.session == *name);
        let reading = match known {
            Some(at) => self.open.remove(at),
            None => Reading::start(keyring.session(name)?),
        };
        if self.open.len() >= READINGS_MAX {
            self.open.remove(0);
        }
        self.open.push(reading);
        self.open.last_mut()
    }
}

impl Reading {
    fn start(session: StoredSession) -> Self {
        let chain = Chain::start(session.first_key());
        Self {
            session,
            at: 0,
            chain,
        }
    }

    /// The key of one message.
    pub(crate) fn message_key(
        &mut self,
        index: u32,
        salt: &[u8; 16],
    ) -> Option<Key<purpose::Message>> {
        // No session is longer, so a longer way to walk is an attempt to keep this device busy.
        if index >= limits::SESSION_MESSAGES_LARGE {
            return None;
        }
        if index < self.at {
            self.chain = Chain::start(self.session.first_key());
            self.at = 0;
        }
        while self.at < index {
            self.chain.step();
            self.at += 1;
        }
        Some(self.chain.message_key(salt))
    }
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Readings({}, keys redacted)", self.open.len())
    }
}

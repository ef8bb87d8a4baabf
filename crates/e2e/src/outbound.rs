//! The sending side of a session: its chain, and when it ends (`docs/spec/e2e.md` §5.3).

use crate::changes::{Changes, RecordName};
use crate::secret::{Secret, decode, encode};
use crate::session::Chain;
use rand_core::CryptoRng;
use subrosa_cipher::{Key, purpose};
use subrosa_proto::{CodecError, ConvId, EventHash, SessionId, limits, record};
use zeroize::Zeroizing;

/// Room for an encoded record.
const RECORD_ROOM: usize = 256;

record! {
    /// A session that this device may still send in.
    pub(crate) struct Outbound {
        pub session: SessionId,
        pub ctl: EventHash,
        /// Stands for the recipients ([`Recipients::digest`](crate::recipients::Recipients::digest)).
        pub recipients: [u8; 32],
        pub opened_ms: u64,
        /// The index of the next message.
        pub next: u32,
        /// Messages in this session, at most.
        pub limit: u32,
        /// The chain key at `next`.
        pub chain_key: Secret,
    }
}

/// What one message of a session needs.
pub(crate) struct Place {
    pub(crate) session: SessionId,
    pub(crate) index: u32,
    pub(crate) salt: [u8; 16],
    pub(crate) key: Key<purpose::Message>,
}

impl Outbound {
    pub(crate) fn new(
        session: SessionId,
        first_key: &Secret,
        ctl: EventHash,
        recipients: [u8; 32],
        boxes: usize,
        now_ms: u64,
    ) -> Self {
        Self {
            session,
            ctl,
            recipients,
            opened_ms: now_ms,
            next: 0,
            limit: if boxes > limits::SESSION_SMALL_BOXES {
                limits::SESSION_MESSAGES_LARGE
            } else {
                limits::SESSION_MESSAGES
            },
            chain_key: Chain::start(first_key).into_key(),
        }
    }

    pub(crate) fn load(contents: Zeroizing<Vec<u8>>) -> Result<Self, CodecError> {
        decode(contents)
    }

    pub(crate) fn to_changes(&self, conv: ConvId) -> Changes {
        Changes::put(RecordName::Outbound(conv), encode(self, RECORD_ROOM))
    }

    /// Whether the next message may still go into this session.
    pub(crate) fn is_good(&self, ctl: EventHash, recipients: &[u8; 32], now_ms: u64) -> bool {
        // A clock that went back by a day is as good a reason as a day that went by.
        self.ctl == ctl
            && self.recipients == *recipients
            && self.next < self.limit
            && now_ms.abs_diff(self.opened_ms) < limits::SESSION_MS
    }

    /// Takes the next place in the chain. The key before it is gone with this; the caller saves what is left.
    pub(crate) fn take(&mut self, rng: &mut impl CryptoRng) -> Place {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let mut chain = Chain::from_key(&self.chain_key);
        let place = Place {
            session: self.session,
            index: self.next,
            salt,
            key: chain.message_key(&salt),
        };
        chain.step();
        self.chain_key = chain.into_key();
        self.next = self.next.saturating_add(1);
        place
    }
}

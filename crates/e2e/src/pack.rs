//! Packs: the first keys of many sessions in one box, which an account makes for its own history key (`docs/spec/e2e.md` §4.4).

use crate::sealed_box::{BadBox, BoxKey, seal_box};
use crate::secret::{Secret, decode, encode};
use crate::session::{BoxError, StoredSession};
use bytes::Bytes;
use rand_core::CryptoRng;
use subrosa_cipher::purpose;
use subrosa_proto::{AccountId, BoxKind, ConvId, KeyBox, SessionId, record};

/// Sessions in one pack, so that it stays well below the longest message.
pub const PACK_SESSIONS_MAX: usize = 512;
/// Bytes of one encoded entry, at most.
const ENTRY_ROOM: usize = 80;

record! {
    /// One session's first key.
    pub(crate) struct Packed {
        pub session: SessionId,
        pub first_key: Secret,
    }
}

record! {
    /// What a pack holds.
    pub(crate) struct Pack {
        pub entries: Vec<Packed>,
    }
}

impl Pack {
    pub(crate) fn first_key(&self, session: &SessionId) -> Option<&Secret> {
        self.entries
            .iter()
            .find(|entry| entry.session == *session)
            .map(|entry| &entry.first_key)
    }
}

fn context(conv: ConvId, account: AccountId, generation: u64) -> Vec<u8> {
    [
        &conv.as_bytes()[..],
        &BoxKind::Pack.number().to_be_bytes(),
        account.as_bytes(),
        &generation.to_be_bytes(),
    ]
    .concat()
}

/// Packs sessions of one conversation for the own account's history key. Takes at most [`PACK_SESSIONS_MAX`] of them;
/// those of other conversations are left out.
///
/// # Errors
/// [`BadBox`] when `history_key` is not a public key.
pub fn seal_pack(
    conv: ConvId,
    account: AccountId,
    (generation, history_key): (u64, &Bytes),
    sessions: &[StoredSession],
    rng: &mut impl CryptoRng,
) -> Result<KeyBox, BadBox> {
    let entries: Vec<_> = sessions
        .iter()
        .filter(|session| session.conv == conv)
        .take(PACK_SESSIONS_MAX)
        .map(|session| Packed {
            session: session.session,
            first_key: Secret::copy_of(session.first_key().expose()),
        })
        .collect();
    let room = 16 + entries.len() * ENTRY_ROOM;
    let text = encode(&Pack { entries }, room);
    let context = context(conv, account, generation);
    let sealed = seal_box::<purpose::Share>(history_key, &context, &text, rng)?;
    Ok(KeyBox {
        kind: BoxKind::Pack,
        recipient: *account.as_bytes(),
        key_id: generation,
        sealed: sealed.into(),
    })
}

pub(crate) fn open(
    key: &BoxKey,
    conv: ConvId,
    account: AccountId,
    key_box: &KeyBox,
) -> Result<Pack, BoxError> {
    let context = context(conv, account, key_box.key_id);
    let text = key
        .open::<purpose::Share>(&context, &key_box.sealed)
        .map_err(|_| BoxError::Forged)?;
    let pack: Pack = decode(text)?;
    if pack.entries.len() > PACK_SESSIONS_MAX {
        return Err(BoxError::Forged);
    }
    Ok(pack)
}

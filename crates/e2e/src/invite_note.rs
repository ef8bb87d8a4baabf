//! The note on an invite that tells the joiner who invited (`docs/spec/e2e.md` §8).

use crate::secret::{decode, encode};
use subrosa_cipher::{Key, OpenError, purpose};
use subrosa_proto::{InviteNote, Wire};
use zeroize::Zeroizing;

/// Room for an encoded note.
const NOTE_ROOM: usize = 96;

/// Seals a note for whoever holds the invite line. `note_key` follows from the line's secret (docs/spec/login.md §7) and is
/// used for this one text; `server_key` is the X25519 key in the line.
#[must_use]
pub fn seal_invite_note(
    note_key: &Zeroizing<[u8; 32]>,
    server_key: &[u8; 32],
    note: &InviteNote,
) -> Vec<u8> {
    seal_note(note_key, server_key, &encode(note, NOTE_ROOM))
}

/// The same for any note: a line has one, and its key seals one text.
pub(crate) fn seal_note(
    note_key: &Zeroizing<[u8; 32]>,
    server_key: &[u8; 32],
    note: &[u8],
) -> Vec<u8> {
    let mut sealed = Vec::new();
    Key::<purpose::InviteNote>::from_bytes(**note_key)
        .prepare()
        .seal(0, server_key, note, &mut sealed);
    sealed
}

/// Opens what [`seal_invite_note`] made.
///
/// # Errors
/// [`OpenError`] when it was made with another line or for another server, or is no note.
pub fn open_invite_note(
    note_key: &Zeroizing<[u8; 32]>,
    server_key: &[u8; 32],
    sealed: &[u8],
) -> Result<InviteNote, OpenError> {
    open_note(note_key, server_key, sealed)
}

/// The same for any note.
pub(crate) fn open_note<T: Wire>(
    note_key: &Zeroizing<[u8; 32]>,
    server_key: &[u8; 32],
    sealed: &[u8],
) -> Result<T, OpenError> {
    let mut note = Zeroizing::new(Vec::new());
    Key::<purpose::InviteNote>::from_bytes(**note_key)
        .prepare()
        .open(0, server_key, sealed, &mut note)?;
    decode(note).map_err(|_| OpenError)
}

#[cfg(test)]
mod tests {
    use super::{open_invite_note, seal_invite_note};
    use subrosa_proto::{AccountId, HashHead, InviteNote, StatementHash};
    use zeroize::Zeroizing;

    // Proves: C10
    #[test]
    fn a_note_opens_with_its_line_at_its_server_only() {
        let note = InviteNote {
            account: AccountId([1; 32]),
            head: HashHead {
                seq: u64::MAX,
                hash: StatementHash([2; 32]),
            },
        };
        let (key, server) = (Zeroizing::new([3; 32]), [4; 32]);
        let sealed = seal_invite_note(&key, &server, &note);
        assert_eq!(open_invite_note(&key, &server, &sealed), Ok(note));
        assert!(open_invite_note(&Zeroizing::new([5; 32]), &server, &sealed).is_err());
        assert!(open_invite_note(&key, &[5; 32], &sealed).is_err());
        let mut altered = sealed.clone();
        altered[0] ^= 1;
        assert!(open_invite_note(&key, &server, &altered).is_err());
    }
}

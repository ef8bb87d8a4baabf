//! What opening asks of the client's store.

use crate::session::StoredSession;
use subrosa_proto::{ConvId, SessionId};

/// The sessions that this device holds the keys of. They lie in the client's store, since a machine holds no history.
pub trait Keyring {
    /// A session by its name ([`RecordName::Session`](crate::RecordName::Session)).
    fn session(&self, session: &SessionId) -> Option<StoredSession>;

    /// Of the sessions held in a conversation, the one whose key event stands last in the log.
    fn newest_session(&self, conv: &ConvId) -> Option<StoredSession>;

    /// The salt of the message that was opened before at this place of a session, if there was one.
    fn salt_used(&self, session: &SessionId, index: u32) -> Option<[u8; 16]>;
}

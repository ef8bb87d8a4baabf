//! What a device must remember: named records that the client keeps in its encrypted store.
//!
//! Whatever changes secrets returns [`Changes`]. The client saves them in the same transaction as the effect that they
//! belong to, before that effect leaves the device.

use core::fmt;
use core::str::FromStr;
use subrosa_proto::{ConvId, SessionId};
use zeroize::Zeroizing;

/// The name of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordName {
    /// The device's signature key.
    Device,
    /// A prekey, by its id.
    Prekey(u64),
    /// The sending side of the open session of a conversation.
    Outbound(ConvId),
    /// The first key of a session, own or received ([`StoredSession`](crate::StoredSession)).
    Session(SessionId),
    /// A first key out of a pack, whose session's key event has not been met yet.
    Packed(SessionId),
}

impl RecordName {
    /// Whether [`Machine::load`](crate::Machine::load) wants this record. All others are sessions, which are looked up
    /// one by one through [`Keyring`](crate::Keyring).
    #[must_use]
    pub const fn loaded_at_start(&self) -> bool {
        !matches!(self, Self::Session(_) | Self::Packed(_))
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device => f.write_str("device"),
            Self::Prekey(id) => write!(f, "prekey/{id}"),
            Self::Outbound(conv) => write!(f, "outbound/{conv}"),
            Self::Session(session) => write!(f, "session/{session}"),
            Self::Packed(session) => write!(f, "session/packed/{session}"),
        }
    }
}

/// A text is not the name of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the name of a record of secrets")]
pub struct BadRecordName;

impl FromStr for RecordName {
    type Err = BadRecordName;

    fn from_str(text: &str) -> Result<Self, BadRecordName> {
        if text == "device" {
            return Ok(Self::Device);
        }
        match text.split_once('/') {
            Some(("prekey", id)) => id.parse().ok().map(Self::Prekey),
            Some(("outbound", conv)) => ConvId::from_hex(conv).map(Self::Outbound),
            Some(("session", session)) => match session.strip_prefix("packed/") {
                Some(packed) => SessionId::from_hex(packed).map(Self::Packed),
                None => SessionId::from_hex(session).map(Self::Session),
            },
            _ => None,
        }
        .ok_or(BadRecordName)
    }
}

/// Records to write and to delete, as one step. A later change of the same name wins.
#[derive(Default)]
#[must_use = "secrets that are not saved before their effect leaves may be used twice"]
pub struct Changes {
    /// Records to write, with their new contents.
    pub puts: Vec<(RecordName, Zeroizing<Vec<u8>>)>,
    /// Records to delete.
    pub deletes: Vec<RecordName>,
}

impl Changes {
    pub(crate) fn put(name: RecordName, contents: Zeroizing<Vec<u8>>) -> Self {
        Self {
            puts: vec![(name, contents)],
            deletes: Vec::new(),
        }
    }

    pub(crate) fn delete(name: RecordName) -> Self {
        Self {
            puts: Vec::new(),
            deletes: vec![name],
        }
    }

    /// Adds what comes after.
    pub fn then(&mut self, later: Self) {
        for (name, _) in &later.puts {
            self.forget(name);
        }
        for name in &later.deletes {
            self.forget(name);
        }
        self.puts.extend(later.puts);
        self.deletes.extend(later.deletes);
    }

    fn forget(&mut self, name: &RecordName) {
        self.puts.retain(|(other, _)| other != name);
        self.deletes.retain(|other| other != name);
    }

    /// Whether there is nothing to save.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let puts: Vec<_> = self.puts.iter().map(|(name, _)| name).collect();
        f.debug_struct("Changes")
            .field("puts", &puts)
            .field("deletes", &self.deletes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Changes, RecordName};
    use subrosa_proto::{ConvId, SessionId};
    use zeroize::Zeroizing;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [
            RecordName::Device,
            RecordName::Prekey(u64::MAX),
            RecordName::Outbound(ConvId([7; 32])),
            RecordName::Session(SessionId([8; 32])),
            RecordName::Packed(SessionId([8; 32])),
        ] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for text in [
            "",
            "prekey",
            "prekey/",
            "prekey/-1",
            "outbound/00",
            "other/1",
        ] {
            assert!(text.parse::<RecordName>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_later_change_wins_and_contents_are_not_shown() {
        let secret = Zeroizing::new(b"hidden".to_vec());
        let mut changes = Changes::put(RecordName::Prekey(1), secret);
        changes.then(Changes::delete(RecordName::Prekey(1)));
        assert!(changes.puts.is_empty());
        changes.then(Changes::put(
            RecordName::Prekey(1),
            Zeroizing::new(b"hidden".to_vec()),
        ));
        assert!(changes.deletes.is_empty() && changes.puts.len() == 1);
        let shown = format!("{changes:?}");
        assert!(
            !shown.contains("hidden") && !shown.contains("104"),
            "{shown}"
        );
    }
}

//! What is left of an event without its body (docs/spec/ledger.md §6.7): enough to place it in the
//! log and to verify who signed it.

use crate::codec::CodecError;
use crate::{Delivered, Event, Header, decode};
use bytes::Bytes;

numbered! {
    /// Why a body is not there.
    pub enum Absence {
        /// The message's timer has run out.
        Expired = 1,
        /// A later message has deleted it.
        Deleted = 2,
        /// It is not for this reader: a poster, or a member that had not accepted yet.
        Withheld = 3,
    }
}

record! {
    /// An event without its body.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct TrimmedEvent {
        /// As in the event.
        pub header: Bytes,
        /// SHA-256 of the body.
        pub body_hash: [u8; 32],
        /// As in the event.
        pub signature: [u8; 64],
        /// Why.
        pub why: Absence,
    }
}

/// An event as the server hands it over. The number of elements tells the two apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// With its body.
    Whole(Event),
    /// Without.
    Trimmed(TrimmedEvent),
}

impl Carried {
    /// Reads either form.
    ///
    /// # Errors
    /// It is neither.
    pub fn read(bytes: &Bytes) -> Result<Self, CodecError> {
        match decode(bytes) {
            Ok(event) => Ok(Self::Whole(event)),
            Err(error) => decode(bytes).map(Self::Trimmed).map_err(|_| error),
        }
    }

    /// The encoded header, which both have.
    #[must_use]
    pub const fn header_bytes(&self) -> &Bytes {
        match self {
            Self::Whole(event) => &event.header,
            Self::Trimmed(event) => &event.header,
        }
    }

    /// The header.
    ///
    /// # Errors
    /// It does not read.
    pub fn header(&self) -> Result<Header, CodecError> {
        decode(self.header_bytes())
    }

    /// The event, if its body is there.
    #[must_use]
    pub const fn whole(&self) -> Option<&Event> {
        match self {
            Self::Whole(event) => Some(event),
            Self::Trimmed(_) => None,
        }
    }
}

impl Delivered {
    /// Reads the event in whichever form it came.
    ///
    /// # Errors
    /// It is neither.
    pub fn carried(&self) -> Result<Carried, CodecError> {
        Carried::read(&self.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;

    #[test]
    fn each_form_reads_as_itself() {
        let (header, body) = (Bytes::from_static(b"header"), Bytes::from(vec![7; 32]));
        let signature = [3; 64];
        let event = Event {
            header: header.clone(),
            body,
            signature,
        };
        let trimmed = TrimmedEvent {
            header,
            body_hash: [7; 32],
            signature,
            why: Absence::Deleted,
        };
        let read = |bytes: Bytes| Carried::read(&bytes);
        assert_eq!(read(encode(&event)), Ok(Carried::Whole(event)));
        assert_eq!(
            read(encode(&trimmed)),
            Ok(Carried::Trimmed(trimmed.clone()))
        );
        let mut newer = encode(&trimmed).to_vec();
        *newer.last_mut().unwrap() = 4;
        assert!(read(newer.into()).is_err());
        assert!(read(Bytes::new()).is_err());
    }
}

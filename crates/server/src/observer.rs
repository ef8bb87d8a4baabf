//! A window into the post office: what the server saw, step by step, for the demonstration and for
//! tests. Nothing here is secret to the server's operator; it is exactly what the operator can see.

use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use subrosa_proto::{AccountId, ConvId, DeviceId, Name};

/// Something the server saw.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Seen {
    /// A handshake was completed.
    Handshake {
        /// Number of the connection.
        connection: u64,
        /// Hash of the handshake: both ends have the same.
        transcript: [u8; 32],
    },
    /// An account was made.
    Registered {
        /// Number of the connection.
        connection: u64,
        /// Its name.
        name: Name,
        /// Its id.
        account: AccountId,
        /// All that is kept of the password: the OPAQUE record, 192 bytes.
        verifier: Bytes,
        /// The sealed bundle, in bytes.
        bundle_bytes: usize,
    },
    /// A password was proved without being shown.
    PasswordLogin {
        /// Number of the connection.
        connection: u64,
        /// Whose.
        account: AccountId,
    },
    /// A device proved its key.
    DeviceLogin {
        /// Number of the connection.
        connection: u64,
        /// Whose.
        account: AccountId,
        /// Which.
        device: DeviceId,
    },
    /// A conversation was opened.
    Created {
        /// Its id.
        conv: ConvId,
        /// By whom.
        account: AccountId,
    },
    /// Boxes with a session's key were put down.
    Keys {
        /// By whom.
        account: AccountId,
        /// The sealed boxes.
        boxes: Vec<Bytes>,
    },
    /// An event was stored.
    Message {
        /// Where.
        conv: ConvId,
        /// Its position.
        position: u64,
        /// By whom.
        account: AccountId,
        /// Bytes of the whole event.
        size: usize,
        /// Its body: ciphertext, for a message.
        ciphertext: Bytes,
    },
    /// Events were handed to a device.
    Delivered {
        /// Where from.
        conv: ConvId,
        /// Position of the first.
        first: u64,
        /// How many.
        count: usize,
        /// To whom.
        account: AccountId,
        /// To which device.
        device: DeviceId,
    },
    /// Somebody types, or has stopped: which of the two is sealed.
    Typing {
        /// Where.
        conv: ConvId,
        /// Who.
        account: AccountId,
    },
    /// A receipt register was replaced.
    Receipt {
        /// Where.
        conv: ConvId,
        /// By whom.
        account: AccountId,
        /// Bytes of the register.
        size: usize,
    },
}

/// Called for each [`Seen`], on the server's threads: it should return at once.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(Seen) + Send + Sync>);

impl Observer {
    /// An observer that calls this.
    pub fn new(observe: impl Fn(Seen) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }

    pub(crate) fn see(&self, seen: Seen) {
        (self.0)(seen);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

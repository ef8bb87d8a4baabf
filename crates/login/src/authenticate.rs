//! Login by password or recovery code, both halves: docs/spec/login.md §6.
//!
//! ```text
//! client                                   server
//! ClientLogin::start   --- KE1 (96)  --->  ServerLogin::start
//! ClientLogin::finish  <-- KE2 (320) ----
//!                      --- KE3 (64)  --->  ServerLogin::finish
//! ```

use core::fmt;

use rand_core::CryptoRng;

use crate::credential::Bound;
use crate::error::LoginError;
use crate::export::{ExportKey, SessionKey};
use crate::record::Record;
use crate::secret::Secret;
use crate::setup::ServerSetup;
use crate::suite::{self, Identities, KE1_LEN, KE2_LEN, KE3_LEN};

impl Bound {
    fn identities(&self) -> Identities<'_> {
        let credential = self.credential().as_bytes();
        Identities {
            credential,
            client: credential,
            server: self.server_public(),
        }
    }
}

/// The client between KE1 and KE2.
pub struct ClientLogin {
    opaque: suite::ClientLogin,
    secret: Secret,
    bound: Bound,
}

/// A login that succeeded at the client: the server holds a record of this secret, and the channel has no one in the
/// middle. The server knows as much when it has checked `ke3`.
#[derive(Debug)]
pub struct LoggedIn {
    /// The bytes to send.
    pub ke3: [u8; KE3_LEN],
    /// Equal at both ends.
    pub session_key: SessionKey,
    /// The same as at the registration of this secret.
    pub export_key: ExportKey,
}

impl ClientLogin {
    /// Blinds the secret. Returns the state and KE1 to send, 96 bytes.
    pub fn start(
        secret: &Secret,
        bound: Bound,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, [u8; KE1_LEN]), LoginError> {
        let (opaque, ke1) = suite::ke1(secret.as_bytes(), rng)?;
        Ok((
            Self {
                opaque,
                secret: secret.copy(),
                bound,
            },
            ke1,
        ))
    }

    /// Takes KE2, 320 bytes. Stretches the secret: a good tenth of a second and 64 MiB. Whatever is wrong, be it the
    /// secret, the name, the server or a changed byte, the error is [`LoginError::Refused`].
    pub fn finish(self, ke2: &[u8], rng: &mut impl CryptoRng) -> Result<LoggedIn, LoginError> {
        let Self {
            opaque,
            secret,
            bound,
        } = self;
        let ke3 = suite::ke3(
            opaque,
            secret.as_bytes(),
            ke2,
            bound.identities(),
            bound.context(),
            rng,
        )?;
        Ok(LoggedIn {
            ke3: ke3.message,
            session_key: SessionKey::new(ke3.session_key),
            export_key: ExportKey::new(ke3.export_key),
        })
    }
}

impl fmt::Debug for ClientLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientLogin(..)")
    }
}

/// The server between KE2 and KE3; to be dropped when the connection ends or its time is over.
pub struct ServerLogin {
    opaque: suite::ServerLogin,
    bound: Bound,
}

impl ServerLogin {
    /// Answers KE1, 96 bytes, with KE2, 320 bytes. `record` is what the store has under this credential; without one
    /// the same steps are taken on a dummy record, and the login fails at the client as it does for a wrong password.
    ///
    /// A guess needs no KE3: whoever limits guesses counts an attempt here.
    pub fn start(
        setup: &ServerSetup,
        record: Option<&Record>,
        bound: Bound,
        ke1: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, [u8; KE2_LEN]), LoginError> {
        let record = setup.record_or_dummy(record, rng);
        let (opaque, ke2) = suite::ke2(
            &setup.opaque,
            &record,
            ke1,
            bound.identities(),
            bound.context(),
            rng,
        )?;
        Ok((Self { opaque, bound }, ke2))
    }

    /// Checks KE3, 64 bytes. With success the client is known to hold the secret; every failure is
    /// [`LoginError::Refused`].
    pub fn finish(self, ke3: &[u8]) -> Result<SessionKey, LoginError> {
        let Self { opaque, bound } = self;
        suite::finish(opaque, ke3, bound.identities(), bound.context()).map(SessionKey::new)
    }
}

impl fmt::Debug for ServerLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerLogin(..)")
    }
}

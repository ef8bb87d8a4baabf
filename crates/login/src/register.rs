//! Registration of a credential at the client: docs/spec/login.md §5. The server's part is [`crate::ServerSetup`] and
//! [`crate::Record`].

use core::fmt;

use rand_core::CryptoRng;

use crate::credential::CredentialId;
use crate::error::LoginError;
use crate::export::ExportKey;
use crate::secret::Secret;
use crate::suite::{self, Identities, RECORD_LEN, REGISTRATION_REQUEST_LEN};

/// The client between its registration request and the server's response.
pub struct ClientRegistration {
    opaque: suite::ClientRegistration,
    secret: Secret,
}

/// A finished registration.
#[derive(Debug)]
pub struct Registered {
    /// The bytes to send, which the server keeps as the credential's [`crate::Record`].
    pub upload: [u8; RECORD_LEN],
    /// The key that every later login with this secret gives again.
    pub export_key: ExportKey,
}

impl ClientRegistration {
    /// Blinds the secret. Returns the state and the request to send, 32 bytes.
    pub fn start(
        secret: &Secret,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, [u8; REGISTRATION_REQUEST_LEN]), LoginError> {
        let (opaque, request) = suite::registration_request(secret.as_bytes(), rng)?;
        Ok((
            Self {
                opaque,
                secret: secret.copy(),
            },
            request,
        ))
    }

    /// Takes the server's response, 64 bytes. Stretches the secret: a good tenth of a second and 64 MiB.
    /// `server_public`: the server's X25519 key, as in its address.
    pub fn finish(
        self,
        response: &[u8],
        credential: &CredentialId,
        server_public: &[u8; 32],
        rng: &mut impl CryptoRng,
    ) -> Result<Registered, LoginError> {
        let credential = credential.as_bytes();
        let identities = Identities {
            credential,
            client: credential,
            server: server_public,
        };
        let (upload, export_key) = suite::registration_upload(
            self.opaque,
            self.secret.as_bytes(),
            response,
            identities,
            rng,
        )?;
        Ok(Registered {
            upload,
            export_key: ExportKey::new(export_key),
        })
    }
}

impl fmt::Debug for ClientRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientRegistration(..)")
    }
}

//! Who logs in, and to what a login is bound: docs/spec/login.md §2.

use thiserror::Error;

use crate::derivation::label;

/// Longest account name in bytes.
pub const NAME_LEN_MAX: usize = 32;

/// The two secrets of an account, each with a registration of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The password or passphrase; credential id `pw:` and the name.
    Password,
    /// The recovery code; credential id `rc:` and the name.
    Recovery,
}

impl Credential {
    /// The prefix in the credential id.
    fn prefix(self) -> &'static str {
        match self {
            Self::Password => "pw:",
            Self::Recovery => "rc:",
        }
    }
}

/// A name that no account can have.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("an account name has 1 to 32 characters of a-z, 0-9, '.', '_' and '-'")]
pub struct NameError;

/// A credential and the account name it belongs to: OPAQUE's credential identifier and client identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialId(String);

impl CredentialId {
    /// `name` in its normal form, 1 to 32 bytes of `[a-z0-9._-]`; anything else is refused, not repaired, so that one
    /// account cannot have two credential ids.
    pub fn new(credential: Credential, name: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > NAME_LEN_MAX || !name.bytes().all(allowed) {
            return Err(NameError);
        }
        Ok(Self(format!("{}{name}", credential.prefix())))
    }

    /// The bytes that enter OPAQUE.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// All that a login is bound to: both ends must hold the same, else the login is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    credential: CredentialId,
    server_public: [u8; 32],
    context: [u8; CONTEXT_LEN],
}

const CONTEXT_LEN: usize = label::OPAQUE.len() + 32;

impl Bound {
    /// `server_public`: the server's X25519 key, the one in its address. `transcript`: the channel's handshake hash,
    /// so that a login carried over to another channel fails.
    pub fn new(credential: CredentialId, server_public: &[u8; 32], transcript: &[u8; 32]) -> Self {
        let mut context = [0; CONTEXT_LEN];
        let parts = label::OPAQUE.iter().chain(transcript);
        for (to, from) in context.iter_mut().zip(parts) {
            *to = *from;
        }
        Self {
            credential,
            server_public: *server_public,
            context,
        }
    }

    /// Who logs in.
    pub fn credential(&self) -> &CredentialId {
        &self.credential
    }

    /// The server's X25519 key: OPAQUE's server identity.
    pub(crate) fn server_public(&self) -> &[u8; 32] {
        &self.server_public
    }

    /// OPAQUE's context: the label `opaque` and the handshake hash.
    pub(crate) fn context(&self) -> &[u8] {
        &self.context
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::cases;

    #[test]
    fn vectors() {
        for case in cases(include_str!("../tests/vectors/credential.txt")) {
            let name = String::from_utf8(case.bytes("name")).unwrap();
            let [password, recovery] = [Credential::Password, Credential::Recovery]
                .map(|credential| CredentialId::new(credential, &name));
            if !case.succeeds() {
                assert_eq!(
                    (password, recovery),
                    (Err(NameError), Err(NameError)),
                    "{name:?}"
                );
                continue;
            }
            assert_eq!(recovery.unwrap().as_bytes(), case.bytes("recovery_id"));
            let password = password.unwrap();
            assert_eq!(password.as_bytes(), case.bytes("password_id"));
            let bound = Bound::new(password, &[0; 32], &case.array("transcript"));
            assert_eq!(bound.context(), case.bytes("context"));
        }
    }
}

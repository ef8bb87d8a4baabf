//! The password login of Subrosa: OPAQUE (RFC 9807), both halves, bound to the channel it runs in.
//!
//! The server stores a record that lets it check a password it never sees; the client gets a key that opens the
//! account's vault. Bytes in, bytes out: no sockets, files or clocks, and no type of the wrapped libraries is public.
//! The normative text is docs/spec/login.md.
//!
//! | flow | client | server |
//! |---|---|---|
//! | registration | [`ClientRegistration`] | [`ServerSetup::respond`], [`Record::from_upload`] |
//! | login | [`ClientLogin`] | [`ServerLogin`] |

mod authenticate;
mod credential;
mod derivation;
mod error;
mod export;
mod invite;
mod passphrase;
mod record;
mod recovery;
mod register;
mod secret;
mod setup;
mod strength;
mod stretching;
mod suite;

pub use authenticate::{ClientLogin, LoggedIn, ServerLogin};
pub use credential::{Bound, Credential, CredentialId, NAME_LEN_MAX, NameError};
pub use error::LoginError;
pub use export::{ExportKey, SessionKey};
pub use invite::{InviteCode, InviteSecret};
pub use passphrase::{PASSPHRASE_WORDS, generate_passphrase};
pub use record::Record;
pub use recovery::{RECOVERY_CODE_SYMBOLS, RecoveryCode, RecoveryCodeError};
pub use register::{ClientRegistration, Registered};
pub use secret::{PASSWORD_LEN_MAX, Secret, SecretError};
pub use setup::ServerSetup;
pub use strength::{WeakPassword, check_strength};
pub use stretching::{ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES};
pub use suite::{
    KE1_LEN, KE2_LEN, KE3_LEN, RECORD_LEN, REGISTRATION_REQUEST_LEN, REGISTRATION_RESPONSE_LEN,
};

#[cfg(test)]
mod vector;

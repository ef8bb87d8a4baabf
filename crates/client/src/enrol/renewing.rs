//! New secrets for an account that exists: chosen, registered, and shown before they count
//! (docs/spec/login.md §5.2).

use super::Choice;
use super::conversation::{Conversation, refused, unexpected};
use super::proof::Proof;
use super::sweeping::swept;
use crate::command::Failure;
use crate::randomness;
use bytes::Bytes;
use subrosa_e2e::{Credential as Sealing, SlotSecret};
use subrosa_login::{
    ClientRegistration, Credential, CredentialId, RecoveryCode, Registered, Secret, check_strength,
    generate_passphrase,
};
use subrosa_proto::{AccountId, Address, Name, Request, Response};
use zeroize::Zeroizing;

/// An account and where it is.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// Its server.
    pub address: &'a Address,
    /// Its name there.
    pub name: &'a Name,
}

/// What a person must keep of a change.
pub struct NewSecrets {
    /// The passphrase, when it was made here.
    pub passphrase: Option<Zeroizing<String>>,
    /// The recovery code, in groups, when it was renewed.
    pub recovery_code: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for NewSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSecrets(redacted)")
    }
}

/// Takes new secrets to the person. They are handed over before they count, so that no crash
/// leaves an account whose secrets nobody knows.
pub trait Handover: Send {
    /// Shows or keeps them.
    ///
    /// # Errors
    /// They cannot be kept; nothing is changed then.
    fn hand_over(&mut self, secrets: &NewSecrets) -> Result<(), Failure>;
    /// They do not count: the old ones do.
    fn withdraw(&mut self);
}

/// The password that was asked for, and whether it was made here.
pub(super) fn chosen_password(choice: &Choice, name: &Name) -> Result<(Secret, bool), Failure> {
    match choice {
        Choice::Generate => Ok((generate_passphrase(&mut randomness::system()), true)),
        Choice::Password(typed) => {
            let refused = |error: &dyn std::fmt::Display| Failure::user(error.to_string());
            let password = Secret::password(typed).map_err(|error| refused(&error))?;
            check_strength(&password, name.as_str()).map_err(|error| refused(&error))?;
            Ok((password, false))
        }
    }
}

/// A new password, and a new recovery code with it where the old one was used.
pub(super) struct Fresh {
    password: Secret,
    generated: bool,
    code: Option<RecoveryCode>,
}

/// Both after the server's answers.
pub(super) struct Renewed {
    password: Registered,
    code: Option<Registered>,
}

/// What the bundle needs of them.
pub(super) struct Slots {
    password: (SlotSecret, Bytes),
    code: Option<(SlotSecret, Bytes)>,
}

impl Fresh {
    pub(super) fn choose(choice: &Choice, name: &Name, with_code: bool) -> Result<Self, Failure> {
        let (password, generated) = chosen_password(choice, name)?;
        let code = with_code.then(|| RecoveryCode::generate(&mut randomness::system()));
        Ok(Self {
            password,
            generated,
            code,
        })
    }

    /// For the person.
    pub(super) fn shown(&self) -> NewSecrets {
        let passphrase = Zeroizing::new(self.password.reveal().to_owned());
        NewSecrets {
            passphrase: self.generated.then_some(passphrase),
            recovery_code: self.code.as_ref().map(RecoveryCode::to_groups),
        }
    }

    /// Proves the account once they count.
    pub(super) fn proof(&self) -> Result<Proof, Failure> {
        Proof::password(Zeroizing::new(self.password.reveal().to_owned()))
    }

    /// Registers them anew, on a link that has proved the account.
    pub(super) async fn register(
        &self,
        conversation: &mut Conversation,
        whose: Whose<'_>,
    ) -> Result<Renewed, Failure> {
        let password = &self.password;
        let password = register(conversation, whose, Credential::Password, password).await?;
        let code = match &self.code {
            Some(code) => {
                let code = code.secret();
                Some(register(conversation, whose, Credential::Recovery, &code).await?)
            }
            None => None,
        };
        Ok(Renewed { password, code })
    }
}

impl Renewed {
    pub(super) fn slots(&self, account: AccountId) -> Slots {
        let of = |registered: &Registered| {
            let secret = SlotSecret {
                seed: registered.export_key.slot_seed(),
                anchor: registered.export_key.anchor(account.as_bytes()),
            };
            (secret, Bytes::copy_from_slice(&registered.upload))
        };
        Slots {
            password: of(&self.password),
            code: self.code.as_ref().map(of),
        }
    }
}

impl Slots {
    pub(super) fn password(&self) -> Option<Sealing<'_>> {
        Some(sealing(&self.password))
    }

    pub(super) fn code(&self) -> Option<Sealing<'_>> {
        self.code.as_ref().map(sealing)
    }
}

fn sealing((secret, record): &(SlotSecret, Bytes)) -> Sealing<'_> {
    Sealing {
        secret,
        record: record.clone(),
    }
}

async fn register(
    conversation: &mut Conversation,
    whose: Whose<'_>,
    credential: Credential,
    secret: &Secret,
) -> Result<Registered, Failure> {
    let started = ClientRegistration::start(secret, &mut randomness::system());
    let (state, request) = started.map_err(|error| Failure::user(error.to_string()))?;
    let request = Request::SecretStart {
        credential: u8::from(credential == Credential::Recovery),
        request: Bytes::copy_from_slice(&request),
    };
    let response = match conversation.ask(request).await? {
        Response::SecretReply { response } => response,
        Response::Refused { refusal } => return Err(refused(&refusal)),
        _ => return Err(unexpected()),
    };
    let id = CredentialId::new(credential, whose.name.as_str())
        .map_err(|error| Failure::user(error.to_string()))?;
    let key = whose.address.key;
    // Argon2id: a good tenth of a second.
    let stretched = tokio::task::spawn_blocking(move || {
        swept(|| state.finish(&response, &id, &key, &mut randomness::system()))
    });
    stretched
        .await
        .map_err(|error| Failure::defect(error.to_string()))?
        .map_err(|_| unexpected())
}

//! A new account: its secrets, its name, its first keys, up to the last step of the registration.

use super::conversation::{Conversation, refused, unexpected};
use super::join::{UNFINISHED_FACT, Unfinished};
use super::papers::Papers;
use super::renewing::chosen_password;
use super::sweeping::swept;
use super::{Choice, NameWish, UNFINISHED};
use crate::command::{Failure, FailureKind};
use crate::driver::now_ms;
use crate::engine::fact;
use crate::home::Home;
use crate::randomness;
use crate::store::{Store, StoreError, StoreKey};
use bytes::Bytes;
use subrosa_e2e::{
    Changes, Credential as Sealing, Identity, Machine, SlotSecret, found_account, open_invite_note,
};
use subrosa_ledger::Account;
use subrosa_login::{
    ClientRegistration, Credential, CredentialId, ExportKey, InviteSecret, RecoveryCode,
    Registered, Secret,
};
use subrosa_proto::{
    AccountId, ErrorCode, InviteLine, InviteNote, Name, Quote, Request, Response, limits,
};

/// The next names that are tried when one is taken.
const NAMES_TRIED_MAX: u32 = 99;
/// Number of a device's first prekey, which the server gets with the account.
const FIRST_PREKEY: u64 = 1;

/// Who joins, by what, into which home.
pub(super) struct Newcomer<'a> {
    pub home: &'a Home,
    pub line: &'a InviteLine,
    pub choice: Choice,
    pub lock: Option<&'a str>,
    pub device_label: &'a str,
}

/// The two secrets of a new account.
struct Secrets {
    password: Secret,
    generated: bool,
    recovery: RecoveryCode,
}

impl Secrets {
    fn choose(choice: &Choice, name: &Name) -> Result<Self, Failure> {
        let mut rng = randomness::system();
        let recovery = RecoveryCode::generate(&mut rng);
        let (password, generated) = chosen_password(choice, name)?;
        Ok(Self {
            password,
            generated,
            recovery,
        })
    }

    fn papers(&self) -> Papers {
        let passphrase = self.generated.then(|| self.password.reveal());
        Papers::new(passphrase, &self.recovery.to_groups())
    }
}

/// Registers both secrets up to the last step, and puts all that is to be sent into a store.
pub(super) async fn found(
    newcomer: Newcomer<'_>,
    wish: &NameWish,
    conversation: &mut Conversation,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<Store, Failure> {
    let (NameWish::Exact(first) | NameWish::Free(first)) = wish;
    let secrets = Secrets::choose(&newcomer.choice, first)?;
    let invite = InviteSecret::from_bytes(&newcomer.line.secret.0);
    let begun = begin(conversation, wish, &invite, &secrets).await?;
    progress("stretching the password");
    let name = begun.name.clone();
    let server_key = newcomer.line.address.key;
    let stretched = tokio::task::spawn_blocking(move || swept(|| begun.stretch(&server_key)));
    let (password, recovery) = stretched
        .await
        .map_err(|error| Failure::defect(error.to_string()))??;
    let note = read_note(&invite, &server_key, password.note.as_ref())?;
    let mut rng = randomness::system();
    let identity = Identity::generate(&mut rng);
    let account = identity.id();
    let (mut machine, mut changes) = Machine::generate(account, &mut rng);
    let (prekey, made) = machine.next_prekey(now_ms(), &mut rng);
    changes.then(made);
    let slot = |export: &ExportKey| SlotSecret {
        seed: export.slot_seed(),
        anchor: export.anchor(account.as_bytes()),
    };
    let (password_slot, recovery_slot) = (
        slot(&password.registered.export_key),
        slot(&recovery.export_key),
    );
    let founding = found_account(
        identity,
        &name,
        machine.device(),
        newcomer.device_label,
        sealing(&password_slot, &password.registered),
        sealing(&recovery_slot, &recovery),
        &mut rng,
    )
    .map_err(|error| Failure::defect(error.to_string()))?;
    let unfinished = Unfinished {
        code: *invite.code().as_bytes(),
        chain: founding.chain,
        bundle: founding.bundle,
        prekey,
        papers: secrets.papers().split(newcomer.home, UNFINISHED)?,
    };
    let proof = note.map(|note| invite.mac(note.account.as_bytes(), account.as_bytes()));
    let invited = note.as_ref().zip(proof.as_ref());
    let version = conversation.link.version();
    make_store(&newcomer, version, account, &unfinished, &changes, invited)
}

fn sealing<'a>(secret: &'a SlotSecret, registered: &Registered) -> Sealing<'a> {
    Sealing {
        secret,
        record: Bytes::copy_from_slice(&registered.upload),
    }
}

/// Who the invite is from, if it says so.
fn read_note(
    invite: &InviteSecret,
    server_key: &[u8; 32],
    sealed: Option<&Bytes>,
) -> Result<Option<InviteNote>, Failure> {
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    let note = open_invite_note(&invite.note_key(), server_key, sealed);
    note.map(Some).map_err(|_| Failure {
        kind: FailureKind::Trust,
        sentence:
            "the server changed who this invite is from; do not use it, and ask for a new line"
                .to_owned(),
    })
}

/// Puts all that is to be sent into a store, with all that has to be known afterwards.
fn make_store(
    newcomer: &Newcomer<'_>,
    version: u16,
    account: AccountId,
    unfinished: &Unfinished,
    changes: &Changes,
    invited: Option<(&InviteNote, &[u8; 32])>,
) -> Result<Store, Failure> {
    let dir = newcomer.home.dir();
    let own = Account::from_chain(&unfinished.chain)
        .map_err(|error| Failure::defect(error.to_string()))?;
    let key = StoreKey::create(dir, newcomer.lock).map_err(StoreError::from)?;
    let mut store = Store::open(dir, UNFINISHED, &key, true)?;
    store.transaction(|desk| {
        desk.set_fact(fact::ACCOUNT, &account)?;
        desk.set_fact(fact::ADDRESS, &newcomer.line.address.to_string())?;
        desk.set_fact(fact::VERSION, &version)?;
        desk.set_fact(fact::PREKEY, &FIRST_PREKEY)?;
        desk.set_fact(UNFINISHED_FACT, unfinished)?;
        desk.set_account(&own)?;
        desk.save(changes)?;
        desk.add_opening(None, None)?;
        if let Some((note, proof)) = invited {
            desk.set_fact(
                fact::INVITER,
                &Quote {
                    account: note.account,
                    head: note.head,
                },
            )?;
            desk.add_opening(Some(&note.account), Some(proof))?;
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(store)
}

/// Both OPAQUE registrations after the server's answer.
struct Begun {
    name: Name,
    password: ClientRegistration,
    recovery: ClientRegistration,
    answers: (Bytes, Bytes),
    note: Option<Bytes>,
}

/// The password's half, with the note of the invite.
struct Stretched {
    registered: Registered,
    note: Option<Bytes>,
}

impl Begun {
    /// Argon2id, twice: about 0.3 s.
    fn stretch(self, server_key: &[u8; 32]) -> Result<(Stretched, Registered), Failure> {
        let mut rng = randomness::system();
        let mut finish = |state: ClientRegistration, credential, answer: &Bytes| {
            let id = CredentialId::new(credential, self.name.as_str())
                .map_err(|error| Failure::user(error.to_string()))?;
            state
                .finish(answer, &id, server_key, &mut rng)
                .map_err(|_| unexpected())
        };
        let registered = finish(self.password, Credential::Password, &self.answers.0)?;
        let recovery = finish(self.recovery, Credential::Recovery, &self.answers.1)?;
        Ok((
            Stretched {
                registered,
                note: self.note,
            },
            recovery,
        ))
    }
}

/// Finds a free name and has the server answer both registrations.
async fn begin(
    conversation: &mut Conversation,
    wish: &NameWish,
    invite: &InviteSecret,
    secrets: &Secrets,
) -> Result<Begun, Failure> {
    let mut rng = randomness::system();
    let start = |secret: &Secret, rng: &mut _| {
        ClientRegistration::start(secret, rng).map_err(|error| Failure::user(error.to_string()))
    };
    let (password, password_request) = start(&secrets.password, &mut rng)?;
    let (recovery, recovery_request) = start(&secrets.recovery.secret(), &mut rng)?;
    let mut number = 1;
    loop {
        let name = match wish {
            NameWish::Exact(name) => name.clone(),
            NameWish::Free(name) => numbered(name, number),
        };
        let request = Request::RegisterStart {
            code: *invite.code().as_bytes(),
            name: name.clone(),
            password: Bytes::copy_from_slice(&password_request),
            recovery: Bytes::copy_from_slice(&recovery_request),
        };
        match conversation.ask(request).await? {
            Response::RegisterReply {
                password: pw,
                recovery: rc,
                note,
            } => {
                return Ok(Begun {
                    name,
                    password,
                    recovery,
                    answers: (pw, rc),
                    note,
                });
            }
            Response::Refused { refusal } if refusal.code == ErrorCode::NameTaken => match wish {
                NameWish::Free(_) if number < NAMES_TRIED_MAX => number += 1,
                _ => {
                    return Err(Failure::user(format!(
                        "the name {name} is taken on this server; choose another with --name"
                    )));
                }
            },
            Response::Refused { refusal } => return Err(refused(&refusal)),
            _ => return Err(unexpected()),
        }
    }
}

/// `ada`, `ada2`, `ada3`…, shortened where the number would not fit.
fn numbered(name: &Name, number: u32) -> Name {
    if number < 2 {
        return name.clone();
    }
    let digits = number.to_string();
    let room = limits::NAME_BYTES_MAX.saturating_sub(digits.len());
    let stem: String = name.as_str().chars().take(room).collect();
    Name::new(&format!("{stem}{digits}")).unwrap_or_else(|_| name.clone())
}

#[cfg(test)]
mod tests {
    use super::numbered;
    use subrosa_proto::Name;

    #[test]
    fn the_next_free_name_keeps_within_the_limit() {
        let ada = Name::new("ada").unwrap();
        assert_eq!(numbered(&ada, 1).as_str(), "ada");
        assert_eq!(numbered(&ada, 2).as_str(), "ada2");
        let long = Name::new(&"x".repeat(32)).unwrap();
        assert_eq!(
            numbered(&long, 12).as_str(),
            format!("{}12", "x".repeat(30))
        );
    }
}

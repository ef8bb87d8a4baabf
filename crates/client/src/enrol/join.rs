//! Registration by an invite line (docs/spec/login.md).
//!
//! The store is made before the server hears of the account, under another name, with all that
//! is to be sent in it: if this process ends in between, joining again in the same home goes on
//! with the same keys, and the server answers the repetition as it did the first time.

use super::conversation::{Conversation, refused, unexpected};
use super::{Choice, NameWish, Sheet, UNFINISHED};
use crate::command::Failure;
use crate::driver::system_rng;
use crate::engine::fact;
use crate::home::Home;
use crate::store::{FILE, Store, StoreError, StoreKey};
use bytes::Bytes;
use subrosa_e2e::{
    Credential as Sealing, Identity, Machine, SlotSecret, found_account, open_invite_note,
};
use subrosa_ledger::Account;
use subrosa_login::{
    ClientRegistration, Credential, CredentialId, ExportKey, InviteSecret, RecoveryCode,
    Registered, Secret, check_strength, generate_passphrase,
};
use subrosa_proto::{
    AccountId, ErrorCode, InviteLine, InviteNote, Name, Quote, Request, Response, Signed, limits,
    record,
};
use zeroize::Zeroizing;

record! {
    /// A registration under way, as kept in the unfinished store.
    pub struct Unfinished {
        /// The invite code.
        pub code: [u8; 32],
        /// The new account's chain.
        pub chain: Vec<Signed>,
        /// The new account's bundle.
        pub bundle: Bytes,
        /// Its device's first prekey.
        pub prekey: Signed,
        /// The passphrase, when it was made here.
        pub passphrase: Option<String>,
        /// The recovery code.
        pub recovery_code: String,
    }
}

/// Name of the fact that holds it.
const UNFINISHED_FACT: &str = "unfinished";
/// The next names that are tried when one is taken.
const NAMES_TRIED_MAX: u32 = 99;

/// Creates an account by an invite line and puts it into a home.
///
/// # Errors
/// [`Failure`] with the cause and the next step; nothing is left behind that stops another try.
pub async fn join(
    home: &Home,
    line: &InviteLine,
    name: NameWish,
    choice: Choice,
    lock: Option<&str>,
    device_label: &str,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<Sheet, Failure> {
    let busy = || {
        Failure::user(
            "another process uses this home; end it and try again, or choose another home",
        )
    };
    let _held = home
        .lock()
        .map_err(|error| Failure::user(error.to_string()))?
        .ok_or_else(busy)?;
    if super::is_enrolled(home) {
        return Err(Failure::user(
            "this home holds an account already; choose another with --home",
        ));
    }
    progress("connecting to the server");
    let mut conversation = Conversation::open(&line.address).await?;
    let mut store = match unfinished(home, lock, &line.address.to_string())? {
        Some(store) => store,
        None => {
            prepare(
                home,
                line,
                name,
                choice,
                lock,
                device_label,
                &mut conversation,
                progress,
            )
            .await?
        }
    };
    finish(home, &mut conversation, &mut store, progress).await
}

/// The store of a registration whose outcome was not known, if it is one with this server.
fn unfinished(home: &Home, lock: Option<&str>, address: &str) -> Result<Option<Store>, Failure> {
    if !home.file(UNFINISHED).exists() {
        return Ok(None);
    }
    let key = StoreKey::load(home.dir(), lock).map_err(StoreError::from)?;
    let mut store = Store::open(home.dir(), UNFINISHED, &key, false)?;
    let (known, complete) = store.transaction(|desk| {
        Ok::<_, StoreError>((
            desk.fact::<String>(fact::ADDRESS)?,
            desk.fact::<Unfinished>(UNFINISHED_FACT)?.is_some(),
        ))
    })?;
    if complete && known.as_deref() == Some(address) {
        return Ok(Some(store));
    }
    store.close();
    drop_unfinished(home);
    Ok(None)
}

fn drop_unfinished(home: &Home) {
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(
            home.file(&format!("{UNFINISHED}{suffix}")),
        ));
    }
}

/// The two secrets of a new account.
struct Secrets {
    password: Secret,
    generated: bool,
    recovery: RecoveryCode,
}

impl Secrets {
    fn choose(choice: Choice, name: &Name) -> Result<Self, Failure> {
        let mut rng = system_rng();
        let recovery = RecoveryCode::generate(&mut rng);
        match choice {
            Choice::Generate => Ok(Self {
                password: generate_passphrase(&mut rng),
                generated: true,
                recovery,
            }),
            Choice::Password(typed) => {
                let password =
                    Secret::password(&typed).map_err(|error| Failure::user(error.to_string()))?;
                check_strength(&password, name.as_str())
                    .map_err(|error| Failure::user(error.to_string()))?;
                Ok(Self {
                    password,
                    generated: false,
                    recovery,
                })
            }
        }
    }
}

/// Registers both secrets up to the last step, and puts all that is to be sent into a store.
#[expect(
    clippy::too_many_arguments,
    reason = "each comes from another place: line, person, home, server"
)]
async fn prepare(
    home: &Home,
    line: &InviteLine,
    wish: NameWish,
    choice: Choice,
    lock: Option<&str>,
    device_label: &str,
    conversation: &mut Conversation,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<Store, Failure> {
    let first = match &wish {
        NameWish::Exact(name) | NameWish::Free(name) => name.clone(),
    };
    let secrets = Secrets::choose(choice, &first)?;
    let invite = InviteSecret::from_bytes(&line.secret.0);
    let begun = begin(conversation, &wish, &invite, &secrets).await?;
    progress("stretching the password");
    let name = begun.name.clone();
    let server_key = line.address.key;
    let (password, recovery) = tokio::task::spawn_blocking(move || begun.stretch(&server_key))
        .await
        .map_err(|error| Failure::defect(error.to_string()))??;
    let note = match &password.note {
        Some(sealed) => Some(open_invite_note(&invite.note_key(), &server_key, sealed).map_err(|_| {
            Failure { kind: crate::FailureKind::Trust, sentence: "the server changed who this invite is from; do not use it, and ask for a new line".to_owned() }
        })?),
        None => None,
    };
    let mut rng = system_rng();
    let identity = Identity::generate(&mut rng);
    let account = identity.id();
    let (mut machine, mut changes) = Machine::generate(account, &mut rng);
    let (prekey, made) = machine.next_prekey(crate::driver::now_ms(), &mut rng);
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
        device_label,
        Sealing {
            secret: &password_slot,
            record: Bytes::copy_from_slice(&password.registered.upload),
        },
        Sealing {
            secret: &recovery_slot,
            record: Bytes::copy_from_slice(&recovery.upload),
        },
        &mut rng,
    )
    .map_err(|error| Failure::defect(error.to_string()))?;
    let unfinished = Unfinished {
        code: *invite.code().as_bytes(),
        chain: founding.chain,
        bundle: founding.bundle,
        prekey,
        passphrase: secrets
            .generated
            .then(|| secrets.password.reveal().to_owned()),
        recovery_code: secrets.recovery.to_groups().to_string(),
    };
    let proof = note
        .as_ref()
        .map(|note| invite.mac(note.account.as_bytes(), account.as_bytes()));
    make_store(
        home,
        lock,
        line,
        account,
        &unfinished,
        &changes,
        note.as_ref().zip(proof.as_ref()),
    )
}

fn make_store(
    home: &Home,
    lock: Option<&str>,
    line: &InviteLine,
    account: AccountId,
    unfinished: &Unfinished,
    changes: &subrosa_e2e::Changes,
    invited: Option<(&InviteNote, &[u8; 32])>,
) -> Result<Store, Failure> {
    let own = Account::from_chain(&unfinished.chain)
        .map_err(|error| Failure::defect(error.to_string()))?;
    let key = StoreKey::create(home.dir(), lock).map_err(StoreError::from)?;
    let mut store = Store::open(home.dir(), UNFINISHED, &key, true)?;
    store.transaction(|desk| {
        desk.set_fact(fact::ACCOUNT, &account)?;
        desk.set_fact(fact::ADDRESS, &line.address.to_string())?;
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
        let mut rng = system_rng();
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
    let mut rng = system_rng();
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

/// Sends what the unfinished store holds; the store gets its name when the server has the account.
async fn finish(
    home: &Home,
    conversation: &mut Conversation,
    store: &mut Store,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<Sheet, Failure> {
    let damaged = || Failure::defect("the unfinished registration in this home cannot be read");
    let (unfinished, address) = store.transaction(|desk| {
        Ok::<_, StoreError>((
            desk.fact::<Unfinished>(UNFINISHED_FACT)?,
            desk.fact::<String>(fact::ADDRESS)?,
        ))
    })?;
    let (unfinished, address) = unfinished.zip(address).ok_or_else(damaged)?;
    progress("creating the account");
    let request = Request::RegisterFinish {
        code: unfinished.code,
        chain: unfinished.chain.clone(),
        bundle: unfinished.bundle.clone(),
        prekey: unfinished.prekey.clone(),
    };
    match conversation.ask(request).await? {
        Response::Done {} => {}
        Response::Refused { refusal } => {
            drop_unfinished(home);
            return Err(refused(&refusal));
        }
        _ => return Err(unexpected()),
    }
    drop(conversation.link.writer().close().await);
    let own = Account::from_chain(&unfinished.chain).map_err(|_| damaged())?;
    store.transaction(|desk| desk.drop_fact(UNFINISHED_FACT))?;
    store.fold()?;
    std::fs::rename(home.file(UNFINISHED), home.file(FILE))
        .map_err(|error| Failure::user(format!("the store cannot be put in its place: {error}")))?;
    Ok(Sheet {
        address,
        name: own.name().to_string(),
        passphrase: unfinished.passphrase.map(Zeroizing::new),
        recovery_code: Zeroizing::new(unfinished.recovery_code),
    })
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

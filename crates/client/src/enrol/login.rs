//! A further device by password or recovery code (docs/spec/login.md).

use super::conversation::{Conversation, refused, unexpected};
use super::proof::Proof;
use super::renewing::Whose;
use super::sweeping::{swept, swept_steps};
use super::{UNFINISHED, drop_unfinished, settle, unfit};
use crate::command::{Failure, FailureKind};
use crate::driver::{fetch_archive, now_ms};
use crate::engine::fact;
use crate::home::Home;
use crate::randomness;
use crate::store::{Store, StoreError, StoreKey};
use bytes::Bytes;
use subrosa_e2e::{Machine, OpenedVault, Slot, SlotSecret, VaultError, open_vault};
use subrosa_ledger::Account;
use subrosa_login::{Bound, ClientLogin, CredentialId, ExportKey};
use subrosa_proto::{Address, ErrorCode, Name, Request, Response, Signed};
use zeroize::Zeroizing;

/// What a login gave.
pub(super) struct Admitted {
    pub account: Account,
    pub vault: OpenedVault,
}

/// Adds this device to an account and fetches the keys of its history. The conversations come when the home
/// is opened, without the password.
///
/// # Errors
/// [`Failure`] with the cause and the next step. A wrong password and an unknown name read the same.
pub async fn login(
    home: &Home,
    address: &Address,
    name: &Name,
    typed: Zeroizing<String>,
    lock: Option<&str>,
    device_label: &str,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Failure> {
    swept_steps(async move {
        let _held = super::hold(home)?;
        let proof = Proof::either(typed)?;
        progress("connecting to the server");
        let mut conversation = Conversation::open(address).await?;
        progress("checking the password");
        let whose = Whose { address, name };
        let Admitted { mut account, vault } = admit(&mut conversation, whose, &proof).await?;
        let mut rng = randomness::system();
        let (mut machine, mut changes) = Machine::generate(account.id(), &mut rng);
        let (prekey, made) = machine.next_prekey(now_ms(), &mut rng);
        changes.then(made);
        let added = vault.add_device(&account, machine.device(), device_label);
        account.append(&added).map_err(|error| unfit(&error))?;
        let request = Request::ChainAppend {
            statements: vec![added],
            bundle: None,
            prekey: Some(prekey),
        };
        match conversation.ask(request).await? {
            Response::Done {} => {}
            Response::Refused { refusal } => return Err(refused(&refusal)),
            _ => return Err(unexpected()),
        }
        let version = conversation.link.version();
        let key = StoreKey::create(home.dir(), lock).map_err(StoreError::from)?;
        drop_unfinished(home);
        let mut store = Store::open(home.dir(), UNFINISHED, &key, true)?;
        store.transaction(|desk| {
            desk.set_fact(fact::ACCOUNT, &account.id())?;
            desk.set_fact(fact::ADDRESS, &address.to_string())?;
            desk.set_fact(fact::VERSION, &version)?;
            desk.set_account(&account)?;
            desk.save(&changes)?;
            desk.save(&machine.prekey_published(now_ms()))
        })?;
        progress("fetching the keys of the history");
        let history = vault.history_opener();
        drop(vault);
        let (store, _) = fetch_archive(store, history, conversation.link).await?;
        settle(home, store)
    })
    .await
}

/// Proves an account and opens its vault. A wrong secret and an unknown name read the same.
pub(super) async fn admit(
    conversation: &mut Conversation,
    Whose { address, name }: Whose<'_>,
    proof: &Proof,
) -> Result<Admitted, Failure> {
    let (credential, slot, secret) = (proof.credential(), proof.slot(), proof.secret()?);
    let id = CredentialId::new(credential, name.as_str())
        .map_err(|error| Failure::user(error.to_string()))?;
    let bound = Bound::new(id, &address.key, conversation.link.transcript());
    let start = ClientLogin::start(&secret, bound, &mut randomness::system());
    let (state, ke1) = start.map_err(|error| Failure::defect(error.to_string()))?;
    let number = u8::from(slot == Slot::Recovery);
    let request = Request::PasswordStart {
        credential: number,
        name: name.clone(),
        ke1: Bytes::copy_from_slice(&ke1),
    };
    let ke2 = match conversation.ask(request).await? {
        Response::PasswordReply { ke2 } => ke2,
        Response::Refused { refusal } => return Err(refused(&refusal)),
        _ => return Err(unexpected()),
    };
    let stretched = tokio::task::spawn_blocking(move || {
        swept(|| state.finish(&ke2, &mut randomness::system()))
    })
    .await;
    let logged_in = stretched
        .map_err(|error| Failure::defect(error.to_string()))?
        .map_err(|_| proof.refusal())?;
    let request = Request::PasswordFinish {
        ke3: Bytes::copy_from_slice(&logged_in.ke3),
    };
    let (chain, bundle) = match conversation.ask(request).await? {
        Response::Opened { chain, bundle } => (chain, bundle),
        Response::Refused { refusal } if refusal.code == ErrorCode::NotAuthenticated => {
            return Err(proof.refusal());
        }
        Response::Refused { refusal } => return Err(refused(&refusal)),
        _ => return Err(unexpected()),
    };
    open_account(name, &chain, &bundle, slot, &logged_in.export_key)
}

/// Checks that what the server gave belongs to this password, and is of one piece.
fn open_account(
    name: &Name,
    chain: &[Signed],
    bundle: &Bytes,
    slot: Slot,
    export_key: &ExportKey,
) -> Result<Admitted, Failure> {
    let distrust = |why: &dyn std::fmt::Display| Failure {
        kind: FailureKind::Trust,
        sentence: format!(
            "what the server keeps for {name} does not hold ({why}); do not go on, and ask whoever runs the server"
        ),
    };
    let account = Account::from_chain(chain).map_err(|error| distrust(&error))?;
    if account.name() != name {
        return Err(distrust(&"it belongs to another name"));
    }
    let secret = SlotSecret {
        seed: export_key.slot_seed(),
        anchor: export_key.anchor(account.id().as_bytes()),
    };
    let vault = open_vault(bundle, slot, &secret, &account)
        .map_err(|error: VaultError| distrust(&error))?;
    Ok(Admitted { account, vault })
}
